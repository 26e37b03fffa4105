"""An interval of a probability that one may look at after every trial and stop when it is narrow enough.

A fixed-n interval looked at again and again misses sooner or later; this one, at any time, ever, in at most α of runs.
Source: Robbins (1970); Howard, Ramdas, McAuliffe and Sekhon (2021).
"""

import numpy as np
from numpy.typing import ArrayLike

from dynbench.batch import Floats
from dynbench.outcomes.intervals import Interval

HALVINGS = 60


def sequence_interval(k: ArrayLike, n: ArrayLike, alpha: float = 0.05) -> Interval:
    """(lo, hi): all p with log B(1/2 + k, 1/2 + n - k) - log B(1/2, 1/2) - k log p - (n - k) log(1 - p) < log(1/α).

    The left side is log of a martingale in n at the true p (the Beta(1/2, 1/2) mixture of likelihood ratios), so by
    Ville's inequality it ever reaches log(1/α) with probability at most α.  k of n successes; arrays broadcast; k need
    not be an integer.  (0, 1) where n = 0.  Bisection in log(p/(1 - p)); n up to 1e9 to relative 1e-6 of the width.
    """
    k, n = np.broadcast_arrays(np.asarray(k, float), np.asarray(n, float))
    if np.any((k < 0) | (k > n)):
        raise ValueError("a confidence sequence needs 0 <= k <= n")
    both = np.concatenate([k.ravel(), (n - k).ravel()])  # failures mirror successes
    cells, place = np.unique(both + 1j * np.tile(n.ravel(), 2), return_inverse=True)  # a table has few different
    low, high = lower(cells.real, cells.imag, alpha)
    ends = np.split(place, 2)
    return low[ends[0]].reshape(k.shape), high[ends[1]].reshape(k.shape)


def lower(k: Floats, n: Floats, alpha: float) -> tuple[Floats, Floats]:
    """The lower limit of p, and 1 minus it (to full relative precision)."""
    from scipy.special import expit

    inner = np.log((k + 0.5) / (n - k + 0.5))  # the mixture's mean: inside
    outer = inner - (3.0 + np.log(1.0 / alpha) + np.log1p(n)) * np.maximum(1.0, 1.0 / np.where(k > 0, k, 1.0))
    prior = log_mixture(k, n) - np.log(1.0 / alpha)
    for _ in range(HALVINGS):
        half = (inner + outer) / 2.0
        inside = prior + k * np.logaddexp(0.0, -half) + (n - k) * np.logaddexp(0.0, half) < 0.0
        inner, outer = np.where(inside, half, inner), np.where(inside, outer, half)
    return np.where(k > 0, expit(outer), 0.0), np.where(k > 0, expit(-outer), 1.0)


def log_martingale(p: ArrayLike, k: ArrayLike, n: ArrayLike) -> Floats:
    """log of the mixture's likelihood over that of p: outside the interval where it is >= log(1/α)."""
    p, k, n = (np.asarray(v, float) for v in (p, k, n))
    return log_mixture(k, n) - k * np.log(p) - (n - k) * np.log1p(-p)


def log_mixture(k: Floats, n: Floats) -> Floats:
    """log B(1/2 + k, 1/2 + n - k) - log B(1/2, 1/2)."""
    from scipy.special import betaln

    return betaln(0.5 + k, 0.5 + n - k) - np.log(np.pi)
