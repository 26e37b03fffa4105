"""Which basin of gradient flow holds a point: exact where the loss knows its walls, else by its flow."""

import numpy as np

from dynbench.backends.basins import basins
from dynbench.batch import Floats, Integers
from dynbench.losses.base import Loss


def label(loss: Loss, x: Floats) -> Integers:
    """Label of the basin of gradient flow dx/dt = -grad L that holds each column of x (dim, n): (n,) int64.

    * Tensor losses, exactly `loss.basin` of every column: well w_d of each coordinate by bisection among the
      separators, then sum over d of w_d K^d modulo 2**63.  A point exactly on a wall lies in no basin: -1.
    * Other losses with minima: by the flow itself, an integration of order 8 with an error of 1e-11 half-widths a step,
      until it is so near a minimum that it cannot leave; in two dimensions, where the loss lists its saddles, by a
      table of the basins, and by the flow only within about 1e-4 of the domain from a boundary or off the table.
      -1: the point is a saddle or a maximum, or the flow runs away or ends at no known minimum.  A point on a
      boundary gets the label of either side, as rounding has it.
    * Losses without known minima: -1.

    Minima are those of the loss's default parameters.
    """
    x = np.asarray(x, float)
    loss = loss.at(len(x))
    if loss.tensor:
        return product_label(loss, x)
    if loss.minima:
        return basins(loss).labels(x)
    return np.full(x.shape[1], -1, np.int64)


def product_label(loss: Loss, x: Floats) -> Integers:
    wells = np.array(loss.wells, np.uint64)
    total, radix = np.zeros(x.shape[1], np.uint64), 1
    walls, on_wall = np.array([np.nan, *loss.separators]), np.zeros(x.shape[1], bool)
    for coordinate in x:  # arithmetic modulo 2**64, and so modulo 2**63
        place = np.searchsorted(walls[1:], coordinate, side="right")
        on_wall |= walls[place] == coordinate
        total += wells[place] * np.uint64(radix)
        radix = radix * len(wells) % 2**63
    return np.where(on_wall, -1, (total & np.uint64(2**63 - 1)).astype(np.int64))
