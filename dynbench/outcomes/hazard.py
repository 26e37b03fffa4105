"""The hazard of escape: events over steps at risk, in bins of steps.

A trajectory that escapes at step t was at risk in the steps 1..t; one that did not, as long as it was watched.
`until` (a number, or one a trajectory) says how long: the budget, or the step at which it diverged, which is the last
one it took inside.  (Where that step is not known, as of older runs, a diverged one counts as at risk to its budget.)
A hazard that is constant late is what theory predicts for the capped flow's chaos and for Kramers' escape.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from dynbench.batch import Integers
from dynbench.outcomes.intervals import Interval
from dynbench.outcomes.survival import Estimate, bin_of, cell_of, integers


@dataclass(frozen=True)
class Exposure:
    """Integers, so that those of chunks add up exactly; bin b holds the steps edges[b] < t <= edges[b + 1]."""

    edges: Integers  # (B + 1,), in steps
    events: Integers  # (cells, B), escapes
    at_risk: Integers  # (cells, B), steps taken inside the start's basin, the escaping step included


def exposure(
    t_exit: ArrayLike, until: ArrayLike, edges: ArrayLike, codes: Integers | None = None, count: int = 1
) -> Exposure:
    """Events and steps at risk of each cell, from `t_exit` (n,), -1 for never, and `until`; `edges` ascend."""
    time, until, edges = integers(t_exit), integers(until), integers(edges)
    end = np.where(time >= 0, time, until)
    if (end < 0).any() or (time > until).any():
        raise ValueError("no trajectory can escape later than it was watched")
    width = edges[1:] - edges[:-1]
    places = len(edges) + 1  # before the first edge, B bins, after the last
    place = bin_of(end, edges)
    own = cell_of(time, codes)
    which = 2 * (own * places + place) + (time >= 0)
    counts = np.bincount(which, minlength=2 * count * places).reshape(count, places, 2)[:, :-1]
    sums = np.bincount(which, end, 2 * count * places).reshape(count, places, 2)[:, :-1]  # exact below 2^53
    ended = counts.sum(axis=2)
    spent = sums.sum(axis=2).astype(np.int64)[:, 1:] - ended[:, 1:] * edges[:-1]
    staying = np.bincount(own, minlength=count)[:, None] - ended.cumsum(
        axis=1
    )  # (cells, B + 1), at risk in the whole of each place
    return Exposure(edges, counts[:, 1:, 1], spent + staying[:, 1:] * width)


def hazard(given: Exposure, confidence: float = 0.95) -> Estimate:
    """(events/steps at risk, lo, hi), (cells, B) each, per step; exact Poisson limits; nan where nobody was at risk.

    Poisson: a step's chance of escape is small.  Where it is not, the true variance is smaller and the limits too wide.
    """
    lo, hi = poisson(given.events, confidence)
    with np.errstate(invalid="ignore", divide="ignore"):
        rates = (np.where(given.at_risk > 0, v / given.at_risk, np.nan) for v in (given.events, lo, hi))
        value, low, high = rates
    return value, low, np.minimum(high, 1.0)


def late_hazard(
    t_exit: ArrayLike,
    until: ArrayLike,
    after: int | None = None,
    codes: Integers | None = None,
    count: int = 1,
    confidence: float = 0.95,
) -> Estimate:
    """(hazard, lo, hi), (cells,) each, per step, of the steps > `after`; default: the last half of the longest budget.

    Divided by lr it is a rate in ODE time.
    """
    last = int(np.max(until))
    edges = [last // 2 if after is None else after, last]
    value, lo, hi = hazard(exposure(t_exit, until, edges, codes, count), confidence)
    return value[:, 0], lo[:, 0], hi[:, 0]


def log_edges(steps: int, an_octave: int = 1) -> Integers:
    """0, 1, 2, 4, 8, ... N: edges of bins, `an_octave` to each doubling."""
    powers = 2.0 ** (np.arange(np.ceil(np.log2(max(steps, 1)) * an_octave)) / an_octave)
    return np.unique(np.append([0, steps], powers.round().astype(np.int64)))


def poisson(k: Integers, confidence: float = 0.95) -> Interval:
    """(lo, hi) with P(X >= k | lo) = P(X <= k | hi) = (1 - confidence)/2, X Poisson; (0, ...) where k = 0.

    Quantiles of Gamma(k) and Gamma(k + 1).  Source: Garwood (1936).
    """
    from scipy.special import gammainccinv, gammaincinv

    k = np.asarray(k)
    counts = np.arange(k.max(initial=0) + 1) if k.max(initial=0) < k.size else np.unique(k)  # few are different
    tail = (1.0 - confidence) / 2.0
    low = np.where(counts > 0, gammaincinv(np.maximum(counts, 1), tail), 0.0)
    place = np.searchsorted(counts, k)
    return low[place], np.asarray(gammainccinv(counts + 1.0, tail), float)[place]
