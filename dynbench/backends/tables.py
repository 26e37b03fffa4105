"""A loss's minima and basins as the arrays that a kernel reads."""

from functools import lru_cache
from math import inf

import numpy as np

from dynbench.basins import global_minima
from dynbench.batch import Floats, Integers
from dynbench.kernels import shape
from dynbench.losses.base import Loss
from dynbench.scale import flat_slopes, small_steps

CORE = 0.1  # a core reaches up to this share of the lowest barrier above its minimum
Tables = tuple[Floats, Integers, Floats, Floats, Floats, Floats, Floats]


@lru_cache(maxsize=64)
def tables(loss: Loss) -> Tables:
    """Separators, wells, floors, margins (tensor losses: from left to right), centres, hessians, halves (the others).

    A core of a tensor loss: same basin and L - L(m) <= margin; else the ellipsoid (x - m)' H (x - m) <= 2 margin, whose
    bounding box has the half-widths sqrt(2 margin (H^-1)_dd), here widened by 1e-9 of themselves to be safely outside.
    """
    dim, count = loss.dim or 1, len(loss.minima)
    order = loss.wells if loss.tensor else tuple(range(count))
    known = [loss.minima[label] for label in order]
    floors = np.array([m.value for m in known], float)
    margins = np.array([CORE * m.barrier if count > 1 else -inf for m in known], float)
    centres, hessians, halves = np.empty((0, dim)), np.empty((0, dim, dim)), np.empty((0, dim))
    if count > 1 and not loss.tensor:  # with one core there is none to be entered from another
        centres = np.array([m.x for m in known], float)
        hessians = np.array([m.hessian for m in known], float)
        spread = np.diagonal(np.linalg.inv(hessians), axis1=1, axis2=2)
        halves = np.sqrt(2.0 * margins[:, None] * spread) * (1.0 + 1e-9)
    return np.array(loss.separators, float), np.array(order, np.int64), floors, margins, centres, hessians, halves


def home(loss: Loss) -> Integers:
    """In the place of `Basins.numbers`: the bits of the highest floor that a global well has (a lane is in a global
    basin if all its wells are such), where basins are products of intervals."""
    highest = max((m.value for m in global_minima(loss)), default=-inf)
    return np.array([0, 0, 0, 0, 0, np.float64(highest).view(np.int64)], np.int64)


@lru_cache(maxsize=64)
def sphere(loss: Loss) -> tuple[Floats, Floats]:
    """Lowest and highest value of each coordinate (dim,): beyond them a trajectory has diverged."""
    low, high = zip(*shape.sphere(loss.box(loss.dim or 1)), strict=True)
    return np.array(low, float), np.array(high, float)


@lru_cache(maxsize=64)
def tolerances(loss: Loss) -> tuple[Floats, Floats]:
    """The largest |dx| of a small step, and the largest |g| where L is flat, of each coordinate (dim,)."""
    return np.array(small_steps(loss), float), np.array(flat_slopes(loss), float)
