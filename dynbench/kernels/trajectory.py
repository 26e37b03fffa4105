"""The CPU kernel: blocks of trajectories, steps outside, lanes inside.

`begin`, `evaluate` and `advance` are written by the linker from a loss's and a rule's text (see `step`) and come in
as function pointers.  `advance` does the steps until one of its lanes meets a target or leaves its walls.  The rest
is here: the same for all losses and rules, so it is compiled once.  Strict IEEE arithmetic throughout: nothing
depends on which lanes stand side by side.
"""

import math

import numpy as np

from dynbench.kernels.pointer import call
from dynbench.kernels.shape import (
    ADVANCE,
    AMP,
    ASTRAY,
    BEGIN,
    BEST,
    COMMIT,
    DIVERGED,
    END_VALUE,
    ENTER,
    EVALUATE,
    EXIT,
    FINISH,
    GN,
    GONE,
    HAPPEN,
    JUDGE,
    LABEL,
    LAST,
    LR,
    PERIOD,
    PERIODIC,
    PLACES,
    RELEASE,
    REMEMBER,
    SCALARS,
    START,
    STATUS,
    STREAM,
    TALLY,
    VAL,
    WINDOW,
)


def aligned(count):
    """Zeros from a multiple of 64 bytes on: no vector of 512 bits then spans two lines of the cache."""
    room = np.zeros(count + 8)
    first = (-room.ctypes.data // 8) % 8
    return room[first : first + count]


def copy(w, row, lanes, column, first, last):
    """A column's entries first, first + 1, ... into a row; beyond `last` its last one again."""
    here = min(lanes, last - first)
    w[row * lanes : row * lanes + here] = column[first : first + here]
    w[row * lanes + here : (row + 1) * lanes] = column[last - 1]


def furnish(s, w, t, levels, tables, sphere):
    """What is the same for all trajectories: behind the rows the tables, as `events` has it; centre and radii."""
    separators, wells, floors, margins, centres, hessians, halves = tables
    place = s.height * s.lanes
    for column in (levels, separators, floors, margins, centres.ravel(), hessians.ravel(), halves.ravel()):
        w[place : place + column.size] = column
        place += column.size
    counts = (PLACES + s.dim) * s.lanes
    t[counts], t[counts + 1], t[counts + 2] = levels.size, separators.size, wells.size
    t[counts + 3 : counts + 3 + wells.size] = wells
    for d in range(s.dim):
        w[(s.centre + d) * s.lanes : (s.centre + d + 1) * s.lanes] = sphere[0][d]
        w[(s.radii + d) * s.lanes : (s.radii + d + 1) * s.lanes] = sphere[1][d]


def load(s, w, t, columns, hits, first, last):
    """Puts trajectories first, first + 1, ... into the lanes; lanes beyond `last` repeat its last one."""
    x0, parameters, lr, temperature, gradient_noise, stream, start = columns
    lanes = s.lanes
    t[: (PLACES + s.dim) * lanes] = 0
    t[EXIT * lanes : (EXIT + 1) * lanes] = -1
    t[COMMIT * lanes : (COMMIT + 1) * lanes] = -1
    t[LAST * lanes : (LAST + 1) * lanes] = -1
    t[hits:] = -1
    w[: SCALARS * lanes] = 0.0
    w[BEST * lanes : (BEST + 1) * lanes] = math.inf
    for d in range(s.dim):
        copy(w, s.x + d, lanes, x0[d], first, last)
    for p in range(s.parameters):
        copy(w, s.p + p, lanes, parameters[p], first, last)
    copy(w, LR, lanes, lr, first, last)
    copy(w, AMP, lanes, temperature, first, last)
    copy(w, GN, lanes, gradient_noise, first, last)
    copy(t, STREAM, lanes, stream, first, last)
    copy(t, START, lanes, start, first, last)
    copy(t, LABEL, lanes, start, first, last)
    for i in range(lanes):
        w[AMP * lanes + i] = math.sqrt(2.0 * w[AMP * lanes + i] * w[LR * lanes + i])


def trace(s, w, t, first, k, paths):
    """Keeps x_k, and L(x_k) from VAL, of the trajectories whose whole path is wanted; nan once they have diverged."""
    for i in range(min(s.lanes, paths.shape[0] - first)):
        gone = t[STATUS * s.lanes + i] == DIVERGED and t[GONE * s.lanes + i] < k
        for d in range(s.dim):
            paths[first + i, k, d] = math.nan if gone else w[(s.x + d) * s.lanes + i]
        paths[first + i, k, s.dim] = math.nan if gone else w[VAL * s.lanes + i]


def unload(s, w, t, hits, first, last, outputs):
    """What the lanes ended with, into columns first, first + 1, ... up to `last`."""
    times, reached, ends = outputs
    lanes, here = s.lanes, min(s.lanes, last - first)
    for r in range(times.shape[0]):
        times[r, first : first + here] = t[(EXIT + r) * lanes : (EXIT + r) * lanes + here]
    for j in range(reached.shape[0]):
        reached[j, first : first + here] = t[hits + j * lanes : hits + j * lanes + here]
    for r in range(ends.shape[0]):
        row = END_VALUE + r if r < 2 else s.ended + r - 2
        ends[r, first : first + here] = w[row * lanes : row * lanes + here]


def run(s, functions, columns, rows, steps, seed, levels, tables, sphere, outputs, paths, early, stop):
    """Trajectories rows[0] to rows[1] - 1; returns the steps really simulated, summed over trajectories.

    s: the Shape.  functions: addresses of the two doors, of the pair (`step`) and of the block (`lanes` and `ends`), to
    be called with w, t and four integers, of which the fifth or sixth argument tells what is to be done.
    columns: x0 (dim, n), parameters (p, n), lr, temperature, gradient_noise (n,), stream, start basin (n,) int64.
    levels: target values of L, descending.  tables: separators, wells, floors, margins, centres, hessians, halves.
    sphere: centre and radius of each coordinate, outside of which x has diverged.  outputs: times (10, n) int64,
    reached (J, n) int64, ends (2 + dim, n).  paths (m, steps + 1, dim + 1): the first m trajectories, x then L.
    early: whether exact early exit may be used.  stop[0] != 0 ends it at once.
    """
    pair, block = functions
    separators, wells, floors, margins, centres, hessians, halves = tables
    room = levels.size + separators.size + floors.size + margins.size + centres.size + hessians.size + halves.size
    hits = (PLACES + s.dim) * s.lanes + 3 + wells.size  # where in `t` the steps at which targets were hit begin
    w = aligned(s.height * s.lanes + room)
    t = aligned(hits + levels.size * s.lanes).view(np.int64)
    furnish(s, w, t, levels, tables, sphere)
    simulated = 0
    opening = max(steps - WINDOW, 0)  # the window of the verdict begins here
    for first in range(rows[0], rows[1], s.lanes):
        lanes = min(s.lanes, rows[1] - first)
        load(s, w, t, columns, hits, first, rows[1])
        call(pair, w, t, 0, 0, BEGIN, 0)
        call(block, w, t, 0, 0, 0, ENTER)
        traced = first < paths.shape[0]
        leaping = early != 0 and not s.noisy and not traced
        judged = True
        k = 0
        while k < steps:
            if k % PERIOD == 0:
                if stop[0] != 0:
                    return simulated
                if k > 0 and call(block, w, t, 0, 0, 0, ASTRAY):
                    call(pair, w, t, 0, 0, EVALUATE, 0)
                    if call(block, w, t, k, 0, 0, RELEASE) == 0 and not traced:
                        break
                if leaping and opening - k >= PERIOD:
                    same = call(block, w, t, 0, 0, 0, PERIODIC)
                    skipped = (opening - k) // PERIOD * PERIOD if same and k > 0 else 0
                    if s.counting:
                        call(block, w, t, k, skipped, 0, TALLY)
                    elif skipped > 0:  # if one step more moves nothing either, nothing ever moves again
                        if call(pair, w, t, k, k + 1, ADVANCE, seed) % 2:
                            call(block, w, t, k + 1, 0, 0, HAPPEN)
                        simulated += lanes
                        if call(block, w, t, 0, 0, 0, PERIODIC):
                            k = steps
                            break
                        k, skipped = k + 1, skipped - PERIOD
                    k += skipped
            judging = k >= opening and judged
            last = min(k - k % PERIOD + PERIOD, steps if k >= opening else opening)
            if judging or traced:
                call(pair, w, t, 0, 0, EVALUATE, 0)
            if traced:
                trace(s, w, t, first, k, paths)
            if judging:
                call(block, w, t, k, 0, 0, REMEMBER)
            if judging or traced:
                last = k + 1
            done = call(pair, w, t, k, last, ADVANCE, seed)
            simulated += lanes * (done // 2 - k)
            k = done // 2
            if done % 2:
                call(block, w, t, k, 0, 0, HAPPEN)
            if judging:
                judged = call(block, w, t, k, opening, 0, JUDGE) != 0
        call(pair, w, t, 0, 0, EVALUATE, 0)
        if call(block, w, t, 0, 0, 0, ASTRAY):
            call(block, w, t, steps, 0, 0, RELEASE)
        if traced:
            trace(s, w, t, first, steps, paths)
        call(block, w, t, steps, judged, min(WINDOW, steps), FINISH)
        unload(s, w, t, hits, first, rows[1], outputs)
    return simulated
