"""Plain functions that a lifted text calls: each written once for the kinds of its arguments, after those it calls."""

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from dynbench.kernels.language import Number, Program, Text, Value, leaves, signature, under_a_name
from dynbench.kernels.rewrite import deep, rewritten

INLINED = "@njit(error_model='numpy', forceinline=True)\n"


@dataclass(frozen=True)
class Entry:
    """A helper: its text, what it returns, and the helpers that it calls."""

    name: str  # none: all that it returns is known
    text: str
    result: Value
    needs: tuple[str, ...]


class Helpers:
    def __init__(self) -> None:
        self.texts: dict[str, str] = {}  # what the kernel needs, callees before callers
        self.names: dict[Callable[..., Any], str] = {}
        self.entries: dict[Any, Entry] = {}
        self.taken: dict[str, int] = {}

    def stem(self, function: Callable[..., Any]) -> str:
        """A name that no other helper has."""
        user = not function.__module__.startswith("dynbench.kernels.")
        module = "user" if user else function.__module__.rsplit(".", 1)[-1]
        stem = f"{module}_{function.__name__}"
        number = self.taken[stem] = self.taken.get(stem, 0) + 1
        return stem if number == 1 else f"{stem}__{number}"

    def __call__(self, function: Callable[..., Any]) -> str:
        """The name of one of the package's own functions, which is written as it stands."""
        if function not in self.names:
            self.names[function] = self.stem(function)
            tree = rewritten(function, self)
            tree.name = self.names[function]
            self.texts[tree.name] = INLINED + ast.unparse(tree) + "\n"
        return self.names[function]

    def own(
        self, function: Callable[..., Any], values: Sequence[Value], callers: Sequence[Callable[..., Any]]
    ) -> tuple[str, Value]:
        """Name and result of a user's function for such arguments; its text is worked out, and written by `want`."""
        key = function, tuple(signature(value) for value in values)
        if key not in self.entries:
            self.entries[key] = self.entry(function, values, callers)
        found = self.entries[key]
        return found.name, found.result

    def want(self, name: str) -> None:
        """Writes a helper, and before it those that it calls."""
        entry = next((e for e in self.entries.values() if e.name == name), None)
        if entry is None or name in self.texts:
            return
        for other in entry.needs:
            self.want(other)
        self.texts[name] = INLINED + entry.text + "\n"

    def entry(
        self, function: Callable[..., Any], values: Sequence[Value], callers: Sequence[Callable[..., Any]]
    ) -> Entry:
        numbers, prefixes = count(), count()
        program = Program(self, lambda stem: f"{stem}{next(prefixes)}_", calls=list(callers))
        arguments = [f"a{next(numbers)}" for value in values for leaf in leaves(value) if leaf.kind != "constant"]
        supply = iter(arguments)

        def inside(value: Value) -> Value:
            if isinstance(value, tuple):
                return tuple(inside(part) for part in value)
            assert isinstance(value, Number)
            return value if value.kind == "constant" else under_a_name(value, next(supply))

        with deep(function):
            text = Text(program, function, program.fresh("h"))
            result = text.run([inside(value) for value in values])
            given = [text.floating(leaf, text.tree) for leaf in leaves(result) if leaf.kind != "constant"]
        if not given:
            return Entry("", "", result, ())
        name = self.stem(function)
        back: ast.expr = given[0] if len(given) == 1 else ast.Tuple(given, ast.Load())
        takes = ast.arguments([], [ast.arg(a) for a in arguments], None, [], [], None, [])
        tree = ast.FunctionDef(name, takes, [*program.output.body, ast.Return(back)], [], None)
        return Entry(name, ast.unparse(ast.fix_missing_locations(tree)), result, tuple(dict.fromkeys(program.needs)))
