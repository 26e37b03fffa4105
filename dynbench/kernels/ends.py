"""The doors to `events`: lanes begin, something happens to some of them, they diverge or end.  Arguments as in `lanes`.

What a lane ended with stands in the first rows of `t` (STATUS to CYCLE) and in END_VALUE, END_BEST and ENDED of `w`.
A trajectory diverges at the first step k at which x_k is beyond the sphere or not finite, or L(x_k) is not finite:
nothing counts at that step or later, and its lane goes on as a repeat of one that is alive (see `pools.stand_in`).
"""

import math

import numpy as np

from dynbench.kernels.events import (
    at_home,
    await_next,
    label_at,
    on_wall,
    position,
    relabel,
    set_free,
    value_met,
)
from dynbench.kernels.fences import certify, claim_begins, fence, flow_label
from dynbench.kernels.shape import (
    ABSORBED,
    BEST,
    BEST_STEP,
    BOUND,
    CEILING,
    CENSORED,
    COMMIT,
    CONVERGED,
    CORE,
    CROSSINGS,
    CROSSINGS_SNAP,
    CYCLE,
    CYCLING,
    DIVERGED,
    EARLIER,
    END_BEST,
    END_VALUE,
    EXIT,
    FOUND,
    GLOBAL,
    GLOBAL_SNAP,
    GONE,
    LABEL,
    LARGEST,
    LAST,
    LIMITED,
    LIMITED_SNAP,
    MAYBE,
    MOVED,
    NEXT,
    PERIOD,
    PLACES,
    SINCE,
    STALLED,
    START,
    STATUS,
    STEEP,
    T_BEST,
    TOP,
    VAL,
)

LANES = DIM = X = LO = HI = LOW = HIGH = ENDED = LABELLED = CORES = COUNTING = RESIDENCE = COUNTS = BOUNDED = CLAIM = (
    LAGS
) = 0


def walls_left(w, t, i, k):
    """If x_k of lane i, which is within the sphere, lies outside its walls: new ones."""
    outside = False
    for d in range(DIM):
        y = w[(X + d) * LANES + i]
        outside |= y < w[(LO + d) * LANES + i] or y > w[(HI + d) * LANES + i]
    if outside:
        if CORES:
            fence(w, t, i, k)
        else:
            relabel(w, t, i, k)


def beyond(w, i):
    """Whether x of lane i is outside the sphere, or no number."""
    within = True
    for d in range(DIM):
        y = w[(X + d) * LANES + i]
        within &= (y >= w[(LOW + d) * LANES + i]) & (y <= w[(HIGH + d) * LANES + i])
    return not within


def enter(w, t, a, b, c, seed):
    """The first walls of all lanes, and what they wait for; how many start beyond the sphere, for `release`."""
    lost = 0
    for i in range(LANES):
        w[CORE * LANES + i] = math.nan
        set_free(w, i)
        await_next(w, t, i)
        t[FOUND * LANES + i] = beyond(w, i)
        lost += t[FOUND * LANES + i]
        if BOUNDED:
            claim_begins(w, t, i)
        if LABELLED and not t[FOUND * LANES + i]:
            for d in range(DIM):
                w[(LO + d) * LANES + i] = math.inf  # so that they are looked for
            walls_left(w, t, i, 0)
            t[CROSSINGS * LANES + i], t[LAST * LANES + i] = 0, -1
    return lost


def happen(w, t, k, b, c, seed):
    """Some lanes have met L(x_(k-1)), in VAL, or left their walls with x_k; how many have diverged, for `release`."""
    many = place = 0
    for i in range(LANES):
        value = w[VAL * LANES + i]
        event = not ((value >= w[NEXT * LANES + i]) & (value <= LARGEST))
        if BOUNDED:
            event |= not (w[(CLAIM + TOP) * LANES + i] <= w[(CLAIM + CEILING) * LANES + i])
        for d in range(DIM):
            y = w[(X + d) * LANES + i]
            event |= not ((y >= w[(LO + d) * LANES + i]) & (y <= w[(HI + d) * LANES + i]))
        t[FOUND * LANES + i] = event
        many += event
        place += i * event
    if many == 1:  # as a rule; there is no need to look for it
        return decide(w, t, place, k)
    lost = 0
    for i in range(LANES):
        if t[FOUND * LANES + i]:
            lost += decide(w, t, i, k)
    return lost


def decide(w, t, i, k):
    """What has happened to lane i; whether it has diverged, and stays FOUND."""
    value = w[VAL * LANES + i]
    if t[STATUS * LANES + i] == DIVERGED:  # long ago: now the lane that it repeats has
        return 1
    if not abs(value) <= LARGEST:
        lose(w, t, i, k - 1)
        return 1
    value_met(w, t, i, k - 1)
    if BOUNDED:
        certify(w, t, i, k - 1)
    if beyond(w, i):
        return 1
    walls_left(w, t, i, k)
    t[FOUND * LANES + i] = 0
    return 0


