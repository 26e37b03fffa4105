"""A user's text, worked out for known arguments: the statements that a kernel runs, one assignment each.

The text is followed as Python would follow it, with what is known before a trajectory is: the dimension, whole numbers,
where loops begin and end.  What comes out computes with floats only, so that nothing wraps as a compiler's integers do:

    constant  a whole number or a truth, known: exact, of any size
    index     a whole number made of loop variables: written out where it is used
    whole     a whole number that depends on a trajectory, held as a float (at most 2^53, so it is exact)
    mixed     a float in some lanes, a whole number in others, held as a float
    float     a float
    bool      True or False

A compound operand that is needed twice (powers, `min`, `max`, chained comparisons) is given a name first, so no syntax
node ever stands in two places.  Names of the text are prefixed, and names that are made here cannot be said in it.
Every index is checked: those that depend on loops by running the loops, with nothing in them but the indices.

A long file, as it is one subject: the language, with each of its rules in one place.
"""

import ast
import inspect
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from dynbench.kernels.rewrite import (
    ELEMENTARY,
    LONGEST_POWER,
    UNKNOWN,
    CannotLift,
    Names,
    cloned,
    deep,
    literal,
    number_of,
    place,
    tree_of,
)

EXACT = 2**53  # whole numbers up to it are doubles
DEEP = 24  # levels of an expression, beyond which its parts are given names
MOST_BITS = 20_000  # of a constant
MOST_ROUNDS = 20_000_000  # of loops inside loops
PATIENCE = 200_000  # statements looked at before a loop is given up
WHOLE = ("constant", "index", "whole")
ONLY = "only assignments, `for ... in range(...)`, `a if c else b` and one return can be lifted"
NO_NUMBER = "a loss or a rule computes with numbers only, not with None, texts or lists"
STATEMENTS = {
    ast.If: "an `if` statement cannot run in SIMD lanes; write `a if condition else b`",
    ast.While: "a `while` loop cannot run in SIMD lanes; write `for ... in range(...)`",
    ast.Raise: "no lane can raise an error; give nan, and the trajectory counts as diverged",
    ast.Assert: "no lane can raise an error; give nan, and the trajectory counts as diverged",
    ast.Try: "no lane can raise an error; give nan, and the trajectory counts as diverged",
    ast.With: "no lane can raise an error; give nan, and the trajectory counts as diverged",
    ast.Return: "only one return, at the end, can be lifted; write `a if condition else b`",
    ast.Global: "`global` cannot be lifted: a loss or a rule keeps nothing outside of its state",
    ast.Nonlocal: "`nonlocal` cannot be lifted: a loss or a rule keeps nothing outside of its state",
    ast.FunctionDef: "a function inside a function cannot be lifted; write it beside the other",
}  # fmt: skip
COMPARED = {ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq}
BITS = {ast.BitAnd, ast.BitOr, ast.BitXor}


@dataclass(frozen=True)
class Number:
    """One number of a text; see the top for its kinds."""

    kind: str
    node: ast.expr  # how a kernel writes it
    lo: int = 0  # of whole numbers, and of a mixed one where it is whole
    hi: int = 0
    value: Any = None  # of a constant
    uniform: bool = False  # a truth about loop variables, the same in all lanes
    depth: int = 0  # levels of the expression


@dataclass(frozen=True)
class Vector:
    """An argument that is indexed by the coordinate."""

    name: str
    size: int
    writable: bool = False


Value = Number | Vector | tuple[Any, ...]


def constant(value: bool | int) -> Number:
    whole = int(value)
    return Number("constant", literal(whole), whole, whole, value)


def real(node: ast.expr, depth: int = 0) -> Number:
    return Number("float", node, depth=depth)


def argument(text: str) -> Number:
    """A float that the kernel knows by this text."""
    return real(ast.parse(text, mode="eval").body)


def binary(left: ast.expr, op: ast.operator, right: ast.expr) -> ast.expr:
    return ast.BinOp(left, op, right)


def called(name: str, *arguments: ast.expr) -> ast.expr:
    return ast.Call(ast.Name(name, ast.Load()), list(arguments), [])


def compared(left: ast.expr, op: ast.cmpop, right: ast.expr) -> ast.expr:
    return ast.Compare(left, [op], [right])


def simple(node: ast.expr) -> bool:
    """Whether writing it twice costs nothing."""
    if isinstance(node, ast.UnaryOp):
        node = node.operand
    return isinstance(node, ast.Name | ast.Constant | ast.Attribute)


def names_in(node: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}


def leaves(value: Value) -> Iterator[Number]:
    if isinstance(value, tuple):
        for part in value:
            yield from leaves(part)
    elif isinstance(value, Number):
        yield value


def signature(value: Value) -> Any:
    """What a helper's text depends on."""
    if isinstance(value, tuple):
        return tuple(signature(part) for part in value)
    assert isinstance(value, Number)
    return value.kind, value.lo, value.hi, value.value, type(value.value).__name__


@dataclass
class Output:
    """Where statements go, and beside them the same loops with nothing in them but indices."""

    body: list[ast.stmt] = field(default_factory=list)
    indices: list[ast.stmt] = field(default_factory=list)


@dataclass
class Program:
    """What the texts of one program share."""

    helpers: Any  # see `helpers.Helpers`
    fresh: Callable[[str], str]
    output: Output = field(default_factory=Output)
    muted: int = 0
    seen: int = 0  # statements, against PATIENCE
    sites: list[str] = field(default_factory=list)  # file and line of each index
    needs: list[str] = field(default_factory=list)  # helpers that the text calls
    calls: list[Callable[..., Any]] = field(default_factory=list)  # functions under way, callers first
    rounds: list[int] = field(default_factory=list)  # of the loops under way

    @contextmanager
    def into(self, output: Output) -> Iterator[Output]:
        before, self.output = self.output, output
        try:
            yield output
        finally:
            self.output = before

    @contextmanager
    def under(self, test: Number, otherwise: bool = False) -> Iterator[None]:
        """Indices that Python looks at only where the test holds (or, `otherwise`, where it does not)."""
        if not test.uniform:
            yield
            return
        before = self.output.indices
        inside: list[ast.stmt] = []
        self.output.indices = inside
        try:
            yield
        finally:
            self.output.indices = before
        if inside:
            node = cloned(test.node)
            before.append(ast.If(ast.UnaryOp(ast.Not(), node) if otherwise else node, inside, []))

    @contextmanager
    def trying(self) -> Iterator[None]:
        """What is worked out inside is forgotten."""
        self.muted += 1
        try:
            with self.into(Output()):
                yield
        finally:
            self.muted -= 1


