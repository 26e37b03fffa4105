"""What happens to single lanes: a target met, a wall crossed, another core entered, divergence, the end.

The step only compares each lane with its walls and its next target.  While x stays within its walls its label
cannot change, so these functions run on the few steps where some lane did cross, and cost nothing elsewhere.
All of it is exact: the same events, at the same steps, as a test at every step would find.
A target, margin or wall that is nan is one that nothing ever meets, not even L = -inf or x = inf.  An x that is nan
lies in no basin, and changes none.
"""

import math

import numpy as np

from dynbench.kernels.shape import (
    BEST,
    COMMIT,
    CROSSINGS,
    DIVERGED,
    EXIT,
    FLOOR,
    GLOBAL,
    HIT,
    LABEL,
    LAST,
    LIMITED,
    MARGIN,
    NEXT,
    PERIOD,
    PLACES,
    SINCE,
    START,
    STATUS,
    T_BEST,
    VAL,
)


def value_met(s, w, t, hits, levels, i, k):
    """Targets and the core that L(x_k) of lane i, in VAL, has reached; the change in the number of watched lanes."""
    value = w[VAL * s.lanes + i]
    if value <= w[NEXT * s.lanes + i]:
        j = t[HIT, i]
        while j < levels.size and value <= levels[j]:
            hits[j, i] = k
            j += 1
        t[HIT, i] = j
        w[NEXT * s.lanes + i] = levels[j] if j < levels.size else math.nan
    if value - w[FLOOR * s.lanes + i] <= w[MARGIN * s.lanes + i]:
        t[COMMIT, i] = k
        w[MARGIN * s.lanes + i] = math.nan
        return -1
    return 0


def position(separators, y):
    """Number of separators at or below y: the place of y's well, from the left."""
    lo, hi = 0, separators.size
    while lo < hi:
        middle = (lo + hi) // 2
        if y < separators[middle]:
            hi = middle
        else:
            lo = middle + 1
    return lo


def relabel(s, w, t, i, k, tables):
    """Walls, label, floor and margin of lane i, whose x_k has left its walls (products of intervals)."""
    separators, wells, floors, margins = tables[0], tables[1], tables[2], tables[3]
    label, radix, floor, margin = 0, 1, 0.0, math.inf
    for d in range(s.dim):
        y, lo, hi = w[(s.x + d) * s.lanes + i], (s.lo + d) * s.lanes + i, (s.hi + d) * s.lanes + i
        if y < w[lo] or y >= w[hi]:
            t[PLACES + d, i] = position(separators, y)
            p = t[PLACES + d, i]
            w[lo] = separators[p - 1] if p > 0 else -math.inf
            w[hi] = separators[p] if p < separators.size else math.inf
        p = t[PLACES + d, i]
        label += wells[p] * radix
        radix *= wells.size
        floor += floors[p]
        margin = min(margin, margins[p])
    label &= 0x7FFFFFFFFFFFFFFF
    if label != t[LABEL, i]:
        t[CROSSINGS, i] += 1
        t[LAST, i] = k
        if s.residence:
            if t[LABEL, i] == 0:
                t[GLOBAL, i] += k - t[SINCE, i]
            t[SINCE, i] = k
        t[LABEL, i] = label
        if t[EXIT, i] < 0:
            t[EXIT, i] = k
    w[FLOOR * s.lanes + i] = floor
    w[MARGIN * s.lanes + i] = margin if label != t[START, i] and t[COMMIT, i] < 0 else math.nan


def depth(s, w, i, j, tables):
    """(x - m)' H (x - m) for lane i and core j: x is in the core where this is at most 2 * margin."""
    centres, hessians = tables[4], tables[5]
    q = 0.0
    for a in range(s.dim):
        u = w[(s.x + a) * s.lanes + i] - centres[j, a]
        for b in range(s.dim):
            q += u * hessians[j, a, b] * (w[(s.x + b) * s.lanes + i] - centres[j, b])
    return q


def core_at(s, w, i, tables):
    """Label of the core that holds lane i; -1 outside all."""
    for j in range(tables[4].shape[0]):
        if depth(s, w, i, j, tables) <= 2.0 * tables[3][j]:
            return j
    return -1