def lose(w, t, i, k):
    """Lane i has diverged at k, as L(x_k), in VAL, is not finite; but x is x_(k+1) already, and BEST may be -inf.

    So x_k and the lowest L before it are not known here, and GONE says so: -2 - k.  A backend asks for them again.
    """
    leave(w, t, i, k)
    t[GONE * LANES + i] = -2 - k
    w[END_VALUE * LANES + i], w[END_BEST * LANES + i] = w[VAL * LANES + i], math.nan
    for d in range(DIM):
        w[(ENDED + d) * LANES + i] = math.nan


def leave(w, t, i, k):
    """Lane i has diverged at k: what was counted at k, before L(x_k) was known, is taken back."""
    t[STATUS * LANES + i] = DIVERGED
    if t[EXIT * LANES + i] == k:
        t[EXIT * LANES + i] = -1
    if t[MAYBE * LANES + i] == k:
        t[MAYBE * LANES + i] = -1
    if t[COMMIT * LANES + i] == k:
        t[COMMIT * LANES + i] = -1
    if t[LAST * LANES + i] == k:
        t[CROSSINGS * LANES + i] -= 1
        t[LAST * LANES + i] = t[EARLIER * LANES + i]
    if RESIDENCE and not CORES and at_home(w, t, i):
        t[GLOBAL * LANES + i] += k - t[SINCE * LANES + i]
    t[LABEL * LANES + i] = -1
    t[BEST_STEP * LANES + i] = np.int64(w[T_BEST * LANES + i])
    t[BOUND * LANES + i] = np.int64(w[LIMITED * LANES + i])


def write_end(w, t, i, k):
    """What lane i ended with at step k, L(x_k) being in VAL; that counts for the lowest L if it has not diverged."""
    value, best = w[VAL * LANES + i], w[BEST * LANES + i]
    gone = t[STATUS * LANES + i] == DIVERGED
    w[END_VALUE * LANES + i], w[END_BEST * LANES + i] = value, value if value < best and not gone else best
    for d in range(DIM):
        w[(ENDED + d) * LANES + i] = w[(X + d) * LANES + i]
    t[BEST_STEP * LANES + i] = k if value < best and not gone else np.int64(w[T_BEST * LANES + i])
    t[BOUND * LANES + i] = np.int64(w[LIMITED * LANES + i])
    t[GONE * LANES + i] = k if gone else -1


def release(w, t, k, b, c, seed):
    """Lanes FOUND to have diverged with x_k end here, L(x_k) in VAL; how many go on.  FOUND are then those that have
    to stand in for one that does."""
    alive = 0
    for i in range(LANES):
        if t[FOUND * LANES + i] and t[STATUS * LANES + i] != DIVERGED:
            leave(w, t, i, k)
            write_end(w, t, i, k)
        alive += t[STATUS * LANES + i] != DIVERGED
    return alive


def status_of(w, t, i):
    """The verdict on lane i, of its period."""
    period = t[CYCLE * LANES + i]
    if period != 1:
        return CYCLING if period > 1 else CENSORED
    if w[MOVED * LANES + i] == 0.0:
        return ABSORBED if w[STEEP * LANES + i] == 0.0 else STALLED
    return CONVERGED if w[STEEP * LANES + i] == 0.0 else STALLED


def finish(w, t, steps, judged, c, seed):
    """Targets met by L(x_N), in VAL; the verdict on each lane that has not diverged, if the last steps were `judged`
    (see `lanes`), and what it ended with."""
    for i in range(LANES):
        if not judged or t[STATUS * LANES + i] == DIVERGED:
            t[CYCLE * LANES + i] = -1
        if t[STATUS * LANES + i] == DIVERGED:
            continue
        if not abs(w[VAL * LANES + i]) <= LARGEST:
            leave(w, t, i, steps)
            write_end(w, t, i, steps)
            t[CYCLE * LANES + i] = -1
            continue
        value_met(w, t, i, steps)
        t[STATUS * LANES + i] = status_of(w, t, i)
        if RESIDENCE and not CORES and at_home(w, t, i):
            t[GLOBAL * LANES + i] += steps + 1 - t[SINCE * LANES + i]
        if CORES:
            start, label = t[START * LANES + i], flow_label(w, t, i, X)
            t[LABEL * LANES + i] = label
            if BOUNDED and start >= 0 and label >= 0 and label != start and t[EXIT * LANES + i] < 0:
                t[EXIT * LANES + i] = steps
                t[MAYBE * LANES + i] = steps if t[MAYBE * LANES + i] < 0 else t[MAYBE * LANES + i]
        elif LABELLED:
            if not COUNTING and t[COMMIT * LANES + i] >= 0:  # it has had no walls since
                for d in range(DIM):
                    t[(PLACES + d) * LANES + i] = position(w, t, w[(X + d) * LANES + i])
                t[LABEL * LANES + i] = label_at(t, i)
            if on_wall(w, t, i):
                t[LABEL * LANES + i] = -1
        write_end(w, t, i, steps)
    return 0


def tally(w, t, k, skipped, c, seed):
    """Brings counters over `skipped` steps of a known period: each grows as it did in the last PERIOD steps."""
    times = skipped // PERIOD
    for i in range(LANES):
        if t[STATUS * LANES + i] == DIVERGED:
            continue
        if RESIDENCE and not CORES and at_home(w, t, i):
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