class Text:
    """One call of one function."""

    def __init__(self, program: Program, function: Callable[..., Any], prefix: str):
        self.program, self.function, self.prefix = program, function, prefix
        self.names = Names(function)
        self.tree = tree_of(function)
        self.fail = self.names.fail
        self.env: dict[str, Value] = {}
        self.lost: dict[str, str] = {}  # names that a loop took the value of
        self.number = count()
        self.storage: dict[tuple[Any, ...], str] = {}

    # statements

    def run(self, values: Sequence[Value]) -> Value:
        """What it returns for these arguments."""
        program = self.program
        if self.function in program.calls:
            why = "a helper cannot call itself here; write `for ... in range(...)`"
            raise CannotLift(f"{place(self.function)}: {why}")
        arguments = self.tree.args
        if arguments.vararg or arguments.kwarg or arguments.kwonlyargs:
            raise CannotLift(f"{place(self.function)}: arguments behind or with a `*` cannot be compiled")
        names = [a.arg for a in [*arguments.posonlyargs, *arguments.args]]
        self.env = dict(zip(names, values, strict=True))
        last = self.tree.body[-1] if self.tree.body else None
        if not isinstance(last, ast.Return) or last.value is None:
            raise CannotLift(f"{place(self.function)}: the body must end in a return of what it gives")
        program.calls.append(self.function)
        try:
            for statement in self.tree.body[:-1]:
                self.statement(statement)
            return self.expression(last.value)
        finally:
            program.calls.pop()

    def statement(self, node: ast.stmt) -> None:
        self.program.seen += 1
        if self.program.seen > PATIENCE:
            raise self.fail(node, "what a loop does to a whole number is too long to follow; begin it as a float (0.0)")
        match node:
            case ast.Assign(targets, value):
                found = self.expression(value)
                if len(targets) > 1:
                    found = self.held(found, always=isinstance(found, tuple))
                for target in targets:
                    self.assign(target, found, node)
            case ast.AugAssign(target, op, value):
                old = cloned(target)
                old.ctx = ast.Load()
                if not isinstance(old, ast.Name | ast.Subscript):
                    raise self.fail(node, ONLY)
                self.assign(target, self.operation(node, op, self.expression(old), self.expression(value)), node)
            case ast.AnnAssign(target, _, value):
                if value is not None:
                    self.assign(target, self.expression(value), node)
            case ast.For():
                self.loop(node)
            case ast.Expr(ast.Constant()) | ast.Pass():
                pass
            case ast.Expr(value):
                self.expression(value)  # what is wrong with it comes first
                raise self.fail(node, f"what `{ast.unparse(value)[:60]}` gives is not used; {ONLY}")
            case _:
                raise self.fail(node, STATEMENTS.get(type(node), ONLY))

    def emit(self, target: ast.expr, value: ast.expr) -> None:
        self.program.output.body.append(ast.Assign([target], value))

    def assign(self, target: ast.expr, value: Value, node: ast.stmt) -> None:
        match target:
            case ast.Name(name):
                self.env[name] = self.stored(value, (name,))
                self.lost.pop(name, None)
            case ast.Subscript():
                vector, index = self.place_of(target)
                if not vector.writable:
                    raise self.fail(
                        node, f"`{ast.unparse(target)}` cannot be written to; only g[d] can, in `value_grad`"
                    )
                number = self.only_number(value, node)
                self.emit(
                    ast.Subscript(ast.Name(vector.name, ast.Load()), index, ast.Store()), self.floating(number, node)
                )
            case ast.Tuple(targets) | ast.List(targets):
                if any(isinstance(t, ast.Starred) for t in targets):
                    raise self.fail(node, "a `*` in an assignment cannot be lifted; name each value")
                if not isinstance(value, tuple):
                    raise self.fail(node, f"{len(targets)} names for one value")
                if len(targets) != len(value):
                    why = f"{len(targets)} names for {len(value)} values"
                    why += " (a state is as long as the tuple that `start` returns)"
                    raise self.fail(node, why)
                if self.meets(targets, value):
                    value = tuple(self.held(part, always=True) for part in value)
                for each, part in zip(targets, value, strict=True):
                    self.assign(each, part, node)
            case _:
                raise self.fail(node, ONLY)

    def meets(self, targets: Sequence[ast.expr], values: Sequence[Value]) -> bool:
        """Whether a target that is written changes a value that is still to be read."""
        written: set[str] = set()
        for target, value in zip(targets, values, strict=True):
            read = {name for leaf in leaves(value) for name in names_in(leaf.node)}
            if read & written:
                return True
            written |= {self.prefix + n for n in names_in(target)} | {
                s for k, s in self.storage.items() if k[0] in names_in(target)
            }
            written |= {v.name for n in names_in(target) if isinstance(v := self.env.get(n), Vector)}
        return False

    def temporary(self) -> str:
        return f"{self.prefix.rstrip('_')}t{next(self.number)}"

    def stored(self, value: Value, key: tuple[Any, ...]) -> Value:
        """The value under a name of its own, so that it stays what it is."""
        if isinstance(value, tuple):
            return tuple(self.stored(part, (*key, k)) for k, part in enumerate(value))
        if isinstance(value, Vector) or value.kind in ("constant", "index") or value.uniform:
            return value
        return self.kept(value, self.stored_as(key))

    def kept(self, value: Number, name: str) -> Number:
        """A number written to that name."""
        node = value.node.left if stored_truth(value) and isinstance(value.node, ast.Compare) else value.node
        if not (isinstance(node, ast.Name) and node.id == name):
            if value.kind == "bool":
                node = ast.IfExp(value.node, ast.Constant(1.0), ast.Constant(0.0))
            self.emit(ast.Name(name, ast.Store()), node)
        return under_a_name(value, name)

    def held(self, value: Value, always: bool = False) -> Value:
        """The value, to be used several times: each use is a clone of something short."""
        if isinstance(value, tuple):
            return tuple(self.held(part, always) for part in value)
        if isinstance(value, Vector) or value.kind in ("constant", "index") or value.uniform:
            return value
        if simple(value.node) and not always:
            return value
        if stored_truth(value) and not always:
            return value
        return self.kept(value, self.temporary())

    # loops

    def loop(self, node: ast.For) -> None:
        """for NAME in range(...): the loop stays a loop; what it leaves of whole numbers is known before it is run."""
        start, stop, step = self.bounds(node)
        assert isinstance(node.target, ast.Name)
        up = step.value > 0
        near, far = (start.lo, stop.hi - 1) if up else (start.hi, stop.lo + 1)
        size = abs(step.value)
        most = max(0, -(-(stop.hi - start.lo) // size)) if up else max(0, -(-(start.hi - stop.lo) // size))
        least = max(0, -(-(stop.lo - start.hi) // size)) if up else max(0, -(-(start.lo - stop.hi) // size))
        if most == 0:
            return
        self.program.rounds.append(most)
        if math.prod(self.program.rounds) > MOST_ROUNDS:
            raise self.fail(node, f"the loops come to more than {MOST_ROUNDS} rounds a step")
        variable = f"{self.prefix.rstrip('_')}i{next(self.number)}_{node.target.id}"
        index = Number("index", ast.Name(variable, ast.Load()), min(near, far), max(near, far))
        if start.value is not None and stop.value is not None:
            last = start.value + (most - 1) * step.value
            index = replace(index, lo=min(start.value, last), hi=max(start.value, last))
        before = dict(self.env)
        head = self.settled(node, index, most)
        for name, value in head.items():
            if name in before and value != before[name]:
                self.env[name] = self.carried(before[name], value, name, node)
        self.env = dict(head)
        arguments = (
            [cloned(stop.node)]
            if (start.value, step.value) == (0, 1)
            else [cloned(v.node) for v in (start, stop, step)]
        )
        with self.program.into(Output()) as inner:
            self.once(node, index)
            for name in stored_names(node):
                if name in head and name in self.env:
                    self.env[name] = self.carried(self.env[name], head[name], name, node)
        outer = self.program.output
        if inner.body:
            outer.body.append(ast.For(ast.Name(variable, ast.Store()), called("range", *arguments), inner.body, []))
        if inner.indices:
            again = called("range", *(cloned(a) for a in arguments))
            outer.indices.append(ast.For(ast.Name(variable, ast.Store()), again, inner.indices, []))
        self.program.rounds.pop()
        self.after(node, head, variable, start, stop, step, most, least)

    def bounds(self, node: ast.For) -> tuple[Number, Number, Number]:
        """Where range() begins, ends, and its step."""
        ranged = isinstance(node.iter, ast.Call) and self.names.resolve(node.iter.func) is range
        if not ranged or not isinstance(node.target, ast.Name) or node.orelse:
            raise self.fail(node, ONLY)
        assert isinstance(node.iter, ast.Call)
        if node.iter.keywords or not 1 <= len(node.iter.args) <= 3:
            raise self.fail(node, "range() takes one to three whole numbers")
        found = [self.whole_number(self.expression(a), node, "range()") for a in node.iter.args]
        if len(found) == 1:
            found = [constant(0), *found]
        start, stop, step = [*found, constant(1)][:3]
        if step.value is None or step.value == 0:
            raise self.fail(node, "the step of range() must be a constant other than 0")
        return start, stop, step

    def whole_number(self, value: Value, node: ast.AST, what: str) -> Number:
        """A whole number that is known before a trajectory is."""
        if isinstance(value, Number) and value.kind in ("constant", "index"):
            return replace(constant(int(value.value))) if value.kind == "constant" else value
        raise self.fail(node, f"{what} takes whole numbers made of constants, len(x) and loop variables")

    def once(self, node: ast.For, index: Number) -> None:
        """The body, for one value of the loop's variable."""
        assert isinstance(node.target, ast.Name)
        self.env[node.target.id] = index
        self.lost.pop(node.target.id, None)
        for statement in node.body:
            self.statement(statement)

    def settled(self, node: ast.For, index: Number, most: int) -> dict[str, Value]:
        """What is known of each name whenever the body begins."""
        head = dict(self.env)
        assigned = stored_names(node)
        for _ in range(most):
            self.env = dict(head)
            kept = dict(self.lost)
            with self.program.trying():
                self.once(node, index)
            self.lost = kept
            then = {}
            for name, value in head.items():
                if name in assigned:
                    then[name] = self.either(value, self.env.get(name, value), (name,), node)
            same = all(alike(then[name], head[name]) for name in then)
            head |= then
            if same:
                break
        self.env = dict(head)
        return head

    def either(self, one: Value, other: Value, key: tuple[Any, ...], node: ast.AST) -> Value:
        """What is known of a name that has one value or the other, under the name that keeps it from round to round."""
        if isinstance(one, tuple) and isinstance(other, tuple) and len(one) == len(other):
            return tuple(self.either(a, b, (*key, k), node) for k, (a, b) in enumerate(zip(one, other, strict=True)))
        if isinstance(one, Number) and isinstance(other, Number):
            if (one.kind in ("constant", "index") or one.uniform) and alike(one, other):
                return one
            kind, lo, hi = union(one, other)
            return under_a_name(Number(kind, one.node, lo, hi), self.stored_as(key))
        if one == other:
            return one
        raise self.fail(node, f"{key[0]!r} is not of one kind in this loop")

    def stored_as(self, key: tuple[Any, ...]) -> str:
        """The name in the kernel for a name of the text, or for a place of a tuple."""
        if key not in self.storage:
            self.storage[key] = self.prefix + key[0] if len(key) == 1 else self.temporary()
        return self.storage[key]

    def carried(self, value: Value, wanted: Value, name: str, node: ast.AST, key: tuple[Any, ...] = ()) -> Value:
        """The value, written to where the loop looks for it."""
        key = key or (name,)
        if isinstance(wanted, tuple):
            assert isinstance(value, tuple)
            pairs = zip(value, wanted, strict=True)
            return tuple(self.carried(v, w, name, node, (*key, k)) for k, (v, w) in enumerate(pairs))
        if isinstance(wanted, Vector) or wanted.kind in ("constant", "index") or wanted.uniform:
            return value
        assert isinstance(value, Number)
        if wanted.kind == "bool":
            truth = truth_of(value)
            return self.kept(replace(truth, kind="bool", uniform=False), self.stored_as(key))
        kind = "whole" if value.kind in ("constant", "index", "bool") else value.kind
        lo, hi = (0, 1) if value.kind == "bool" else (value.lo, value.hi)
        return self.kept(Number(kind, self.floating(value, node), lo, hi), self.stored_as(key))

    def after(
        self, node: ast.For, head: dict[str, Value], variable: str, start: Number, stop: Number, step: Number,
        most: int, least: int,
    ) -> None:  # fmt: skip
        """What is known of each name behind a loop."""
        known = start.value is not None and stop.value is not None
        last = ast.Constant(start.value + (most - 1) * step.value) if known else None
        for name in stored_names(node):
            if name not in self.env:
                continue
            value = self.env[name]
            if least == 0:
                if name in head:
                    self.env[name] = self.read(head[name], (name,))
                else:
                    del self.env[name]
                    self.lost[name] = "the loop that gives it a value may not run"
            elif any(variable in names_in(leaf.node) for leaf in leaves(value)):
                if last is None or not isinstance(value, Number):
                    del self.env[name]
                    self.lost[name] = "its value behind the loop is not followed"
                else:
                    self.env[name] = self.at_the_end(value, variable, last)

    def read(self, value: Value, key: tuple[Any, ...]) -> Value:
        """The value of a name at the head of a loop, behind it."""
        if isinstance(value, tuple):
            return tuple(self.read(part, (*key, k)) for k, part in enumerate(value))
        if isinstance(value, Vector) or value.kind in ("constant", "index") or value.uniform:
            return value
        return under_a_name(value, self.storage[key])

    def at_the_end(self, value: Number, variable: str, last: ast.Constant) -> Number:
        node = Replaced(variable, last).visit(cloned(value.node))
        if names_in(node):
            return replace(value, node=node)
        code = compile(ast.fix_missing_locations(ast.Expression(node)), "<index>", "eval")
        return constant(eval(code, {"__builtins__": {}}))

    # expressions

    def expression(self, node: ast.expr) -> Value:
        match node:
            case ast.Constant(value):
                return self.constant(node, value)
            case ast.Name(name):
                return self.name(node, name)
            case ast.Attribute():
                return self.global_value(node)
            case ast.BinOp():
                return self.operations(node)
            case ast.UnaryOp(op, operand):
                return self.unary(node, op, self.expression(operand))
            case ast.BoolOp():
                return self.logic(node)
            case ast.Compare():
                return self.comparison(node)
            case ast.IfExp(test, body, orelse):
                return self.choice(node, test, body, orelse)
            case ast.Call():
                return self.call(node)
            case ast.Subscript():
                return self.subscript(node)
            case ast.Tuple(parts):
                if any(isinstance(p, ast.Starred) for p in parts):
                    raise self.fail(node, "a `*` in a tuple cannot be lifted; name each value")
                return tuple(self.expression(p) for p in parts)
            case ast.List() | ast.Dict() | ast.Set() | ast.JoinedStr():
                raise self.fail(node, f"`{ast.unparse(node)[:60]}`: {NO_NUMBER} (a tuple may hold them)")
        raise self.fail(node, f"`{ast.unparse(node)[:60]}` cannot be compiled; {ONLY}")

    def constant(self, node: ast.AST, value: Any) -> Number:
        found = number_of(value)
        if found is None:
            raise self.fail(node, f"`{str(value)[:60]}`: {NO_NUMBER}")
        return constant(found) if isinstance(found, int) else real(literal(found))

    def name(self, node: ast.Name, name: str) -> Value:
        if name in self.env:
            return again(self.env[name])
        if name in self.lost:
            raise self.fail(node, f"{name!r} is not known here: {self.lost[name]}")
        if name in self.names.locals:
            raise self.fail(node, f"{name!r} is read before it is given a value")
        return self.global_value(node)

    def global_value(self, node: ast.Name | ast.Attribute) -> Value:
        found = self.names.resolve(node)
        if found is UNKNOWN:
            raise self.fail(node, f"the name {ast.unparse(node)!r} is not defined")
        return self.known(node, found)

    def known(self, node: ast.AST, found: Any) -> Value:
        if isinstance(found, tuple):
            return tuple(self.known(node, part) for part in found)
        if number_of(found) is None:
            said = ast.unparse(node)[:60] if isinstance(node, ast.expr) else "a default value"
            kind = type(found).__name__
            more = " (make it a float)" if kind.startswith(("float", "longdouble")) else ""
            raise self.fail(node, f"`{said}` is no number but a {kind}{more}: {NO_NUMBER}")
        return self.constant(node, found)

    def only_number(self, value: Value, node: ast.AST) -> Number:
        if isinstance(value, Number):
            return value
        said = ast.unparse(node)[:60]
        raise self.fail(node, f"`{said}` takes {'a tuple' if isinstance(value, tuple) else 'a vector'} for a number")

    def floating(self, value: Number, node: ast.AST) -> ast.expr:
        return floating(value, self.function, node)

    def shallow(self, value: Number) -> Number:
        """The same, not too deep for those who walk over it."""
        if value.depth < DEEP or value.kind in ("constant", "index") or value.uniform:
            return value
        return self.kept(value, self.temporary())

    def operations(self, node: ast.BinOp) -> Value:
        """A row of operations from its left end: a long sum is a deep tree."""
        row: list[ast.BinOp] = [node]
        while isinstance(row[-1].left, ast.BinOp):
            row.append(row[-1].left)
        value = self.expression(row[-1].left)
        for each in reversed(row):
            value = self.operation(each, each.op, value, self.expression(each.right))
        return value

    def operation(self, node: ast.AST, op: ast.operator, one: Value, other: Value) -> Value:
        if isinstance(one, tuple) and isinstance(other, tuple) and isinstance(op, ast.Add):
            return one + other
        a, b = self.only_number(one, node), self.only_number(other, node)
        if isinstance(op, ast.Pow):
            return self.power(node, a, b)
        if type(op) in BITS:
            a, b = self.shallow(a), self.shallow(b)
        if a.kind == "bool" and b.kind == "bool" and type(op) in BITS:
            return Number(
                "bool", binary(a.node, op, b.node), uniform=a.uniform and b.uniform, depth=1 + max(a.depth, b.depth)
            )
        if (
            type(op) in BITS
            and any(v.kind == "bool" for v in (a, b))
            and any(isinstance(v.value, bool) for v in (a, b))
        ):
            sides = [ast.Constant(v.value) if v.kind == "constant" else v.node for v in (a, b)]
            return Number("bool", binary(sides[0], op, sides[1]), depth=1 + max(a.depth, b.depth))
        if a.kind == "constant" and b.kind == "constant":
            return self.folded(node, op, a, b)
        a, b = self.shallow(self.counted(a)), self.shallow(self.counted(b))
        if not isinstance(op, ast.Add | ast.Sub | ast.Mult | ast.Div | ast.FloorDiv | ast.Mod):
            raise self.fail(node, f"`{ast.unparse(node)[:60]}`: this operator is for constants only")
        depth = 1 + max(a.depth, b.depth)
        if a.kind in ("constant", "index") and b.kind in ("constant", "index") and not isinstance(op, ast.Div):
            lo, hi = self.reach(node, op, a, b)
            return Number("index", binary(a.node, op, b.node), lo, hi, depth=depth)
        result = binary(self.floating(a, node), op, self.floating(b, node))
        if "float" in (a.kind, b.kind) or isinstance(op, ast.Div):
            return real(result, depth)
        lo, hi = self.reach(node, op, a, b)
        signed = isinstance(op, ast.FloorDiv | ast.Mod) or (
            isinstance(op, ast.Mult) and min(a.lo, b.lo) < 0 and lo <= 0 <= hi
        )
        if "mixed" in (a.kind, b.kind):
            if signed:
                why = "mixes whole numbers and floats, and the sign of a zero depends on which; write 0.0 for 0"
                raise self.fail(node, f"`{ast.unparse(node)[:60]}` {why}")
            return Number("mixed", result, lo, hi, depth=depth)
        # a whole number has no -0, and -0.0 + 0.0 is 0.0
        return Number("whole", binary(result, ast.Add(), ast.Constant(0.0)) if signed else result, lo, hi, depth=depth)

    def counted(self, value: Number) -> Number:
        """A truth as the number 0 or 1 that it is in arithmetic."""
        if value.kind != "bool":
            return value
        return Number("whole", ast.IfExp(value.node, ast.Constant(1.0), ast.Constant(0.0)), 0, 1, depth=value.depth + 1)

    def folded(self, node: ast.AST, op: ast.operator, a: Number, b: Number) -> Number:
        """What Python makes of two constants."""
        if isinstance(op, ast.LShift) and (b.value > MOST_BITS or int(a.value).bit_length() > MOST_BITS):
            raise self.fail(node, "a constant is too large")
        code = ast.Expression(binary(ast.Constant(a.value), op, ast.Constant(b.value)))
        try:
            found = eval(compile(ast.fix_missing_locations(code), "<constant>", "eval"))
        except (ArithmeticError, ValueError, TypeError) as error:
            raise self.fail(node, f"`{ast.unparse(node)[:60]}`: {error}") from error
        if isinstance(found, int) and found.bit_length() > MOST_BITS:
            raise self.fail(node, "a constant is too large")
        return self.constant(node, found)

    def reach(self, node: ast.AST, op: ast.operator, a: Number, b: Number) -> tuple[int, int]:
        """The whole numbers that an operation on whole numbers can give."""
        corners = [(x, y) for x in (a.lo, a.hi) for y in (b.lo, b.hi)]
        match op:
            case ast.Add():
                lo, hi = a.lo + b.lo, a.hi + b.hi
            case ast.Sub():
                lo, hi = a.lo - b.hi, a.hi - b.lo
            case ast.Mult():
                found = [x * y for x, y in corners]
                lo, hi = min(found), max(found)
            case _:
                if b.lo <= 0 <= b.hi:
                    raise self.fail(node, f"`{ast.unparse(node)[:60]}` may divide a whole number by 0")
                found = [x // y for x, y in corners]
                lo, hi = min(found), max(found)
                if isinstance(op, ast.Mod):
                    lo, hi = (0, b.hi - 1) if b.lo > 0 else (b.lo + 1, 0)
        if max(-lo, hi) > EXACT or max(-a.lo, a.hi, -b.lo, b.hi) > EXACT:
            raise self.fail(node, f"`{ast.unparse(node)[:60]}` may pass 2^53, beyond which floats skip whole numbers")
        return lo, hi

    def power(self, node: ast.AST, base: Number, exponent: Number) -> Number:
        """base ** exponent as products, left to right."""
        n = exponent.value
        if isinstance(n, bool) or n is None:
            n = 0 if n is None else int(n)
        if base.kind == "constant" and exponent.value is not None and n >= 0:
            if n * max(int(base.value).bit_length(), 1) > MOST_BITS:
                raise self.fail(node, "a constant is too large")
            return constant(int(base.value) ** n)
        if not 1 <= abs(n) <= LONGEST_POWER:
            why = f"a power takes a whole number from 1 to {LONGEST_POWER} (a square root is math.sqrt)"
            raise self.fail(node, why)
        if base.kind == "constant":
            return self.folded(node, ast.Div(), constant(1), constant(int(base.value) ** -n))
        base = self.counted(base)
        if abs(n) > 1:
            held = self.held(base)
            assert isinstance(held, Number)
            base = held
        product: Value = base if abs(n) == 1 else fresh(base)
        for _ in range(abs(n) - 1):
            product = self.operation(node, ast.Mult(), product, fresh(base))
        assert isinstance(product, Number)
        if n > 0:
            return product
        return real(binary(ast.Constant(1.0), ast.Div(), self.floating(product, node)), product.depth + 1)

    def unary(self, node: ast.AST, op: ast.unaryop, value: Value) -> Number:
        if isinstance(op, ast.Not):
            found = truth_of(value)
            if found.kind == "constant":
                return constant(not found.value)
            return replace(found, node=ast.UnaryOp(ast.Not(), found.node), depth=found.depth + 1)
        number = self.only_number(value, node)
        if number.kind == "constant":
            change: dict[type, Callable[[Any], Any]] = {ast.USub: lambda c: -c, ast.UAdd: lambda c: +c}
            return constant(change[type(op)](number.value) if type(op) in change else ~int(number.value))
        number = self.counted(number)
        if isinstance(op, ast.UAdd):
            return number
        if isinstance(op, ast.Invert):
            raise self.fail(node, f"`{ast.unparse(node)[:60]}`: this operator is for constants only")
        lo, hi = -number.hi, -number.lo
        if number.kind == "whole":
            return Number("whole", binary(ast.Constant(0.0), ast.Sub(), number.node), lo, hi, depth=number.depth + 1)
        if number.kind == "mixed" and lo <= 0 <= hi:
            why = "is minus what may be the whole number 0 or a float, and the sign of a zero depends on which"
            raise self.fail(node, f"`{ast.unparse(node)[:60]}` {why}; write 0.0 for 0")
        return replace(number, node=ast.UnaryOp(ast.USub(), number.node), lo=lo, hi=hi, depth=number.depth + 1)

    def logic(self, node: ast.BoolOp) -> Value:
        """`and`, `or`: of truths a truth, else one of the operands, as in Python."""
        both = isinstance(node.op, ast.And)
        joined = self.expression(node.values[0])
        for each in node.values[1:]:
            test = truth_of(joined)
            if test.kind == "constant":
                joined = self.expression(each) if test.value is both else joined
                continue
            with self.program.under(test, otherwise=not both):
                other = self.expression(each)
            if all(isinstance(v, Number) and (v.kind == "bool" or isinstance(v.value, bool)) for v in (joined, other)):
                if isinstance(other, Number) and other.kind == "constant":
                    joined = joined if other.value is both else other
                    continue
                joined = self.operation(node, ast.BitAnd() if both else ast.BitOr(), joined, other)
                continue
            joined = self.held(joined)
            test = truth_of(fresh(joined) if isinstance(joined, Number) else joined)
            joined = self.selected(node, test, other, joined) if both else self.selected(node, test, joined, other)
        return joined

    def comparison(self, node: ast.Compare) -> Number:
        joined: Value | None = None
        left = self.expression(node.left)
        for k, (op, right) in enumerate(zip(node.ops, node.comparators, strict=True)):
            other = self.expression(right)
            if k + 1 < len(node.ops):
                other = self.held(other)
            pair = self.pair(node, op, left, other)
            joined = pair if joined is None else self.both(node, joined, pair)
            left = fresh(other) if isinstance(other, Number) else other
        assert isinstance(joined, Number)
        return joined

    def both(self, node: ast.AST, one: Value, other: Number) -> Value:
        assert isinstance(one, Number)
        for a, b in ((one, other), (other, one)):
            if a.kind == "constant":
                return b if a.value else a
        return self.operation(node, ast.BitAnd(), one, other)

    def pair(self, node: ast.AST, op: ast.cmpop, one: Value, other: Value) -> Number:
        if type(op) not in COMPARED:
            raise self.fail(node, f"`{ast.unparse(node)[:60]}`: numbers are compared by < <= > >= == !=")
        a, b = self.only_number(one, node), self.only_number(other, node)
        if a.kind == "constant" and b.kind == "constant":
            code = ast.Expression(compared(ast.Constant(a.value), op, ast.Constant(b.value)))
            return constant(eval(compile(ast.fix_missing_locations(code), "<constant>", "eval")))
        a, b = self.counted(a), self.counted(b)
        for v in (a, b):
            if v.kind == "constant" and abs(v.value) > EXACT and (abs(v.value) > 2**1023 or float(v.value) != v.value):
                raise self.fail(node, f"`{ast.unparse(node)[:60]}` compares with a whole number that is not a float")
        if a.kind in ("constant", "index") and b.kind in ("constant", "index"):
            return Number("bool", compared(a.node, op, b.node), uniform=True, depth=1 + max(a.depth, b.depth))
        a, b = self.shallow(a), self.shallow(b)
        return Number(
            "bool", compared(self.floating(a, node), op, self.floating(b, node)), depth=1 + max(a.depth, b.depth)
        )

    def choice(self, node: ast.IfExp, test: ast.expr, body: ast.expr, orelse: ast.expr) -> Value:
        found = truth_of(self.expression(test))
        if found.kind == "constant":
            return self.expression(body if found.value else orelse)
        with self.program.under(found):
            one = self.expression(body)
        with self.program.under(found, otherwise=True):
            other = self.expression(orelse)
        return self.selected(node, found, one, other)

    def selected(self, node: ast.AST, test: Number, one: Value, other: Value) -> Value:
        """one where the test holds, else the other."""
        if isinstance(one, tuple) and isinstance(other, tuple) and len(one) == len(other):
            held = self.held(test)
            assert isinstance(held, Number)
            return tuple(self.selected(node, fresh(held), a, b) for a, b in zip(one, other, strict=True))
        if isinstance(one, Vector) and one == other:
            return one
        if not isinstance(one, Number) or not isinstance(other, Number):
            raise self.fail(node, f"`{ast.unparse(node)[:60]}` gives things of two kinds")
        if one.kind == "constant" == other.kind and one.value == other.value and type(one.value) is type(other.value):
            return one
        test, one, other = self.shallow(test), self.shallow(one), self.shallow(other)
        depth = 1 + max(test.depth, one.depth, other.depth)
        kind, lo, hi = union(one, other)
        if kind == "bool":
            uniform = test.uniform and all(v.uniform or v.kind == "constant" for v in (one, other))
            sides = [ast.Constant(v.value) if v.kind == "constant" else v.node for v in (one, other)]
            return Number("bool", ast.IfExp(test.node, sides[0], sides[1]), uniform=uniform, depth=depth)
        if test.uniform and all(v.kind in ("constant", "index") for v in (one, other)) and max(-lo, hi) <= EXACT:
            return Number(
                "index", ast.IfExp(test.node, self.whole_node(one), self.whole_node(other)), lo, hi, depth=depth
            )
        if max(-lo, hi) > EXACT:
            raise self.fail(node, f"`{ast.unparse(node)[:60]}` may pass 2^53, beyond which floats skip whole numbers")
        return Number(
            kind, ast.IfExp(test.node, self.floating(one, node), self.floating(other, node)), lo, hi, depth=depth
        )

    @staticmethod
    def whole_node(value: Number) -> ast.expr:
        return literal(int(value.value)) if value.kind == "constant" else value.node

    # places of vectors

    def place_of(self, node: ast.Subscript) -> tuple[Vector, ast.expr]:
        """Which vector and, as a kernel writes it, which of its places."""
        vector = self.expression(node.value)
        if not isinstance(vector, Vector):
            raise self.fail(node, f"`{ast.unparse(node)[:60]}` indexes what is a number here")
        if isinstance(node.slice, ast.Slice | ast.Tuple):
            raise self.fail(node, f"`{ast.unparse(node)[:60]}`: an index is one whole number")
        found = self.expression(node.slice)
        if not isinstance(found, Number) or found.kind not in ("constant", "index"):
            why = "an index is a whole number made of constants, len(x) and loop variables"
            raise self.fail(node, f"`{ast.unparse(node)[:60]}`: {why}")
        raw = self.whole_node(found)
        written = isinstance(node.ctx, ast.Store)
        if vector.writable or not -vector.size <= found.lo <= found.hi < vector.size:
            self.program.sites.append(f"{place(self.function, node)}: `{ast.unparse(node)[:60]}`")
            act = ("write" if written else "read") if vector.writable else "look"
            site = ast.Constant(len(self.program.sites) - 1)
            self.program.output.indices.append(ast.Expr(called(act, cloned(raw), site)))
        if found.kind == "constant":
            return vector, ast.Constant(int(found.value) % vector.size)
        if found.lo >= 0 and found.hi < vector.size:
            return vector, raw
        return vector, binary(raw, ast.Mod(), ast.Constant(vector.size))

    def subscript(self, node: ast.Subscript) -> Value:
        owner = self.expression(node.value)
        if isinstance(owner, Vector):
            vector, index = self.place_of(node)
            return real(ast.Subscript(ast.Name(vector.name, ast.Load()), index, ast.Load()), 1)
        if not isinstance(owner, tuple):
            raise self.fail(node, f"`{ast.unparse(node)[:60]}` indexes what is a number here")
        if isinstance(node.slice, ast.Slice):
            parts = [node.slice.lower, node.slice.upper, node.slice.step]
            ends = [None if p is None else self.whole_number(self.expression(p), node, "a slice").value for p in parts]
            if any(p is not None and e is None for p, e in zip(parts, ends, strict=True)) or ends[2] == 0:
                raise self.fail(node, f"`{ast.unparse(node)[:60]}`: a slice is made of constants")
            return owner[slice(*ends)]
        found = self.expression(node.slice)
        if not isinstance(found, Number) or found.kind != "constant":
            raise self.fail(node, f"`{ast.unparse(node)[:60]}`: a tuple is indexed by a constant")
        if not -len(owner) <= found.value < len(owner):
            raise self.fail(node, f"`{ast.unparse(node)[:60]}` is asked for, but there are {len(owner)} values")
        return owner[found.value]

    # calls

    def call(self, node: ast.Call) -> Value:
        function = self.names.resolve(node.func)
        said = ast.unparse(node.func)[:60]
        if any(isinstance(a, ast.Starred) for a in node.args) or any(k.arg is None for k in node.keywords):
            raise self.fail(node, "a `*` in a call cannot be lifted; name each argument")
        if inspect.isfunction(function):
            return self.function_call(node, function)
        match node:
            case ast.Call(_, [ast.Constant(str(text))], []) if function is float:
                try:
                    return real(literal(float(text)))
                except ValueError as error:
                    raise self.fail(node, str(error)) from error
        builtin = next((made for known, made in BUILTINS.items() if known is function), None)
        if builtin is None:
            known = ", ".join(f"math.{f.__name__}" for f in ELEMENTARY)
            raise self.fail(node, f"`{said}` cannot be compiled; known: {known}, math.sqrt, abs, min, max")
        if node.keywords:
            raise self.fail(node, "calls take no keyword arguments here")
        values = [self.expression(a) for a in node.args]
        least, most = (2, math.inf) if function in (min, max) else (1, 1)
        if not least <= len(values) <= most:
            wanted = "two or more numbers" if most > 1 else "one number"
            raise self.fail(node, f"`{ast.unparse(node)[:60]}`: {said} takes {wanted} here")
        return builtin(self, node, values)

    def extreme(self, node: ast.Call, values: list[Value], op: ast.cmpop) -> Value:
        """min and max: the first of equals, and nan goes the way that Python's does."""
        best = values[0]
        for other in values[1:]:
            best, other = self.held(best), self.held(other)
            a, b = self.only_number(best, node), self.only_number(other, node)
            test = self.pair(node, op, fresh(b), fresh(a))
            best = (
                (b if test.value else a) if test.kind == "constant" else self.selected(node, test, fresh(b), fresh(a))
            )
        return best

    def smallest(self, node: ast.Call, values: list[Value]) -> Value:
        return self.extreme(node, values, ast.Lt())

    def largest(self, node: ast.Call, values: list[Value]) -> Value:
        return self.extreme(node, values, ast.Gt())

    def absolute(self, node: ast.Call, values: list[Value]) -> Number:
        value = self.counted(self.only_number(values[0], node))
        if value.kind == "constant":
            return constant(abs(value.value))
        lo, hi = (0 if value.lo <= 0 <= value.hi else min(abs(value.lo), abs(value.hi))), max(-value.lo, value.hi)
        if value.kind == "index":
            if value.lo >= 0:
                return value
            test = compared(cloned(value.node), ast.Lt(), ast.Constant(0))
            node_of = ast.IfExp(test, ast.UnaryOp(ast.USub(), cloned(value.node)), value.node)
            return replace(value, node=node_of, lo=lo, hi=hi, depth=value.depth + 1)
        return replace(value, node=called("abs", value.node), lo=lo, hi=hi, depth=value.depth + 1)

    def float_absolute(self, node: ast.Call, values: list[Value]) -> Number:
        value = self.only_number(values[0], node)
        return real(called("abs", self.floating(value, node)), value.depth + 1)

    def root(self, node: ast.Call, values: list[Value]) -> Number:
        value = self.only_number(values[0], node)
        function = ast.Attribute(ast.Name("math", ast.Load()), "sqrt", ast.Load())
        return real(ast.Call(function, [self.floating(value, node)], []), value.depth + 1)

    def length(self, node: ast.Call, values: list[Value]) -> Number:
        value = values[0]
        if isinstance(value, Vector):
            return constant(value.size)
        if isinstance(value, tuple):
            return constant(len(value))
        raise self.fail(node, f"`{ast.unparse(node)[:60]}` asks for the length of a number")

    def as_float(self, node: ast.Call, values: list[Value]) -> Number:
        value = self.only_number(values[0], node)
        return real(self.floating(value, node), value.depth + 1)

    def as_whole(self, node: ast.Call, values: list[Value]) -> Number:
        value = self.counted(self.only_number(values[0], node))
        if value.kind == "constant":
            return constant(int(value.value))
        if value.kind not in WHOLE:
            raise self.fail(node, "int() of a float cannot be lifted: a lane has no whole numbers without bounds")
        return value

    def as_truth(self, node: ast.Call, values: list[Value]) -> Number:  # noqa: ARG002 (as the others)
        return truth_of(values[0])

    def function_call(self, node: ast.Call, function: Callable[..., Any]) -> Value:
        """A call of another plain function: a helper of the kernel, or its statements in place of the call."""
        values = self.bound(node, function)
        program = self.program
        if function.__module__.startswith("dynbench.kernels."):
            numbers = [self.only_number(v, node) for v in values]
            name = program.helpers(function)
            program.needs.append(name)
            return real(called(name, *(self.floating(n, node) for n in numbers)), 1 + max(n.depth for n in numbers))
        flat = [leaf for value in values for leaf in leaves(value)]
        vectors = any(
            isinstance(v, Vector) for value in values for v in (value if isinstance(value, tuple) else (value,))
        )
        if vectors or any(leaf.kind == "index" or leaf.uniform for leaf in flat):
            prefix = program.fresh(self.prefix[0])
            text = Text(program, function, prefix)
            return text.run([self.held(v) for v in values])
        name, result = program.helpers.own(function, values, program.calls)
        if not program.muted and name:
            program.needs.append(name)
            program.helpers.want(name)
        if not name:
            return result
        given = [leaf for leaf in flat if leaf.kind != "constant"]
        made = called(name, *(self.floating(leaf, node) for leaf in given))
        wanted = [leaf for leaf in leaves(result) if leaf.kind != "constant"]
        if len(wanted) == 1 and isinstance(result, Number):
            answer = made if wanted[0].kind != "bool" else compared(made, ast.NotEq(), ast.Constant(0.0))
            return replace(result, node=answer, depth=1 + max((leaf.depth for leaf in given), default=0))
        names = [self.temporary() for _ in wanted]
        targets: list[ast.expr] = [ast.Name(n, ast.Store()) for n in names]
        self.emit(ast.Tuple(targets, ast.Store()) if len(names) > 1 else targets[0], made)
        supply = iter(names)
        return filled(result, supply)

    def bound(self, node: ast.Call, function: Callable[..., Any]) -> list[Value]:
        """The arguments in the function's order, its defaults where none is given."""
        given = [self.expression(a) for a in node.args]
        named = {str(k.arg): self.expression(k.value) for k in node.keywords}
        try:
            found = inspect.signature(function, follow_wrapped=False).bind(*given, **named)
        except TypeError as error:
            raise self.fail(node, f"`{ast.unparse(node)[:60]}`: {error}") from error
        found.apply_defaults()
        values = [*found.args, *found.kwargs.values()]
        return [self.known(node, v) if not is_value(v) else v for v in values]


BUILTINS: dict[Any, Callable[[Text, ast.Call, list[Value]], Value]] = {
    min: Text.smallest,
    max: Text.largest,
    abs: Text.absolute,
    len: Text.length,
    float: Text.as_float,
    int: Text.as_whole,
    bool: Text.as_truth,
    math.fabs: Text.float_absolute,
    math.sqrt: Text.root,
}


def of_elementary(function: Callable[..., float]) -> Callable[[Text, ast.Call, list[Value]], Value]:
    def call(text: Text, node: ast.Call, values: list[Value]) -> Number:
        value = text.only_number(values[0], node)
        name = text.program.helpers(function)
        text.program.needs.append(name)
        return real(called(name, text.floating(value, node)), value.depth + 1)

    return call


BUILTINS |= {name: of_elementary(function) for name, function in ELEMENTARY.items()}


class Replaced(ast.NodeTransformer):
    def __init__(self, name: str, value: ast.expr):
        self.name, self.value = name, value

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return cloned(self.value) if node.id == self.name else node


def floating(value: Value, function: Callable[..., Any], node: ast.AST | None = None) -> ast.expr:
    """How a kernel writes a number as a float."""
    if not isinstance(value, Number):
        raise CannotLift(f"{place(function, node)}: `{function.__name__}` gives a tuple where a number is needed")
    if value.kind == "constant":
        try:
            return literal(float(value.value))
        except OverflowError as error:
            raise CannotLift(f"{place(function, node)}: a whole number is too large for a float") from error
    if value.kind == "index":
        return called("float", value.node)
    if value.kind == "bool":
        return ast.IfExp(value.node, ast.Constant(1.0), ast.Constant(0.0))
    return value.node


def truth_of(value: Value) -> Number:
    """Whether Python takes it for true."""
    if isinstance(value, tuple):
        return constant(bool(value))
    if isinstance(value, Vector):
        return constant(value.size > 0)
    if value.kind == "constant":
        return constant(bool(value.value))
    if value.kind == "bool":
        return value
    depth = value.depth + 1
    if value.kind == "index":
        return Number("bool", compared(value.node, ast.NotEq(), ast.Constant(0)), uniform=True, depth=depth)
    return Number("bool", compared(value.node, ast.NotEq(), ast.Constant(0.0)), depth=depth)


def truth(value: Value) -> ast.expr:
    """How a kernel writes it as a truth."""
    found = truth_of(value)
    return ast.Constant(found.value) if found.kind == "constant" else found.node


def is_value(found: Any) -> bool:
    if isinstance(found, tuple):
        return all(is_value(part) for part in found)
    return isinstance(found, Number | Vector)


def fresh(value: Number) -> Number:
    """The same number, to be written once more."""
    return replace(value, node=cloned(value.node))


def again(value: Value) -> Value:
    if isinstance(value, tuple):
        return tuple(again(part) for part in value)
    return fresh(value) if isinstance(value, Number) else value


def under_a_name(value: Number, name: str) -> Number:
    node: ast.expr = ast.Name(name, ast.Load())
    if value.kind == "bool":
        node = compared(node, ast.NotEq(), ast.Constant(0.0))
    return replace(value, node=node, value=None, uniform=False, depth=1)


def stored_truth(value: Number) -> bool:
    """Whether it is `NAME != 0.0`: a truth that is stored already."""
    match value.node:
        case ast.Compare(ast.Name(), [ast.NotEq()], [ast.Constant(0.0)]):
            return value.kind == "bool"
    return False


def filled(value: Value, names: Iterator[str]) -> Value:
    """A helper's result, its numbers under these names."""
    if isinstance(value, tuple):
        return tuple(filled(part, names) for part in value)
    assert isinstance(value, Number)
    return value if value.kind == "constant" else under_a_name(value, next(names))


def alike(one: Value, other: Value) -> bool:
    """Whether the same is known of both."""
    if isinstance(one, tuple) or isinstance(other, tuple):
        return (
            isinstance(one, tuple)
            and isinstance(other, tuple)
            and len(one) == len(other)
            and all(alike(a, b) for a, b in zip(one, other, strict=True))
        )
    if isinstance(one, Number) and isinstance(other, Number):
        same = signature(one) == signature(other) and one.uniform == other.uniform
        return same and (one.kind != "index" or ast.dump(one.node) == ast.dump(other.node))
    return one == other


def union(one: Number, other: Number) -> tuple[str, int, int]:
    """Kind and bounds of a number that is one or the other."""
    kinds = {one.kind, other.kind}
    truths = all(v.kind == "bool" or isinstance(v.value, bool) for v in (one, other))
    if truths:
        return "bool", 0, 0
    if kinds == {"float"}:
        return "float", 0, 0
    ends = [(0, 1) if v.kind == "bool" else (v.lo, v.hi) for v in (one, other) if v.kind != "float"]
    kind = "whole" if not kinds & {"float", "mixed"} else "mixed"
    return kind, min(lo for lo, _ in ends), max(hi for _, hi in ends)


def stored_names(node: ast.For) -> list[str]:
    found = [n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
    return list(dict.fromkeys(found))


def inlined(
    function: Callable[..., Any], values: Sequence[Value], helpers: Any, fresh: Callable[[str], str], stem: str
) -> tuple[list[ast.stmt], Value]:
    """The statements of a call and what it returns.  Raises CannotLift.  Arguments' nodes may be used many times."""
    program = Program(helpers, fresh)
    with deep(function):
        text = Text(program, function, fresh(stem))
        value = text.run(values)
    vector = next((v for v in values if isinstance(v, Vector)), None)
    if vector is not None:
        written = next((v for v in values if isinstance(v, Vector) and v.writable), None)
        check_indices(program, function, vector.size, written is not None)
    return program.output.body, value


def check_indices(program: Program, function: Callable[..., Any], size: int, writes: bool) -> None:
    """Runs the loops with nothing in them but indices."""
    done = [False] * size

    def look(index: int, site: int) -> int:
        if not -size <= index < size:
            said = f"with {size} coordinate{'s' * (size > 1)} has index {index}"
            raise CannotLift(f"{program.sites[site]} {said}, and only {-size} to {size - 1} are there")
        return index

    def write(index: int, site: int) -> None:
        done[look(index, site)] = True

    def read(index: int, site: int) -> None:
        if not done[look(index, site)]:
            raise CannotLift(f"{program.sites[site]} is read before it is written")

    body = program.output.indices or [ast.Pass()]
    code = compile(ast.fix_missing_locations(ast.Module(body, [])), "<indices>", "exec")
    exec(code, {"look": look, "read": read, "write": write})
    if writes and not all(done):
        missing = done.index(False)
        raise CannotLift(f"{place(function)}: it never writes g[{missing}], and a gradient has {size} coordinates")
