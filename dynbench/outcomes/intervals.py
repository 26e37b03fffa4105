"""Confidence intervals of a probability from k successes in n independent trials."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betainccinv, betaincinv

from dynbench.batch import Floats

HALVINGS = 54  # of [-1, 1]: to the last bit
Interval = tuple[Floats, Floats]


def interval(k: ArrayLike, n: ArrayLike, confidence: float = 0.95) -> Interval:
    """(lo, hi): Clopper and Pearson's, which covers at least so often whatever p and n; nan where n = 0.

    Arrays broadcast.  Wilson's, and any switch between the two, covers less than it says somewhere.
    """
    k, n = columns(k, n)
    pairs, place = np.unique(k + 1j * n, return_inverse=True)  # a table has few different (k, n)
    lo, hi = clopper_pearson(pairs.real, pairs.imag, confidence)
    return lo[place].reshape(k.shape), hi[place].reshape(k.shape)


def share_between(least: ArrayLike, most: ArrayLike, n: ArrayLike, confidence: float = 0.95) -> tuple[Floats, ...]:
    """(p, lo, hi) of a share of which only bounds are known, least/n and most/n: p is nan where these differ.

    lo and hi are the lower limit of the one and the upper limit of the other, as `interval` has them.
    """
    k, n = columns(least, n)
    with np.errstate(invalid="ignore", divide="ignore"):
        p = np.where(k == np.asarray(most, float), k / n, np.nan)
    return p, interval(k, n, confidence)[0], interval(most, n, confidence)[1]


def clopper_pearson(k: ArrayLike, n: ArrayLike, confidence: float = 0.95) -> Interval:
    """(lo, hi) with P(X >= k | lo) = P(X <= k | hi) = (1 - confidence)/2; nan where n = 0.

    Quantiles of Beta(k, n - k + 1) and Beta(k + 1, n - k).  Its coverage is never below `confidence`.
    Source: Clopper and Pearson (1934).
    """
    k, n = columns(k, n)
    tail = (1.0 - confidence) / 2.0
    return ends(k, n, betaincinv(k, n - k + 1.0, tail), betainccinv(k + 1.0, n - k, tail))


def limits_of_test(accepted: Callable[[Floats], np.ndarray], estimate: Floats) -> Interval:
    """(lo, hi) of a difference of two shares: the ends of the δ in [-1, 1] that a test does not reject.

    `accepted(delta)`, both (n,): whether δ is not rejected; the δ for which it holds are an interval that holds the
    `estimate` (n,).  By halving, to the last bit.  nan where the estimate is nan.
    """
    ends = []
    for side in (-1.0, 1.0):
        inner, outer = estimate, np.full(estimate.shape, side)
        for _ in range(HALVINGS):
            half = (inner + outer) / 2.0
            inside = accepted(half)
            inner, outer = np.where(inside, half, inner), np.where(inside, outer, half)
        limit = np.where(accepted(np.full(estimate.shape, side)), side, outer)
        ends.append(np.where(np.isnan(estimate), np.nan, limit))
    return ends[0], ends[1]


def student(n: ArrayLike, confidence: float = 0.95) -> Floats:
    """How many standard errors the limits of a mean of n lie from it: Student's t of n - 1 degrees; nan below 2."""
    from scipy.special import stdtrit

    sizes, where = np.unique(np.asarray(n, float), return_inverse=True)  # of which a table has few
    quantiles: Floats = np.where(sizes > 1, stdtrit(np.maximum(sizes - 1.0, 1.0), 0.5 + confidence / 2.0), np.nan)
    return quantiles[where]


def columns(k: ArrayLike, n: ArrayLike) -> tuple[Floats, Floats]:
    k, n = np.broadcast_arrays(np.asarray(k, float), np.asarray(n, float))
    if np.any((k < 0) | (k > n)):
        raise ValueError("an interval needs 0 <= k <= n")
    return k, n


def ends(k: Floats, n: Floats, lo: Floats, hi: Floats) -> Interval:
    """None of n leaves 0 inside, all of n leaves 1 inside, and nothing tried leaves nothing known."""
    lo, hi = np.where(k == 0, 0.0, lo), np.where(k == n, 1.0, hi)
    return np.where(n == 0, np.nan, lo), np.where(n == 0, np.nan, hi)
