"""The step of the noisy gradient, x' ~ N(x - h L'(x), 2Th), as a matrix on Gauss-Legendre nodes inside one well.

k(x, y), the density of a step from x to y, is Gaussian in y, so that panels of three standard deviations with 16
nodes each integrate it to rounding (Nyström's method); an open side is cut off where the chain never comes.
"""

from dataclasses import dataclass
from functools import cache, lru_cache
from math import isfinite, sqrt

import numpy as np
from scipy.special import ndtr

from dynbench.batch import Floats
from dynbench.losses.base import Loss
from dynbench.theory.coordinate import Coordinate, coordinate, walls

PANEL = 3.0  # widest panel, in standard deviations of a step
MOST_NODES = 4000
REMEMBERED = 32  # chains: two grids of each of Rastrigin's 11 wells in its domain, at one temperature
STEEPEST = 300.0  # barrier / T: beyond it probabilities come near the smallest floats


class OutOfReach(ValueError):
    """The exact answer would take more nodes, more work or more rare an event than is allowed."""


@dataclass(frozen=True)
class Grid:
    """How finely, and how far out on an open side, a well is resolved."""

    nodes: int  # a panel
    widths: float  # an open side ends where the drift leads back by so many standard deviations of a step ...
    exponent: float  # ... or where L - (h/4) L'² is so many T above the lowest wall, if that is nearer


FINE, COARSE = Grid(16, 10.0, 80.0), Grid(12, 8.5, 60.0)  # their difference is the error that is stated


@dataclass(frozen=True, eq=False)
class Chain:
    """The chain in one well: nodes y_j, K_ij = w_j k(y_i, y_j), and r_i, the chance to leave in one step."""

    spread: float  # √(2Th)
    walls: tuple[float, float]  # -inf, inf: none
    nodes: Floats  # (m,)
    weights: Floats  # (m,)
    kernel: Floats  # (m, m)
    leaving: Floats  # (m,)

    def rows(self, ahead: Floats) -> tuple[Floats, Floats]:
        """r(x) (n,) and w_j k(x, y_j) (n, m), from any x (n,) by where the drift leads, x - h L'(x)."""
        return rows(self.spread, self.walls, self.nodes, self.weights, ahead)


def rows(
    spread: float, walls: tuple[float, float], nodes: Floats, weights: Floats, ahead: Floats
) -> tuple[Floats, Floats]:
    out = ndtr((walls[0] - ahead) / spread) + ndtr((ahead - walls[1]) / spread)
    kernel = nodes[None, :] - ahead[:, None]  # and on in place: to ask for memory takes as long as to compute
    kernel /= spread
    kernel *= kernel
    kernel *= -0.5
    np.exp(np.maximum(kernel, -800.0, out=kernel), out=kernel)  # exp(-800) is 0, without a subnormal on the way
    kernel[kernel < 1e-300] = 0.0
    kernel *= weights / (spread * sqrt(2.0 * np.pi))
    return out, kernel


def chain(loss: Loss, label: int, lr: float, temperature: float, grid: Grid = FINE) -> Chain:
    """The chain in the well of one coordinate's minimum, at the loss's default parameters.  Raises OutOfReach."""
    if not (lr > 0.0 and temperature > 0.0 and isfinite(lr * temperature)):
        raise ValueError(f"the noisy chain needs lr > 0 and temperature > 0, not {lr:g} and {temperature:g}")
    centre, domain = loss.minima[label].x[0], loss.domain[0]
    return built(coordinate(loss), centre, walls(loss, label), domain, lr, temperature, grid)


