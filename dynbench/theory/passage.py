"""First passage of dX = -L'(X) dt + √(2T) dW in one dimension: mean times, committor and Boltzmann masses.

With s' = e^{L/T} (scale) and m = e^{-L/T}, from x between a and b:

    committor, b before a:    q(x) = ∫_a^x s' / ∫_a^b s'
    mean time to either:      τ(x) = (1/T) [(1 - q(x)) ∫_a^x s m + q(x) ∫_x^b (s(b) - s) m],  s(y) = ∫_a^y s'
    mean time to a alone:     τ(x) = (1/T) [∫_a^x s m + s(x) ∫_x^∞ m] = (1/T) ∫_a^x e^{L(y)/T} ∫_y^∞ e^{-L(z)/T} dz dy

Every term is positive and all sums are of logarithms, so that T may be small: e^{ΔL/T} may pass the largest float,
and its logarithm is still exact.  Gauss-Legendre panels are halved until nothing changes.

Discretisation bias: a chain with step h looks at X only at times kh and misses excursions beyond a wall, so that its
exits are late by O(√h): about 1.13 times at h = 0.01, T = 0.5 on the quartic.  To first order a wall is moved
outwards by β √(2Th), β = -ζ(1/2)/√(2π) = 0.5826 (Broadie, Glasserman and Kou, 1997): pass `lr` for that.  Kernels
are held against `chain`, which is exact, and against this only by extrapolation in √h.
"""

from collections.abc import Callable
from math import exp, inf, isfinite, log, nan, sqrt

import numpy as np
from scipy.special import logsumexp

from dynbench.batch import Floats
from dynbench.losses.base import Loss
from dynbench.theory.coordinate import Coordinate, coordinate, neighbours, walls

LARGEST = log(np.finfo(float).max)  # ln of the largest float
BETA = 0.5825971579390107  # -ζ(1/2)/√(2π)
NODES = 16
PRECISION = 1e-13
ROUNDING = 4.0 * np.finfo(float).eps  # of L/T: what its own rounding adds to a logarithm
ENOUGH = 1e-9  # a result that the last halving changes by more is not known
PANELS = 32768  # most panels tried
NEGLIGIBLE = 50.0  # (L - Lmin)/T from which e^{-L/T} adds nothing

POINTS, WEIGHTS = np.polynomial.legendre.leggauss(NODES)
_P = np.polynomial.legendre.legvander(POINTS, NODES)
# ∫_{-1}^{t} of the interpolant through the nodes, at each node t: P_k = (P_{k+1} - P_{k-1})'/(2k + 1)
_K = 2 * np.arange(NODES) + 1
_RISE = np.column_stack([1.0 + POINTS, (_P[:, 2:] - _P[:, : NODES - 1]) / _K[1:]])  # (node, k)
CUMULATE = _RISE @ (_P[:, :NODES] * WEIGHTS[:, None] * (_K / 2.0)).T  # (node, node)


def log_passage_time(loss: Loss, label: int, x0: float, temperature: float, lr: float = 0.0) -> float:
    """ln of the mean time in which the SDE from x0 leaves the well of `label`, by either wall; inf: there is none.

    With `lr` the walls are moved outwards by 0.5826 √(2Th): the mean time h k of the chain, to first order in √h.
    """
    a, b = walls(loss, label)
    shift = BETA * sqrt(2.0 * temperature * lr)
    return log_mean_time(coordinate(loss), x0, temperature, a - shift, b + shift)


def passage_time(loss: Loss, label: int, x0: float, temperature: float, lr: float = 0.0) -> float:
    """The mean time itself; inf where there is no wall, or where it is beyond the largest float."""
    return raised(log_passage_time(loss, label, x0, temperature, lr))


def log_passage_time_to_other_well(loss: Loss, label: int, x0: float, temperature: float) -> float:
    """ln of the mean time in which the SDE from x0 first stands at the minimum of a neighbouring well."""
    left, right = neighbours(loss, label)
    a = -inf if left is None else loss.minima[left].x[0]
    b = inf if right is None else loss.minima[right].x[0]
    return log_mean_time(coordinate(loss), x0, temperature, a, b)


