"""The memory in which a driver works: blocks of lanes, the first to be loaded, the others for pools (see `pools`)."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from dynbench.batch import Floats, Integers
from dynbench.kernels.shape import PATIENCE, PERIOD, PLACES, POOLS, WINDOW, Shape

Scratch = tuple[Floats, Integers, Integers]  # floats (blocks, ...), integers (blocks, ...), lanes in use (blocks,)


def aligned(count: int) -> Any:
    """Zeros, 8 bytes each, from a multiple of 64 bytes on: no vector of 512 bits then spans two lines of the cache."""
    room = np.zeros(count + 8)
    first = (-room.ctypes.data // 8) % 8
    return room[first : first + count]


def blocks(patience: int, steps: int) -> int:
    """One, and a pool for each of patience, 2 patience, 4 patience, ... before `steps`."""
    return 1 + sum(patience << j < steps for j in range(POOLS))


def made(places: Shape, count: int, floats: int, integers: int) -> Scratch:
    """`count` blocks, with so many floats and integers behind the rows of each."""
    wide = -(-(places.height * places.lanes + floats) // 8) * 8
    deep = (PLACES + places.dim) * places.lanes + integers
    w = aligned(count * wide).reshape(count, wide)
    return w, aligned(count * deep).view(np.int64).reshape(count, deep), np.zeros(count, np.int64)


def whole(places: Shape, steps: int, leaping: bool, levels: Floats, tables: Sequence[np.ndarray[Any, Any]]) -> Scratch:
    """For trajectories; `leaping`: whether lanes may end before the others."""
    floats = levels.size + sum(table.size for table in tables if table.dtype == np.float64)
    integers = 3 + tables[1].size + levels.size * places.lanes
    return made(places, blocks(PATIENCE, steps - WINDOW) if leaping else 1, floats, integers)


def passages(places: Shape, longest: int) -> Scratch:
    """For first passages with budgets of up to `longest` steps."""
    return made(places, blocks(PERIOD, longest), 0, 0)
