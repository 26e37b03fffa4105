"""Where everything stands in a block of lanes, and the numbers that the kernels share.

A block is LANES trajectories, advanced together.  All its floats live in one flat array `w` of rows: row r of lane i
is w[r * lanes + i].  First the rows below, then those of x, of its walls and so on, whose places depend on the
dimension and stand in `Shape`.  Its integers live in `t`, row by row.
"""

from collections.abc import Sequence
from typing import NamedTuple

# rows of `w`: lowest value, the level below which somebody waits for L, value, in how many coordinates
# the gradient is not small, step, noise amplitudes, and the highest L inside the core that would be a
# commit
BEST, NEXT, VAL, SLOPES, LR, AMP, GN, CORE = range(8)
# counters of the last steps (only zero or not matters), and of the optional quantities
MOVED, BIG, STEEP, APART, T_BEST, LIMITED, LIMITED_SNAP = range(8, 15)
END_VALUE, END_BEST = 15, 16  # what a trajectory ended with
SEEN = 17  # of first passages by a score: L(x_(k-1)), as VAL holds the score there
SCALARS = 18

# rows of `t` (int64).  EXIT to CYCLE are what a trajectory ended with, in the order of a backend's
# output: GONE (when it diverged), BEST_STEP, BOUND (limited steps) and CYCLE (its period) are written at its end
STREAM = 0
EXIT, COMMIT, STATUS, LABEL, GONE, MAYBE, CROSSINGS, LAST, GLOBAL, BEST_STEP, BOUND, CYCLE = range(1, 13)
START, HIT, SINCE, CROSSINGS_SNAP, GLOBAL_SNAP, FOUND, OWN, EARLIER, SPENT = range(13, 22)
FATE = EXIT  # of a first passage
PLACES = 22  # first of DIM rows: each coordinate's well, from the left
# what stands behind these: numbers of targets, separators, wells or cores; where in `w` the tables begin; first row of
# the rule's memory, floats of it a coordinate, first row of `snap`; of basins that the flow tells (see `flows`), the
# addresses of its door, of its floats and of its table, the room that it works in, the loss's parameters and their
# first row; of products of intervals, the bits of the highest floor of a global well; of the last steps (see `lanes`),
# how far from `w` they are kept, after how many one of them may have come back (-1: that is not known, 0: it did
# not), and after how many all lanes repeat themselves to the bit (0: not known that they do); from LABELS on
# the label of each well
TARGETS, SEPARATORS, WELLS, TABLES, MEMORY, FLOATS, SNAP = range(7)
FLOW_DOOR, FLOW_FLOATS, FLOW_CELLS, ROOM, GIVEN, GIVEN_ROW, HOME, KEPT, ROUND, WRAP, LABELS = range(7, 18)
# MAYBE: the first step that may be outside the start's basin; EXIT: the first one that is.  SPENT: evaluations of the
# flow that told which
# FOUND: the lanes to which something happened.  OWN: the trajectory in the lane, -1 for one that is
# a repeat.  EARLIER: what LAST was before.  GONE: -1: never; -2 - k: at k, but x_k and the lowest L
# before it are no longer known (see `ends.lose`)

CENSORED, CONVERGED, ABSORBED, CYCLING, STALLED, DIVERGED = range(6)
STATUSES = ("censored", "converged", "absorbed", "cycling", "stalled", "diverged")
PASSED = len(STATUSES)  # the status of a lane that left its box, after those of a whole trajectory
GOING, DONE = -1, -2  # of a lane's fate in `passage`; else a status that is yet to be written

# the functions behind a pair's door, behind a layout's and behind a flow's
BEGIN, EVALUATE, ADVANCE = range(3)
PERIODIC, UNDER_WAY, REMEMBER, JUDGE, PERIODS, ENTER, HAPPEN, RELEASE, TALLY, FINISH = range(10)
LOOK, DOMAIN, MANY, SLOPES, TRACE = range(5)

# where exits are known between bounds only, rows from CLAIM on (see `step`): an upper bound of L on the way to x_(k-1),
# the level below which that is surely in the basin, L(x_(k-2)), |x_k - x_(k-1)|², then x_(k-1)
TOP, CEILING, BEFORE, LENGTH, PREVIOUS = range(5)
SHARE, FREE = 0.25, 1000.0  # evaluations that a lane's flows may take: so many a step, and so many more

PERIOD = 64  # steps between tests for periodicity, and the longest period that is told
PATIENCE = 512  # steps after which lanes under way first leave a block of trajectories; of first passages, PERIOD
POOLS = 80  # of lanes under way, at most
WINDOW = 100  # last steps, which decide the status
LATEST = WINDOW + PERIOD + 1  # x that are kept for it, at most
RADIUS = 1e6  # half-widths of the domain beyond which a trajectory has diverged
SHY = 1.0 - 2.0**-52  # a float times this is less, by one step of it or two
LARGEST = 1.7976931348623157e308  # the largest finite float


def sphere(box: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Lowest and highest value of each coordinate: beyond them a trajectory has diverged."""
    found = []
    for lo, hi in box:
        centre, reach = (lo + hi) / 2.0, RADIUS * ((hi - lo) / 2.0)
        found.append((centre - reach, centre + reach))
    return found


class Shape(NamedTuple):
    """What the kernel's common text must know of one loss, rule and variant; flags are 0 or 1."""

    lanes: int
    dim: int
    state: int  # floats of memory a coordinate
    parameters: int  # of the loss and the rule together
    height: int  # rows of `w`
    cores: int  # basins known only through ellipsoids (else products of intervals, or none)
    labelled: int  # whether anything is known of the basins
    noisy: int
    counting: int  # --record crossings, last_crossing, global_steps or limited
    residence: int  # --record global_steps
    bounded: int  # exits of basins that are not products of intervals are known between bounds only
    scored: int  # VAL holds -score, not L (first passages only)
    x: int  # first rows of vectors: `dim` rows each
    lo: int
    hi: int
    width: int  # from lo to nearly hi
    s: int  # state * dim rows
    snap: int  # (1 + state) * dim rows
    small: int  # largest |dx| of a small step
    flat: int  # largest |g| where L is flat
    low: int  # beyond low or high x has diverged
    high: int
    ended: int  # x where a trajectory ended
    claim: int  # PREVIOUS + dim rows, where bounded
    p: int  # parameters rows