def fence(s, w, t, i, k, tables):
    """Lane i has left its walls: is it in another core?  If not, walls that no other core reaches into."""
    centres, halves = tables[4], tables[6]
    for d in range(s.dim):
        w[(s.lo + d) * s.lanes + i], w[(s.hi + d) * s.lanes + i] = -math.inf, math.inf
    if t[COMMIT, i] >= 0:
        return
    core = core_at(s, w, i, tables)
    if core >= 0 and core != t[START, i]:
        t[EXIT, i] = t[COMMIT, i] = k
        return
    for j in range(centres.shape[0]):
        if j == t[START, i]:
            continue
        axis, gap = 0, -math.inf  # the axis along which x is farthest from the box around core j
        for d in range(s.dim):
            away = abs(w[(s.x + d) * s.lanes + i] - centres[j, d]) - halves[j, d]
            if away > gap:
                axis, gap = d, away
        lo, hi = (s.lo + axis) * s.lanes + i, (s.hi + axis) * s.lanes + i
        if gap <= 0.0:
            squeeze(s, w, i, j, tables)
        elif w[(s.x + axis) * s.lanes + i] < centres[j, axis]:
            w[hi] = min(w[hi], centres[j, axis] - halves[j, axis])
        else:
            w[lo] = max(w[lo], centres[j, axis] + halves[j, axis])


def squeeze(s, w, i, j, tables):
    """Lane i is in core j's box but outside its ellipsoid: walls at x +- r, a cube that stays outside.

    sqrt((y - m)' H (y - m)) changes by at most |H|^(1/2) |y - x| <= (|H| dim)^(1/2) r, |H| being the Frobenius norm.
    """
    square = 0.0
    for a in range(s.dim):
        for b in range(s.dim):
            square += tables[5][j, a, b] * tables[5][j, a, b]
    outside = math.sqrt(depth(s, w, i, j, tables)) * (1.0 - 1e-9) - math.sqrt(2.0 * tables[3][j])
    r = max(outside, 0.0) / math.sqrt(math.sqrt(square) * s.dim)
    for d in range(s.dim):
        x = w[(s.x + d) * s.lanes + i]
        w[(s.lo + d) * s.lanes + i] = max(w[(s.lo + d) * s.lanes + i], x - r)
        w[(s.hi + d) * s.lanes + i] = min(w[(s.hi + d) * s.lanes + i], x + r)


def walls_left(s, w, t, i, k, tables):
    """If x_k of lane i lies outside its walls: new ones.  The change in the number of watched lanes."""
    before = w[MARGIN * s.lanes + i] > -math.inf
    outside = lost = False
    for d in range(s.dim):
        y = w[(s.x + d) * s.lanes + i]
        outside |= y < w[(s.lo + d) * s.lanes + i] or y >= w[(s.hi + d) * s.lanes + i]
        lost |= y != y
    if outside and not lost:
        if s.cores:
            fence(s, w, t, i, k, tables)
        else:
            relabel(s, w, t, i, k, tables)
    return int(w[MARGIN * s.lanes + i] > -math.inf) - int(before)


def release(s, w, t, hits, k, block, outputs):
    """Lanes that have diverged by step k end here, L(x_k) in VAL, and are left to themselves; how many go on."""
    first, lanes = block
    alive = 0
    for i in range(s.lanes):
        if t[STATUS, i] == DIVERGED:
            continue
        far = False
        for d in range(s.dim):
            x, centre = w[(s.x + d) * s.lanes + i], w[(s.centre + d) * s.lanes + i]
            far |= not abs(x - centre) <= w[(s.radii + d) * s.lanes + i]
        if not far:
            alive += 1
            continue
        t[STATUS, i] = DIVERGED
        tested = (k - 1) // PERIOD * PERIOD  # the last step at which the lane was known to be sound
        if t[EXIT, i] > tested:
            t[EXIT, i] = -1
        if t[COMMIT, i] > tested:
            t[COMMIT, i] = -1
        if s.residence and not s.cores and t[LABEL, i] == 0:
            t[GLOBAL, i] += k - t[SINCE, i]
        t[LABEL, i] = -1
        if i < lanes:
            write_ends(s, w, t, hits, i, first + i, k, outputs)
        for d in range(s.dim):
            w[(s.lo + d) * s.lanes + i] = w[(s.hi + d) * s.lanes + i] = math.nan
        w[NEXT * s.lanes + i] = w[MARGIN * s.lanes + i] = math.nan
    return alive


def write_ends(s, w, t, hits, i, n, k, outputs):
    """All that lane i ended with at step k, into column n."""
    times, reached, ends = outputs
    times[0, n], times[1, n] = t[EXIT, i], t[COMMIT, i]
    times[2, n], times[3, n] = t[STATUS, i], t[LABEL, i]
    times[4, n], times[5, n] = t[CROSSINGS, i], t[LAST, i]
    value, best = w[VAL * s.lanes + i], w[BEST * s.lanes + i]
    times[6, n], times[7, n] = t[GLOBAL, i], k if value < best else np.int64(w[T_BEST * s.lanes + i])
    times[8, n] = np.int64(w[LIMITED * s.lanes + i])
    times[9, n] = k if t[STATUS, i] == DIVERGED else -1
    for j in range(hits.shape[0]):
        reached[j, n] = hits[j, i]
    ends[0, n], ends[1, n] = value, value if value < best else best
    for d in range(s.dim):
        ends[2 + d, n] = w[(s.x + d) * s.lanes + i]
