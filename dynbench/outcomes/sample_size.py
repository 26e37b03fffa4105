"""How many trials make an interval of a probability as narrow as one wishes."""

import numpy as np
from numpy.typing import ArrayLike

from dynbench.batch import Integers
from dynbench.outcomes.intervals import clopper_pearson


def trials(p: ArrayLike, width: float, confidence: float = 0.95) -> Integers:
    """The fewest trials n whose interval from n p successes is no wider than `width`.  p (cells,) in [0, 1]."""
    if width <= 0:
        raise ValueError("the width asked for must be above 0")
    shares, place = np.unique(np.asarray(p, float), return_inverse=True)
    low = np.zeros(len(shares), np.int64)
    high = np.full(len(shares), int(4.0 / width**2 + 8.0 / width) + 8)  # enough at p = 1/2
    while (high - low > 1).any():
        half = (low + high) // 2
        lo, hi = clopper_pearson(shares * half, half, confidence)
        enough = hi - lo <= width
        low, high = np.where(enough, low, half), np.where(enough, half, high)
    return high[place]
