"""Lifts a loss's and a rule's statements to SIMD lanes: one step of all trajectories of a block, as loops over lanes.

The step comes as a list of simple assignments (see `language`) and `for` loops over coordinates.  In few dimensions
the `for` loops are unrolled and coordinates become scalars, so that the whole step is one loop over the lanes.
In many dimensions the loops over coordinates stay outside: each run of assignments becomes one loop over the
lanes, and a local that one run hands to another becomes a row of lanes.

All rows live in one flat array `w`; row r, lane i is w[r * LANES + i].  With a single base address and constant
offsets LLVM sees that rows never overlap, which is what keeps these loops vectorised without run-time checks.
"""

import ast
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import count

from dynbench.kernels.rewrite import cloned


def name(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def statements(text: str) -> list[ast.stmt]:
    return ast.parse(text).body


@dataclass
class Layout:
    """Where everything stands in `w`: rows of LANES numbers each."""

    rows: dict[str, int] = field(default_factory=dict)  # name -> first row
    height: int = 0
    moving: dict[str, str] = field(default_factory=dict)  # name -> text of the first row, where it changes

    def add(self, row: str, rows: int = 1) -> None:
        self.rows[row] = self.height
        self.height += rows


class Rows(ast.NodeTransformer):
    """Turns names that are rows, and coordinates of vectors, into places of `w`."""

    def __init__(self, layout: Layout):
        self.layout = layout

    def visit_Name(self, node: ast.Name) -> ast.expr:
        known = node.id in self.layout.rows or node.id in self.layout.moving
        return self.place(self.first(node.id), node.ctx) if known else node

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        assert isinstance(node.value, ast.Name)
        return self.place(ast.BinOp(self.first(node.value.id), ast.Add(), node.slice), node.ctx)

    def first(self, row: str) -> ast.expr:
        """The first row of a name."""
        known = self.layout.rows.get(row)
        return name(self.layout.moving[row]) if known is None else ast.Constant(known)

    @staticmethod
    def place(row: ast.expr, ctx: ast.expr_context) -> ast.expr:
        block = ast.BinOp(row, ast.Mult(), ast.Name("LANES", ast.Load()))
        there = ast.BinOp(block, ast.Add(), ast.Name("i", ast.Load()))
        return ast.Subscript(ast.Name("w", ast.Load()), there, ctx)


def names_written(statement: ast.stmt) -> set[str]:
    """Names that an assignment writes (not the places of a vector)."""
    assert isinstance(statement, ast.Assign)
    targets = statement.targets[0].elts if isinstance(statement.targets[0], ast.Tuple) else statement.targets
    return {t.id for t in targets if isinstance(t, ast.Name)}


def exposed(run: list[ast.stmt]) -> set[str]:
    """Names that a run reads before it writes them."""
    read: set[str] = set()
    written: set[str] = set()
    for statement in run:
        assert isinstance(statement, ast.Assign)
        read |= {n.id for n in ast.walk(statement.value) if isinstance(n, ast.Name)} - written
        written |= names_written(statement)
    return read


def runs(body: Iterable[ast.stmt]) -> Iterable[list[ast.stmt]]:
    """Every longest run of simple statements, at any depth; `pass` ends one."""
    run: list[ast.stmt] = []
    for statement in body:
        if isinstance(statement, ast.Assign):
            run.append(statement)
            continue
        yield run
        run = []
        if isinstance(statement, ast.For):
            yield from runs(statement.body)
    yield run


def over_lanes(body: list[ast.stmt], layout: Layout, scalars: set[str]) -> list[ast.stmt]:
    """The statements as loops over lanes, loops over coordinates outside.  `scalars` belong to the whole block."""
    local = {name for run in runs(body) for statement in run for name in names_written(statement)}
    shared = {n for run in runs(body) for n in exposed(run)} & local - scalars - set(layout.rows)
    for row in sorted(shared):
        layout.add(row)

    def emit(body: list[ast.stmt]) -> list[ast.stmt]:
        emitted: list[ast.stmt] = []
        run: list[ast.stmt] = []
        for statement in [*body, None]:
            if isinstance(statement, ast.Assign):
                run.append(Rows(layout).visit(cloned(statement)))
                continue
            if run:
                emitted.append(ast.For(ast.Name("i", ast.Store()), name("range(LANES)"), run, []))
                run = []
            if isinstance(statement, ast.For):
                emitted.append(ast.For(statement.target, statement.iter, emit(statement.body), []))
        return emitted

    return emit(body)


def fresh() -> Callable[[str], str]:
    """Prefixes that never meet: one for each inlined function."""
    number = count()
    return lambda stem: f"{stem}{next(number)}_"
