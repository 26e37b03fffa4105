"""The scales of a loss that default numbers follow: its curvature, its rise, and the wells that starts lie in.

All default numbers are rounded multiples of these, so that the same loss in other units gets the same job in other
units.
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import cycle
from math import exp, floor, hypot, inf, isfinite, log, log10, pi, sqrt

import numpy as np

from dynbench.backends.basins import distances
from dynbench.batch import Floats, Integers
from dynbench.dynamics.base import Dynamics
from dynbench.kernels.rewrite import plain
from dynbench.losses._points import evenly
from dynbench.losses.base import Loss
from dynbench.lowest import global_places
from dynbench.outcomes.label import label
from dynbench.outcomes.probe import slope_power
from dynbench.scale import half_widths, rise
from dynbench.theory.coordinate import coordinate, walls

FLOW_STEP = 0.01  # of a flow dL/dt = -L, whose time has no unit
CURVED = 0.15  # lr times curvature, of gradient descent: a twelfth of what is stable
STRIDE = 0.0043  # of the length √(rise of L/curvature), for rules whose steps know but the gradient's sign
STEPS = 2500  # with these, every rule has the same time on every loss, in its own unit
SERIES = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0, 10.0)  # mantissas of round numbers
PROBES, NUDGE = 64, 1e-4  # points where curvature is looked for, and so many half-widths from each
SMALLEST, LARGEST = 1e-12, 1e12  # no temperature is looked for beyond, in barriers


def default_lr(loss: Loss, dynamics: Dynamics | None = None) -> float:
    """The step lr where none is given, by the unit that it has in the rule; without a rule, gradient descent's.

    * A step that goes as g, such as gradient descent's: lr is a time, in units of 1/curvature, and is 0.15/λ, λ the
      largest curvature at the minima in the domain.
    * A step that goes as g/|g|, such as sign descent's, RMSprop's and Adam's: lr is a length, 0.0043 √(R/λ), R the rise
      of L over the domain; the rule then ends within about 2e-6 R of a minimum.
    * A step that goes as L/g, such as that of the flows (8) and (11) of Su (2019): lr is a number, 0.01.

    One digit of each.  So 2500 steps are on every loss about the time 375/λ of gradient descent, a way of 11 √(R/λ) of
    sign descent, and the time 25 of a flow dL/dt = -L.
    """
    power = 1 if dynamics is None else slope_power(dynamics)
    if power < 0:
        return FLOW_STEP
    curvature = steepest(loss)
    size = STRIDE * sqrt((rise(loss) or 1.0) / curvature) if power == 0 else CURVED / curvature
    return float(f"{size:.1g}")


def steepest(loss: Loss) -> float:
    """The largest curvature at the minima in the domain, or at all of them; where none is known, over the domain."""
    box = loss.box(loss.dim or 1)
    within = any if loss.separable else all  # the one coordinate of its minima serves them all
    inside = [m for m in loss.minima if within(lo <= c <= hi for c, (lo, hi) in zip(cycle(m.x), box, strict=False))]
    known = [c for m in inside or loss.minima for c in m.curvatures if isfinite(c) and c > 0.0]
    return max(known, default=0.0) or bend(loss)


@lru_cache(maxsize=64)
def bend(loss: Loss) -> float:
    """max |grad L(y) - grad L(x)|/|y - x| over points x of the domain, y a little up the slope; 1 where it is flat."""
    halves = half_widths(loss)
    largest = 0.0
    for x in evenly(loss.box(len(halves)), PROBES):
        try:
            slope = gradient(loss, x)
            moves = [NUDGE * half * (1.0 if g > 0.0 else -1.0) for half, g in zip(halves, slope, strict=True)]
            beside = gradient(loss, [c + move for c, move in zip(x, moves, strict=True)])
        except (ArithmeticError, ValueError):  # a division by zero, or a root of what is below 0
            continue
        ratio = hypot(*(b - a for a, b in zip(slope, beside, strict=True))) / hypot(*moves)
        largest = max(largest, ratio) if isfinite(ratio) else largest
    return largest or 1.0


def gradient(loss: Loss, x: list[float]) -> list[float]:
    """grad L at x (dim,), at the loss's parameters' values."""
    parameters = loss.parameters.values()
    if loss.value_grad is not None:
        g = [0.0] * len(x)
        plain(loss.value_grad)(x, g, *parameters)
        return [float(c) for c in g]
    assert loss.grad is not None
    return [float(plain(loss.grad)(x[0], *parameters))]


@dataclass(frozen=True, eq=False)
class Wells:
    """The minima in whose basins starts lie; those of which that is not known are left out."""

    loss: Loss
    place: Integers  # (rows, n) in `loss.minima`: a row for each coordinate of a separable loss, else one

    @property
    def false(self) -> "Wells":
        """Those of false minima."""
        good = np.array(global_places(self.loss), bool)
        return Wells(self.loss, self.place[:, ~good[self.place].all(axis=0)] if len(good) else self.place)

    def critical_caps(self, lr: float, f_star: float) -> Floats:
        """D/(lr (L* - f_star)) of each start's minimum, as in `thresholds.critical_cap`; inf where L* <= f_star."""
        heights = np.array([m.value for m in self.loss.minima])[self.place].sum(axis=0) - f_star
        reach = distances(self.loss)[self.place].min(axis=0, initial=inf)
        return np.divide(reach, lr * heights, out=np.full(len(reach), inf), where=heights > 0.0)

    def left(self, temperature: float, time: float) -> float:
        """The share of the starts that noise takes out of their wells within a time, by Kramers' law; 0 of none."""
        each = np.array([rate(self.loss, label, temperature) for label in range(len(self.loss.minima))])
        return float(np.mean(-np.expm1(-time * each[self.place].sum(axis=0)))) if self.place.size else 0.0


