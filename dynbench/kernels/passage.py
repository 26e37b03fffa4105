"""The CPU kernel of first passages: each trajectory ends where it first leaves its box, or at its own budget.

A block's lanes advance together by the same `advance` as in `trajectory`.  Here a lane's walls are those of its box
lo <= x <= hi, as far as it lies within the sphere, and where the loss's score is compared with a level (see `score`),
VAL holds -score and NEXT -level, so that a lane has passed when VAL < NEXT.  A start that is beyond passes at k = 0.
A lane that has ended repeats one that has not (see `pools`, which also gathers those under way).

Nothing depends on which lanes stand side by side: k counts each lane's own steps.  A lane diverges as in `ends`, and
what would pass with x_k but has diverged there has not passed.
"""

import math

from dynbench.kernels.columns import copy, flood, settings, surround
from dynbench.kernels.pointer import call
from dynbench.kernels.pools import fill, give, measure, ready, stand_in
from dynbench.kernels.shape import (
    ADVANCE,
    BEGIN,
    BEST,
    CENSORED,
    DIVERGED,
    DONE,
    EVALUATE,
    FATE,
    FOUND,
    GOING,
    LARGEST,
    NEXT,
    OWN,
    PASSED,
    PERIOD,
    SEEN,
    VAL,
)


def load(s, w, t, columns, limits, sphere, first, last):
    """Puts trajectories first, first + 1, ... into the lanes; lanes beyond `last` repeat its last one."""
    lo, hi, level = limits[0], limits[1], limits[2]
    lanes = s.lanes
    settings(s, w, t, columns, first, last)
    surround(s, w, sphere)
    flood(w, BEST * lanes, (BEST + 1) * lanes, math.inf)
    for d in range(s.dim):
        copy(w, s.lo + d, lanes, lo[d], first, last)
        copy(w, s.hi + d, lanes, hi[d], first, last)
        for i in range(lanes):  # nan: no wall but the sphere
            below, above = (s.lo + d) * lanes + i, (s.hi + d) * lanes + i
            w[below] = w[below] if w[below] > sphere[0][d] else sphere[0][d]
            w[above] = w[above] if w[above] < sphere[1][d] else sphere[1][d]
    for i in range(lanes):
        measure(s, w, i)
        y = -level[min(first + i, last - 1)]
        w[NEXT * lanes + i] = y if abs(y) <= LARGEST else LARGEST if y > 0.0 else -LARGEST


def known(s, w, i):
    """Whether the last L of lane i, L(x_(k-1)) after k steps, is finite."""
    return abs(w[(SEEN if s.scored else VAL) * s.lanes + i]) <= LARGEST


def beyond(s, w, i):
    """Whether x of lane i is outside the sphere, or no number."""
    within = True
    for d in range(s.dim):
        x = w[(s.x + d) * s.lanes + i]
        within &= (x >= w[(s.low + d) * s.lanes + i]) & (x <= w[(s.high + d) * s.lanes + i])
    return not within


def fate_of(s, w, i, k, budget):
    """Whether lane i, whose last L is known, ends at step k, and how."""
    if beyond(s, w, i):
        return DIVERGED
    passed = w[VAL * s.lanes + i] < w[NEXT * s.lanes + i]
    for d in range(s.dim):
        x = w[(s.x + d) * s.lanes + i]
        passed |= x < w[(s.lo + d) * s.lanes + i] or x > w[(s.hi + d) * s.lanes + i]
    if passed:
        return PASSED
    return CENSORED if k == budget else GOING


def lose(s, t, i, k, outputs):
    """Lane i has diverged at k, as L(x_k) is not finite; but x is x_(k+1) already.  -2 - k says so: run it again."""
    n = t[OWN * s.lanes + i]
    outputs[0][0, n] = -2 - k
    t[FATE * s.lanes + i] = DONE


def write_passage(s, w, t, i, k, outputs):
    """What lane i ended with, L(x_k) being in VAL; where that is not finite, it has diverged."""
    times, ends = outputs
    n, fate, value = t[OWN * s.lanes + i], t[FATE * s.lanes + i], w[VAL * s.lanes + i]
    lost = not abs(value) <= LARGEST
    times[0, n], times[1, n] = k, DIVERGED if lost else fate
    best = w[BEST * s.lanes + i]
    ends[0, n], ends[1, n] = value, value if value < best and not lost and fate != DIVERGED else best
    for d in range(s.dim):
        ends[2 + d, n] = w[(s.x + d) * s.lanes + i]
    for r in range(s.state * s.dim):
        ends[2 + s.dim + r, n] = w[(s.s + r) * s.lanes + i]
    t[FATE * s.lanes + i] = DONE


