"""The doors to `events`: lanes begin, something happens to some of them, they diverge or end.  Arguments as in `lanes`.

What a lane ended with stands in the first rows of `t` (STATUS to BOUND) and in END_VALUE, END_BEST and ENDED of `w`:
a lane that has diverged is left to itself, and nothing that it does later is ever noticed.
"""

import math

import numpy as np

from dynbench.kernels.events import (
    await_next,
    label_at,
    position,
    relabel,
    set_free,
    value_met,
)
from dynbench.kernels.fences import fence, flow_label
from dynbench.kernels.shape import (
    ABSORBED,
    APART,
    BEST,
    BEST_STEP,
    BIG,
    BOUND,
    CENSORED,
    COMMIT,
    CONVERGED,
    CORE,
    CROSSINGS,
    CROSSINGS_SNAP,
    CYCLING,
    DIVERGED,
    END_BEST,
    END_VALUE,
    EXIT,
    FLOATS,
    FOUND,
    GLOBAL,
    GLOBAL_SNAP,
    GONE,
    LABEL,
    LAST,
    LIMITED,
    LIMITED_SNAP,
    MAYBE,
    MEMORY,
    MOVED,
    NEXT,
    PERIOD,
    PLACES,
    SINCE,
    STALLED,
    STATUS,
    STEEP,
    T_BEST,
    VAL,
)

LANES = DIM = X = LO = HI = CENTRE = RADII = ENDED = LABELLED = CORES = COUNTING = RESIDENCE = COUNTS = 0


def walls_left(w, t, i, k):
    """If x_k of lane i lies outside its walls: new ones."""
    outside = lost = False
    for d in range(DIM):
        y = w[(X + d) * LANES + i]
        outside |= y < w[(LO + d) * LANES + i] or y > w[(HI + d) * LANES + i]
        lost |= y != y
    if outside and not lost:
        if CORES:
            fence(w, t, i, k)
        else:
            relabel(w, t, i, k)


def enter(w, t, a, b, c, seed):
    """The first walls of all lanes, and what they wait for."""
    for i in range(LANES):
        w[CORE * LANES + i] = math.nan
        set_free(w, i)
        await_next(w, t, i)
        if LABELLED:
            for d in range(DIM):
                w[(LO + d) * LANES + i] = math.inf  # so that they are looked for
            walls_left(w, t, i, 0)
            t[CROSSINGS * LANES + i], t[LAST * LANES + i] = 0, -1
    return 0


def calm(w, t):
    """Lanes that have diverged raise flags for nothing where x is nan: they go on from the centre of the domain."""
    for i in range(LANES):
        if t[STATUS * LANES + i] == DIVERGED:
            for d in range(DIM):
                w[(X + d) * LANES + i] = w[(CENTRE + d) * LANES + i]
            for r in range(DIM * t[COUNTS + FLOATS]):
                w[(t[COUNTS + MEMORY] + r) * LANES + i] = 0.0


def happen(w, t, k, b, c, seed):
    """Some lanes have met L(x_(k-1)), in VAL, or left their walls with x_k."""
    many = place = 0
    for i in range(LANES):
        event = w[VAL * LANES + i] < w[NEXT * LANES + i]
        for d in range(DIM):
            y = w[(X + d) * LANES + i]
            event |= (y < w[(LO + d) * LANES + i]) | (y > w[(HI + d) * LANES + i])
        t[FOUND * LANES + i] = event
        many += event
        place += i * event
    if many == 0:
        calm(w, t)
    if many == 1:  # as a rule; there is no need to look for it
        value_met(w, t, place, k - 1)
        walls_left(w, t, place, k)
        return 0
    for i in range(LANES):
        if t[FOUND * LANES + i]:
            value_met(w, t, i, k - 1)
            walls_left(w, t, i, k)
    return 0


def write_end(w, t, i, k):
    """What lane i ended with at step k, L(x_k) being in VAL."""
    value, best = w[VAL * LANES + i], w[BEST * LANES + i]
    w[END_VALUE * LANES + i], w[END_BEST * LANES + i] = value, value if value < best else best
    for d in range(DIM):
        w[(ENDED + d) * LANES + i] = w[(X + d) * LANES + i]
    t[BEST_STEP * LANES + i] = k if value < best else np.int64(w[T_BEST * LANES + i])
    t[BOUND * LANES + i] = np.int64(w[LIMITED * LANES + i])
    t[GONE * LANES + i] = k if t[STATUS * LANES + i] == DIVERGED else -1