def passage_time_to_other_well(loss: Loss, label: int, x0: float, temperature: float) -> float:
    """The mean time itself; inf where there is no neighbour, or where it is beyond the largest float."""
    return raised(log_passage_time_to_other_well(loss, label, x0, temperature))


def raised(logarithm: float) -> float:
    """e to that power, inf beyond the largest float."""
    return exp(logarithm) if logarithm < LARGEST else inf


def mean_time(curve: Coordinate, x0: float, temperature: float, a: float = -inf, b: float = inf) -> float:
    """Mean time to a or b from x0, 0 where x0 is not between; see `log_mean_time`."""
    return raised(log_mean_time(curve, x0, temperature, a, b))


def log_mean_time(curve: Coordinate, x0: float, temperature: float, a: float = -inf, b: float = inf) -> float:
    """ln of the mean time to a or b from x0, -inf where x0 is not between.

    One of the two may be infinite: the other alone counts then.  Beyond x0 on an infinite side L may only rise, but
    for the well that holds x0.  nan: the most panels tried do not resolve it (T is too small).
    """
    if not a < x0 < b:
        return -inf
    if not isfinite(a) and not isfinite(b):
        return inf
    if not isfinite(a):
        mirrored = Coordinate(lambda x: curve.value(-x), lambda x: -curve.slope(-x))
        return log_mean_time(mirrored, -x0, temperature, -b, inf)
    top = b if isfinite(b) else edge(curve, x0, 1, temperature)
    return refined(lambda panels: log_mean_time_on(curve, x0, temperature, a, top, isfinite(b), panels))


def refined(logarithm: Callable[[int], float]) -> float:
    """The limit of a logarithm as its number of panels doubles; nan where it does not settle."""
    old = -inf
    for panels in doubled():
        new = logarithm(panels)
        change = abs(new - old)
        if change <= PRECISION + ROUNDING * abs(new) or not isfinite(new):
            return new
        old = new
    return new if change <= ENOUGH else nan


def log_mean_time_on(
    curve: Coordinate, x0: float, temperature: float, a: float, b: float, two_sided: bool, panels: int
) -> float:
    """The formulas above on `panels` panels either side of x0."""
    left, right = Panels(a, x0, panels), Panels(x0, b, panels)
    below, above = curve.values(left.nodes) / temperature, curve.values(right.nodes) / temperature
    if not (np.isfinite(below).all() and np.isfinite(above).all()):
        return nan  # L is beyond the floats there
    s, s0 = left.log_running(below), left.log_total(below)
    time = left.log_total(s - below)
    if two_sided:
        s1 = right.log_total(above)  # ∫_x0^b s'
        rest = right.log_running(above, backwards=True)  # ∫_y^b s'
        times = (s1 + time, s0 + right.log_total(rest - above))
        return float(logsumexp(times) - np.logaddexp(s0, s1)) - log(temperature)
    return float(np.logaddexp(time, s0 + right.log_total(-above))) - log(temperature)


def log_committor(loss: Loss, x: float, a: float, b: float, temperature: float) -> float:
    """ln P(the SDE from x reaches b before a), either way round: -inf at a, 0 at b, and beyond them."""
    if (x - a) * (b - a) <= 0.0:
        return -inf
    if (b - x) * (b - a) <= 0.0:
        return 0.0
    curve = coordinate(loss)

    def logarithm(panels: int) -> float:
        near, far = Panels(a, x, panels), Panels(x, b, panels)
        before, after = (part.log_total(curve.values(part.nodes) / temperature) for part in (near, far))
        return before - float(np.logaddexp(before, after))

    return refined(logarithm)


def committor(loss: Loss, x: float, a: float, b: float, temperature: float) -> float:
    """P(the SDE from x reaches b before a), either way round: 0 at a, 1 at b, and beyond them."""
    return exp(log_committor(loss, x, a, b, temperature))


