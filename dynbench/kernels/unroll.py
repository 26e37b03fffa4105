"""Loops over few coordinates, written out: x[d + 1] becomes x_3, a scalar."""

import ast
import operator
from collections.abc import Callable, Iterable, Sequence

from dynbench.kernels.rewrite import CannotLift, cloned, literal

LONGEST = 20_000  # statements
SIMPLE: dict[type, Callable[[int, int], int]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}  # fmt: skip


def integer(node: ast.expr, known: dict[str, int]) -> int:
    """Value of an index expression whose loop variables are known."""
    match node:
        case ast.Constant(int(value)):
            return int(value)
        case ast.Name(name) if name in known:
            return known[name]
        case ast.BinOp(left, op, right) if type(op) in SIMPLE:
            return SIMPLE[type(op)](integer(left, known), integer(right, known))
    code = ast.fix_missing_locations(ast.Expression(cloned(node)))
    if any(isinstance(n, ast.Call | ast.Attribute) for n in ast.walk(code)):
        raise CannotLift(f"the index {ast.unparse(node)!r} is not made of loop variables and whole numbers")
    try:
        return int(eval(compile(code, "<index>", "eval"), {"__builtins__": {}}, dict(known)))
    except NameError as error:
        raise CannotLift(f"the index {ast.unparse(node)!r} must be made of loop variables and whole numbers") from error


def names_in(node: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}


class Known(ast.NodeTransformer):
    """Puts the value of a loop variable into an unrolled body: x[d + 1] becomes x_3."""

    def __init__(self, known: dict[str, int]):
        self.known = known

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.Constant(self.known[node.id]) if node.id in self.known else node

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        return self.truth(node) or self.generic_visit(node)  # type: ignore[return-value]

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        test = self.truth(node.test)
        if test is not None:
            chosen: ast.expr = self.visit(node.body if test.value else node.orelse)
            return chosen
        self.generic_visit(node)
        return node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        match node:
            case ast.Call(ast.Name("float"), [whole]) if not names_in(whole):
                return literal(float(integer(whole, {})))
        return node

    def truth(self, node: ast.expr) -> ast.Constant | None:
        """A truth about loop variables, where it is one."""
        names = names_in(node)
        if not names or not names <= set(self.known):
            return None
        return ast.Constant(bool(integer(node, self.known)))

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        assert isinstance(node.value, ast.Name)
        return ast.Name(f"{node.value.id}_{integer(node.slice, self.known)}", node.ctx)


def unroll(body: Iterable[ast.stmt], known: dict[str, int]) -> list[ast.stmt]:
    """The same statements without `for` loops, coordinates as scalars."""
    flat: list[ast.stmt] = []
    for statement in body:
        if isinstance(statement, ast.For):
            assert isinstance(statement.target, ast.Name)
            assert isinstance(statement.iter, ast.Call)
            for value in range(*(integer(a, known) for a in statement.iter.args)):
                flat += unroll(statement.body, known | {statement.target.id: value})
        else:
            flat.append(Known(known).visit(cloned(statement)))
        if len(flat) > LONGEST:
            few = "where coordinates are scalars loops are written out"
            raise CannotLift(f"the loops of a text come to more than {LONGEST} statements ({few}): make them shorter")
    return flat


class Fixed(ast.NodeTransformer):
    """Puts the dimension into loop bounds."""

    def __init__(self, dim: int):
        self.dim = dim

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.Constant(self.dim) if node.id == "DIM" else node


def fixed(body: Sequence[ast.stmt], dim: int) -> list[ast.stmt]:
    return [Fixed(dim).visit(statement) for statement in body]
