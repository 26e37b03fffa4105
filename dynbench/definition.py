"""What a loss or a rule is, as a digest of its definition: equal digests compute the same.

A definition is the syntax trees of all functions that it reaches, the values of the constants that they use, and its
declared fields by value.  A docstring, a comment, an annotation, the name of a function or of a constant, the file
that holds it and the way it is imported are not part of it.  So neither a text about the code nor a move of files
makes another definition, and a corrected wall or minimum does.
"""

import ast
import builtins
import dataclasses
import hashlib
import importlib
import linecache
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache, partial
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

RESULTS = 3  # raised whenever any result changes: runs of another number are not mixed with today's
DOCUMENTATION = frozenset({"name", "source", "formula", "files", "digest"})  # fields that change no result
NOWHERE = object()
DEEPEST = 20_000  # calls inside calls, see `deep`
SKIPPED = frozenset({"ctx", "decorator_list", "kind", "type_comment", "type_params"})  # parts of a tree
Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
NAMED = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.ExceptHandler
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def digest(definition: Any) -> str:
    """The sha256 of a loss, a rule, a function or any value, in hexadecimal."""
    with deep():
        return hashlib.sha256(Form().of(definition).encode()).hexdigest()


@contextmanager
def deep() -> Iterator[None]:
    """Room for walks over trees that are as deep as a long sum has terms."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, DEEPEST))
    try:
        yield
    except RecursionError as error:
        raise ValueError("an expression is nested too deeply; give its parts names") from error
    finally:
        sys.setrecursionlimit(before)


def text_of(function: Callable[..., Any]) -> str:
    """The text of the file that a function comes from, as it was run; empty where there is none."""
    kept = function.__globals__.get("__text__")
    if isinstance(kept, str):
        return kept
    return "".join(linecache.getlines(function.__code__.co_filename, function.__globals__))


@cache
def functions_in(text: str) -> dict[int, list[Function]]:
    """The functions of a file's text, at any depth, by the line that they begin in, decorators included."""
    found: dict[int, list[Function]] = {}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, Function):
            first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
            found.setdefault(first, []).append(node)
    return found


def trees_of(function: Callable[..., Any]) -> list[Function]:
    """The syntax tree of a function written in a file; none without a text, several where lambdas share a line and
    Python was told to forget columns (-X no_debug_ranges).

    It belongs to `functions_in`: copy it before you change it.
    """
    code = function.__code__
    try:
        begun = functions_in(text_of(function)).get(code.co_firstlineno, [])
    except SyntaxError:
        return []
    alike = [node for node in begun if getattr(node, "name", "<lambda>") == code.co_name]
    if len(alike) < 2:
        return alike
    own: list[Function] = [n for n in alike if isinstance(n, ast.Lambda) and is_body(n.body, code)]
    return list(own[-1:] or alike)  # the innermost, which `ast.walk` reaches last


def is_body(node: ast.expr, code: CodeType) -> bool:
    """Whether all instructions of a lambda come from this expression; those that open and close it have no width."""
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    begin, end = (node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)
    spans = []
    for first_line, last_line, first_column, last_column in code.co_positions():
        if first_line is None or last_line is None or first_column is None or last_column is None:
            continue
        if (first_line, first_column) < (last_line, last_column):
            spans.append(((first_line, first_column), (last_line, last_column)))
    return bool(spans) and all(begin <= first and last <= end for first, last in spans)


def source_of(function: Callable[..., Any]) -> str:
    """The lines of a function, as they were run.  Raises OSError where it has no text."""
    trees = trees_of(function)
    if not trees:
        raise OSError(f"{function} has no text")
    lines = text_of(function).splitlines(keepends=True)
    return "".join(lines[function.__code__.co_firstlineno - 1 : trees[0].end_lineno])


