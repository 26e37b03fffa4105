"""How a law of starts leaves a well under a map without noise: the transfer operator, on bins (Ulam's method).

The chance is in the starts alone, and the map is chaotic: no single trajectory can be predicted, the share that has
left after n steps can.  The bins are even in y, u = x - m = s sinh y, so that they are fine at the minimum m, where
the steps are long, and coarse far out.  Each is cut into `CUTS` pieces; a piece is spread evenly over its image, and
what of that lies over a wall has left.  Source: Ulam (1960), A Collection of Mathematical Problems; Li (1976).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import asinh, ceil, floor, inf, isfinite, log, nan

import numpy as np
from scipy.sparse import csc_matrix, identity
from scipy.sparse.linalg import splu

from dynbench.batch import Floats
from dynbench.theory.capped_flow import Well

BINS, MOST_BINS = 4000, 32_000  # of them: as many as that at h <= 0.01, in proportion to h beyond
CUTS = 4  # pieces of a bin
FINEST = 10.0  # the scale s of the bins, in `width_of_exits`
LONGEST = 30_000  # steps that are followed; beyond, the late rate serves
SETTLED = 20.0  # time n h, from when all are down at L*, after which the law inside no longer changes, and
FEWEST = 300  # the least steps in which it does
ENOUGH = 12.0  # the same time, where LONGEST ends it sooner
GONE = 1e-10  # share left inside at which nothing more is followed; one that has left below it is rounding
DIRECT = 0.03  # the longest step at which linear equations are solved
NARROW = 50.0  # bins across the starts below which these are followed as points: bins would smear them on their way
POINTS, MOST_FOLLOWED = 40_000, 4000  # points, and most steps of them
FINE = 0.01  # h up to which bins do as well: the share that leaves where they arrive together is small
MIXED = 3.0  # time n h after the descent in which the starts are followed: then they are spread over many bins
ITERATIONS, STEADY = 60, 1e-6  # of the late rate, and its relative change in one that ends them


@dataclass(frozen=True)
class Departures:
    """How the starts leave."""

    p: list[float]  # share that has left within each number of steps; nan: out of reach
    rate: float  # late rate per unit of time n h; nan: it does not settle
    mean: float  # mean time n h to leave; nan with every p: the starts are too far out to be followed


@dataclass(frozen=True, eq=False)
class Operator:
    """The share of the starts in each bin after one more step: matrix @ shares."""

    matrix: csc_matrix
    edges: Floats  # (bins + 1,), x

    def law(self, lo: float, hi: float) -> Floats:
        """The uniform law on [lo, hi]: the share in each bin."""
        width = np.diff(np.clip(self.edges, lo, hi))
        return width / width.sum()

    def bins_across(self, lo: float, hi: float) -> float:
        """How many of the widest bin that it touches [lo, hi] is wide."""
        touched = (self.edges[1:] > lo) & (self.edges[:-1] < hi)
        return float((hi - lo) / np.diff(self.edges)[touched].max())


def operator(well: Well, cap: float, lo: float, hi: float) -> Operator:
    """The map of the well at this cap; `lo`, `hi`: what no trajectory that stays inside leaves.

    Raises ValueError where the minimum is not above f_star.
    """
    bottom = well.bottom
    if not well.height > 0.0:
        raise ValueError("a law of departures needs L* above f_star")
    gap = width_of_exits(well)
    scale = min(FINEST * gap, well.distance / 20.0)
    first, last = asinh((lo - bottom) / scale), asinh((hi - bottom) / scale)
    count = bins(well.lr)
    width = (last - first) / (count - 1)
    start = floor(first / width)  # the minimum is an edge
    count = ceil(last / width) - start
    y = np.clip((start * CUTS + np.arange(count * CUTS + 1)) * (width / CUTS), first, last)
    x = np.clip(bottom + scale * np.sinh(y), lo, hi)
    length = np.diff(x).reshape(count, CUTS)
    share = (length / length.sum(axis=1, keepdims=True)).ravel()

    ends = np.stack([x[:-1], x[1:]])
    middle = -start * CUTS
    ends[0, middle] += 1e-13 * well.distance  # the map jumps at the minimum: each side has its own limit
    ends[1, middle - 1] -= 1e-13 * well.distance
    image = well.moved(ends, cap)
    low, high = image.min(axis=0), image.max(axis=0)
    high = np.maximum(high, low + 4.0 * np.spacing(np.abs(low)))
    left, right = np.maximum(low, lo), np.minimum(high, hi)  # what stays inside
    inside = right > left
    source = np.flatnonzero(inside)
    edges = x[::CUTS]
    begin = np.clip(np.searchsorted(edges, left[source], side="right") - 1, 0, count - 1)
    end = np.clip(np.searchsorted(edges, right[source], side="left") - 1, begin, count - 1)
    spans = end - begin + 1
    piece = np.repeat(source, spans)
    goal = np.arange(spans.sum()) - np.repeat(np.cumsum(spans) - spans - begin, spans)
    overlap = np.minimum(right[piece], edges[goal + 1]) - np.maximum(left[piece], edges[goal])
    weight = share[piece] * np.maximum(overlap, 0.0) / (high - low)[piece]
    matrix = csc_matrix((weight, (goal, piece // CUTS)), shape=(count, count))
    return Operator(matrix, edges)


def width_of_exits(well: Well) -> float:
    """h (L* - f_star)/(λD): so near to the minimum a step of the uncapped flow reaches the nearer wall."""
    return well.lr * well.height / (well.curve.curvature(well.bottom) * well.distance)


def bins(lr: float) -> int:
    """How many: with a long step few follow each other before the law is spread, and its spikes need narrow bins."""
    return int(min(MOST_BINS, max(BINS, BINS * lr / 0.01)))


def late_rate(advance: Callable[[Floats], Floats], law: Floats) -> float:
    """The share of the late law that `advance`, a positive linear map, leaves: its largest eigenvalue.  nan: it does
    not settle."""
    rate = nan
    for _ in range(ITERATIONS):
        law = law / law.sum()
        law = advance(law)
        before, rate = rate, float(law.sum())
        if not 0.0 < rate < inf:
            return nan
        if abs(rate - before) <= STEADY * abs(rate):
            return rate
    return nan


def late_and_mean(matrix: csc_matrix, law: Floats, lr: float, settled: int) -> tuple[float, float]:
    """(late chance to leave in a step, mean number of steps to leave), nan where they are not known.

    By a solution of (1 - A) x = law, whose sum is the mean; its late law is that of A, and 1/(1 - A) tells the late
    chance apart from the transient at once.  With long steps the bins are many and the transient is short: there by
    steps, as many as `settled`.
    """
    if lr <= DIRECT:
        inverse = splu((identity(law.size, format="csc") - matrix).tocsc())
        hazard, mean = 1.0 / late_rate(inverse.solve, law), float(inverse.solve(law).sum())
        return (hazard if 0.0 < hazard < 1.0 - STEADY else nan), (mean if 1.0 <= mean < inf else nan)
    total = 0.0
    for _ in range(settled):
        total += float(law.sum())
        law = matrix @ law
    if not law.sum() > 0.0:
        return nan, total
    hazard = 1.0 - late_rate(lambda shares: matrix @ shares, law)
    return (hazard, total + float(law.sum()) / hazard) if 0.0 < hazard <= 1.0 else (nan, nan)


def time_of_descent(well: Well, lo: float, hi: float) -> float:
    """Time n h in which starts up to lo and hi come down to the level L*, as dL/dt = -(L - f_star)."""
    above = max(well.curve.value(x) - well.f_star for x in (lo, hi))
    return max(0.0, log(above / well.height)) if isfinite(above) else 0.0


def points_followed(
    well: Well, cap: float, lo: float, hi: float, steps: int, edges: Floats
) -> tuple[list[float], Floats]:
    """(shares inside after 0 to `steps` steps, share in each bin at the end) of points spread evenly over [lo, hi].

    Far out the starts are narrow, and arrive at the minimum together: that is what bins do not keep.
    """
    x = lo + (hi - lo) * (np.arange(POINTS) + 0.5) / POINTS
    inside = [1.0]
    for _ in range(steps):
        x = well.moved(x, cap) if x.size else x
        x = x[(x >= well.lo) & (x <= well.hi)]
        inside.append(x.size / POINTS)
    counts, _ = np.histogram(np.clip(x, edges[0], edges[-1]), edges)
    return inside, counts / POINTS


def departures(well: Well, cap: float, lo: float, hi: float, steps: Sequence[int]) -> Departures:
    """How starts that are uniform on [lo, hi] leave the well under the capped flow at this cap.

    About: measured against simulation in tests/theory/test_capped_flow.py.
    """
    wide = hi - lo
    lo, hi = max(lo, well.lo), min(hi, well.hi)
    tops = [well.curve.value(wall) - well.f_star for wall in (well.lo, well.hi) if isfinite(wall)]
    reach = 1.01 * well.lr * cap * max(well.height, *tops)  # the longest step
    law_of = operator(well, cap, max(well.lo, min(lo, well.bottom - reach)), min(well.hi, max(hi, well.bottom + reach)))
    law = law_of.law(lo, hi)
    across = law_of.bins_across(lo, hi) * wide / (hi - lo)
    descent = time_of_descent(well, lo, hi)
    settled = max(FEWEST, ceil((SETTLED + descent) / well.lr))
    inside = [1.0]
    alone = ceil((descent + MIXED) / well.lr)
    if across < NARROW and alone > MOST_FOLLOWED and well.lr > FINE:
        rate = late_and_mean(law_of.matrix, law, well.lr, settled)[0] / well.lr
        return Departures([nan for _ in steps], rate, nan)
    if across < NARROW and alone <= MOST_FOLLOWED:
        inside, after = points_followed(well, cap, lo, hi, alone, law_of.edges)
        law = after if inside[-1] > GONE else law
    hazard, mean = late_and_mean(law_of.matrix, law / law.sum(), well.lr, settled)
    mean = sum(inside[:-1]) + (inside[-1] * mean if inside[-1] > GONE else 0.0)
    longest = min(settled, LONGEST)
    last = max((n for n in steps if n <= longest), default=0)
    if max(steps, default=0) > longest and longest * well.lr >= ENOUGH + descent:
        last = longest
    while len(inside) <= last and inside[-1] > GONE:
        law = law_of.matrix @ law
        inside.append(float(law.sum()))
    followed = len(inside) - 1
    p = []
    for n in steps:
        if n <= followed:
            p.append(1.0 - inside[n] if 1.0 - inside[n] > GONE else 0.0)
        elif inside[-1] <= GONE:
            p.append(1.0)
        else:
            late = (1.0 - hazard) ** (n - followed) if followed * well.lr >= ENOUGH + descent else nan
            p.append(1.0 - inside[-1] * late)
    return Departures(p, hazard / well.lr, well.lr * mean)
