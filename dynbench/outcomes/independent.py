"""Two probabilities from independent samples: where `compare` has no pairs."""

import numpy as np
from numpy.typing import ArrayLike

from dynbench.batch import Floats
from dynbench.outcomes.intervals import Interval, wilson


def newcombe(k_a: ArrayLike, n_a: ArrayLike, k_b: ArrayLike, n_b: ArrayLike, confidence: float = 0.95) -> Interval:
    """(lo, hi) of p_a - p_b: d - √((p_a - l_a)² + (u_b - p_b)²) and d + √((u_a - p_a)² + (p_b - l_b)²).

    d = k_a/n_a - k_b/n_b; l, u are Wilson's limits of each.  nan where an n is 0.  Arrays broadcast.
    Source: Newcombe (1998), method 10.
    """
    k_a, n_a, k_b, n_b = np.broadcast_arrays(*(np.asarray(v, float) for v in (k_a, n_a, k_b, n_b)))
    with np.errstate(invalid="ignore", divide="ignore"):
        p_a, p_b = k_a / n_a, k_b / n_b
    (l_a, u_a), (l_b, u_b) = wilson(k_a, n_a, confidence), wilson(k_b, n_b, confidence)
    d = p_a - p_b
    return d - np.hypot(p_a - l_a, u_b - p_b), d + np.hypot(u_a - p_a, p_b - l_b)


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