class Form:
    """A value as one text: equal texts, equal values.  An object is written once, then referred to by its number."""

    def __init__(self) -> None:
        self.numbers: dict[int, int] = {}  # id of an object -> its number
        self.alive: list[Any] = []  # so that no id is given twice

    def of(self, value: Any) -> str:
        kind = type(value)
        if value is None or value is Ellipsis or kind in (bool, int, str, bytes, complex):
            return repr(value)
        if kind is float:
            return str(value.hex())
        if kind in (tuple, list):
            return f"{kind.__name__}({', '.join(map(self.of, value))})"
        if isinstance(value, Mapping):
            pairs = sorted((self.of(k), k) for k in value)
            return f"mapping({', '.join(f'{text}: {self.of(value[k])}' for text, k in pairs)})"
        if isinstance(value, set | frozenset):
            return f"set({', '.join(sorted(map(self.of, value)))})"
        if id(value) in self.numbers:
            return f"#{self.numbers[id(value)]}"
        self.numbers[id(value)] = len(self.numbers)
        self.alive.append(value)
        return self.of_object(value)

    def of_object(self, value: Any) -> str:
        if isinstance(value, FunctionType):
            return self.of_function(value)
        if isinstance(value, type):
            return self.of_class(value)
        if isinstance(value, ModuleType):
            return self.of_module(value)
        if isinstance(value, MethodType):
            return f"method({self.of(value.__func__)}, {self.of(value.__self__)})"
        if isinstance(value, staticmethod | classmethod):
            return f"{type(value).__name__}({self.of(value.__func__)})"
        if isinstance(value, property):
            return f"property({self.of(value.fget)})"
        if isinstance(value, partial):
            return f"partial({self.of(value.func)}, {self.of(value.args)}, {self.of(value.keywords)})"
        if hasattr(value, "__wrapped__"):  # functools.cache and its kin
            return f"{type(value).__name__}({self.of(value.__wrapped__)})"
        if type(value).__module__ == "numpy" and hasattr(value, "tobytes") and not value.dtype.hasobject:
            return f"numpy({value.dtype.str}, {value.shape}, {hashlib.sha256(value.tobytes()).hexdigest()})"
        if dataclasses.is_dataclass(value):
            return f"{self.of(type(value))}({', '.join(self.fields(value))})"
        if hasattr(value, "__name__"):  # a builtin, a ufunc
            return named(value)
        return self.of_instance(value)

    def fields(self, value: Any) -> Iterator[str]:
        """The fields of a dataclass that are declared, unlike their defaults, and more than documentation."""
        for field in dataclasses.fields(value):
            given = getattr(value, field.name)
            if field.name not in DOCUMENTATION and not is_default(field, given):
                yield f"{field.name}={self.of(given)}"

    def of_instance(self, value: Any) -> str:
        """Any other object by what it would be pickled as."""
        try:
            made, given, *rest = value.__reduce_ex__(4)
        except Exception:  # whatever a class raises that cannot be pickled
            return f"{self.of(type(value))}({self.of(getattr(value, '__dict__', {}))})"
        parts = [list(part) if isinstance(part, Iterator) else part for part in rest]
        return f"{self.of(made)}({self.of(given)}, {self.of(parts)})"

    def of_class(self, value: type) -> str:
        """A class of a library or of dynbench's own by its name, another one by all that is in it."""
        if value.__module__.split(".")[0] == "dynbench" or is_library(value.__module__):
            return named(value)
        own = {k: v for k, v in vars(value).items() if not is_generated(k, v)}
        return f"class({self.of(value.__bases__)}, {self.of(own)})"

    def of_module(self, value: ModuleType) -> str:
        """A module that is handed on as a whole."""
        if is_library(value.__name__):
            return f"module {value.__name__} {version_of(value.__name__)}"
        return f"module({self.of({k: v for k, v in vars(value).items() if not k.startswith('__')})})"

    def of_function(self, function: FunctionType) -> str:
        if "__text__" not in function.__globals__ and is_library(function.__module__ or ""):
            return named(function)
        trees = trees_of(function)
        defaults = self.of((function.__defaults__, function.__kwdefaults__))
        if not trees:  # made without a text
            return f"code({self.of_code(function.__code__)}, {defaults})"
        scope = Scope(function)
        return f"function({' '.join(self.of_body(tree, scope) for tree in trees)}, {defaults})"

    def of_code(self, code: CodeType) -> str:
        constants = (self.of_code(c) if isinstance(c, CodeType) else self.of(c) for c in code.co_consts)
        return f"{code.co_code!r} {code.co_names} {', '.join(constants)}"

    def of_body(self, node: Function, scope: "Scope") -> str:
        """A function without its name, its defaults (they are values) and its docstring."""
        inner, a = scope.within(node), node.args
        arguments = [[x.arg for x in some] for some in (a.posonlyargs, a.args, a.kwonlyargs)]
        stars = [x.arg for x in (a.vararg, a.kwarg) if x is not None]
        body = [node.body] if isinstance(node, ast.Lambda) else without_docstring(node.body)
        return f"{arguments} {stars} {self.of_node(body, inner)}"

    def of_node(self, node: Any, scope: "Scope") -> str:
        """A part of a syntax tree; names of constants, functions and modules are replaced by what they stand for."""
        if isinstance(node, list):
            return f"[{'; '.join(self.of_node(part, scope) for part in node)}]"
        if not isinstance(node, ast.AST):
            return repr(node)
        if isinstance(node, ast.Name | ast.Attribute):
            found = scope.resolve(node)
            if found is not NOWHERE:
                return self.of(found)
        if isinstance(node, ast.Constant):
            return self.of(node.value)
        if isinstance(node, ast.Import | ast.ImportFrom):
            return "import"
        if isinstance(node, Function):
            given = [*node.args.defaults, *(d for d in node.args.kw_defaults if d is not None)]
            name = getattr(node, "name", "lambda")  # a local name like any other
            return f"{name} {self.of_node(given, scope)} {self.of_body(node, scope)}"
        inner = scope.within(node) if isinstance(node, SCOPES) else scope
        kind, parts = type(node).__name__, dict(ast.iter_fields(node))
        if isinstance(node, ast.AnnAssign):  # without its annotation
            kind, parts = "Assign", {"targets": [node.target], "value": node.value}
        told = (f"{k}={self.of_node(v, inner)}" for k, v in parts.items() if k not in SKIPPED and v not in (None, []))
        return f"{kind}({', '.join(told)})"


