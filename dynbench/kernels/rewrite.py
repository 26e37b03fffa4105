"""One text for two machines: the few rewrites that the compiled and the plain text share.

* a whole power becomes products, left to right (a compiler's x**3 and CPython's differ in the last bit);
* `math.exp` and its kin become the vectorising functions of `elementary`; `math.sqrt` is exact and stays;
* `min(a, b)` becomes `b if b < a else a`, `max(a, b)` becomes `b if b > a else a` (nan goes the same way everywhere);
* `and`, `or` and chained comparisons become `&` and `|` of comparisons: no branch leaves a lane;
* module constants become literals.

Bodies may use assignments, `for ... in range(...)`, conditional expressions and one return at the end.
"""

import ast
import inspect
import math
import textwrap
from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import Any, TypeVar

import numpy as np

from dynbench.definition import source_of
from dynbench.kernels import elementary

ELEMENTARY = {getattr(math, name): getattr(elementary, name) for name in ("exp", "log", "sin", "cos", "tanh")}
KEPT = {abs, range, len, float, int}
LONGEST_POWER = 32
Node = TypeVar("Node", bound=ast.AST)


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


def tree_of(function: Callable[..., Any]) -> ast.FunctionDef:
    """Syntax tree of a plain function, its docstring dropped."""
    try:
        node = ast.parse(textwrap.dedent(source_of(function))).body[0]
    except (OSError, SyntaxError, TypeError):
        node = ast.Pass()
    if not isinstance(node, ast.FunctionDef):
        raise CannotLift(f"{place(function)}: a loss or a rule is made of functions written with `def`")
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


