"""Walls around lanes whose basins are no products of intervals: within them nothing can happen.  See `events`.

A commit is known by the cores alone, ellipsoids around the minima.  An exit is known by the loss's flow (see `flow`):
exactly where that has a table, which tells how far around a point its basin surely reaches.  Else (BOUNDED) a lane is
surely inside while L stays below the lowest pass on the whole way (see `Step.claimed`); where it may not, the flow
settles it point by point, while it has taken no more than SHARE evaluations a step and FREE more.  Then MAYBE is
written, and EXIT only where the flow confirms a commit, or the end.
"""

import math

import numpy as np

from dynbench.kernels.events import core_at, depth, measure, set_free
from dynbench.kernels.pointer import call
from dynbench.kernels.shape import (
    BEFORE,
    CEILING,
    COMMIT,
    DOMAIN,
    EXIT,
    FLOW_CELLS,
    FLOW_DOOR,
    FLOW_FLOATS,
    FREE,
    GIVEN,
    GIVEN_ROW,
    LARGEST,
    LENGTH,
    LOOK,
    MAYBE,
    PREVIOUS,
    ROOM,
    SEPARATORS,
    SHARE,
    SPENT,
    START,
    TABLES,
    TARGETS,
    TOP,
    WELLS,
)

LANES = DIM = X = LO = HI = COUNTS = BOUNDED = CLAIM = 0


def fence(w, t, i, k):
    """Lane i has left its walls: is it in another core, or outside its basin?  New walls while either may yet be."""
    start = t[START * LANES + i]
    awaited = t[COMMIT * LANES + i] < 0 and t[COUNTS + WELLS] > 1  # with one core there is none to be entered
    bordered = BOUNDED or t[COUNTS + FLOW_CELLS] != 0  # else no way leads out of the only basin
    inside = bordered and start >= 0 and t[EXIT * LANES + i] < 0
    if awaited:
        core = core_at(w, t, i)
        if core >= 0 and core != start:
            t[COMMIT * LANES + i] = k
            awaited = False
            if BOUNDED and inside and t[MAYBE * LANES + i] >= 0:
                label = flow_label(w, t, i, X)
                if label >= 0 and label != start:
                    t[EXIT * LANES + i] = k
                    inside = False
    if not BOUNDED and inside and flow_label(w, t, i, X) != start:
        t[EXIT * LANES + i] = t[MAYBE * LANES + i] = k
        inside = False
    set_free(w, i)  # if nothing more depends on where it is, until the end
    if inside and not (BOUNDED and t[MAYBE * LANES + i] >= 0) and (not BOUNDED or within_domain(w, t, i, X)):
        first = t[COUNTS + ROOM] + 2 * DIM + t[COUNTS + GIVEN]
        for d in range(DIM):
            lo, hi = (LO + d) * LANES + i, (HI + d) * LANES + i
            w[lo], w[hi] = max(w[lo], w[first + d]), min(w[hi], w[first + DIM + d])
    elif BOUNDED and inside and t[MAYBE * LANES + i] < 0:
        w[(CLAIM + LENGTH) * LANES + i] = LARGEST  # no curvature is known out there, so the next step is doubtful
    if awaited:
        avoid_cores(w, t, i)
    measure(w, i)


def flow_label(w, t, i, row):
    """The label of the basin that holds the x of lane i in `row`; how far it surely reaches stands in the room."""
    room = t[COUNTS + ROOM]
    for d in range(DIM):
        w[room + d] = w[(row + d) * LANES + i]
    for p in range(t[COUNTS + GIVEN]):
        w[room + DIM + p] = w[(t[COUNTS + GIVEN_ROW] + p) * LANES + i]
    return call(t[COUNTS + FLOW_DOOR], w, t, room, t[COUNTS + FLOW_FLOATS], t[COUNTS + FLOW_CELLS], LOOK)


def within_domain(w, t, i, row):
    """Whether the x of lane i in `row` is in the domain, which then stands in the room; so does, in front, the lowest
    pass out of the start's basin."""
    room = t[COUNTS + ROOM]
    call(t[COUNTS + FLOW_DOOR], w, t, room, t[COUNTS + FLOW_FLOATS], t[START * LANES + i], DOMAIN)
    first, within = room + 2 * DIM + t[COUNTS + GIVEN], True
    for d in range(DIM):
        x = w[(row + d) * LANES + i]
        within &= (x >= w[first + d]) & (x <= w[first + DIM + d])
    return within


def claim_begins(w, t, i):
    """Lane i starts in its basin, and is known to be there while L stays below the lowest pass."""
    for r in range(PREVIOUS):
        w[(CLAIM + r) * LANES + i] = 0.0
    w[(CLAIM + BEFORE) * LANES + i] = -LARGEST
    w[(CLAIM + CEILING) * LANES + i] = LARGEST
    if t[START * LANES + i] >= 0:
        within_domain(w, t, i, X)
        w[(CLAIM + CEILING) * LANES + i] = w[t[COUNTS + ROOM]]


def certify(w, t, i, k):
    """L on the way to x_k of lane i, in PREVIOUS, is not surely below the lowest pass: the flow from there tells if
    it is outside, as long as it costs little."""
    if not w[(CLAIM + TOP) * LANES + i] > w[(CLAIM + CEILING) * LANES + i]:
        return
    if t[MAYBE * LANES + i] >= 0 or t[START * LANES + i] < 0:
        w[(CLAIM + CEILING) * LANES + i] = LARGEST
        return
    if k > 0:
        known = t[SPENT * LANES + i] <= SHARE * k + FREE
        label = flow_label(w, t, i, CLAIM + PREVIOUS) if known else -2
        t[SPENT * LANES + i] += np.int64(w[t[COUNTS + ROOM] + 4 * DIM + t[COUNTS + GIVEN]]) if known else 0
        if label != t[START * LANES + i]:
            t[MAYBE * LANES + i] = k
            w[(CLAIM + CEILING) * LANES + i] = LARGEST
            if label >= 0:
                t[EXIT * LANES + i] = k
    if not within_domain(w, t, i, CLAIM + PREVIOUS):
        w[(CLAIM + LENGTH) * LANES + i] = LARGEST
    w[LO * LANES + i] = LARGEST  # so that new walls are looked for


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
