"""Loops over coordinates, made one where no coordinate needs what another leaves.

Then the gradient's arithmetic and the rule's divisions, which have units of their own in a processor, overlap.
"""

import ast
from collections.abc import Sequence

from dynbench.kernels.rewrite import cloned


def fused(body: Sequence[ast.stmt], dim: int) -> list[ast.stmt]:
    """The same statements, loops joined with the one before where nothing in between forbids it."""
    done: list[ast.stmt] = []
    for statement in body:
        place = next((k for k in reversed(range(len(done))) if isinstance(done[k], ast.For)), None)
        if place is not None and isinstance(statement, ast.For):
            first, between = done[place], done[place + 1 :]
            assert isinstance(first, ast.For)
            if may_join(first, between, statement, dim) and not outlives(statement, body):
                done[place] = joined(first, statement)
                continue
        done.append(statement)
    return done


def may_join(first: ast.For, between: Sequence[ast.stmt], second: ast.For, dim: int) -> bool:
    """Both go over all coordinates and touch each by itself; `second` shares no scalar with `first`, and nothing that
    either writes with what stands between."""
    if not (whole(first, dim) and whole(second, dim)):
        return False
    reads, writes, vectors = used([second])
    read, written, _ = used([first])
    own = vectors | {n.target.id for n in (first, second) if isinstance(n.target, ast.Name)}
    if writes & (read | written) - own or reads & written - own:
        return False
    others, made, _ = used(between)
    return not (writes & (others | made) or reads & made)


def outlives(loop: ast.For, body: Sequence[ast.stmt]) -> bool:
    """Whether a loop's variable is read outside of loops, where it would no longer be known."""
    assert isinstance(loop.target, ast.Name)
    return loop.target.id in used([s for s in body if not isinstance(s, ast.For)])[0]


def whole(loop: ast.For, dim: int) -> bool:
    """Whether a loop is over all coordinates, holds assignments only and touches no coordinate but its own."""
    assert isinstance(loop.target, ast.Name)
    if ast.unparse(loop.iter) not in ("range(DIM)", f"range({dim})"):
        return False
    own = all(isinstance(n.slice, ast.Name) and n.slice.id == loop.target.id for n in subscripts(loop.body))
    return own and all(isinstance(statement, ast.Assign | ast.Pass) for statement in loop.body)


def subscripts(body: Sequence[ast.stmt]) -> list[ast.Subscript]:
    return [node for statement in body for node in ast.walk(statement) if isinstance(node, ast.Subscript)]


def used(body: Sequence[ast.stmt]) -> tuple[set[str], set[str], set[str]]:
    """Names that are read, that are written, and those among them that are vectors."""
    nodes = [node for statement in body for node in ast.walk(statement)]
    reads = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    writes = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    vectors = [n for n in nodes if isinstance(n, ast.Subscript) and isinstance(n.value, ast.Name)]
    writes |= {n.value.id for n in vectors if isinstance(n.ctx, ast.Store) and isinstance(n.value, ast.Name)}
    return reads, writes, {n.value.id for n in vectors if isinstance(n.value, ast.Name)}


class Renamed(ast.NodeTransformer):
    def __init__(self, old: str, new: str):
        self.old, self.new = old, new

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name(self.new, node.ctx) if node.id == self.old else node


def joined(first: ast.For, second: ast.For) -> ast.For:
    """One loop that does for each coordinate what the first does, then, for all lanes anew, what the second does."""
    assert isinstance(first.target, ast.Name)
    assert isinstance(second.target, ast.Name)
    names = Renamed(second.target.id, first.target.id)
    return ast.For(
        first.target, first.iter, [*first.body, ast.Pass(), *(names.visit(cloned(s)) for s in second.body)], []
    )
