"""What happens to single lanes: a target met, a wall crossed, another core entered.  `ends` has the rest.

The step only compares each lane with its walls, lo <= x <= hi, and with the level NEXT, L < NEXT being what somebody
waits for.  While x stays within its walls its label cannot change, so these functions run on the few steps where some
lane did cross, and cost nothing elsewhere.  All of it is exact: the same events, at the same steps, as a test at every
step would find.  Walls lie within the sphere beyond which x has diverged, and NEXT is finite: a lane that leaves the
sphere, and one in which x or L is no number any more, is noticed in that very step.

Like `lanes` this is real Python that becomes part of a layout's module.  Behind its rows `t` holds, from COUNTS on, the
numbers listed in `shape`, the label of each well from left to right, and for each target a row of the steps at which it
was hit; `w` the target values of L (descending), separators, floors, margins, centres, hessians and halves (see
`backends.tables`).
"""

import math

import numpy as np

from dynbench.kernels.shape import (
    COMMIT,
    CORE,
    CROSSINGS,
    EARLIER,
    EXIT,
    GLOBAL,
    HIT,
    HOME,
    LABEL,
    LABELS,
    LARGEST,
    LAST,
    NEXT,
    PLACES,
    SEPARATORS,
    SHY,
    SINCE,
    START,
    TABLES,
    TARGETS,
    VAL,
    WELLS,
)

LANES = DIM = X = LO = HI = WIDTH = LOW = HIGH = COUNTS = CORES = COUNTING = RESIDENCE = (
    0  # `texts` puts in a layout's numbers
)


def above(y):
    """The next float above y; nan of nan."""
    bits = np.float64(y).view(np.int64)
    return 5e-324 if y == 0.0 else np.int64(bits + (1 if y > 0.0 else -1)).view(np.float64) if y == y else y


def ordered(y):
    """The bits of a float -> integers in the order of the floats (a negative float's sign bit becomes a minus)."""
    return y if y >= 0 else -(y & 0x7FFFFFFFFFFFFFFF)


def highest(base, margin):
    """The largest y with y - base <= margin: one comparison then serves for the difference."""
    y = base + margin
    for _ in range(3):  # as a rule it is one of the next
        if y - base > margin:
            y = -above(-y)
        elif above(y) - base <= margin:
            y = above(y)
        else:
            return y
    away = 1e-15 * (abs(base) + abs(margin))  # where they cancel, floats are dense: halve what rounding leaves open
    lo = ordered(np.float64(base + margin - away).view(np.int64))
    hi = ordered(np.float64(base + margin + away).view(np.int64))
    while lo + 1 < hi:
        middle = (lo >> 1) + (hi >> 1) + (lo & hi & 1)
        bits = middle if middle >= 0 else -middle | ~0x7FFFFFFFFFFFFFFF
        y = np.int64(bits).view(np.float64)
        if y - base <= margin:
            lo = middle
        else:
            hi = middle
    return np.int64(lo if lo >= 0 else -lo | ~0x7FFFFFFFFFFFFFFF).view(np.float64)


def await_next(w, t, i):
    """NEXT of lane i: just above its next target or the core that would be a commit, whichever is higher; else the
    lowest float."""
    j = t[HIT * LANES + i]
    target, core = w[t[COUNTS + TABLES] + j] if j < t[COUNTS + TARGETS] else math.nan, w[CORE * LANES + i]
    level = above(core if core >= target or target != target else target)
    w[NEXT * LANES + i] = level if level == level else -LARGEST


def measure(w, i):
    """WIDTH of lane i, from its new walls: where x > hi, x - lo is larger, although it is rounded."""
    for d in range(DIM):
        distance = (w[(HI + d) * LANES + i] - w[(LO + d) * LANES + i]) * SHY
        w[(WIDTH + d) * LANES + i] = distance if distance > 0.0 else 0.0


def set_free(w, i):
    """Lane i has no walls but the sphere."""
    for d in range(DIM):
        w[(LO + d) * LANES + i], w[(HI + d) * LANES + i] = w[(LOW + d) * LANES + i], w[(HIGH + d) * LANES + i]
    measure(w, i)


def value_met(w, t, i, k):
    """Targets and the core that L(x_k) of lane i, in VAL, has reached."""
    value, j = w[VAL * LANES + i], t[HIT * LANES + i]
    if not value < w[NEXT * LANES + i]:
        return
    while j < t[COUNTS + TARGETS] and value <= w[t[COUNTS + TABLES] + j]:
        t[COUNTS + LABELS + t[COUNTS + WELLS] + j * LANES + i] = k
        j += 1
    t[HIT * LANES + i] = j
    if value <= w[CORE * LANES + i]:
        t[COMMIT * LANES + i] = k
        w[CORE * LANES + i] = math.nan
        if not COUNTING:  # nothing more depends on where it is, until the end
            set_free(w, i)
    await_next(w, t, i)


