"""What a kernel does with all lanes at once, beside the step itself: loops that must vectorise.

Real Python over the constants below; `texts` puts this into each layout's module with their values there.
`w` and `t` are plain pointers: row r, lane i is w[r * LANES + i].  All functions have the same six arguments and
return an integer, so that one kind of pointer calls them all.

How a trajectory ends, from what it does in the last WINDOW steps:
absorbed: no displacement at all, and the gradient is small at every step.  converged: |dx_d| <= 1e-10 half-widths of
the domain, for every coordinate d at every step, and the gradient is small: |g_d| <= 1e-8 of L's rise over the domain
over the half-width (see `scale`).  stalled: such a small |dx|, or none, at every step, but not such a gradient.
cycling: not so, but for some p from 2 to PERIOD |x_k - x_(k-p)| is as small at every step k of the window; the smallest
such p is the period.  x_(k-p) may stand up to PERIOD steps before the window, so each step of it is compared with one a
period before; where a budget is too short for that, those within it are, and 2 p must fit into it.  censored: the
budget ended while it was still moving, or going round in more than PERIOD steps.
"""

from dynbench.kernels.shape import (
    APART,
    BIG,
    CEILING,
    CYCLE,
    DIVERGED,
    FLOATS,
    FOUND,
    KEPT,
    MEMORY,
    MOVED,
    OWN,
    ROUND,
    SLOPES,
    SNAP,
    STATUS,
    STEEP,
    TOP,
    WRAP,
)

LANES = DIM = X = SMALL = COUNTS = BOUNDED = CLAIM = 0


def periodic(w, t, a, b, c, seed):
    """Whether every lane still alive is where it was PERIOD steps ago, memory included: then it is so for ever."""
    moved = 0
    for row in range(DIM * (1 + t[COUNTS + FLOATS])):
        now, then = X + row if row < DIM else t[COUNTS + MEMORY] + row - DIM, t[COUNTS + SNAP] + row
        for i in range(LANES):
            old, new = w[then * LANES + i], w[now * LANES + i]
            moved |= (old != new) & (t[STATUS * LANES + i] != DIVERGED)
            w[then * LANES + i] = new
    for i in range(LANES if BOUNDED else 0):  # the flow's evaluations are counted step by step
        doubtful = w[(CLAIM + TOP) * LANES + i] > w[(CLAIM + CEILING) * LANES + i]
        moved |= doubtful & (t[STATUS * LANES + i] != DIVERGED)
    return 1 - moved


def under_way(w, t, a, b, c, seed):
    """How many trajectories are not where they were when `periodic` last looked; their lanes are marked as FOUND."""
    for i in range(LANES):
        t[FOUND * LANES + i] = 0
    for row in range(DIM * (1 + t[COUNTS + FLOATS])):
        now, then = X + row if row < DIM else t[COUNTS + MEMORY] + row - DIM, t[COUNTS + SNAP] + row
        for i in range(LANES):
            t[FOUND * LANES + i] |= (w[then * LANES + i] != w[now * LANES + i]) & (t[STATUS * LANES + i] != DIVERGED)
    count = 0
    for i in range(LANES):
        count += t[FOUND * LANES + i] & (t[OWN * LANES + i] >= 0)
    return count


def like(w, t, now, then):
    """Whether any lane FOUND has the same x, within a small step, in both places; only those stay FOUND."""
    for d in range(DIM):
        for i in range(LANES):
            gap = abs(w[now + d * LANES + i] - w[then + d * LANES + i])
            t[FOUND * LANES + i] &= gap <= w[(SMALL + d) * LANES + i]
    many = 0
    for i in range(LANES):
        many |= t[FOUND * LANES + i]
    return many


def remember(w, t, j, slow, c, seed):
    """Keeps x_k, the j-th that is kept, and, while some lane may be at rest (slow), whether the gradient is small there
    (SLOPES).  The counters only matter as zero or not."""
    for i in range(LANES if slow else 0):
        w[STEEP * LANES + i] += w[SLOPES * LANES + i]
    place = t[COUNTS + KEPT] + j * DIM * LANES
    for d in range(DIM):
        for i in range(LANES):
            w[place + d * LANES + i] = w[(X + d) * LANES + i]
    return 0


def near(w, now, then):
    """Whether any lane's first coordinate is the same, within a small step, in both places."""
    many = 0
    for i in range(LANES):
        many |= abs(w[now + i] - w[then + i]) <= w[SMALL * LANES + i]
    return many


def judge(w, t, j, opening, longest, seed):
    """Compares x_k, the j-th, with the one before; 2 if some lane may be at rest, plus 1 if one may be on a cycle.

    `opening`: number of the window's first.  In the step after that x_k is compared with all x_(k-p), p <= `longest`:
    where it is like none of them, in no lane, there is no cycle.  The smallest p with which it may be, ROUND, is
    watched from then on (APART).
    """
    kept = t[COUNTS + KEPT]
    if j == opening + 1:
        t[COUNTS + ROUND] = -1 if longest > j else 0  # some are not known yet
        for p in range(2, longest + 1):
            if t[COUNTS + ROUND] != 0:
                break
            t[COUNTS + ROUND] = p if near(w, X * LANES, kept + (j - p) * DIM * LANES) else 0
    back = t[COUNTS + ROUND]
    place, other = kept + (j - 1) * DIM * LANES, kept + (j - back) * DIM * LANES
    for d in range(DIM):
        for i in range(LANES):
            gap = w[(X + d) * LANES + i] - w[place + d * LANES + i]
            w[MOVED * LANES + i] += 1.0 if gap != 0.0 else 0.0
            w[BIG * LANES + i] += 0.0 if abs(gap) <= w[(SMALL + d) * LANES + i] else 1.0
        for i in range(LANES if back > 0 else 0):
            gap = w[(X + d) * LANES + i] - w[other + d * LANES + i]
            w[APART * LANES + i] += 0.0 if abs(gap) <= w[(SMALL + d) * LANES + i] else 1.0
    still = 0
    for i in range(LANES):
        still |= w[BIG * LANES + i] == 0.0
    return 2 * still + (back != 0)


def periods(w, t, last, opening, longest, seed):
    """The smallest p <= `longest` with which x_k is like x_(k-p) for every k after `opening` to `last`, as numbers of
    those kept, into CYCLE; 1 where a lane is at rest, -1 where there is none."""
    kept, wrap, back = t[COUNTS + KEPT], t[COUNTS + WRAP], t[COUNTS + ROUND]
    for i in range(LANES):
        watched = back if (w[APART * LANES + i] == 0.0) & (back > 0) else -1
        t[CYCLE * LANES + i] = 1 if w[BIG * LANES + i] == 0.0 else watched
    for p in range(max(back + 1, 2), longest + 1):
        many = 0
        for i in range(LANES):
            t[FOUND * LANES + i] = t[CYCLE * LANES + i] < 0
            many |= t[FOUND * LANES + i]
        if many == 0:
            break
        for j in range(last, opening, -1):
            then = j - p if j >= p else j - p + wrap
            if then >= 0:
                many = like(w, t, kept + j * DIM * LANES, kept + then * DIM * LANES)
            if many == 0:
                break
        for i in range(LANES if many else 0):
            if t[FOUND * LANES + i]:
                t[CYCLE * LANES + i] = p
    return 0
