"""Two probabilities from independent samples: where `compare` has no pairs."""

import numpy as np
from numpy.typing import ArrayLike

from dynbench.batch import Floats
from dynbench.outcomes.intervals import Interval, limits_of_test

HALVINGS = 52  # of an interval of length 1: to the last bit


def score(k_a: ArrayLike, n_a: ArrayLike, k_b: ArrayLike, n_b: ArrayLike, confidence: float = 0.95) -> Interval:
    """(lo, hi) of p_a - p_b: all δ that the score test with a correction for continuity does not reject.

    |k_a/n_a - k_b/n_b - δ| - (1/n_a + 1/n_b)/2 <= z √(p (1 - p)/n_a + q (1 - q)/n_b), p and q the likeliest shares with
    p - q = δ.  nan where an n is 0.  Arrays broadcast.  Source: Mee (1984); the correction: Fleiss (1981).  It covers
    at least 0.95 for all n; without it, as Newcombe's interval does, 0.88 where both shares are near 0 or 1.
    """
    from scipy.special import ndtri

    k_a, n_a, k_b, n_b = np.broadcast_arrays(*(np.asarray(v, float) for v in (k_a, n_a, k_b, n_b)))
    with np.errstate(invalid="ignore", divide="ignore"):
        middle, step = k_a / n_a - k_b / n_b, (1.0 / n_a + 1.0 / n_b) / 2.0
    z, known = ndtri(0.5 + confidence / 2.0), (n_a > 0) & (n_b > 0)

    def accepted(delta: Floats) -> np.ndarray:
        p = likeliest(k_a, n_a, k_b, n_b, delta)
        q = p - delta
        with np.errstate(invalid="ignore", divide="ignore"):
            variance = np.maximum(p * (1.0 - p) / n_a + q * (1.0 - q) / n_b, 0.0)
        return np.abs(middle - delta) - step <= z * np.sqrt(variance)

    return limits_of_test(accepted, np.where(known, middle, np.nan))


def likeliest(k_a: Floats, n_a: Floats, k_b: Floats, n_b: Floats, delta: Floats) -> Floats:
    """The likeliest p_a given p_a - p_b = δ: where the logarithm's derivative, which falls, is 0."""
    low, high = np.maximum(delta, 0.0), np.minimum(1.0 + delta, 1.0)
    for _ in range(HALVINGS):
        p = (low + high) / 2.0
        q = p - delta
        with np.errstate(invalid="ignore", divide="ignore"):
            gains = np.where(k_a > 0, k_a / p, 0.0) + np.where(k_b > 0, k_b / q, 0.0)
            costs = np.where(k_a < n_a, (n_a - k_a) / (1.0 - p), 0.0) + np.where(
                k_b < n_b, (n_b - k_b) / (1.0 - q), 0.0
            )
        rises = gains > costs
        low, high = np.where(rises, p, low), np.where(rises, high, p)
    return (low + high) / 2.0


def fisher(k_a: ArrayLike, n_a: ArrayLike, k_b: ArrayLike, n_b: ArrayLike) -> Floats:
    """Exact two-sided p-value of p_a = p_b given k_a + k_b: by scipy's `fisher_exact`; nan where an n is 0.

    Source: Fisher (1935).
    """
    from scipy.stats import fisher_exact

    tables = zip(*(np.ravel(v) for v in np.broadcast_arrays(k_a, n_a, k_b, n_b)), strict=True)
    found = [fisher_exact([[a, n - a], [b, m - b]]).pvalue if n > 0 and m > 0 else np.nan for a, n, b, m in tables]
    return np.array(found, float)


def agreement(k: ArrayLike, n: ArrayLike, p: ArrayLike) -> Floats:
    """Two-sided p-value of k of n successes where each has the known probability p: twice the smaller tail.

    min(1, 2 min(P(X <= k), P(X >= k))), X ~ Bin(n, p); nan where p is.  Too large, not too small, where single
    probabilities differ and p is their mean.
    """
    from scipy.special import bdtr, bdtrc

    k, n, p = np.broadcast_arrays(*(np.asarray(v, float) for v in (k, n, p)))
    count = n.astype(np.int64)
    below = bdtr(k, count, p)
    above = np.where(k > 0, bdtrc(np.maximum(k - 1.0, 0.0), count, p), 1.0)
    return np.where(np.isnan(p), np.nan, np.minimum(1.0, 2.0 * np.minimum(below, above)))
