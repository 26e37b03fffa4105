"""The CPU kernel of first passages: each trajectory ends where it first leaves its box, or at its own budget.

A block's lanes advance together by the same `advance` as in `trajectory`.  Here a lane's walls are those of its box
lo <= x <= hi, and where the loss's score is compared with a level (see `score`), VAL holds -score and NEXT -level, so
that a lane has passed when VAL < NEXT.  No walls or no level: nan, which nothing ever meets.  A start that is beyond
passes at k = 0.  A lane that has ended is left to itself; those still under way are gathered (see `pools`).

Nothing depends on which lanes stand side by side: k counts each lane's own steps, and divergence is tested where a
lane passes, at its budget and every PERIOD steps.
"""

import math

from dynbench.kernels.columns import copy, settings, surround
from dynbench.kernels.pointer import call
from dynbench.kernels.pools import fill, give, ready
from dynbench.kernels.shape import (
    ADVANCE,
    BEGIN,
    CENSORED,
    DIVERGED,
    DONE,
    EVALUATE,
    FATE,
    FOUND,
    GOING,
    NEXT,
    OWN,
    PASSED,
    PERIOD,
    VAL,
)


def load(s, w, t, columns, limits, sphere, first, last):
    """Puts trajectories first, first + 1, ... into the lanes; lanes beyond `last` repeat its last one."""
    lo, hi, level = limits[0], limits[1], limits[2]
    lanes = s.lanes
    settings(s, w, t, columns, first, last)
    surround(s, w, sphere)
    for d in range(s.dim):
        copy(w, s.lo + d, lanes, lo[d], first, last)
        copy(w, s.hi + d, lanes, hi[d], first, last)
    for i in range(lanes):  # -nan would have a sign bit, and raise a flag at every step
        y = level[min(first + i, last - 1)]
        w[NEXT * lanes + i] = -y if y == y else math.nan


def fate_of(s, w, i, k, budget):
    """Whether lane i ends at step k, and how."""
    passed = w[VAL * s.lanes + i] < w[NEXT * s.lanes + i]
    far = False
    for d in range(s.dim):
        x = w[(s.x + d) * s.lanes + i]
        passed |= x < w[(s.lo + d) * s.lanes + i] or x > w[(s.hi + d) * s.lanes + i]
        far |= not abs(x - w[(s.centre + d) * s.lanes + i]) <= w[(s.radii + d) * s.lanes + i]
    if far and (passed or k == budget or k % PERIOD == 0):
        return DIVERGED
    if passed:
        return PASSED
    return CENSORED if k == budget else GOING


def leave(s, w, i):
    """Nothing that lane i does from here on is ever noticed."""
    for d in range(s.dim):
        w[(s.lo + d) * s.lanes + i] = w[(s.hi + d) * s.lanes + i] = math.nan
        w[(s.x + d) * s.lanes + i] = w[(s.centre + d) * s.lanes + i]  # a nan would raise flags
    w[NEXT * s.lanes + i] = math.nan


def write_passage(s, w, i, k, fate, n, outputs):
    """What lane i ended with, L(x_k) being in VAL, into column n."""
    times, ends = outputs
    times[0, n], times[1, n] = k, fate
    ends[0, n] = w[VAL * s.lanes + i]
    for d in range(s.dim):
        ends[1 + d, n] = w[(s.x + d) * s.lanes + i]
    for r in range(s.state * s.dim):
        ends[1 + s.dim + r, n] = w[(s.s + r) * s.lanes + i]
    leave(s, w, i)


def retire(s, w, t):
    """Repeats, of which nobody will ask, are not under way."""
    for i in range(s.lanes):
        if t[OWN * s.lanes + i] < 0:
            t[FATE * s.lanes + i] = DONE
            leave(s, w, i)


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
    tested = k > 0  # lanes of a pool are those that did not end at this very step; VAL may hold L, and no score
    while True:
        going = ended = 0
        last = k - k % PERIOD + PERIOD
        for i in range(s.lanes):
            at = FATE * s.lanes + i
            if t[at] == GOING:
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
                    write_passage(s, w, i, k, t[FATE * s.lanes + i], t[OWN * s.lanes + i], outputs)
                    t[FATE * s.lanes + i] = DONE
        if going == 0:
            return 0
        if k % PERIOD == 0 and stop[0] != 0:
            return -1
        if pool < when.size and k == when[pool]:
            if going <= s.lanes // 2:
                for i in range(s.lanes):
                    t[FOUND * s.lanes + i] = t[FATE * s.lanes + i] == GOING
                return pool
            pool += 1
        k = call(pair, w, t, k, last, ADVANCE, seed) // 2


def run(s, functions, columns, limits, seed, sphere, outputs, stop, rows, w, t, used, when):
    """Trajectories rows[0] to rows[1] - 1, each up to its first passage; whether all have been run.

    s: the Shape.  functions: the address of the pair's door.  columns: x0 (dim, n), parameters (p, n), lr,
    temperature, gradient_noise (n,), stream.  limits: lo, hi (dim, n), level (n,), memory (state * dim, n) to go on
    with, or no columns of it where the rule starts afresh, budget (n,) int64 in steps.  sphere: as in `trajectory`.
    outputs: times (2, n) int64, the step and the status; ends (1 + (1 + state) dim, n), L, x and the rule's memory.
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
