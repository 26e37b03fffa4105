"""A user's text as a syntax tree, what its names stand for, and the few rewrites that plain Python and kernels share:

* a whole power becomes products, left to right (a compiler's x**3 and CPython's differ in the last bit);
* `math.exp` and its kin become the vectorising functions of `elementary`; `math.sqrt` is exact and stays;
* module constants, attributes of modules and classes, and NumPy's whole numbers and doubles become literals.

All else is left to Python in `plain`, which a compiled kernel is held against; `language` writes the kernel's text.
"""

import ast
import builtins
import inspect
import math
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeVar

import numpy as np

from dynbench import definition
from dynbench.definition import source_of
from dynbench.kernels import elementary

ELEMENTARY = {getattr(math, name): getattr(elementary, name) for name in ("exp", "log", "sin", "cos", "tanh")}
LONGEST_POWER = 32
Node = TypeVar("Node", bound=ast.AST)
UNKNOWN = object()


def cloned(node: Node) -> Node:
    """A copy of a tree, positions included; `copy.deepcopy` takes five times as long."""
    new = type(node)()
    for name, value in vars(node).items():
        if isinstance(value, list):
            value = [cloned(v) if isinstance(v, ast.AST) else v for v in value]
        elif isinstance(value, ast.expr | ast.stmt):
            value = cloned(value)
        setattr(new, name, value)
    return new


class CannotLift(ValueError):
    """A text that the kernels cannot use; the message names the place and the way out."""


@contextmanager
def deep(function: Callable[..., Any]) -> Iterator[None]:
    """Room for trees that are as deep as a long sum; beyond it one sentence."""
    try:
        with definition.deep():
            yield
    except ValueError as error:
        if isinstance(error.__cause__, RecursionError):
            raise CannotLift(f"{place(function)}: {error}") from error
        raise


@cache
def tree_of(function: Callable[..., Any]) -> ast.FunctionDef:
    """Syntax tree of a plain function, without its docstring; nobody changes it.  Raises CannotLift."""
    try:
        node = ast.parse(textwrap.dedent(source_of(function))).body[0]
    except (OSError, SyntaxError, TypeError, AttributeError):
        node = ast.Pass()
    if not isinstance(node, ast.FunctionDef):
        raise CannotLift(f"{place(function)}: a loss or a rule is made of functions written with `def`")
    if node.decorator_list:
        said = ast.unparse(node.decorator_list[0])
        raise CannotLift(f"{place(function)}: the decorator `@{said}` cannot be compiled; take it away")
    if isinstance(node.body[0], ast.Expr) and isinstance(node.body[0].value, ast.Constant):
        node.body = node.body[1:]
    return node


def place(function: Callable[..., Any], node: ast.AST | None = None) -> str:
    """File and line of a function, or of a node in it, for error messages."""
    code = getattr(function, "__code__", None)
    if code is None:
        return repr(function)
    line = code.co_firstlineno + (getattr(node, "lineno", 1) - 1)
    return f"{code.co_filename.rsplit('/', 1)[-1]}, line {line}, in {function.__name__}"


def number_of(found: object) -> bool | int | float | None:
    """A constant as Python's own number, of the same value; None for all else, NumPy's single precision too."""
    if isinstance(found, bool | np.bool_):
        return bool(found)
    if isinstance(found, int | np.integer):
        return int(found)
    if isinstance(found, float):  # float64 is one
        return float(found)
    return None


def of_floats(function: Callable[[float], float]) -> Callable[[float], float]:
    """One of `elementary`, which computes in NumPy's doubles, from float to float (and what is derived from float)."""

    def call(x: float) -> float:
        kind = type(x) if isinstance(x, float) else float
        return kind(function(float(x)))

    return call


PLAIN = {function: of_floats(own) for function, own in ELEMENTARY.items()}


class Names:
    """What the names in a function's text stand for."""

    def __init__(self, function: Callable[..., Any]):
        self.function = function
        code = function.__code__
        self.locals = set(code.co_varnames) | set(code.co_cellvars)
        closed = inspect.getclosurevars(function).nonlocals if code.co_freevars else {}
        self.scopes = (closed, function.__globals__, vars(builtins))

    def fail(self, node: ast.AST, why: str) -> CannotLift:
        return CannotLift(f"{place(self.function, node)}: {why}")

    def resolve(self, node: ast.expr) -> Any:
        """The object behind a global name or `owner.name`; UNKNOWN where it is a local or not defined."""
        if isinstance(node, ast.Name) and node.id not in self.locals:
            return next((scope[node.id] for scope in self.scopes if node.id in scope), UNKNOWN)
        if isinstance(node, ast.Attribute):
            owner = self.resolve(node.value)
            if owner is not UNKNOWN:
                return getattr(owner, node.attr, UNKNOWN)
        return UNKNOWN

    def number(self, node: ast.expr) -> bool | int | float | None:
        found = self.resolve(node)
        return None if found is UNKNOWN else number_of(found)


def literal(number: float) -> ast.expr:
    """A number as an expression (inf and nan have no literal of their own)."""
    if isinstance(number, float) and not math.isfinite(number):
        return (
            ast.Attribute(ast.Name("math", ast.Load()), "nan" if number != number else "inf", ast.Load())
            if (number != number or number > 0)
            else ast.UnaryOp(ast.USub(), literal(-number))
        )
    if number < 0 or (number == 0 and math.copysign(1.0, number) < 0):
        return ast.UnaryOp(ast.USub(), ast.Constant(-number))
    return ast.Constant(number)


