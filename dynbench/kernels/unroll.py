"""Loops over few coordinates, written out: x[d + 1] becomes x_3, a scalar."""

import ast
from collections.abc import Iterable, Sequence

from dynbench.kernels.rewrite import CannotLift, cloned


def integer(node: ast.expr, known: dict[str, int]) -> int:
    """Value of an index expression whose loop variables are known."""
    code = ast.fix_missing_locations(ast.Expression(cloned(node)))
    if any(isinstance(n, ast.Call | ast.Attribute) for n in ast.walk(code)):
        raise CannotLift(f"the index {ast.unparse(node)!r} is not made of loop variables and whole numbers")
    try:
        return int(eval(compile(code, "<index>", "eval"), {"__builtins__": {}}, dict(known)))
    except NameError as error:
        raise CannotLift(f"the index {ast.unparse(node)!r} must be made of loop variables and whole numbers") from error


class Known(ast.NodeTransformer):
    """Puts the value of a loop variable into an unrolled body: x[d + 1] becomes x_3."""

    def __init__(self, known: dict[str, int]):
        self.known = known

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.Constant(self.known[node.id]) if node.id in self.known else node

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
    return flat


class Fixed(ast.NodeTransformer):
    """Puts the dimension into loop bounds."""

    def __init__(self, dim: int):
        self.dim = dim

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.Constant(self.dim) if node.id == "DIM" else node


def fixed(body: Sequence[ast.stmt], dim: int) -> list[ast.stmt]:
    return [Fixed(dim).visit(statement) for statement in body]