def rate(loss: Loss, label: int, temperature: float) -> float:
    """λ/π Σ exp(-ΔL/T) over the ways out of one minimum's well (of one coordinate, where the loss is separable).

    Kramers' rate at which noise comes to the pass, its curvature there taken for λ, that at the minimum.
    """
    minimum = loss.minima[label]
    curvature = max((c for c in minimum.curvatures if isfinite(c) and c > 0.0), default=steepest(loss))
    heights = [minimum.barrier]
    if loss.tensor:
        curve = coordinate(loss)
        heights = [curve.value(wall) - minimum.value for wall in walls(loss, label) if isfinite(wall)]
    return curvature / pi * sum(exp(-height / temperature) for height in heights)


def wells(loss: Loss, x: Floats) -> Wells:
    """The minima in whose basins the points x (dim, n) lie."""
    if not loss.minima:
        return Wells(loss, np.zeros((1, 0), np.int64))
    if loss.tensor:
        return Wells(loss, np.array(loss.wells)[np.searchsorted(np.array(loss.separators), x, side="right")])
    labels = label(loss, x)
    return Wells(loss, labels[labels >= 0][None, :])


def half_temperature(found: Wells, time: float) -> float:
    """The temperature at which half of the starts leave their wells within a time, by Kramers' law.

    Where there is no way out, the rise of L over the domain stands for a barrier.
    """
    barriers = [m.barrier for m in found.loss.minima if isfinite(m.barrier) and m.barrier > 0.0]
    if not barriers or found.left(LARGEST * max(barriers), time) < 0.5:
        return (rise(found.loss) or 1.0) / log(CURVED * STEPS)
    cold, hot = SMALLEST * min(barriers), LARGEST * max(barriers)
    while hot > 1.001 * cold:
        middle = sqrt(cold) * sqrt(hot)
        cold, hot = (middle, hot) if found.left(middle, time) < 0.5 else (cold, middle)
    return hot


def round_number(x: float) -> float:
    """The nearest of 1, 1.5, 2, 3, 5, 7 and their multiples by powers of ten, as ratios go."""
    power = floor(log10(x))
    mantissa = min(SERIES, key=lambda m: abs(log(x / 10.0**power / m)))
    return float(f"{mantissa:g}e{power}")
