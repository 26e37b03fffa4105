"""Lifts a loss's and a rule's text to SIMD lanes: one step of all trajectories of a block, as loops over lanes.

The step is first laid out as a list of simple assignments and `for` loops over coordinates.  In few dimensions
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
from typing import Any

from dynbench.kernels.rewrite import CannotLift, cloned, place, rewritten
from dynbench.kernels.unroll import integer

Helper = Callable[[Callable[..., Any]], str]
VECTORS = ("x", "g")  # arguments that are indexed by the coordinate


def name(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def statements(text: str) -> list[ast.stmt]:
    return ast.parse(text).body


class Substitute(ast.NodeTransformer):
    """Replaces names by expressions (the arguments of an inlined function) and renames its locals."""

    def __init__(self, bindings: dict[str, ast.expr], dim: int):
        self.bindings, self.dim = bindings, dim

    def visit_Name(self, node: ast.Name) -> ast.expr:
        found = self.bindings.get(node.id)
        if found is None:
            return node
        if isinstance(node.ctx, ast.Store):
            if not isinstance(found, ast.Name):
                raise CannotLift(f"the argument {node.id!r} cannot be assigned to")
            return ast.Name(found.id, ast.Store())
        return cloned(found)

    def visit_Call(self, node: ast.Call) -> ast.expr:
        if isinstance(node.func, ast.Name) and node.func.id == "len":
            return ast.Constant(self.dim)
        self.generic_visit(node)
        return node

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.value, ast.Tuple):
            place = integer(node.slice, {})
            if not -len(node.value.elts) <= place < len(node.value.elts):
                raise CannotLift(f"state[{place}] is asked for, but `start` gives {len(node.value.elts)} floats")
            return node.value.elts[place]
        return node


def inline(
    function: Callable[..., Any], arguments: list[ast.expr], prefix: str, helper: Helper, dim: int
) -> tuple[list[ast.stmt], ast.expr]:
    """The body of `function` with its arguments put in and its locals prefixed, and the expression it returns."""
    tree = rewritten(function, helper)
    names = [a.arg for a in tree.args.args]
    bindings = dict(zip(names, arguments, strict=True))
    stored = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    for local in stored & set(names):
        raise CannotLift(
            f"{place(function)}: the argument {local!r} is assigned to; give the new value a name of its own"
        )
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript):
            bound = bindings.get(getattr(node.value, "id", ""))
            if not isinstance(bound, ast.Tuple) and getattr(bound, "id", "") not in VECTORS:
                raise CannotLift(f"{place(function, node)}: `{ast.unparse(node)}` indexes what is a number here")
    bindings |= {local: ast.Name(prefix + local, ast.Load()) for local in stored}
    if not tree.body or not isinstance(tree.body[-1], ast.Return) or tree.body[-1].value is None:
        raise CannotLift(f"{place(function)}: the body must end in a return")
    body = [Substitute(bindings, dim).visit(statement) for statement in tree.body]
    last = body.pop()
    return [s for statement in body for s in simple(statement, function, prefix)], last.value


def simple(statement: ast.stmt, function: Callable[..., Any], prefix: str) -> list[ast.stmt]:
    """Assignments to one target each, and `for` loops of such."""
    match statement:
        case ast.AugAssign(target, op, value):
            left = cloned(target)
            left.ctx = ast.Load()
            return [ast.Assign([target], ast.BinOp(left, op, value))]
        case ast.AnnAssign(target, _, value) if value is not None:
            return [ast.Assign([target], value)]
        case ast.Assign([ast.Tuple(targets)], ast.Tuple(values)) if len(targets) == len(values):
            held = [ast.Name(f"{prefix}held_{k}", ast.Load()) for k in range(len(values))]
            copies = [ast.Assign([ast.Name(h.id, ast.Store())], v) for h, v in zip(held, values, strict=True)]
            return [*copies, *(ast.Assign([t], h) for t, h in zip(targets, held, strict=True))]
        case ast.Assign([ast.Tuple(targets)], ast.Tuple(values)):
            why = (
                f"{len(targets)} names for {len(values)} values (a state is as long as the tuple that `start` returns)"
            )
            raise CannotLift(f"{place(function, statement)}: {why}")
        case ast.Assign([ast.Name() | ast.Subscript()], _):
            return [statement]
        case ast.Assign([ast.Tuple(targets)], ast.Call()) if all(isinstance(t, ast.Name) for t in targets):
            return [statement]  # a helper that returns a tuple
        case ast.For(ast.Name(), ast.Call(ast.Name("range")), body, []):
            statement.body = [s for inner in body for s in simple(inner, function, prefix)]
            return [statement]
        case ast.Expr(ast.Constant()) | ast.Pass():
            return []
    raise CannotLift(
        f"{place(function, statement)}: only assignments, `for ... in range(...)`, `a if c else b` and one return"
        " can be lifted"
    )


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
        known = self.layout.moving | self.layout.rows
        return self.place(str(known[node.id]), node.ctx) if node.id in known else node

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        assert isinstance(node.value, ast.Name)
        first = (self.layout.moving | self.layout.rows)[node.value.id]
        return self.place(f"({first} + {ast.unparse(node.slice)})", node.ctx)

    @staticmethod
    def place(row: str, ctx: ast.expr_context) -> ast.expr:
        place = ast.parse(f"w[{row} * LANES + i]", mode="eval").body
        place.ctx = ctx  # type: ignore[attr-defined]
        return place


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
