"""Walls around lanes whose basins are no products of intervals: within them nothing can happen.  See `events`.

A commit is known by the cores alone, ellipsoids around the minima; an exit by the loss's flow (see `flow`), which knows
how far around a point its basin surely reaches, or settles it for that point.
"""

import math

from dynbench.kernels.events import core_at, depth, set_free
from dynbench.kernels.pointer import call
from dynbench.kernels.shape import (
    COMMIT,
    EXIT,
    FLOW_CELLS,
    FLOW_DOOR,
    FLOW_FLOATS,
    GIVEN,
    GIVEN_ROW,
    MAYBE,
    ROOM,
    SEPARATORS,
    START,
    TABLES,
    TARGETS,
    WELLS,
)

LANES = DIM = X = LO = HI = COUNTS = 0


def fence(w, t, i, k):
    """Lane i has left its walls: is it in another core, or outside its basin?  New walls while either may yet be."""
    start = t[START * LANES + i]
    awaited = t[COMMIT * LANES + i] < 0 and t[COUNTS + WELLS] > 1  # with one core there is none to be entered
    if awaited:
        core = core_at(w, t, i)
        if core >= 0 and core != start:
            t[COMMIT * LANES + i] = k
            awaited = False
    inside = start >= 0 and t[EXIT * LANES + i] < 0 and t[COUNTS + FLOW_DOOR] != 0
    if inside and flow_label(w, t, i) != start:
        t[EXIT * LANES + i] = t[MAYBE * LANES + i] = k
        inside = False
    if not (awaited or inside):
        set_free(w, i)  # nothing more depends on where it is, until the end
        return
    set_free(w, i)
    if inside:
        first = t[COUNTS + ROOM] + 2 * DIM + t[COUNTS + GIVEN]
        for d in range(DIM):
            lo, hi = (LO + d) * LANES + i, (HI + d) * LANES + i
            w[lo], w[hi] = max(w[lo], w[first + d]), min(w[hi], w[first + DIM + d])
    if awaited:
        avoid_cores(w, t, i)


def flow_label(w, t, i):
    """The label of the basin that holds lane i; how far it surely reaches stands in the room of the flow."""
    room = t[COUNTS + ROOM]
    for d in range(DIM):
        w[room + d] = w[(X + d) * LANES + i]
    for p in range(t[COUNTS + GIVEN]):
        w[room + DIM + p] = w[(t[COUNTS + GIVEN_ROW] + p) * LANES + i]
    return call(t[COUNTS + FLOW_DOOR], w, t, room, t[COUNTS + FLOW_FLOATS], t[COUNTS + FLOW_CELLS], 0)


def avoid_cores(w, t, i):
    """Draws the walls of lane i in so far that no other core reaches into them."""
    many = t[COUNTS + WELLS]
    centres = t[COUNTS + TABLES] + t[COUNTS + TARGETS] + t[COUNTS + SEPARATORS] + 2 * many
    halves = centres + many * DIM + many * DIM * DIM
    for j in range(many):
        if j == t[START * LANES + i]:
            continue
        axis, gap = 0, -math.inf  # the axis along which x is farthest from the box around core j
        for d in range(DIM):
            away = abs(w[(X + d) * LANES + i] - w[centres + j * DIM + d]) - w[halves + j * DIM + d]
            if away > gap:
                axis, gap = d, away
        lo, hi = (LO + axis) * LANES + i, (HI + axis) * LANES + i
        centre, half = w[centres + j * DIM + axis], w[halves + j * DIM + axis]
        if gap <= 0.0:
            squeeze(w, t, i, j)
        elif w[(X + axis) * LANES + i] < centre:
            w[hi] = min(w[hi], centre - half)
        else:
            w[lo] = max(w[lo], centre + half)


def squeeze(w, t, i, j):
    """Lane i is in core j's box but outside its ellipsoid: walls at x +- r, a cube that stays outside.

    sqrt((y - m)' H (y - m)) changes by at most |H|^(1/2) |y - x| <= (|H| dim)^(1/2) r, |H| being the Frobenius norm.
    """
    many = t[COUNTS + WELLS]
    margins = t[COUNTS + TABLES] + t[COUNTS + TARGETS] + t[COUNTS + SEPARATORS] + many
    hessian = margins + many + many * DIM + j * DIM * DIM
    square = 0.0
    for a in range(DIM * DIM):
        square += w[hessian + a] * w[hessian + a]
    outside = math.sqrt(depth(w, t, i, j)) * (1.0 - 1e-9) - math.sqrt(2.0 * w[margins + j])
    r = max(outside, 0.0) / math.sqrt(math.sqrt(square) * DIM)
    for d in range(DIM):
        x, lo, hi = w[(X + d) * LANES + i], (LO + d) * LANES + i, (HI + d) * LANES + i
        w[lo], w[hi] = max(w[lo], x - r), min(w[hi], x + r)
