"""The CPU kernel: blocks of trajectories, steps outside, lanes inside.

`begin`, `evaluate` and `advance` are written from a loss's and a rule's text (see `step`) and come in
as function pointers.  `advance` does the steps until one of its lanes meets a target or leaves its walls.  The rest
is here: the same for all losses and rules, so it is compiled once.  Strict IEEE arithmetic throughout: nothing
depends on which lanes stand side by side.
"""

from dynbench.kernels.columns import furnish, load, trace, unload
from dynbench.kernels.pointer import call
from dynbench.kernels.pools import fill, give, ready, settle, stand_in
from dynbench.kernels.shape import (
    ADVANCE,
    BEGIN,
    DIVERGED,
    ENTER,
    EVALUATE,
    FINISH,
    FOUND,
    HAPPEN,
    JUDGE,
    KEPT,
    LABELS,
    OWN,
    PERIOD,
    PERIODIC,
    PERIODS,
    PLACES,
    RELEASE,
    REMEMBER,
    STATUS,
    TALLY,
    UNDER_WAY,
    WINDOW,
    WRAP,
)


def let_go(s, functions, w, t, k):
    """Lanes FOUND to have diverged end at step k, and repeat others from then on; how many go on."""
    pair, block = functions
    call(pair, w, t, 0, 0, EVALUATE, 0)
    alive = call(block, w, t, k, 0, 0, RELEASE)
    for i in range(s.lanes if alive > 0 else 0):
        if t[FOUND * s.lanes + i]:
            source = (i + s.lanes // 2) % s.lanes  # far from where neighbours diverge one after the other
            while t[STATUS * s.lanes + source] == DIVERGED:
                source = (source + 1) % s.lanes
            stand_in(s, w, t, source, i)
    return alive


def proceed(s, functions, w, t, k, pool, when, steps, seed, leaping, tracing, paths, stop):
    """A block from step k to its end; or, where few lanes are under way, to the beginning of a pool, `pool` or a later
    one.  tracing: the first trajectory of a block whose paths are kept, else -1.

    Returns k, steps really simulated, whether the status was judged to the last, and the pool (0: the block has come
    to its end; -1: stopped).
    """
    pair, block = functions
    opening = max(steps - WINDOW, 0)  # the window of the verdict begins here
    kept = max(opening - PERIOD, 0)  # and x is kept from here on, to be compared with
    longest = min(PERIOD, steps // 2)  # period
    counts = (PLACES + s.dim) * s.lanes
    judged = slow = True  # whether a lane may be at rest or on a cycle; whether one may be at rest
    t[counts + WRAP] = 0
    simulated = 0
    while k < steps:
        if k % PERIOD == 0:
            if stop[0] != 0:
                return k, simulated, judged, -1
            if leaping and kept - k >= PERIOD:
                if pool < when.size and k == when[pool]:
                    if 0 < call(block, w, t, 0, 0, 0, UNDER_WAY) <= s.lanes // 2:
                        return k, simulated, judged, pool
                    pool += 1
                same = call(block, w, t, 0, 0, 0, PERIODIC)
                skipped = 0
                if same and k > 0:  # the last PERIOD steps tell all
                    skipped = (steps - PERIOD - k) // PERIOD * PERIOD
                    t[counts + WRAP], opening, kept = PERIOD, steps - PERIOD, steps - PERIOD
                if s.counting:
                    call(block, w, t, k, skipped, 0, TALLY)
                elif skipped > 0:  # if one step more moves nothing either, nothing ever moves again
                    if call(pair, w, t, k, k + 1, ADVANCE, seed) % 2:
                        call(block, w, t, k + 1, 0, 0, HAPPEN)
                    simulated += 1
                    if call(block, w, t, 0, 0, 0, PERIODIC):
                        call(pair, w, t, 0, 0, EVALUATE, 0)
                        call(block, w, t, 0, 1, 0, REMEMBER)  # at rest, or only too slow: the gradient tells
                        call(block, w, t, 0, 0, 0, PERIODS)
                        break
                    k, skipped = k + 1, skipped - PERIOD
                k += skipped
        keeping, looking = k >= kept and judged, k >= opening and judged
        last = min(k - k % PERIOD + PERIOD, steps if k >= kept else kept)
        if (looking and slow) or tracing >= 0:
            call(pair, w, t, 0, 0, EVALUATE, 0)
        if keeping or tracing >= 0:
            last = k + 1
        if tracing >= 0:
            trace(s, w, t, tracing, k, paths)
        if keeping:
            call(block, w, t, k - kept, int(looking and slow), 0, REMEMBER)
        done = call(pair, w, t, k, last, ADVANCE, seed)
        simulated += done // 2 - k
        k = done // 2
        if done % 2 and call(block, w, t, k, 0, 0, HAPPEN) and let_go(s, functions, w, t, k) == 0 and tracing < 0:
            break
        if looking:
            found = call(block, w, t, k - kept, opening - kept, longest, JUDGE)
            judged, slow = found != 0, found >= 2
        if looking and judged and k == steps:
            call(block, w, t, k - kept, 0, 0, REMEMBER)
            call(block, w, t, k - kept, opening - kept, longest, PERIODS)
    return steps, simulated, judged, 0


def run(
    s, functions, columns, steps, seed, levels, tables, sphere, outputs, paths, early, stop, rows, w, t, used, when
):
    """Trajectories rows[0] to rows[1] - 1; returns the steps really simulated, summed over trajectories.

    s: the Shape.  functions: addresses of the two doors, of the pair (`step`) and of the block (`lanes` and `ends`), to
    be called with w, t and four integers, of which the fifth or sixth argument tells what is to be done.
    columns: x0 (dim, n), parameters (p, n), lr, temperature, gradient_noise (n,), stream, start basin (n,) int64.
    levels: target values of L, descending.  tables: separators, wells, floors, margins, centres, hessians, halves,
    numbers of the flow.
    sphere: of each coordinate the lowest and highest value, beyond which x has diverged; the largest |dx| of a small
    step; the largest |g| where L is flat.  outputs: times (6 or, with records, 12, n) int64,
    reached (J, n) int64, ends (2 + dim, n).  paths (m, steps + 1, dim + 1): the first m trajectories, x then L.
    early: whether exact early exit may be used.  stop[0] != 0 ends it at once.  w, t, used, when: see `scratch`.
    """
    pair, block = functions
    hits = (PLACES + s.dim) * s.lanes + LABELS + tables[1].size  # where the rows of the targets begin in `t`
    furnish(s, w[0], t[0], levels, tables, sphere)
    simulated = 0
    first = rows[0]
    while True:
        j = ready(s, used, first < rows[1])
        if j < 0:
            return simulated
        here, there, k, pool = w[j], t[j], when[j], j + 1
        there[(PLACES + s.dim) * s.lanes + KEPT] = (w.shape[0] - j) * w.shape[1]  # behind the last block
        begun = tracing = -1
        if j > 0:
            fill(s, w, t, hits, used, j)
        else:
            load(s, here, there, columns, hits, first, rows[1])
            call(pair, here, there, 0, 0, BEGIN, seed)
            begun, tracing = first, first if first < paths.shape[0] else -1
            if call(block, here, there, 0, 0, 0, ENTER) and let_go(s, functions, here, there, 0) == 0 and tracing < 0:
                k = steps  # all of them start beyond the sphere
            first += s.lanes
        leaping = early != 0 and not s.noisy and tracing < 0
        stay = s.lanes
        while pool > 0:
            k, more, judged, pool = proceed(
                s, functions, here, there, k, pool, when, steps, seed, leaping, tracing, paths, stop
            )
            for i in range(s.lanes):
                simulated += more * (there[OWN * s.lanes + i] >= 0)
            if pool < 0:
                return simulated
            if pool > 0:
                furnish(s, w[pool], t[pool], levels, tables, sphere)
                give(s, w, t, hits, used, j, pool)
                stay = settle(s, w, t, hits, j)
                begun, pool = -1, when.size if stay > 0 else 0  # those that stay have ended
        if stay == 0:
            continue
        call(pair, here, there, 0, 0, EVALUATE, 0)
        if tracing >= 0:
            trace(s, here, there, tracing, steps, paths)
        call(block, here, there, steps, judged, 0, FINISH)
        unload(s, here, there, hits, begun, rows[1], outputs)
