"""Medians of escape times and of last losses, cell by cell: exact from rows, to a bin's width from histograms.

A median is the middle value or the mean of the two middle ones; the lower of them where the upper is infinite; nan
where neither is finite.  Times of those that did not escape are infinite, and so are losses that are not a number.
Bins have fixed edges, floats of few bits: 2^k [1 + j/8, 1 + (j + 1)/8) for times and 2^k [1 + j/4, 1 + (j + 1)/4) for
losses, mirrored below 0.  They hold integers, so histograms add up exactly in any order.
"""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from dynbench.batch import Floats, Integers

Medians = dict[str, Floats]  # t_exit_median, t_exit_median_escaped (in steps), loss_median: (cells,) each
TIME, LOSS = "#t_exit:", "#loss:"  # columns of a histogram: these and a bin's number
DROPPED = {TIME: 49, LOSS: 50}  # low bits of a float64 that its bin forgets
INFINITE = 0x7FF << 52  # the bits of inf


def exact(frame: pd.DataFrame, codes: Integers, count: int) -> Medians:
    """From rows of trajectories, `codes` (n,) being the cell of each."""
    time = frame["t_exit"].to_numpy(float)
    n, escaped = np.bincount(codes, minlength=count), np.bincount(codes[time >= 0], minlength=count)
    first = np.cumsum(n) - n

    def median(values: Floats, *lowest: Integers) -> list[Floats]:
        """Of the so many lowest values of every cell."""
        ordered = np.append(values[np.lexsort((values, codes))], np.inf)
        rows = [[np.where(of > 0, first + at, len(values)) for at in ((of - 1) // 2, of // 2)] for of in lowest]
        return [middle(ordered[low], ordered[high]) for low, high in rows]

    times = median(np.where(time >= 0, time, np.inf), n, escaped)
    losses = median(infinite_if_lost(frame["loss_final"]), n)
    return dict(zip(("t_exit_median", "t_exit_median_escaped", "loss_median"), times + losses, strict=True))


def binned(whole: pd.DataFrame, base: float) -> Medians:
    """From histograms, a row a cell; the middle of a bin stands for what it holds.  `base`: what losses are above."""

    def median(kind: str, of: Integers) -> Floats:
        columns = [c for c in names(whole) if c.startswith(kind)]
        values = np.append(centres(np.array([bin_of(c) for c in columns], np.int64), kind), np.inf)
        below = whole[columns].to_numpy().cumsum(axis=1)
        low, high = (values[(below <= at[:, None]).sum(axis=1)] for at in ((of - 1) // 2, of // 2))
        return np.where(of > 0, middle(low, high), np.nan)

    n, escaped = whole["#n"].to_numpy(), whole["#escaped"].to_numpy()
    times = {"t_exit_median": median(TIME, n), "t_exit_median_escaped": median(TIME, escaped)}
    return times | {"loss_median": base + median(LOSS, n)}


def histogram(kind: str, values: Floats, codes: Integers, count: int) -> pd.DataFrame:
    """Counts, a row a cell and a column a bin that occurs, in ascending order."""
    place, found = pd.factorize(bins(values, kind), sort=True)
    width = len(found)
    counts = np.bincount(codes * width + place, minlength=count * width).reshape(count, width)
    return pd.DataFrame(counts, columns=[f"{kind}{b}" for b in found], dtype="int64")


def bins(values: ArrayLike, kind: str) -> Integers:
    """Number of the bin that holds each value: its float64's sign and leading bits."""
    values = np.asarray(values, float)
    return np.where(values < 0, -1, 1) * (np.abs(values).view(np.int64) >> DROPPED[kind])


def centres(numbers: Integers, kind: str) -> Floats:
    """The middle of each bin; for times, of the integers in it."""
    size, drop = np.abs(numbers), DROPPED[kind]
    near, far = ((np.minimum(b << drop, INFINITE)).view(np.float64) for b in (size, size + 1))
    if kind == TIME:
        return (np.ceil(near) + np.ceil(far) - 1.0) / 2.0
    return np.where(size == 0, 0.0, np.sign(numbers) * (near / 2.0 + far / 2.0))


def names(frame: pd.DataFrame) -> list[str]:
    return [str(c) for c in frame.columns]


def bin_of(column: str) -> int:
    return int(column.rpartition(":")[2])


def infinite_if_lost(loss: pd.Series) -> Floats:
    values = loss.to_numpy(float)
    return np.where(np.isnan(values), np.inf, values)


def middle(low: Floats, high: Floats) -> Floats:
    mean = np.where(np.isfinite(high), low / 2.0 + high / 2.0, low)
    return np.where(np.isfinite(mean), mean, np.nan)