class Rewrite(ast.NodeTransformer):
    """The rewrites above, for the text of one function.  `helper(f)` names another plain function that it calls."""

    def __init__(self, function: Callable[..., Any], helper: Callable[[Callable[..., Any]], str]):
        self.function, self.helper = function, helper
        self.globals = function.__globals__
        code = function.__code__
        self.locals = set(code.co_varnames) | set(code.co_cellvars)
        self.closed = inspect.getclosurevars(function).nonlocals

    def fail(self, node: ast.AST, why: str) -> CannotLift:
        return CannotLift(f"{place(self.function, node)}: {why}")

    def resolve(self, node: ast.expr) -> Any:
        """The object behind a global name or `module.name`; None where it is a local or unknown."""
        if isinstance(node, ast.Name) and node.id not in self.locals:
            builtins = vars(__import__("builtins"))
            for scope in (self.closed, self.globals, builtins):
                if node.id in scope:
                    return scope[node.id]
        if isinstance(node, ast.Attribute):
            owner = self.resolve(node.value)
            if isinstance(owner, ModuleType):
                return getattr(owner, node.attr, None)
        return None

    def constant(self, node: ast.expr) -> ast.expr:
        found = self.resolve(node)
        if isinstance(found, bool) or not isinstance(found, int | float):
            return node
        return literal(found)

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if isinstance(node.ctx, ast.Load) and node.id not in self.locals:
            if self.resolve(node) is None:
                raise self.fail(node, f"the name {node.id!r} is not defined")
            return self.constant(node)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        if self.resolve(node) is not None:
            return self.constant(node)
        node.value = self.visit(node.value)
        return node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        called = self.resolve(node.func)
        node.args = [self.visit(a) for a in node.args]
        if node.keywords:
            raise self.fail(node, "calls take no keyword arguments here")
        if called in (min, max):
            order: ast.cmpop = ast.Lt() if called is min else ast.Gt()
            best = node.args[0]
            for other in node.args[1:]:
                best = ast.IfExp(ast.Compare(other, [order], [best]), other, best)
            return best
        if called is math.fabs:
            node.func = ast.Name("abs", ast.Load())
        elif called in ELEMENTARY:
            node.func = ast.Name(self.helper(ELEMENTARY[called]), ast.Load())
        elif called is math.sqrt:
            node.func = ast.Attribute(ast.Name("math", ast.Load()), "sqrt", ast.Load())
        elif called in KEPT or getattr(called, "__module__", "") == "numpy":
            pass
        elif inspect.isfunction(called):
            node.func = ast.Name(self.helper(called), ast.Load())
        elif isinstance(node.func, ast.Attribute) and called is None:
            node.func.value = self.visit(node.func.value)
        else:
            known = ", ".join(f"math.{f.__name__}" for f in ELEMENTARY)
            raise self.fail(
                node, f"`{ast.unparse(node.func)}` cannot be compiled; known: {known}, math.sqrt, abs, min, max"
            )
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        node.left, node.right = self.visit(node.left), self.visit(node.right)
        if not isinstance(node.op, ast.Pow):
            return node
        sign, power = 1, node.right
        if isinstance(power, ast.UnaryOp) and isinstance(power.op, ast.USub):
            sign, power = -1, power.operand
        exponent = getattr(power, "value", None)
        if not isinstance(exponent, int) or not 1 <= exponent <= LONGEST_POWER:
            raise self.fail(
                node, f"a power takes a whole number from 1 to {LONGEST_POWER} (a square root is math.sqrt)"
            )
        product = node.left
        for _ in range(exponent - 1):
            product = ast.BinOp(product, ast.Mult(), node.left)
        return product if sign > 0 else ast.BinOp(ast.Constant(1.0), ast.Div(), product)

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.expr:
        values = [self.visit(v) for v in node.values]
        joined = values[0]
        for value in values[1:]:
            joined = ast.BinOp(joined, ast.BitAnd() if isinstance(node.op, ast.And) else ast.BitOr(), value)
        return joined

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        node = ast.Compare(self.visit(node.left), node.ops, [self.visit(c) for c in node.comparators])
        terms = [node.left, *node.comparators]
        if len(node.ops) == 1:
            return node
        pairs: list[ast.expr] = [
            ast.Compare(a, [op], [b]) for a, op, b in zip(terms, node.ops, terms[1:], strict=False)
        ]
        joined = pairs[0]
        for pair in pairs[1:]:
            joined = ast.BinOp(joined, ast.BitAnd(), pair)
        return joined

    def visit_If(self, node: ast.If) -> ast.AST:
        raise self.fail(node, "an `if` statement cannot run in SIMD lanes; write `a if condition else b`")

    def visit_While(self, node: ast.While) -> ast.AST:
        raise self.fail(node, "a `while` loop cannot run in SIMD lanes; write `for ... in range(...)`")

    def visit_Raise(self, node: ast.AST) -> ast.AST:
        raise self.fail(node, "no lane can raise an error; give nan, and the trajectory counts as diverged")

    visit_Assert = visit_Try = visit_With = visit_Raise  # noqa: N815 (names that `ast` asks for)


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


def rewritten(function: Callable[..., Any], helper: Callable[[Callable[..., Any]], str]) -> ast.FunctionDef:
    """The function's tree after the rewrites."""
    tree = tree_of(function)
    tree.decorator_list, tree.returns = [], None
    for argument in [*tree.args.posonlyargs, *tree.args.args]:
        argument.annotation = None
    rewriter = Rewrite(function, helper)
    tree.body = [rewriter.visit(statement) for statement in tree.body]
    return ast.fix_missing_locations(tree)


@cache
def plain(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function as plain Python after the rewrites: what a compiled kernel is held against, bit for bit."""
    made: dict[str, Any] = {"math": math, "np": np}

    def helper(called: Callable[..., Any]) -> str:
        name = f"{called.__module__.replace('.', '_')}_{called.__name__}"
        made[name] = plain(called)
        return name

    tree = rewritten(function, helper)
    exec(compile(ast.Module([tree], []), f"<{function.__name__}, rewritten>", "exec"), made)
    made[function.__name__].__wrapped__ = function
    return made[function.__name__]
