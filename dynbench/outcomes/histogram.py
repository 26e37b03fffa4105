"""Histograms of many cells at once, as (cell, bin, count): bins that are empty take no room.

Bins have fixed edges, floats of few bits: 2^k [1 + j/8, 1 + (j + 1)/8) for times and 2^k [1 + j/4, 1 + (j + 1)/4) for
losses, mirrored below 0.  They hold integers, so histograms add up exactly in any order.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dynbench.batch import Floats, Integers

TIME, LOSS = "t_exit", "loss"  # what is counted: the kind of a histogram
DROPPED = {TIME: 49, LOSS: 50}  # low bits of a float64 that its bin forgets
INFINITE = 0x7FF << 52  # the bits of inf
SPAN = 2**15  # more than there are bins, which lie in -SPAN/2 < b < SPAN/2


@dataclass(frozen=True)
class Histogram:
    """Columns (m,), in order of cells and within them of bins; each pair occurs once, with a count above 0."""

    cell: Integers
    bin: Integers
    count: Integers

    def __len__(self) -> int:
        return len(self.cell)

    def begins(self, cells: int) -> Integers:
        """(cells + 1,): where the entries of each cell begin, and where the last one's end."""
        return np.searchsorted(self.cell, np.arange(cells + 1))

    def where(self, chosen: NDArray[np.bool_]) -> "Histogram":
        """The chosen cells, numbered anew."""
        kept, number = chosen[self.cell], np.cumsum(chosen) - 1
        return Histogram(number[self.cell[kept]], self.bin[kept], self.count[kept])


def histogram(kind: str, values: ArrayLike, codes: Integers) -> Histogram:
    """How many values of each cell lie in each bin; `codes` (n,): the cell of each value."""
    keys = codes * SPAN + (bins(values, kind) + SPAN // 2)
    keys.sort()
    first = beginnings(keys)
    return of(keys[first], np.diff(first, append=len(keys)))


def added(parts: Sequence[Histogram], codes: Sequence[Integers]) -> Histogram:
    """Their sum, `codes` (one for each part) being the new number of each of its cells."""
    pairs = list(zip(parts, codes, strict=True))
    keys = np.concatenate([code[part.cell] * SPAN + (part.bin + SPAN // 2) for part, code in pairs])
    count = np.concatenate([part.count for part in parts])
    if (keys[1:] <= keys[:-1]).any():
        order = np.argsort(keys, kind="stable")
        keys, count = keys[order], count[order]
    first = beginnings(keys)
    return of(keys[first], np.add.reduceat(count, first) if len(count) else count)


def of(keys: Integers, count: Integers) -> Histogram:
    return Histogram(keys // SPAN, keys % SPAN - SPAN // 2, count)


def beginnings(ordered: Integers) -> Integers:
    """Places where a new value begins."""
    return np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]])[: len(ordered)])


def at_rank(given: Histogram, kind: str, cells: int, *ranks: Integers) -> list[Floats]:
    """For each of the ranks (cells,), counted from 0: the centre of the bin that holds the value of that rank; inf
    beyond the last one."""
    total = np.concatenate([[0], np.cumsum(given.count)])
    begins = given.begins(cells)
    values = np.append(centres(given.bin, kind), np.inf)
    before, after = total[begins[:-1]], total[begins[1:]]
    found = []
    for rank in ranks:
        place = np.searchsorted(total, before + rank, side="right") - 1
        found.append(values[np.where(before + rank < after, place, len(given))])
    return found


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
