"""The CPU kernel: blocks of trajectories, steps outside, lanes inside.

`begin`, `evaluate` and `advance` are written by the linker from a loss's and a rule's text (see `step`) and come in
as function pointers.  `advance` does the steps until one of its lanes meets a target or leaves its walls.  The rest
is here: the same for all losses and rules, so it is compiled once.  Strict IEEE arithmetic throughout: nothing
depends on which lanes stand side by side.
"""

from dynbench.kernels.columns import furnish, load, trace, unload
from dynbench.kernels.pointer import call
from dynbench.kernels.pools import fill, give, ready
from dynbench.kernels.shape import (
    ADVANCE,
    ASTRAY,
    BEGIN,
    DIVERGED,
    ENTER,
    EVALUATE,
    FINISH,
    FOUND,
    HAPPEN,
    JUDGE,
    OWN,
    PATIENCE,
    PERIOD,
    PERIODIC,
    PLACES,
    POOLS,
    RELEASE,
    REMEMBER,
    STATUS,
    TALLY,
    WINDOW,
)


def under_way(s, w, t):
    """How many lanes are not where they were PERIOD steps ago, memory included; they are marked as FOUND."""
    count = 0
    for i in range(s.lanes):
        moved = 0
        for row in range(s.dim * (1 + s.state)):
            now = (s.x + row if row < s.dim else s.s + row - s.dim) * s.lanes + i
            moved |= w[now] != w[(s.snap + row) * s.lanes + i]
        t[FOUND * s.lanes + i] = moved if t[STATUS * s.lanes + i] != DIVERGED else 0
        count += t[FOUND * s.lanes + i]
    return count


def proceed(s, functions, w, t, k, split, steps, seed, leaping, tracing, paths, stop):
    """A block from step k to its end; or, where few lanes are under way, to step `split`, 2 `split`, 4 `split`, ...

    Returns k, steps really simulated, whether the status was judged to the last, and whether it has come to the end
    (else: 1, to be split at k; 2, stopped).  tracing: the first trajectory of a block whose paths are kept, else -1.
    """
    pair, block = functions
    opening = max(steps - WINDOW, 0)  # the window of the verdict begins here
    judged = True
    simulated = 0
    while k < steps:
        if k % PERIOD == 0:
            if stop[0] != 0:
                return k, simulated, judged, 2
            if k > 0 and call(block, w, t, 0, 0, 0, ASTRAY):
                call(pair, w, t, 0, 0, EVALUATE, 0)
                if call(block, w, t, k, 0, 0, RELEASE) == 0 and tracing < 0:
                    break
            if leaping and opening - k >= PERIOD:
                if k == split:
                    split = 2 * k if 2 * k <= PATIENCE << (POOLS - 1) else 0
                    if 0 < under_way(s, w, t) <= s.lanes // 2:
                        return k, simulated, judged, 1
                same = call(block, w, t, 0, 0, 0, PERIODIC)
                skipped = (opening - k) // PERIOD * PERIOD if same and k > 0 else 0
                if s.counting:
                    call(block, w, t, k, skipped, 0, TALLY)
                elif skipped > 0:  # if one step more moves nothing either, nothing ever moves again
                    if call(pair, w, t, k, k + 1, ADVANCE, seed) % 2:
                        call(block, w, t, k + 1, 0, 0, HAPPEN)
                    simulated += 1
                    if call(block, w, t, 0, 0, 0, PERIODIC):
                        break
                    k, skipped = k + 1, skipped - PERIOD
                k += skipped
        judging = k >= opening and judged
        last = min(k - k % PERIOD + PERIOD, steps if k >= opening else opening)
        if judging or tracing >= 0:
            call(pair, w, t, 0, 0, EVALUATE, 0)
            last = k + 1
        if tracing >= 0:
            trace(s, w, t, tracing, k, paths)
        if judging:
            call(block, w, t, k, 0, 0, REMEMBER)
        done = call(pair, w, t, k, last, ADVANCE, seed)
        simulated += done // 2 - k
        k = done // 2
        if done % 2:
            call(block, w, t, k, 0, 0, HAPPEN)
        if judging:
            judged = call(block, w, t, k, opening, 0, JUDGE) != 0
    return steps, simulated, judged, 0


def run(s, functions, columns, rows, steps, seed, levels, tables, sphere, outputs, paths, early, stop, w, t, used):
    """Trajectories rows[0] to rows[1] - 1; returns the steps really simulated, summed over trajectories.

    s: the Shape.  functions: addresses of the two doors, of the pair (`step`) and of the block (`lanes` and `ends`), to
    be called with w, t and four integers, of which the fifth or sixth argument tells what is to be done.
    columns: x0 (dim, n), parameters (p, n), lr, temperature, gradient_noise (n,), stream, start basin (n,) int64.
    levels: target values of L, descending.  tables: separators, wells, floors, margins, centres, hessians, halves.
    sphere: centre and radius of each coordinate, outside of which x has diverged.  outputs: times (10, n) int64,
    reached (J, n) int64, ends (2 + dim, n).  paths (m, steps + 1, dim + 1): the first m trajectories, x then L.
    early: whether exact early exit may be used.  stop[0] != 0 ends it at once.  w, t, used: see `scratch`.
    """
    pair, block = functions
    hits = (PLACES + s.dim) * s.lanes + 3 + tables[1].size  # where in `t` the steps at which targets were hit begin
    for j in range(used.size):
        furnish(s, w[j], t[j], levels, tables, sphere)
    simulated = 0
    first = rows[0]
    while True:
        j = ready(s, used, first < rows[1])
        if j < 0:
            return simulated
        here, there = w[j], t[j]
        k = 0 if j == 0 else PATIENCE << (j - 1)
        split = PATIENCE << j if j + 1 < used.size else 0
        tracing = -1
        if j > 0:
            fill(s, w, t, hits, used, j)
        else:
            load(s, here, there, columns, hits, first, rows[1])
            call(pair, here, there, 0, 0, BEGIN, 0)
            call(block, here, there, 0, 0, 0, ENTER)
            tracing = first if first < paths.shape[0] else -1
            first += s.lanes
        leaping = early != 0 and not s.noisy and tracing < 0
        way = 1
        while way == 1:
            k, more, judged, way = proceed(
                s, functions, here, there, k, split, steps, seed, leaping, tracing, paths, stop
            )
            for i in range(s.lanes):
                simulated += more * (there[OWN * s.lanes + i] >= 0)
            if way == 2:
                return simulated
            if way == 1:
                pool, split = 1, 0
                while PATIENCE << (pool - 1) < k:
                    pool += 1
                give(s, w, t, hits, used, j, pool)
        call(pair, here, there, 0, 0, EVALUATE, 0)
        if call(block, here, there, 0, 0, 0, ASTRAY):
            call(block, here, there, steps, 0, 0, RELEASE)
        if tracing >= 0:
            trace(s, here, there, tracing, steps, paths)
        call(block, here, there, steps, judged, min(WINDOW, steps), FINISH)
        unload(s, here, there, hits, outputs)
