"""The memory in which a driver works: blocks of lanes, the first to be loaded, the others for pools (see `pools`)."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from dynbench.batch import Floats, Integers
from dynbench.kernels.shape import PATIENCE, PERIOD, PLACES, POOLS, WINDOW, Shape

Scratch = tuple[Floats, Integers, Integers, Integers]
"""Floats (blocks, ...), integers (blocks, ...); lanes in use, and the step at which each block begins (blocks,)."""


def aligned(count: int) -> Any:
    """Zeros, 8 bytes each, from a multiple of 64 bytes on: no vector of 512 bits then spans two lines of the cache."""
    room = np.zeros(count + 8)
    first = (-room.ctypes.data // 8) % 8
    return room[first : first + count]


def begins(first: int, steps: int) -> Integers:
    """At which step each block begins: 0, then from `first` to `steps`, four an octave, at multiples of PERIOD."""
    found, k = [0], first
    while k < steps and len(found) <= POOLS:
        found.append(k)
        k += max(PERIOD, 2 ** (k.bit_length() - 3))
    return np.array(found, np.int64)


def made(places: Shape, when: Integers, floats: int, integers: int) -> Scratch:
    """A block for each of these steps, with so many floats and integers behind its rows."""
    count = len(when)
    wide = -(-(places.height * places.lanes + floats) // 8) * 8
    deep = (PLACES + places.dim) * places.lanes + integers
    w, t = aligned(count * wide).reshape(count, wide), aligned(count * deep).view(np.int64).reshape(count, deep)
    return w, t, np.zeros(count, np.int64), when


def whole(places: Shape, steps: int, leaping: bool, levels: Floats, tables: Sequence[np.ndarray[Any, Any]]) -> Scratch:
    """For trajectories; `leaping`: whether lanes may end before the others."""
    floats = levels.size + sum(table.size for table in tables if table.dtype == np.float64)
    integers = 3 + tables[1].size + levels.size * places.lanes
    return made(places, begins(PATIENCE, steps - WINDOW if leaping else 0), floats, integers)


def passages(places: Shape, longest: int) -> Scratch:
    """For first passages with budgets of up to `longest` steps."""
    return made(places, begins(PERIOD, longest), 0, 0)