def release(w, t, k, b, c, seed):
    """Lanes that have diverged by step k end here, L(x_k) in VAL, and are left to themselves; how many go on."""
    alive = 0
    for i in range(LANES):
        if t[STATUS * LANES + i] == DIVERGED:
            continue
        far = False
        for d in range(DIM):
            away = abs(w[(X + d) * LANES + i] - w[(CENTRE + d) * LANES + i])
            far |= not away <= w[(RADII + d) * LANES + i]
        if not far:
            alive += 1
            continue
        t[STATUS * LANES + i] = DIVERGED
        tested = (k - 1) // PERIOD * PERIOD  # the last step at which the lane was known to be sound
        if t[EXIT * LANES + i] > tested:
            t[EXIT * LANES + i] = -1
        if t[MAYBE * LANES + i] > tested:
            t[MAYBE * LANES + i] = -1
        if t[COMMIT * LANES + i] > tested:
            t[COMMIT * LANES + i] = -1
        if RESIDENCE and not CORES and t[LABEL * LANES + i] == 0:
            t[GLOBAL * LANES + i] += k - t[SINCE * LANES + i]
        t[LABEL * LANES + i] = -1
        write_end(w, t, i, k)
        set_free(w, i)
        w[NEXT * LANES + i] = math.nan
    return alive


def status_of(w, i, judged, window):
    """The verdict on lane i; `judged`: whether judging went on to the end (see `lanes`)."""
    if not judged:
        return CENSORED
    if w[MOVED * LANES + i] == 0.0:
        return ABSORBED
    if w[BIG * LANES + i] == 0.0:
        return CONVERGED if w[STEEP * LANES + i] == 0.0 else STALLED
    if w[APART * LANES + i] == 0.0 and window > 8:
        return CYCLING
    return CENSORED


def finish(w, t, steps, judged, window, seed):
    """Targets met by L at the end, in VAL; the verdict on each lane that has not diverged, and what it ended with."""
    for i in range(LANES):
        if t[STATUS * LANES + i] == DIVERGED:
            continue
        value_met(w, t, i, steps)
        t[STATUS * LANES + i] = status_of(w, i, judged, window)
        if RESIDENCE and not CORES and t[LABEL * LANES + i] == 0:
            t[GLOBAL * LANES + i] += steps + 1 - t[SINCE * LANES + i]
        if CORES:
            t[LABEL * LANES + i] = flow_label(w, t, i)
        elif LABELLED and not COUNTING and t[COMMIT * LANES + i] >= 0:  # it has had no walls since
            for d in range(DIM):
                t[(PLACES + d) * LANES + i] = position(w, t, w[(X + d) * LANES + i])
            t[LABEL * LANES + i] = label_at(t, i)
        write_end(w, t, i, steps)
    return 0


def tally(w, t, k, skipped, c, seed):
    """Brings counters over `skipped` steps of a known period: each grows as it did in the last PERIOD steps."""
    times = skipped // PERIOD
    for i in range(LANES):
        if t[STATUS * LANES + i] == DIVERGED:
            continue
        if RESIDENCE and not CORES and t[LABEL * LANES + i] == 0:
            t[GLOBAL * LANES + i] += k - t[SINCE * LANES + i]
            t[SINCE * LANES + i] = k
        t[CROSSINGS * LANES + i] += (t[CROSSINGS * LANES + i] - t[CROSSINGS_SNAP * LANES + i]) * times
        t[GLOBAL * LANES + i] += (t[GLOBAL * LANES + i] - t[GLOBAL_SNAP * LANES + i]) * times
        w[LIMITED * LANES + i] += (w[LIMITED * LANES + i] - w[LIMITED_SNAP * LANES + i]) * times
        if t[LAST * LANES + i] > k - PERIOD:
            t[LAST * LANES + i] += skipped
        t[SINCE * LANES + i] += skipped
        t[CROSSINGS_SNAP * LANES + i] = t[CROSSINGS * LANES + i]
        t[GLOBAL_SNAP * LANES + i] = t[GLOBAL * LANES + i]
        w[LIMITED_SNAP * LANES + i] = w[LIMITED * LANES + i]
    return 0
