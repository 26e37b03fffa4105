"""Is one rule better than another?  Paired where both ran from the same starts with the same noise.

A rule's noise depends on the start and on the seed only, so rows with equal x0 and seed are pairs.  Pairs count as
independent: with several seeds from each start, what is said holds for these starts.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from dynbench.batch import Floats, Integers
from dynbench.outcomes.cells import is_start, names
from dynbench.outcomes.intervals import Interval, limits_of_test
from dynbench.outcomes.survival import cell_of, integers


@dataclass(frozen=True)
class Paired:
    """Rule a against rule b, (cells,) each."""

    n: Integers  # pairs
    only_a: Integers  # pairs where a alone succeeded
    only_b: Integers
    p_a: Floats
    p_b: Floats
    difference: Floats  # p_a - p_b
    lo: Floats
    hi: Floats
    p_value: Floats  # exact McNemar, two-sided


def matched(a: pd.DataFrame, b: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows of two cells that have equal x0 and seed, in the same order; rows without a partner are left out.

    Without noise, equal starts are one trajectory: beside a cell with noise it is the partner of every
    seed from there.
    """
    start = [c for c in names(a) if is_start(c)]
    quiet = [not (f[["temperature", "gradient_noise"]] > 0).any(axis=None) for f in (a, b)]
    key = [*start, "seed"]
    if any(f.duplicated(key).any() for f in (a, b)):
        raise ValueError("rows to be paired repeat a start and seed: give one cell of each rule")
    if quiet[0] != quiet[1]:
        a, b = (f.drop_duplicates(start) if q else f for f, q in zip((a, b), quiet, strict=True))
        key = start
    left, right = (f[key].assign(**{side: np.arange(len(f))}) for f, side in ((a, "row of a"), (b, "row of b")))
    pairs = left.merge(right, on=key)
    if pairs.empty:
        raise ValueError("the two rules have no start and seed in common: they cannot be paired")
    return a.iloc[pairs["row of a"]].reset_index(drop=True), b.iloc[pairs["row of b"]].reset_index(drop=True)


def paired(
    a: ArrayLike, b: ArrayLike, codes: Integers | None = None, count: int = 1, confidence: float = 0.95
) -> Paired:
    """Compares the successes of rule a and rule b (booleans, (n,) each, pair by pair), cell by cell."""
    first, second = np.asarray(a, bool), np.asarray(b, bool)
    cell = cell_of(first, codes)
    tables = (first & second, first & ~second, ~first & second, ~first & ~second)
    both, only_a, only_b, neither = (np.bincount(cell[chosen], minlength=count) for chosen in tables)
    n = both + only_a + only_b + neither
    with np.errstate(invalid="ignore", divide="ignore"):
        p_a, p_b, difference = (both + only_a) / n, (both + only_b) / n, (only_a - only_b) / n
    lo, hi = tango(only_a, only_b, n, confidence)
    return Paired(n, only_a, only_b, p_a, p_b, difference, lo, hi, mcnemar(only_a, only_b))


def mcnemar(only_a: ArrayLike, only_b: ArrayLike) -> Floats:
    """Exact two-sided p-value of p_a = p_b: min(1, 2 P(X <= min(only_a, only_b))), X ~ Bin(only_a + only_b, 1/2).

    `binomtest` for arrays, since at 1/2 both tails are alike.  Source: McNemar (1947).
    """
    from scipy.special import bdtr

    b, c = integers(only_a), integers(only_b)
    return np.minimum(1.0, 2.0 * bdtr(np.minimum(b, c).astype(float), b + c, 0.5))


def tango(only_a: ArrayLike, only_b: ArrayLike, n: ArrayLike, confidence: float = 0.95) -> Interval:
    """(lo, hi) of p_a - p_b from n pairs, b and c of them discordant: all δ that the score test does not reject.

    |b - c - n δ| - 1/2 <= z √(n (2 q + δ (1 - δ))), q the likeliest share of `only_b` given δ: the larger root of
    2 n q² + ((2 n - b + c) δ - b - c) q - c δ (1 - δ) = 0.  nan where n = 0.  Source: Tango (1998); the 1/2, half of
    the distance between two values of b - c, is a correction for continuity, without which coverage falls to 0.936.
    """
    from scipy.special import ndtri

    b, c, n = np.broadcast_arrays(*(np.asarray(v, float) for v in (only_a, only_b, n)))
    z = ndtri(0.5 + confidence / 2.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        middle = (b - c) / n

    def accepted(delta: Floats) -> np.ndarray:
        linear = (2.0 * n - b + c) * delta - b - c
        root = np.sqrt(np.maximum(linear**2 + 8.0 * n * c * delta * (1.0 - delta), 0.0))
        with np.errstate(invalid="ignore", divide="ignore"):
            q = (root - linear) / (4.0 * n)
        spread = np.maximum(n * (2.0 * q + delta * (1.0 - delta)), 0.0)
        return np.abs(b - c - n * delta) - 0.5 <= z * np.sqrt(spread)

    return limits_of_test(accepted, np.where(n > 0, middle, np.nan))


def log_rank(t_a: ArrayLike, until_a: ArrayLike, t_b: ArrayLike, until_b: ArrayLike) -> tuple[float, float]:
    """(z, two-sided p) of equal escape-time laws of two independent samples; z > 0: a escapes earlier.

    Times (n,) in steps, -1 for never; `until`: budgets; one that diverged stays at risk to its budget.  Not for pairs.
    """
    from scipy.stats import CensoredData, logrank

    samples = []
    for given, until in ((t_a, until_a), (t_b, until_b)):
        t = integers(given)
        samples.append(CensoredData.right_censored(np.where(t >= 0, t, until), t < 0))
    found = logrank(*samples)
    return float(found.statistic), float(found.pvalue)


def holm(p: ArrayLike) -> Floats:
    """Adjusted p-values of a family of m claims: max_{j<=i} (m - j + 1) p_(j), at most 1, in the order given.

    Claims with adjusted p <= α hold together with error at most α, whatever their dependence.  nan: not a claim.
    Source: Holm (1979).
    """
    values = np.asarray(p, float)
    adjusted = np.full(values.shape, np.nan)
    known = ~np.isnan(values)
    order = np.argsort(values[known], kind="stable")
    factors = np.arange(len(order), 0, -1)
    steps = np.minimum(np.maximum.accumulate(factors * values[known][order]), 1.0)
    adjusted[known] = steps[np.argsort(order)]
    return adjusted


def benjamini_hochberg(p: ArrayLike) -> Floats:
    """Adjusted p-values of a map: those <= q are found with a share of false ones of at most q on average.

    nan: not tested.  Source: Benjamini and Hochberg (1995), by scipy's `false_discovery_control`.
    """
    from scipy.stats import false_discovery_control

    values = np.asarray(p, float)
    adjusted = np.full(values.shape, np.nan)
    known = ~np.isnan(values)
    if known.any():
        adjusted[known] = false_discovery_control(values[known])
    return adjusted
