"""The memory in which a driver works: blocks of lanes, the first to be loaded, the others for pools (see `pools`)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dynbench.batch import Floats, Integers
from dynbench.kernels.shape import LABELS, LATEST, PATIENCE, PERIOD, PLACES, POOLS, WINDOW, Shape

Scratch = tuple[Floats, Integers, Integers, Integers]
"""Floats (blocks, ...), integers (blocks, ...); lanes in use, and the step at which each block begins (blocks,)."""


def aligned(count: int) -> Any:
    """Room for so many numbers of 8 bytes, from a multiple of 64 bytes on: no vector of 512 bits then spans two lines
    of the cache."""
    room = np.empty(count + 8)
    first = (-room.__array_interface__["data"][0] // 8) % 8
    return room[first : first + count]


def begins(first: int, steps: int) -> Integers:
    """At which step each block begins: 0, then from `first` to `steps`, four an octave, at multiples of PERIOD."""
    found, k = [0], first
    while k < steps and len(found) <= POOLS:
        found.append(k)
        k += max(PERIOD, 2 ** (k.bit_length() - 3))
    return np.array(found, np.int64)


@dataclass(frozen=True)
class Room:
    """What every thread at work on a batch needs for itself: a block for each of the steps `when`, with so many floats
    and integers behind its rows."""

    places: Shape
    when: Integers
    floats: int = 0
    integers: int = 0
    kept: int = 0  # floats behind the last block, for all of them

    def __call__(self) -> Scratch:
        count, lanes = len(self.when), self.places.lanes
        wide = -(-(self.places.height * lanes + self.floats) // 8) * 8
        deep = (PLACES + self.places.dim) * lanes + self.integers
        w, t = (
            aligned(count * wide + self.kept)[: count * wide].reshape(count, wide),
            aligned(count * deep).view(np.int64).reshape(count, deep),
        )
        w[0], t[0] = 0.0, 0  # pools get whole columns of lanes: most are never touched
        return w, t, np.zeros(count, np.int64), self.when


def whole(places: Shape, steps: int, leaping: bool, levels: Floats, tables: Sequence[np.ndarray[Any, Any]]) -> Room:
    """For trajectories; `leaping`: whether lanes may end before the others."""
    floats = levels.size + sum(table.size for table in tables if table.dtype == np.float64) + int(tables[7][4])
    integers = LABELS + tables[1].size + levels.size * places.lanes
    kept = min(LATEST, steps + 1) * places.dim * places.lanes
    return Room(places, begins(PATIENCE, steps - WINDOW - PERIOD if leaping else 0), floats, integers, kept)


def passages(places: Shape, longest: int) -> Room:
    """For first passages with budgets of up to `longest` steps."""
    return Room(places, begins(PERIOD, longest))