@lru_cache(maxsize=REMEMBERED)
def built(
    curve: Coordinate,
    centre: float,
    walls: tuple[float, float],
    domain: tuple[float, float],
    lr: float,
    temperature: float,
    grid: Grid,
) -> Chain:
    spread = sqrt(2.0 * temperature * lr)
    if not isfinite(spread):
        raise OutOfReach("a step is longer than a float can hold")
    heights = [curve.value(wall) for wall in walls if isfinite(wall)]
    if not heights or min(heights) - curve.value(centre) > STEEPEST * temperature:
        raise OutOfReach(f"there is no way out, or only over a barrier of more than {STEEPEST:g} T")
    lo, hi = ends(curve, centre, walls, domain, lr, temperature, grid)
    edges = panels(curve, lo, hi, lr, spread)
    size = grid.nodes * (len(edges) - 1)
    if size > MOST_NODES:
        raise OutOfReach(f"the exact chain needs {size} nodes, more than {MOST_NODES}")
    points, shares = gauss(grid.nodes)
    middle, half = (edges[1:] + edges[:-1])[:, None] / 2.0, np.diff(edges)[:, None] / 2.0
    nodes, weights = (middle + half * points).ravel(), (half * shares).ravel()
    leaving, kernel = rows(spread, walls, nodes, weights, nodes - lr * curve.slopes(nodes))
    return Chain(spread, walls, nodes, weights, kernel, leaving)


@cache
def gauss(nodes: int) -> tuple[Floats, Floats]:
    """Points and weights of Gauss and Legendre on [-1, 1]."""
    return np.polynomial.legendre.leggauss(nodes)


def panels(curve: Coordinate, lo: float, hi: float, lr: float, spread: float, most: int = MOST_NODES) -> Floats:
    """Edges of panels of PANEL standard deviations, less where the drift x - hL' stretches: p varies faster there."""
    with np.errstate(over="ignore", invalid="ignore"):
        probe = np.linspace(lo, hi, 1001)
        stretch = np.abs(np.diff(probe - lr * curve.slopes(probe))) / np.diff(probe)
        density = np.concatenate([[0.0], np.cumsum(np.maximum(stretch, 1.0) * np.diff(probe))]) / (PANEL * spread)
    if np.isnan(density[-1]):
        raise OutOfReach("a step is longer than a float can hold")
    if density[-1] > most:
        raise OutOfReach(f"the exact chain needs {density[-1]:.4g} panels")
    return np.interp(np.linspace(0.0, density[-1], int(np.ceil(density[-1])) + 1), density, probe)


def ends(
    curve: Coordinate,
    centre: float,
    walls: tuple[float, float],
    domain: tuple[float, float],
    lr: float,
    temperature: float,
    grid: Grid,
) -> tuple[float, float]:
    """From where to where the well is resolved: from wall to wall, or to `end` on an open side."""
    lo, hi = (
        wall if isfinite(wall) else end(curve, centre, side, walls, domain, lr, temperature, grid)
        for wall, side in zip(walls, (-1, 1), strict=True)
    )
    return lo, hi


def end(
    curve: Coordinate,
    centre: float,
    side: int,
    walls: tuple[float, float],
    domain: tuple[float, float],
    lr: float,
    temperature: float,
    grid: Grid,
) -> float:
    """Where an open side is cut off: the chain lands beyond it with probability below 1e-16 of its exits, a step.

    A large step may leave by way of that side, from where L' leads beyond the other wall.  So both criteria count from
    the height of the lowest wall: the chance of an exit is not far below e^{-barrier/T}.
    """
    spread, floor = sqrt(2.0 * temperature * lr), min(curve.value(wall) for wall in walls if isfinite(wall))
    widths = sqrt(grid.widths**2 + 2.0 * (floor - curve.value(centre)) / temperature)
    stride = max(0.5 * spread, 1e-3 * (domain[1] - domain[0]))
    starts = np.linspace(max(walls[0], domain[0]), min(walls[1], domain[1]), 101)
    landed = (side * (starts - lr * curve.slopes(starts))).max() + widths * spread  # from anywhere in the domain
    x, furthest = centre, landed
    for _ in range(100_000):
        x += side * stride
        slope = curve.slope(x)
        furthest = max(furthest, side * (x - lr * slope) + widths * spread)
        if curve.value(x) - floor - 0.25 * lr * slope * slope >= grid.exponent * temperature:
            return side * max(side * x, landed)
        if side * lr * slope >= widths * spread:
            return side * max(side * x, furthest)
    raise OutOfReach("the well is open on a side where nothing leads back")
