"""The CPU kernel of first passages: each trajectory ends where it first leaves its box, or at its own budget.

A block's lanes advance together by the same `advance` as in `trajectory`.  Here a lane's walls are those of its box
lo <= x <= hi, and where the loss's score is compared with a level (see `score`), VAL holds -score and NEXT -level, so
that a lane has passed when VAL < NEXT.  No walls or no level: nan, which nothing ever meets.  A start that is beyond
passes at k = 0.  A lane that has ended is left to itself; the block goes on until all have.

Nothing depends on which lanes stand side by side: k counts each lane's own steps, and divergence is tested where a
lane passes, at its budget and every PERIOD steps.
"""

import math

import numpy as np

from dynbench.kernels.pointer import call
from dynbench.kernels.shape import (
    ADVANCE,
    AMP,
    BEGIN,
    CENSORED,
    DIVERGED,
    EVALUATE,
    GN,
    LR,
    NEXT,
    PERIOD,
    SCALARS,
    STATUSES,
    STREAM,
    VAL,
)
from dynbench.kernels.trajectory import aligned, copy

PASSED = len(STATUSES)  # the status of a lane that left its box, after those of a whole trajectory
GOING, DONE = -1, -2  # of a lane's fate; else a status that is yet to be written


def load(s, w, t, columns, limits, sphere, first, last):
    """Puts trajectories first, first + 1, ... into the lanes; lanes beyond `last` repeat its last one."""
    x0, parameters, lr, temperature, gradient_noise, stream = columns
    lo, hi, level = limits[0], limits[1], limits[2]
    lanes = s.lanes
    w[: SCALARS * lanes] = 0.0
    for d in range(s.dim):
        w[(s.centre + d) * lanes : (s.centre + d + 1) * lanes] = sphere[0][d]
        w[(s.radii + d) * lanes : (s.radii + d + 1) * lanes] = sphere[1][d]
        copy(w, s.lo + d, lanes, lo[d], first, last)
        copy(w, s.hi + d, lanes, hi[d], first, last)
        copy(w, s.x + d, lanes, x0[d], first, last)
    for p in range(s.parameters):
        copy(w, s.p + p, lanes, parameters[p], first, last)
    copy(w, LR, lanes, lr, first, last)
    copy(w, AMP, lanes, temperature, first, last)
    copy(w, GN, lanes, gradient_noise, first, last)
    for i in range(lanes):
        n = min(first + i, last - 1)
        w[AMP * lanes + i] = math.sqrt(2.0 * w[AMP * lanes + i] * w[LR * lanes + i])
        w[NEXT * lanes + i] = -level[n]
        t[STREAM, i] = stream[n]


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


def write_passage(s, w, i, k, fate, n, outputs):
    """What lane i ended with, L(x_k) being in VAL, into column n; nothing that it does later is ever noticed."""
    times, ends = outputs
    times[0, n], times[1, n] = k, fate
    ends[0, n] = w[VAL * s.lanes + i]
    for d in range(s.dim):
        ends[1 + d, n] = w[(s.x + d) * s.lanes + i]
        w[(s.lo + d) * s.lanes + i] = w[(s.hi + d) * s.lanes + i] = math.nan
        w[(s.x + d) * s.lanes + i] = w[(s.centre + d) * s.lanes + i]  # a nan would raise flags
    for r in range(s.state * s.dim):
        ends[1 + s.dim + r, n] = w[(s.s + r) * s.lanes + i]
    w[NEXT * s.lanes + i] = math.nan


def run(s, functions, columns, limits, rows, seed, sphere, outputs, stop):
    """Trajectories rows[0] to rows[1] - 1, each up to its first passage; whether all have been run.

    s: the Shape.  functions: the address of the pair's door.  columns: x0 (dim, n), parameters (p, n), lr,
    temperature, gradient_noise (n,), stream.  limits: lo, hi (dim, n), level (n,), memory (state * dim, n) to go on
    with, or no columns of it where the rule starts afresh, budget (n,) int64 in steps.  sphere: as in `trajectory`.
    outputs: times (2, n) int64, the step and the status; ends (1 + (1 + state) dim, n), L, x and the rule's memory.
    stop[0] != 0 ends it at once.
    """
    (pair,) = functions
    memory, budget = limits[3], limits[4]
    w = aligned(s.height * s.lanes)
    t = np.zeros((1, s.lanes), np.int64)
    fate = np.zeros(s.lanes, np.int64)
    for first in range(rows[0], rows[1], s.lanes):
        lanes = min(s.lanes, rows[1] - first)
        load(s, w, t, columns, limits, sphere, first, rows[1])
        call(pair, w, t, 0, 0, BEGIN, 0)
        if memory.shape[1] > 0:
            for r in range(s.state * s.dim):
                copy(w, s.s + r, s.lanes, memory[r], first, rows[1])
        for i in range(lanes, s.lanes):  # repeats of the last, of which nobody will ask
            w[NEXT * s.lanes + i] = math.nan
            for d in range(s.dim):
                w[(s.lo + d) * s.lanes + i] = w[(s.hi + d) * s.lanes + i] = math.nan
        fate[:] = GOING
        k = 0
        while True:
            going = ended = 0
            last = k - k % PERIOD + PERIOD
            for i in range(lanes):
                if fate[i] == GOING:
                    fate[i] = fate_of(s, w, i, k, budget[first + i])
                    if fate[i] == GOING:
                        going += 1
                        last = min(last, budget[first + i])
                    else:
                        ended += 1
            if ended > 0:
                call(pair, w, t, 0, 0, EVALUATE, 0)
                for i in range(lanes):
                    if fate[i] >= 0:
                        write_passage(s, w, i, k, fate[i], first + i, outputs)
                        fate[i] = DONE
            if going == 0:
                break
            if k % PERIOD == 0 and stop[0] != 0:
                return 0
            k = call(pair, w, t, k, last, ADVANCE, seed) // 2
    return 1