def log_boltzmann_masses(loss: Loss, temperature: float) -> tuple[float, ...]:
    """ln of the share of e^{-L/T} in the well of each label (one coordinate): how long the SDE is there in the end."""
    curve, wells = coordinate(loss), loss.wells
    masses = [0.0] * len(wells)
    for label in wells:
        centre = loss.minima[label].x[0]
        a, b = walls(loss, label)
        a = a if isfinite(a) else edge(curve, centre, -1, temperature)
        b = b if isfinite(b) else edge(curve, centre, 1, temperature)

        def mass(panels: int, ends: tuple[float, float] = (a, b), centre: float = centre) -> float:
            parts = [Panels(end, centre, panels) for end in ends]
            return float(logsumexp([p.log_total(-curve.values(p.nodes) / temperature) for p in parts]))

        masses[label] = refined(mass)
    return tuple(float(m - logsumexp(masses)) for m in masses)


def boltzmann_masses(loss: Loss, temperature: float) -> tuple[float, ...]:
    """The shares themselves, 0 below the smallest float."""
    return tuple(exp(m) for m in log_boltzmann_masses(loss, temperature))


def doubled() -> list[int]:
    return [2**k for k in range(3, PANELS.bit_length())]


def edge(curve: Coordinate, x: float, side: int, temperature: float) -> float:
    """Where e^{-L/T} has become negligible against its largest value beyond x."""
    lowest, stride = curve.value(x), sqrt(temperature) / 8.0
    for k in range(100_000):
        x += side * stride * (1.0 + k / 100.0)
        height = curve.value(x)
        lowest = min(lowest, height)
        if height - lowest >= NEGLIGIBLE * temperature and side * curve.slope(x) > 0.0:
            return nearer(curve, x, x - side * stride * (1.0 + k / 100.0), lowest, temperature)
    raise ValueError("L does not rise far enough for a stationary law")


def nearer(curve: Coordinate, x: float, before: float, lowest: float, temperature: float) -> float:
    """x, or where L is at least half as far above all that is needed: a stride in x grows faster with T than the law.

    At `before` e^{-L/T} is not negligible yet.  Panels between there and a far x would all miss the law.
    """
    while curve.value(x) - lowest > 20.0 * NEGLIGIBLE * temperature:
        middle = before + 0.5 * (x - before)
        if middle in (x, before) or not curve.value(middle) - lowest >= NEGLIGIBLE * temperature:
            return x
        x = middle
    return x


class Panels:
    """[a, b] in equal panels of Gauss-Legendre nodes; b < a is [b, a] walked backwards, with positive lengths."""

    def __init__(self, a: float, b: float, count: int):
        edges = np.linspace(a, b, count + 1)
        self.half = abs(b - a) / (2 * count)
        self.nodes: Floats = (edges[:-1, None] + edges[1:, None]) / 2.0 + (b - a) / (
            2 * count
        ) * POINTS  # (count, NODES)

    def log_total(self, logarithms: Floats) -> float:
        """ln ∫ of the function whose logarithms at the nodes are given."""
        return float(logsumexp(logarithms, b=self.half * WEIGHTS))

    def log_running(self, logarithms: Floats, backwards: bool = False) -> Floats:
        """ln ∫ from a to each node, or from each node to b: every panel by the scale of its own largest value."""
        if backwards:
            return self.log_running(logarithms[::-1, ::-1])[::-1, ::-1]
        peaks = logarithms.max(axis=1)
        scaled = np.exp(logarithms - peaks[:, None])
        panels = np.log(self.half * (scaled @ WEIGHTS)) + peaks
        before = np.concatenate([[-inf], np.logaddexp.accumulate(panels)[:-1]])
        inside = np.maximum(self.half * (scaled @ CUMULATE.T), np.finfo(float).tiny)  # rounding may take it below 0
        return np.asarray(np.logaddexp(before[:, None], np.log(inside) + peaks[:, None]))