def replace(s, w, t, i):
    """Lane i, which has ended, repeats one that has not."""
    source = (i + s.lanes // 2) % s.lanes
    for _ in range(s.lanes):
        if t[FATE * s.lanes + source] == GOING:
            stand_in(s, w, t, source, i)
            return
        source = (source + 1) % s.lanes


def retire(s, w, t):
    """Repeats, of which nobody will ask, are not under way."""
    for i in range(s.lanes):
        if t[OWN * s.lanes + i] < 0:
            t[FATE * s.lanes + i] = DONE
            replace(s, w, t, i)


def begin(s, pair, w, t, columns, limits, sphere, first, last, seed):
    """Trajectories first, first + 1, ... at k = 0, or going on with the memory that they are given."""
    load(s, w, t, columns, limits, sphere, first, last)
    call(pair, w, t, 0, 0, BEGIN, seed)
    memory = limits[3]
    if memory.shape[1] > 0:
        for r in range(s.state * s.dim):
            copy(w, s.s + r, s.lanes, memory[r], first, last)
    for i in range(s.lanes):
        t[FATE * s.lanes + i] = GOING
    retire(s, w, t)


def proceed(s, pair, w, t, k, pool, when, seed, budget, outputs, stop):
    """A block from step k on until all its lanes have ended; or, where few are under way, to the beginning of a pool,
    `pool` or a later one.  Returns the pool (0: the block has come to its end; -1: stopped)."""
    flagged, tested = 0, k > 0  # lanes of a pool are those that did not end at this very step; VAL may hold L, no score
    while True:
        going = ended = 0
        last = k - k % PERIOD + PERIOD
        for i in range(s.lanes):
            at = FATE * s.lanes + i
            t[FOUND * s.lanes + i] = 0
            if t[at] != GOING:
                if flagged and (beyond(s, w, i) or not known(s, w, i)):
                    t[FOUND * s.lanes + i] = 1
                continue
            if flagged and not known(s, w, i):
                lose(s, t, i, k - 1, outputs)
                t[FOUND * s.lanes + i] = 1
                continue
            most = budget[t[OWN * s.lanes + i]]
            if not tested:
                t[at] = fate_of(s, w, i, k, most)
            if t[at] == GOING:
                going += 1
                last = min(last, most)
            else:
                ended += 1
        tested = False
        if ended > 0:
            call(pair, w, t, 0, 0, EVALUATE, 0)
            for i in range(s.lanes):
                if t[FATE * s.lanes + i] >= 0:
                    write_passage(s, w, t, i, k, outputs)
                    t[FOUND * s.lanes + i] = 1
        if going == 0:
            return 0
        for i in range(s.lanes):
            if t[FOUND * s.lanes + i]:
                replace(s, w, t, i)
        if k % PERIOD == 0 and stop[0] != 0:
            return -1
        if pool < when.size and k == when[pool]:
            if going <= s.lanes // 2:
                for i in range(s.lanes):
                    t[FOUND * s.lanes + i] = t[FATE * s.lanes + i] == GOING
                return pool
            pool += 1
        done = call(pair, w, t, k, last, ADVANCE, seed)
        k, flagged = done // 2, done % 2


def run(s, functions, columns, limits, seed, sphere, outputs, stop, rows, w, t, used, when):
    """Trajectories rows[0] to rows[1] - 1, each up to its first passage; whether all have been run.

    s: the Shape.  functions: the address of the pair's door.  columns: x0 (dim, n), parameters (p, n), lr,
    temperature, gradient_noise (n,), stream.  limits: lo, hi (dim, n), level (n,), memory (state * dim, n) to go on
    with, or no columns of it where the rule starts afresh, budget (n,) int64 in steps.  sphere: as in `trajectory`.
    outputs: times (2, n) int64, the step and the status; ends (2 + (1 + state) dim, n), L, the lowest L (not of scored
    ones), x and the rule's memory.
    stop[0] != 0 ends it at once.  w, t, used, when: see `scratch`.
    """
    (pair,) = functions
    hits = t.shape[1]  # there are no targets
    first = rows[0]
    while True:
        j = ready(s, used, first < rows[1])
        if j < 0:
            return 1
        if j > 0:
            fill(s, w, t, hits, used, j)
            retire(s, w[j], t[j])
        else:
            begin(s, pair, w[j], t[j], columns, limits, sphere, first, rows[1], seed)
            first += s.lanes
        pool = proceed(s, pair, w[j], t[j], when[j], j + 1, when, seed, limits[4], outputs, stop)
        if pool < 0:
            return 0
        if pool > 0:
            give(s, w, t, hits, used, j, pool)