class Scope:
    """What names mean inside a function: its own locals mean nothing beyond it, all others are looked up."""

    def __init__(
        self,
        function: FunctionType,
        own: frozenset[str] = frozenset(),
        imports: Mapping[str, Any] | None = None,
    ):
        self.function, self.locals, self.imports = function, own, imports or {}
        cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
        self.closed = {name: cell.cell_contents for name, cell in cells if is_filled(cell)}

    def within(self, node: ast.AST) -> "Scope":
        """The scope of a function or a comprehension that stands in this one."""
        own: set[str] = set()
        imports: dict[str, Any] = {}
        for part in inside(node):
            if isinstance(part, ast.arg):
                own.add(part.arg)
            elif isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store | ast.Del):
                own.add(part.id)
            elif isinstance(part, NAMED) and part.name:
                own.add(part.name)
            elif isinstance(part, ast.Import | ast.ImportFrom):
                imports |= imported(part)
        for part in inside(node):
            if isinstance(part, ast.Global):
                own -= set(part.names)
        return Scope(self.function, self.locals | own, {**self.imports, **imports})

    def resolve(self, node: ast.expr) -> Any:
        """The value of a name, or of an attribute of one, that is no local; NOWHERE where it has none yet."""
        if isinstance(node, ast.Attribute):
            owner = self.resolve(node.value)
            try:
                return NOWHERE if owner is NOWHERE else getattr(owner, node.attr)
            except Exception:  # a property may raise anything
                return NOWHERE
        if not isinstance(node, ast.Name):
            return NOWHERE
        if node.id in self.imports:
            return self.imports[node.id]
        if node.id in self.locals or not isinstance(node.ctx, ast.Load):
            return NOWHERE
        for known in (self.closed, self.function.__globals__, vars(builtins)):
            if node.id in known:
                return known[node.id]
        return NOWHERE


def inside(node: ast.AST) -> Iterator[ast.AST]:
    """All parts of a function or a comprehension but those of the functions, classes and comprehensions within it."""
    for child in ast.iter_child_nodes(node):
        yield child
        if isinstance(child, ast.ClassDef):  # what is bound in it is an attribute, and no local
            continue
        if not isinstance(child, SCOPES):
            yield from inside(child)
        elif isinstance(child, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            walrus = (part for part in ast.walk(child) if isinstance(part, ast.NamedExpr))
            yield from (part.target for part in walrus)  # `:=` in a comprehension is a local of the function


def imported(node: ast.Import | ast.ImportFrom) -> dict[str, Any]:
    """What an import statement in a function binds; nothing where it fails, as it then will when it is run."""
    found: dict[str, Any] = {}
    for alias in node.names:
        try:
            if isinstance(node, ast.Import):
                module = importlib.import_module(alias.name)
                first = alias.name.partition(".")[0]
                found[alias.asname or first] = module if alias.asname else sys.modules[first]
            elif node.module and not node.level:
                module = importlib.import_module(node.module)
                found[alias.asname or alias.name] = getattr(module, alias.name)
        except (ImportError, AttributeError):
            continue
    return found


def without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    """Statements without texts that stand alone: the docstring and what is commented out by quotes."""
    return [s for s in body if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))]


def is_filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not NOWHERE
    except ValueError:  # not given a value yet
        return False


def is_default(field: dataclasses.Field[Any], given: Any) -> bool:
    """Whether a field was left as it is: one that comes with a later dynbench then changes no digest."""
    default = field.default
    if field.default_factory is not dataclasses.MISSING:
        default = field.default_factory()
    return type(given) is type(default) and bool(given == default)


def is_generated(name: str, value: Any) -> bool:
    """Whether Python put it into a class: documentation, or functions without a text."""
    if isinstance(value, FunctionType):
        return not trees_of(value)
    return name.startswith("__") and name.endswith("__")


def is_library(module: str) -> bool:
    """Whether a module is Python's own or an installed library's: known by name and version, not by its texts."""
    first = module.partition(".")[0]
    if first in sys.stdlib_module_names or first == "builtins":
        return True
    if first in ("dynbench", "__main__") or first not in sys.modules:
        return False
    place = getattr(sys.modules[first], "__file__", None)
    return place is None or "site-packages" in place or "dist-packages" in place


def named(value: Any) -> str:
    """What a library or Python itself offers, by its name and the library's version."""
    module = getattr(value, "__module__", None) or ""
    name = getattr(value, "__qualname__", None) or value.__name__
    return f"{module}.{name} {version_of(module)}" if is_library(module) else name


def version_of(module: str) -> str:
    first = module.partition(".")[0]
    known = "" if first in sys.stdlib_module_names else getattr(sys.modules.get(first), "__version__", "")
    return str(known)
