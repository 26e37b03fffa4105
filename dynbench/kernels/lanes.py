"""What a kernel does with all lanes at once, beside the step itself: loops that must vectorise.

Real Python over the constants below; `texts` puts this into each layout's module with their values there.
`w` and `t` are plain pointers: row r, lane i is w[r * LANES + i].  All functions have the same six arguments and
return an integer, so that one kind of pointer calls them all.

How a trajectory ends, from what it does in the last WINDOW steps:
absorbed: no displacement at all, and the gradient is small at every step.  converged: |dx_d| <= 1e-10 half-widths of
the domain, for every coordinate d at every step, and the gradient is small: |g_d| <= 1e-8 of L's rise over the domain
over the half-width (see `scale`).  stalled: such a small |dx|, or none, at every step, but not such a gradient.
cycling: not so, but |x_k - x_(k-8)| is as small at every step (a period of 2, 4 or 8).  censored: the budget ended
while it was still moving.
"""

from dynbench.kernels.shape import (
    APART,
    BIG,
    CEILING,
    DIVERGED,
    FLOATS,
    FOUND,
    MEMORY,
    MOVED,
    OWN,
    SLOPES,
    SNAP,
    STATUS,
    STEEP,
    TOP,
)

LANES = DIM = X = RING = SMALL = COUNTS = BOUNDED = CLAIM = 0


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


def remember(w, t, k, b, c, seed):
    """Keeps x_k, and whether the gradient is small there (SLOPES).  The counters only matter as zero or not."""
    for i in range(LANES):
        w[STEEP * LANES + i] += w[SLOPES * LANES + i]
    slot = RING + k % 8 * DIM
    for d in range(DIM):
        for i in range(LANES):
            w[(slot + d) * LANES + i] = w[(X + d) * LANES + i]
    return 0


def judge(w, t, k, first, c, seed):
    """Compares x_k with x_(k-1) and x_(k-8); whether any status is still open.  `first`: the window's first step."""
    for old, row in ((k - 1, BIG), (k, APART)):  # x_(k-8) stands where x_k will go
        if row == APART and k - first < 8:
            continue
        slot = RING + old % 8 * DIM
        for d in range(DIM):
            for i in range(LANES):
                gap = w[(X + d) * LANES + i] - w[(slot + d) * LANES + i]
                w[MOVED * LANES + i] += 1.0 if (gap != 0.0) & (row == BIG) else 0.0
                w[row * LANES + i] += 0.0 if abs(gap) <= w[(SMALL + d) * LANES + i] else 1.0
    still = 0
    for i in range(LANES):
        still |= (w[BIG * LANES + i] == 0.0) | (w[APART * LANES + i] == 0.0)
    return still