def position(w, t, y):
    """Number of separators at or below y: the place of y's well, from the left."""
    first = t[COUNTS + TABLES] + t[COUNTS + TARGETS]
    lo, hi = 0, t[COUNTS + SEPARATORS]
    while lo < hi:
        middle = (lo + hi) // 2
        if y < w[first + middle]:
            hi = middle
        else:
            lo = middle + 1
    return lo


def label_at(t, i):
    """The label of lane i's wells (products of intervals)."""
    label, radix = 0, 1
    for d in range(DIM):
        label += t[COUNTS + LABELS + t[(PLACES + d) * LANES + i]] * radix
        radix *= t[COUNTS + WELLS]
    return label & 0x7FFFFFFFFFFFFFFF


def at_home(w, t, i):
    """Whether lane i is in the basin of a global minimum (products of intervals): all its wells are global."""
    floors = t[COUNTS + TABLES] + t[COUNTS + TARGETS] + t[COUNTS + SEPARATORS]
    highest, home = np.int64(t[COUNTS + HOME]).view(np.float64), True
    for d in range(DIM):
        home &= w[floors + t[(PLACES + d) * LANES + i]] <= highest
    return home


def on_wall(w, t, i):
    """Whether a coordinate of lane i lies exactly on a wall, which is in no basin; its PLACES are known."""
    first = t[COUNTS + TABLES] + t[COUNTS + TARGETS]
    for d in range(DIM):
        p = t[(PLACES + d) * LANES + i]
        if p > 0 and w[(X + d) * LANES + i] == w[first + p - 1]:
            return True
    return False


def relabel(w, t, i, k):
    """Walls, label and core of lane i, whose x_k has left its walls (products of intervals)."""
    targets, separators = t[COUNTS + TARGETS], t[COUNTS + SEPARATORS]
    first = t[COUNTS + TABLES] + targets
    floors = first + separators
    margins = floors + t[COUNTS + WELLS]
    floor, margin = 0.0, math.inf
    home = at_home(w, t, i) if RESIDENCE else False  # until now
    for d in range(DIM):
        y, lo, hi = w[(X + d) * LANES + i], (LO + d) * LANES + i, (HI + d) * LANES + i
        p = t[(PLACES + d) * LANES + i]
        if y < w[lo] or y > w[hi]:
            p = t[(PLACES + d) * LANES + i] = position(w, t, y)
            w[lo], w[hi] = w[(LOW + d) * LANES + i], w[(HIGH + d) * LANES + i]
            if p > 0:
                w[lo] = max(w[lo], w[first + p - 1])
            if p < separators:
                w[hi] = min(w[hi], -above(-w[first + p]))
        floor += w[floors + p]
        margin = min(margin, w[margins + p])
    measure(w, i)
    label = label_at(t, i)
    if label != t[LABEL * LANES + i]:
        t[CROSSINGS * LANES + i] += 1
        t[EARLIER * LANES + i] = t[LAST * LANES + i]
        t[LAST * LANES + i] = k
        if RESIDENCE:
            if home:
                t[GLOBAL * LANES + i] += k - t[SINCE * LANES + i]
            t[SINCE * LANES + i] = k
        t[LABEL * LANES + i] = label
        if t[EXIT * LANES + i] < 0 and t[START * LANES + i] >= 0:
            t[EXIT * LANES + i] = k
    away = label != t[START * LANES + i] and t[COMMIT * LANES + i] < 0
    w[CORE * LANES + i] = highest(floor, margin) if away else math.nan
    await_next(w, t, i)


def depth(w, t, i, j):
    """(x - m)' H (x - m) for lane i and core j: x is in the core where this is at most 2 * margin."""
    many = t[COUNTS + WELLS]
    centre = t[COUNTS + TABLES] + t[COUNTS + TARGETS] + t[COUNTS + SEPARATORS] + 2 * many
    hessian = centre + many * DIM + j * DIM * DIM
    centre += j * DIM
    q = 0.0
    for a in range(DIM):
        u = w[(X + a) * LANES + i] - w[centre + a]
        for b in range(DIM):
            q += u * w[hessian + a * DIM + b] * (w[(X + b) * LANES + i] - w[centre + b])
    return q


def core_at(w, t, i):
    """Label of the core that holds lane i; -1 outside all."""
    margins = t[COUNTS + TABLES] + t[COUNTS + TARGETS] + t[COUNTS + SEPARATORS] + t[COUNTS + WELLS]
    for j in range(t[COUNTS + WELLS] if CORES else 0):
        if depth(w, t, i, j) <= 2.0 * w[margins + j]:
            return j
    return -1