class Own(ast.NodeTransformer):
    """The text of one of the package's own functions (`elementary`, `noise`) as it stands in a kernel."""

    def __init__(self, function: Callable[..., Any], helper: Callable[[Callable[..., Any]], str]):
        self.names, self.helper = Names(function), helper

    def visit_Name(self, node: ast.Name) -> ast.expr:
        number = self.names.number(node) if isinstance(node.ctx, ast.Load) else None
        return node if number is None else literal(number)

    def visit_Call(self, node: ast.Call) -> ast.expr:
        called = self.names.resolve(node.func)
        if called in (min, max) or node.keywords:
            raise self.names.fail(node, "the package's own functions are written without")
        self.generic_visit(node)
        if inspect.isfunction(called) and called.__module__.startswith("dynbench."):
            node.func = ast.Name(self.helper(called), ast.Load())
        return node


def rewritten(function: Callable[..., Any], helper: Callable[[Callable[..., Any]], str]) -> ast.FunctionDef:
    """The tree of one of the package's own functions: constants as literals, other functions by the names that
    `helper` gives them."""
    tree = unannotated(cloned(tree_of(function)))
    rewriter = Own(function, helper)
    tree.body = [rewriter.visit(statement) for statement in tree.body]
    return ast.fix_missing_locations(tree)


def unannotated(tree: ast.FunctionDef) -> ast.FunctionDef:
    tree.returns = None
    for argument in [*tree.args.posonlyargs, *tree.args.args]:
        argument.annotation = None
    return tree


def power(base: Any, exponent: Any) -> Any:
    """base ** exponent as products, left to right, for a whole exponent."""
    if isinstance(exponent, bool) or not isinstance(exponent, int) or exponent == 0:
        return base**exponent
    product = base
    for _ in range(abs(exponent) - 1):
        product = product * base
    return product if exponent > 0 else 1.0 / product


def root(x: float) -> float:
    """The square root; nan below 0, where math.sqrt raises an error."""
    kind = type(x) if isinstance(x, float) else float
    return kind(math.nan if x < 0.0 else math.sqrt(x))


class Plain(ast.NodeTransformer):
    """The rewrites, for a text that stays Python.  `taken` holds what the new names stand for."""

    def __init__(self, function: Callable[..., Any], taken: dict[str, Any]):
        self.names, self.taken = Names(function), taken

    def name(self, found: Any, stem: str) -> ast.Name:
        name = f"<{stem}>"  # which no text can say
        while self.taken.setdefault(name, found) is not found:
            name += "'"
        return ast.Name(name, ast.Load())

    def visit_Name(self, node: ast.Name) -> ast.expr:
        number = self.names.number(node) if isinstance(node.ctx, ast.Load) else None
        return node if number is None else ast.Constant(number)

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        number = self.names.number(node)
        if number is not None:
            return ast.Constant(number)
        self.generic_visit(node)
        return node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        called = self.names.resolve(node.func)
        node.args = [self.visit(a) for a in node.args]
        for keyword in node.keywords:
            keyword.value = self.visit(keyword.value)
        try:
            of_libm = called in ELEMENTARY
        except TypeError:  # no hash: a list, or the like
            of_libm = False
        if of_libm:
            node.func = self.name(PLAIN[called], called.__name__)
        elif called is math.sqrt:
            node.func = self.name(root, "sqrt")
        elif inspect.isfunction(called):
            node.func = self.name(plain(called), called.__name__)
        else:
            node.func = self.visit(node.func)
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.op, ast.Pow):
            return ast.Call(self.name(power, "power"), [node.left, node.right], [])
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.stmt:
        self.generic_visit(node)
        if not isinstance(node.op, ast.Pow):
            return node
        old = cloned(node.target)
        old.ctx = ast.Load()
        return ast.Assign([node.target], ast.Call(self.name(power, "power"), [old, node.value], []))


WRITING: list[Callable[..., Any]] = []  # plain functions under way, callers first


@cache
def plain(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function as plain Python after the rewrites: what a compiled kernel is held against, bit for bit."""
    if function.__module__.startswith("dynbench.kernels"):
        return function
    if function in WRITING:
        raise CannotLift(f"{place(function)}: a helper cannot call itself here; write `for ... in range(...)`")
    WRITING.append(function)
    try:
        taken: dict[str, Any] = {}
        with deep(function):
            tree = unannotated(cloned(tree_of(function)))
            tree.args.defaults, tree.args.kw_defaults = [], [None] * len(tree.args.kwonlyargs)
            rewriter = Plain(function, taken)
            tree.body = [rewriter.visit(statement) for statement in tree.body] or [ast.Pass()]
            ast.increment_lineno(tree, function.__code__.co_firstlineno - 1)
            code = compile(ast.fix_missing_locations(ast.Module([tree], [])), function.__code__.co_filename, "exec")
    finally:
        WRITING.pop()
    scopes = Names(function).scopes
    known = {**scopes[1], **scopes[0], **taken}
    exec(code, known)
    made = known[function.__name__]
    made.__defaults__, made.__kwdefaults__ = function.__defaults__, function.__kwdefaults__
    made.__wrapped__ = function
    return made
