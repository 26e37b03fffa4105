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
LOWER, CENTRE, UPPER = -1, 0, 1  # what stands for a bin
INFINITE = 0x7FF << 52  # the bits of inf
BITS = 15  # of a bin's number
ZERO, LOW = 1 << (BITS - 1), (1 << BITS) - 1  # what bin 0 is called in a key; the bits of a bin there


@dataclass(frozen=True)
class Histogram:
    """Columns (m,): `key` ascends, each once, and holds a cell's number and a bin's; `count` is above 0."""

    key: Integers
    count: Integers

    def __len__(self) -> int:
        return len(self.key)

    @staticmethod
    def of(cell: Integers, bins: Integers, count: Integers) -> "Histogram":
        """Entries in order of cells, and within them of bins."""
        return Histogram((cell << BITS) | (bins + ZERO), count)

    @property
    def cell(self) -> Integers:
        return self.key >> BITS

    @property
    def bin(self) -> Integers:
        return (self.key & LOW) - ZERO

    def begins(self, cells: int) -> Integers:
        """(cells + 1,): where the entries of each cell begin, and where the last one's end."""
        return np.searchsorted(self.key, np.arange(cells + 1) << BITS)

    def renamed(self, codes: Integers) -> Integers:
        """The keys, `codes` being the new number of each cell."""
        return (codes[self.cell] << BITS) | (self.key & LOW)

    def where(self, chosen: NDArray[np.bool_]) -> "Histogram":
        """The chosen cells, numbered anew."""
        kept = chosen[self.cell]
        return Histogram(self.renamed(np.cumsum(chosen) - 1)[kept], self.count[kept])


def histogram(kind: str, values: ArrayLike, codes: Integers) -> Histogram:
    """How many values of each cell lie in each bin; `codes` (n,): the cell of each value."""
    key = (codes << BITS) | (bins(values, kind) + ZERO)
    key.sort()
    first = beginnings(key)
    return Histogram(key[first], np.diff(first, append=len(key)))


def added(parts: Sequence[Histogram], codes: Sequence[Integers]) -> Histogram:
    """Their sum, `codes` (one for each part) being the new number of each of its cells."""
    key = np.concatenate([part.renamed(own) for part, own in zip(parts, codes, strict=True)])
    count = np.concatenate([part.count for part in parts])
    if (key[1:] > key[:-1]).all():
        return Histogram(key, count)
    order = np.argsort(key, kind="stable")
    key, count = key[order], count[order]
    first = beginnings(key)
    return Histogram(key[first], run_sums(count, first))


def beginnings(ordered: Integers) -> Integers:
    """Places where a new value begins."""
    return np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]])[: len(ordered)])


def run_sums(values: Integers, first: Integers) -> Integers:
    """Sums of runs of rows: run r begins at row first[r]."""
    if len(values) - len(first) > len(first) // 8:
        return np.add.reduceat(values, first)
    later = np.ones(len(values), bool)  # as when chunks share a cell here and there
    later[first] = False
    total, place = values[first], np.flatnonzero(later)
    np.add.at(total, np.searchsorted(first, place, side="right") - 1, values[place])
    return total


def at_rank(given: Histogram, kind: str, cells: int, *ranks: Integers, edge: int = CENTRE) -> list[Floats]:
    """For each of the ranks (cells,), counted from 0: the centre of the bin that holds the value of that rank, or the
    bin's lower or upper edge; inf beyond the last one."""
    total = np.concatenate([[0], np.cumsum(given.count)])
    begins = given.begins(cells)
    before, after = total[begins[:-1]], total[begins[1:]]
    found = []
    for rank in ranks:
        place = np.searchsorted(total, before + rank, side="right") - 1
        there = (rank >= 0) & (before + rank < after)
        values = np.full(cells, np.inf)
        numbers = (given.key[place[there]] & LOW) - ZERO
        values[there] = centres(numbers, kind) if edge == CENTRE else edges(numbers, kind)[edge > 0]
        found.append(values)
    return found


def bins(values: ArrayLike, kind: str) -> Integers:
    """Number of the bin that holds each value: its float64's sign and leading bits."""
    values = np.asarray(values, float)
    return np.where(values < 0, -1, 1) * (np.abs(values).view(np.int64) >> DROPPED[kind])


def edges(numbers: Integers, kind: str) -> tuple[Floats, Floats]:
    """The lowest and the highest value of each bin; for times, the first and the last integer in it."""
    size, drop = np.abs(numbers), DROPPED[kind]
    near, far = ((np.minimum(b << drop, INFINITE)).view(np.float64) for b in (size, size + 1))
    if kind == TIME:
        return np.ceil(near), np.ceil(far) - 1.0
    return np.where(numbers > 0, near, -far), np.where(numbers < 0, -near, far)


def centres(numbers: Integers, kind: str) -> Floats:
    """The middle of each bin; for times, of the integers in it."""
    low, high = edges(numbers, kind)
    return np.where(numbers == 0, 0.0, low / 2.0 + high / 2.0)
