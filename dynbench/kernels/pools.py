"""Lanes still under way, gathered from blocks in which most others have ended.  Text of both drivers.

At certain steps, four in each octave, a block in which half of the lanes or fewer are under way gives these to the pool
of that step; a pool goes on as a block of its own once enough have come together.  So all lanes of a block are at the
same step, memory and noise go with each lane, and no number depends on who stands beside whom.  Block 0 is the one that
is loaded, block j > 0 the pool of step when[j] (see `scratch`).
"""

from dynbench.kernels.shape import END_BEST, END_VALUE, FOUND, LARGEST, NEXT, OWN, PLACES, SHY, STREAM


def move(s, w, t, hits, source, i, target, j):
    """Lane i of block `source` into lane j of block `target`: its column of every row."""
    deep = t.shape[1]
    for row in range(s.height):
        w[target, row * s.lanes + j] = w[source, row * s.lanes + i]
    for row in range(PLACES + s.dim):
        t[target, row * s.lanes + j] = t[source, row * s.lanes + i]
    for place in range(hits, deep - s.lanes + 1, s.lanes):
        t[target, place + j] = t[source, place + i]


def measure(s, w, i):
    """As in `events`: how far from the one wall to nearly the other."""
    for d in range(s.dim):
        distance = (w[(s.hi + d) * s.lanes + i] - w[(s.lo + d) * s.lanes + i]) * SHY
        w[(s.width + d) * s.lanes + i] = distance if distance > 0.0 else 0.0


def stand_in(s, w, t, source, i):
    """Lane i of a block, which has ended, goes on as a repeat of lane `source`, which has not; nothing is awaited of it
    but that it leaves the sphere, and what it ended with is kept.  So it raises no flags of its own."""
    for row in range(s.height):
        if row != END_VALUE and row != END_BEST and not s.ended <= row < s.ended + s.dim:
            w[row * s.lanes + i] = w[row * s.lanes + source]
    t[STREAM * s.lanes + i] = t[STREAM * s.lanes + source]
    for d in range(s.dim):
        w[(s.lo + d) * s.lanes + i] = w[(s.low + d) * s.lanes + i]
        w[(s.hi + d) * s.lanes + i] = w[(s.high + d) * s.lanes + i]
    measure(s, w, i)
    w[NEXT * s.lanes + i] = -LARGEST


def give(s, w, t, hits, used, source, pool):
    """The trajectories of block `source` that are FOUND into a pool."""
    for i in range(s.lanes):
        if t[source, FOUND * s.lanes + i] != 0 and t[source, OWN * s.lanes + i] >= 0:
            move(s, w, t, hits, source, i, pool, used[pool])
            used[pool] += 1


def settle(s, w, t, hits, source):
    """How many trajectories stay in a block that has given those FOUND; the places left repeat one of them."""
    rest = stay = 0
    for i in range(s.lanes):
        if t[source, FOUND * s.lanes + i] == 0 and t[source, OWN * s.lanes + i] >= 0:
            rest = i
            stay += 1
    for i in range(s.lanes if stay > 0 else 0):
        if t[source, FOUND * s.lanes + i] != 0:
            move(s, w, t, hits, source, rest, source, i)
            t[source, OWN * s.lanes + i] = -1
    return stay


def fill(s, w, t, hits, used, pool):
    """A pool's empty lanes repeat its first."""
    for i in range(used[pool], s.lanes):
        move(s, w, t, hits, pool, 0, pool, i)
        t[pool, OWN * s.lanes + i] = -1
    used[pool] = 0


def ready(s, used, waiting):
    """The block to go on with: the pool of the latest step that is more than half full, so that there is always room
    for half a block; else, if trajectories wait to be loaded, 0; else the pool of the earliest step; -1: none."""
    for j in range(used.size - 1, 0, -1):
        if used[j] > s.lanes // 2:
            return j
    if waiting:
        return 0
    for j in range(1, used.size):
        if used[j] > 0:
            return j
    return -1
