"""One coordinate of a loss as a curve: L, L' and L'' at a point or at many, and where each well begins and ends."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import inf
from typing import Any

import numpy as np

from dynbench.batch import Floats
from dynbench.losses.base import Loss


@dataclass(frozen=True, eq=False)
class Coordinate:
    """L along one coordinate.  One loss has one of these, whatever its dimension: it may serve as a key."""

    value: Callable[[float], float]
    slope: Callable[[float], float]

    def values(self, x: Floats) -> Floats:
        return at_all(self.value, x)

    def slopes(self, x: Floats) -> Floats:
        return at_all(self.slope, x)

    def curvature(self, x: float, width: float = 1e-3) -> float:
        """L''(x) by central differences of L', extrapolated twice: error O(width^6)."""
        d = [(self.slope(x + w) - self.slope(x - w)) / (2.0 * w) for w in (width, 2.0 * width, 4.0 * width)]
        near, far = (4.0 * d[0] - d[1]) / 3.0, (4.0 * d[1] - d[2]) / 3.0
        return (16.0 * near - far) / 15.0


def at_all(function: Callable[[Any], Any], x: Floats) -> Floats:
    """function(x) at every point of x: in one call where its text works on arrays as on floats, else in turn."""
    points = np.array(x, float).ravel()
    some = points[:: max(1, len(points) // 8)]
    try:
        with np.errstate(all="ignore"):
            found = function(points.copy())
        if isinstance(found, np.ndarray) and found.shape == points.shape:
            sample = [function(point) for point in some.tolist()]
            if np.allclose(found[:: max(1, len(points) // 8)], sample, rtol=1e-12, atol=0.0, equal_nan=True):
                return found.reshape(np.shape(x))
    except (TypeError, ValueError, ArithmeticError):
        pass
    return np.array([function(point) for point in points.tolist()]).reshape(np.shape(x))


def coordinate(loss: Loss) -> Coordinate:
    """The curve of a tensor loss at its parameters' values."""
    if not loss.tensor:
        raise ValueError(f"loss {loss.name!r} is no sum over coordinates: it has no one-dimensional curve")
    return made(loss.value, loss.grad, loss.value_grad, loss.values)


@cache
def made(value: Any, grad: Any, value_grad: Any, parameters: tuple[float, ...]) -> Coordinate:
    """The curve of these functions; no parameters: their defaults."""
    if value_grad is None and not parameters:
        return Coordinate(value, grad)
    if value_grad is None:
        return Coordinate(lambda x: value(x, *parameters), lambda x: grad(x, *parameters))

    def height(x: float) -> float:
        found: float = value_grad([x], [0.0], *parameters)
        return found

    def slope(x: float) -> float:
        g = [0.0]
        value_grad([x], g, *parameters)
        return g[0]

    return Coordinate(height, slope)


def walls(loss: Loss, label: int) -> tuple[float, float]:
    """Where the well of one coordinate's minimum begins and ends, -inf and inf where it does not."""
    place = loss.wells.index(label)
    edges = (-inf, *loss.separators, inf)
    return edges[place], edges[place + 1]


def neighbours(loss: Loss, label: int) -> tuple[int | None, int | None]:
    """Labels of the wells to the left and to the right, None where there is none."""
    wells, place = loss.wells, loss.wells.index(label)
    return (wells[place - 1] if place else None), (wells[place + 1] if place + 1 < len(wells) else None)
