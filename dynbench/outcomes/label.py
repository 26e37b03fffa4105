"""Which basin of gradient flow holds a point: exact where the loss knows its walls, else by a quench."""

import numpy as np
from numpy.typing import NDArray

from dynbench import find
from dynbench.backends.cpu import Cpu
from dynbench.batch import Batch, Floats, Integers
from dynbench.losses.base import Loss

STAGES = ((0.1, 1_000), (1.0, 3_000), (1.0, 46_000))  # of the quench: share of quench_lr, steps; arrivals end it
NEAR = 1e-3  # times the domain's smallest half-width: so close to a minimum, a point belongs to it
STILL = 1e-12  # times the domain's half-widths: a first step this short means that the point is critical


def label(loss: Loss, x: Floats) -> Integers:
    """Label of the basin of gradient flow dx/dt = -grad L that holds each column of x (dim, n): (n,) int64.

    * Tensor losses, exactly `loss.basin` of every column: well w_d of each coordinate by bisection among the
      separators, then sum over d of w_d K^d modulo 2**63.  A point on a wall counts to the well on its right.
    * Other losses with minima: gradient descent until it comes near a minimum, whose label it gets; first with a
      tenth of `loss.quench_lr`, for descent follows the flow of L + (lr/4) |grad L|², so that within O(lr) of a
      separatrix the label may be the neighbour's (himmelblau: 6 of 200 000 uniform points).  -1: the point is a
      saddle or a maximum, or the quench diverges or takes more than 50 000 steps.  A point on a separatrix gets the
      label of either side, as rounding has it.
    * Losses without known minima, or with neither walls nor a `quench_lr`: -1.

    Minima are those of the loss's default parameters.
    """
    x = np.asarray(x, float)
    loss = loss.at(len(x))
    if loss.tensor:
        return product_label(loss, x)
    if loss.minima and loss.quench_lr > 0:
        return quench_label(loss, x)
    return np.full(x.shape[1], -1, np.int64)


def product_label(loss: Loss, x: Floats) -> Integers:
    wells = np.array(loss.wells, np.uint64)
    total, radix = np.zeros(x.shape[1], np.uint64), 1
    for coordinate in x:  # arithmetic modulo 2**64, and so modulo 2**63
        total += wells[np.searchsorted(loss.separators, coordinate, side="right")] * np.uint64(radix)
        radix = radix * len(wells) % 2**63
    return (total & np.uint64(2**63 - 1)).astype(np.int64)


def quench_label(loss: Loss, x: Floats) -> Integers:
    box = np.array(loss.box(len(x)))
    half = (box[:, 1] - box[:, 0])[:, None] / 2.0
    near = NEAR * half.min()
    labels = nearest(loss, x, near)
    left = np.flatnonzero((labels < 0) & np.isfinite(x).all(axis=0))
    here = x[:, left]
    moved = np.abs(descend(loss, here, 1, 1.0) - here)
    left = left[(moved > STILL * half).any(axis=0)]
    here = x[:, left]
    for share, steps in STAGES:
        here = descend(loss, here, steps, share)
        labels[left] = nearest(loss, here, near)
        going = (labels[left] < 0) & np.isfinite(here).all(axis=0)
        left, here = left[going], here[:, going]
    return labels


def descend(loss: Loss, x: Floats, steps: int, share: float) -> Floats:
    """x (dim, n) after `steps` steps of gradient descent with lr = `share` * quench_lr.

    Outside the domain the step shrinks with the square of the distance, which keeps it below 2/curvature wherever L
    grows no faster than the fourth power; the next stage chooses anew.
    """
    dim, count = x.shape
    if not count:
        return x
    box = np.array(loss.box(dim))
    reach = np.abs((x - box.mean(axis=1)[:, None]) / (np.diff(box) / 2.0)).max(axis=0)
    none = np.zeros(count)
    defaults = np.array(list(loss.parameters.values()))[:, None]
    batch = Batch(
        x0=np.ascontiguousarray(x),
        parameters=np.repeat(defaults, count, axis=1),
        lr=share * loss.quench_lr / np.maximum(reach, 1.0) ** 2,
        temperature=none,
        gradient_noise=none,
        stream=np.zeros(count, np.uint64),
        basin=np.full(count, -1, np.int64),
    )
    return Cpu().run(loss, find.dynamics("gradient"), batch, steps).x


def nearest(loss: Loss, x: Floats, near: float) -> Integers:
    """Label of the minimum no farther than `near` from each column of x (dim, n); -1 where there is none."""
    labels = np.full(x.shape[1], -1, np.int64)
    best: NDArray[np.float64] = np.full(x.shape[1], near)
    for place, minimum in enumerate(loss.minima):
        away = np.linalg.norm(x - np.array(minimum.x)[:, None], axis=0)
        closer = away <= best
        labels[closer], best[closer] = place, away[closer]
    return labels
