"""The CPU kernel: blocks of trajectories, steps outside, lanes inside.

`begin`, `evaluate` and `advance` are written by the linker from a loss's and a rule's text (see `step`) and come in
as function pointers.  `advance` does the steps until one of its lanes meets a target or leaves its walls.  The rest
is here: the same for all losses and rules, so it is compiled once.  Strict IEEE arithmetic throughout: nothing
depends on which lanes stand side by side.
"""

import math

import numpy as np

from dynbench.kernels.events import core_at, release, value_met, walls_left, write_ends
from dynbench.kernels.pointer import call
from dynbench.kernels.shape import (
    ABSORBED,
    AMP,
    APART,
    BEST,
    BIG,
    CENSORED,
    COMMIT,
    CONVERGED,
    CROSSINGS,
    CROSSINGS_SNAP,
    CYCLING,
    DIVERGED,
    EXIT,
    FOUND,
    GLOBAL,
    GLOBAL_SNAP,
    GN,
    LABEL,
    LAST,
    LIMITED,
    LIMITED_SNAP,
    LR,
    MARGIN,
    MOVED,
    NEXT,
    PERIOD,
    PLACES,
    SCALARS,
    SINCE,
    STALLED,
    START,
    STATUS,
    STEEP,
    STREAM,
    VAL,
    WINDOW,
)


def copy(w, row, lanes, column, first, last):
    """A column's entries first, first + 1, ... into a row; beyond `last` its last one again."""
    for i in range(lanes):
        w[row * lanes + i] = column[min(first + i, last - 1)]


def load(s, w, t, hits, columns, levels, sphere, first, last):
    """Puts trajectories first, first + 1, ... into the lanes; lanes beyond `last` repeat its last one."""
    x0, parameters, lr, temperature, gradient_noise, stream, start = columns
    lanes = s.lanes
    t[:] = 0
    hits[:] = -1
    w[: SCALARS * lanes] = 0.0
    w[BEST * lanes : (BEST + 1) * lanes] = math.inf
    w[NEXT * lanes : (NEXT + 1) * lanes] = levels[0] if levels.size > 0 else math.nan
    w[MARGIN * lanes : (MARGIN + 1) * lanes] = math.nan
    for d in range(s.dim):
        # the first walls are yet to be found
        w[(s.lo + d) * lanes : (s.lo + d + 1) * lanes] = math.inf if s.labelled else math.nan
        w[(s.hi + d) * lanes : (s.hi + d + 1) * lanes] = math.nan
        w[(s.centre + d) * lanes : (s.centre + d + 1) * lanes] = sphere[0][d]
        w[(s.radii + d) * lanes : (s.radii + d + 1) * lanes] = sphere[1][d]
        copy(w, s.x + d, lanes, x0[d], first, last)
    for p in range(s.parameters):
        copy(w, s.p + p, lanes, parameters[p], first, last)
    copy(w, LR, lanes, lr, first, last)
    copy(w, AMP, lanes, temperature, first, last)
    copy(w, GN, lanes, gradient_noise, first, last)
    for i in range(lanes):
        n = min(first + i, last - 1)
        w[AMP * lanes + i] = math.sqrt(2.0 * w[AMP * lanes + i] * w[LR * lanes + i])
        t[STREAM, i] = stream[n]
        t[START, i] = t[LABEL, i] = start[n]
        t[EXIT, i] = t[COMMIT, i] = t[LAST, i] = -1


def tally(s, w, t, k, skipped):
    """Brings counters over `skipped` steps of a known period: each grows as it did in the last PERIOD steps."""
    times = skipped // PERIOD
    for i in range(s.lanes):
        if s.residence and t[LABEL, i] == 0:
            t[GLOBAL, i] += k - t[SINCE, i]
            t[SINCE, i] = k
        t[CROSSINGS, i] += (t[CROSSINGS, i] - t[CROSSINGS_SNAP, i]) * times
        t[GLOBAL, i] += (t[GLOBAL, i] - t[GLOBAL_SNAP, i]) * times
        w[LIMITED * s.lanes + i] += (w[LIMITED * s.lanes + i] - w[LIMITED_SNAP * s.lanes + i]) * times
        if t[LAST, i] > k - PERIOD:
            t[LAST, i] += skipped
        t[SINCE, i] += skipped
        t[CROSSINGS_SNAP, i] = t[CROSSINGS, i]
        t[GLOBAL_SNAP, i] = t[GLOBAL, i]
        w[LIMITED_SNAP * s.lanes + i] = w[LIMITED * s.lanes + i]


def trace(s, w, first, k, paths):
    """Keeps x_k, and L(x_k) from VAL, of the trajectories whose whole path is wanted."""
    for i in range(min(s.lanes, paths.shape[0] - first)):
        for d in range(s.dim):
            paths[first + i, k, d] = w[(s.x + d) * s.lanes + i]
        paths[first + i, k, s.dim] = w[VAL * s.lanes + i]


