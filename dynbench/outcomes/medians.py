"""Medians of escape times and of last losses, cell by cell: exact from rows, to a bin's width from histograms.

A median is the middle value or the mean of the two middle ones; the lower of them where the upper is infinite; nan
where neither is finite.  Times of those that did not escape are infinite, and so are losses that are not a number.
"""

import numpy as np
import pandas as pd

from dynbench.batch import Floats, Integers
from dynbench.outcomes.histogram import LOSS, LOWER, TIME, UPPER, Histogram, at_rank
from dynbench.outcomes.survival import median_ranks, median_time

Medians = dict[str, Floats]  # t_exit_median with _lo and _hi, t_exit_median_escaped, loss_median: (cells,) each


def exact(t_exit: Integers, loss: Floats, steps: int, codes: Integers, count: int) -> Medians:
    """From trajectories, `codes` (n,) being the cell of each."""
    n = np.bincount(codes, minlength=count)
    median, lo, hi = median_time(t_exit, steps, codes, count)
    out = t_exit >= 0
    escaped = median_time(t_exit[out], steps, codes[out], count)[0]
    first = np.cumsum(n) - n
    ordered = np.append(loss[np.argsort(codes, kind="stable")] + 0.0, np.inf)  # -0 becomes 0: equals stand in any order
    for begin, end in zip(first.tolist(), (first + n).tolist(), strict=True):
        ordered[begin:end].sort()
    low, high = (ordered[np.where(n > 0, first + at, len(loss))] for at in ((n - 1) // 2, n // 2))
    return named(median, lo, hi, escaped, middle(low, high))


def binned(counts: pd.DataFrame, times: Histogram, losses: Histogram, base: float, steps: int) -> Medians:
    """From histograms; the middle of a bin stands for what it holds, and a limit is the outer edge of its bin, so that
    limits hold what the exact ones hold.  `base`: what losses are above; `steps`: the budget."""
    n, escaped = counts["#n"].to_numpy(), counts["#escaped"].to_numpy()
    rank = median_ranks(n)
    ranks = (n - 1) // 2, n // 2, (escaped - 1) // 2, escaped // 2
    low, high, first, second = at_rank(times, TIME, len(counts), *ranks)
    (lo,) = at_rank(times, TIME, len(counts), np.maximum(rank - 1, 0), edge=LOWER)
    (hi,) = at_rank(times, TIME, len(counts), n - np.maximum(rank, 1), edge=UPPER)
    lo, hi = np.where(rank > 0, lo, 0.0), np.where((rank > 0) & np.isfinite(hi), np.minimum(hi, steps), np.inf)
    of_escaped = np.where(escaped > 0, middle(first, second), np.nan)
    loss = base + middle(*at_rank(losses, LOSS, len(counts), (n - 1) // 2, n // 2))
    return named(middle(low, high), finite(lo), finite(hi), of_escaped, loss)


def named(median: Floats, lo: Floats, hi: Floats, escaped: Floats, loss: Floats) -> Medians:
    times = {"t_exit_median": median, "t_exit_median_lo": lo, "t_exit_median_hi": hi}
    return times | {"t_exit_median_escaped": escaped, "loss_median": loss}


def infinite_if_lost(loss: Floats) -> Floats:
    return np.where(np.isnan(loss), np.inf, loss)


def finite(values: Floats) -> Floats:
    return np.where(np.isfinite(values), values, np.nan)


def middle(low: Floats, high: Floats) -> Floats:
    return finite(np.where(np.isfinite(high), low / 2.0 + high / 2.0, low))
