"""The compiled gradient flow of a loss: where its numbers stand in memory, the text of its module, its door.

The functions are in `flow`; `slope`, which they call, is written here from the loss's text.
All that a loss's flow depends on lies in one array of floats, which every thread reads and none writes.
"""

import ast
from functools import cache
from typing import Any

from dynbench.kernels import dop853, shape
from dynbench.kernels.language import Vector, argument, floating, inlined
from dynbench.kernels.lift import fresh
from dynbench.kernels.link import address
from dynbench.kernels.texts import CALLED, DOOR, HEAD, POINTERS, Helpers, constants, door, functions_of
from dynbench.kernels.unroll import fixed, unroll
from dynbench.losses.base import Loss

# the shared floats: tolerance of a step, times the domain's half-widths; step of a descent that is surely stable;
# numbers of minima and of stops; the table's cells along a side, their parts, low corner,
# widths of its parts, longest step of a trace
TOLERANCE, RATE, MINIMA, STOPS, CELLS, PARTS, CORNER, WIDTH, SPACING = 0, 1, 2, 3, 4, 5, 6, 8, 10
COEFFICIENTS = 16
ERRORS = COEFFICIENTS + dop853.STAGES * (dop853.STAGES + 1)
FIRST = ERRORS + 2 * dop853.STAGES  # from here on centre and half-widths of the domain, (dim,) each; then the minima,
WELL = 3  # (dim + WELL) each: x, square of the radius of a ball that lies in its basin, lowest pass; then the stops
DISTANCE_BITS = 12  # of a certain cell's code: how far, in cells, the nearest doubtful cell is, less one

STILL = 1e-12  # times the domain's half-widths: a first step this short means that the point is critical
LONGEST = 100_000  # steps of a flow


@cache
def places(dim: int, parameters: int) -> dict[str, int]:
    """Where things stand in the room that a point's flow needs, from the point's x on; ROOM is its size."""
    found, first = {}, 0
    sizes = {"P": parameters, "NEW": dim, "LO": dim, "HI": dim, "COUNT": 1, "K": dop853.STAGES * dim}
    for which, size in {"X": dim, **sizes}.items():
        found[which] = first
        first += size
    return found | {"ROOM": first}


class Indexed(ast.NodeTransformer):
    """x[d] and g[d] as places of `w`."""

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        place = ast.parse(f"w[{ast.unparse(node.value)} + ({ast.unparse(node.slice)})]", mode="eval").body
        place.ctx = node.ctx  # type: ignore[attr-defined]
        return place


def slope_text(loss: Loss, helpers: Helpers) -> str:
    """`slope(w, x, g, p)`: L at w[x], ..., its gradient from w[g] on, the loss's parameters from w[p] on."""
    assert loss.dim is not None
    assert loss.value_grad is not None
    given = [argument(f"p_{n}") for n in loss.parameters]
    vectors = [Vector("x", loss.dim), Vector("g", loss.dim, writable=True)]
    body, value = inlined(loss.value_grad, [*vectors, *given], helpers, fresh(), "l")
    body = fixed([*body, ast.Assign([ast.Name("value", ast.Store())], floating(value, loss.value_grad))], loss.dim)
    lines = [f"p_{n} = w[p + {k}]" for k, n in enumerate(loss.parameters)]
    if loss.dim <= 4:
        lines += [f"x_{d} = w[x + {d}]" for d in range(loss.dim)]
        body = unroll(body, {})
    else:
        body = [Indexed().visit(statement) for statement in body]
    lines += [line for s in body for line in ast.unparse(ast.fix_missing_locations(s)).splitlines()]
    if loss.dim <= 4:
        lines += [f"w[g + {d}] = g_{d}" for d in range(loss.dim)]
    return "\n".join(["def slope(w, x, g, p):", *("    " + line for line in [*lines, "return value"])]) + "\n"


@cache
def flow_source(loss: Loss) -> str:
    """The text of a loss's flow.  Raises CannotLift where the loss's text forbids it."""
    assert loss.dim is not None
    helpers = Helpers()
    slope = CALLED + slope_text(loss, helpers)
    known: dict[str, Any] = {n: v for n, v in globals().items() if n.isupper() and isinstance(v, int | float)}
    known |= {"DIM": loss.dim, "STAGES": dop853.STAGES, "BEYOND": 10.0 * shape.RADIUS}
    known |= places(loss.dim, len(loss.parameters))
    head = HEAD.format(what=f" from the text of the loss {loss.name}, for its gradient flow")
    texts = [CALLED + text for _, text in functions_of("flow")]
    pointers = [text for _, text in functions_of("pointer")]
    lines = [head, POINTERS, constants(known), *pointers, *helpers.texts.values(), DOOR, slope, *texts]
    return "\n".join([*lines, door(("look", "domain", "many", "slopes", "trace"), 5)])


def link_flow(loss: Loss) -> int:
    """The address of a loss's compiled flow."""
    return address(flow_source(loss))