def status_of(s, w, i, judged, window):
    """The verdict on lane i; `judged`: whether judging went on to the end (see `lanes`)."""
    if not judged:
        return CENSORED
    if w[MOVED * s.lanes + i] == 0.0:
        return ABSORBED
    if w[BIG * s.lanes + i] == 0.0:
        return CONVERGED if w[STEEP * s.lanes + i] == 0.0 else STALLED
    if w[APART * s.lanes + i] == 0.0 and window > 8:
        return CYCLING
    return CENSORED


def finish(s, w, t, hits, steps, judged, block, tables, outputs):
    """The verdict on each lane of a block that has not diverged, and what it ended with."""
    first, lanes = block
    for i in range(lanes):
        if t[STATUS, i] == DIVERGED:
            continue
        t[STATUS, i] = status_of(s, w, i, judged, min(WINDOW, steps))
        if s.residence and not s.cores and t[LABEL, i] == 0:
            t[GLOBAL, i] += steps + 1 - t[SINCE, i]
        if s.cores:
            t[LABEL, i] = core_at(s, w, i, tables)
        write_ends(s, w, t, hits, i, first + i, steps, outputs)


def run(s, functions, columns, rows, steps, seed, levels, tables, sphere, outputs, paths, early, stop):
    """Trajectories rows[0] to rows[1] - 1; returns the steps really simulated, summed over trajectories.

    s: the Shape.  functions: addresses of what `step` and `lanes` give, to be called with w, t and four integers.
    columns: x0 (dim, n), parameters (p, n), lr, temperature, gradient_noise (n,), stream, start basin (n,) int64.
    levels: target values of L, descending.  tables: separators, wells, floors, margins, centres, hessians, halves.
    sphere: centre and radius of each coordinate, outside of which x has diverged.  outputs: times (10, n) int64,
    reached (J, n) int64, ends (2 + dim, n).  paths (m, steps + 1, dim + 1): the first m trajectories, x then L.
    early: whether exact early exit may be used.  stop[0] != 0 ends it at once.
    """
    begin, evaluate, advance, scan, astray, periodic, remember, judge = functions
    w = np.zeros(s.height * s.lanes)
    t = np.zeros((PLACES + s.dim, s.lanes), np.int64)
    hits = np.zeros((levels.size, s.lanes), np.int64)
    simulated = 0
    opening = max(steps - WINDOW, 0)  # the window of the verdict begins here
    for first in range(rows[0], rows[1], s.lanes):
        lanes = min(s.lanes, rows[1] - first)
        load(s, w, t, hits, columns, levels, sphere, first, rows[1])
        call(begin, w, t, 0, 0, 0, 0)
        watched = 0  # lanes that have left their start's basin and not yet entered a core
        for i in range(s.lanes):
            watched += walls_left(s, w, t, i, 0, tables)
            t[CROSSINGS, i], t[LAST, i] = 0, -1  # finding the first walls is no crossing
        traced = first < paths.shape[0]
        leaping = early != 0 and not s.noisy and not traced
        judged = True
        k = 0
        while k < steps:
            if k % PERIOD == 0:
                if stop[0] != 0:
                    return simulated
                if k > 0 and call(astray, w, t, 0, 0, 0, 0):
                    call(evaluate, w, t, 0, 0, 0, 0)
                    if release(s, w, t, hits, k, (first, lanes), outputs) == 0 and not traced:
                        break
                if leaping and opening - k >= PERIOD:
                    same = call(periodic, w, t, 0, 0, 0, 0)
                    skipped = (opening - k) // PERIOD * PERIOD if same and k > 0 else 0
                    if s.counting:
                        tally(s, w, t, k, skipped)
                    k += skipped
            judging = k >= opening and judged
            last = min(k - k % PERIOD + PERIOD, steps if k >= opening else opening)
            if judging or traced:
                call(evaluate, w, t, 0, 0, 0, 0)
            if traced:
                trace(s, w, first, k, paths)
            if judging:
                call(remember, w, t, k, 0, 0, 0)
            if judging or traced:
                last = k + 1
            done = call(advance, w, t, k, last, watched, seed)
            simulated += lanes * (done // 2 - k)
            k = done // 2
            if done % 2:
                for f in range(call(scan, w, t, 0, 0, 0, 0)):
                    watched += value_met(s, w, t, hits, levels, t[FOUND, f], k - 1)
                    watched += walls_left(s, w, t, t[FOUND, f], k, tables)
            if judging:
                judged = call(judge, w, t, k, opening, 0, 0) != 0
        call(evaluate, w, t, 0, 0, 0, 0)
        if call(astray, w, t, 0, 0, 0, 0):
            release(s, w, t, hits, steps, (first, lanes), outputs)
        for f in range(call(scan, w, t, 0, 0, 0, 0)):
            value_met(s, w, t, hits, levels, t[FOUND, f], steps)
        if traced:
            trace(s, w, first, steps, paths)
        finish(s, w, t, hits, steps, judged, (first, lanes), tables, outputs)
    return simulated
