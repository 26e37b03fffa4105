"""First passage of dX = -L'(X) dt + √(2T) dW in one dimension: mean times, committor and Boltzmann masses.

With s' = e^{L/T} (scale) and m = e^{-L/T}, from x between a and b:

    committor, b before a:    q(x) = ∫_a^x s' / ∫_a^b s'
    mean time to either:      τ(x) = (1/T) [(1 - q(x)) ∫_a^x s m + q(x) ∫_x^b (s(b) - s) m],  s(y) = ∫_a^y s'
    mean time to a alone:     τ(x) = (1/T) [∫_a^x s m + s(x) ∫_x^∞ m] = (1/T) ∫_a^x e^{L(y)/T} ∫_y^∞ e^{-L(z)/T} dz dy

Every term is positive and every exponent is shifted by the extreme of L, so that T may be small; Gauss-Legendre
panels are halved until nothing changes.

Discretisation bias: a chain with step h looks at X only at times kh and misses excursions beyond a wall, so that its
exits are late by O(√h): about 1.13 times at h = 0.01, T = 0.5 on the quartic.  To first order a wall is moved
outwards by β √(2Th), β = -ζ(1/2)/√(2π) = 0.5826 (Broadie, Glasserman and Kou, 1997): pass `lr` for that.  Kernels
are held against `chain`, which is exact, and against this only by extrapolation in √h.
"""

from math import inf, isfinite, sqrt

import numpy as np

from dynbench.batch import Floats
from dynbench.losses.base import Loss
from dynbench.theory.coordinate import Coordinate, coordinate, neighbours, walls

BETA = 0.5825971579390107  # -ζ(1/2)/√(2π)
NODES = 16
PRECISION = 1e-13
PANELS = 4096  # most panels tried
NEGLIGIBLE = 50.0  # (L - Lmin)/T from which e^{-L/T} adds nothing

POINTS, WEIGHTS = np.polynomial.legendre.leggauss(NODES)
_P = np.polynomial.legendre.legvander(POINTS, NODES)
# ∫_{-1}^{t} of the interpolant through the nodes, at each node t: P_k = (P_{k+1} - P_{k-1})'/(2k + 1)
_K = 2 * np.arange(NODES) + 1
_RISE = np.column_stack([1.0 + POINTS, (_P[:, 2:] - _P[:, : NODES - 1]) / _K[1:]])  # (node, k)
CUMULATE = _RISE @ (_P[:, :NODES] * WEIGHTS[:, None] * (_K / 2.0)).T  # (node, node)


def passage_time(loss: Loss, label: int, x0: float, temperature: float, lr: float = 0.0) -> float:
    """Mean time in which the SDE from x0 leaves the well of `label`, by either wall; inf where there is none.

    With `lr` the walls are moved outwards by 0.5826 √(2Th): the mean time h k of the chain, to first order in √h.
    """
    a, b = walls(loss, label)
    shift = BETA * sqrt(2.0 * temperature * lr)
    return mean_time(coordinate(loss), x0, temperature, a - shift, b + shift)


def passage_time_to_other_well(loss: Loss, label: int, x0: float, temperature: float) -> float:
    """Mean time in which the SDE from x0 first stands at the minimum of a neighbouring well."""
    left, right = neighbours(loss, label)
    a = -inf if left is None else loss.minima[left].x[0]
    b = inf if right is None else loss.minima[right].x[0]
    return mean_time(coordinate(loss), x0, temperature, a, b)


def mean_time(curve: Coordinate, x0: float, temperature: float, a: float = -inf, b: float = inf) -> float:
    """Mean time to a or b from x0, 0 where x0 is not between.  One may be infinite: the other alone counts then.

    Beyond x0 on an infinite side L may only rise, but for the well that holds x0.
    """
    if not a < x0 < b:
        return 0.0
    if not isfinite(a) and not isfinite(b):
        return inf
    if not isfinite(a):
        mirrored = Coordinate(lambda x: curve.value(-x), lambda x: -curve.slope(-x))
        return mean_time(mirrored, -x0, temperature, -b, inf)
    top = b if isfinite(b) else edge(curve, x0, 1, temperature)
    old = 0.0
    for panels in doubled():
        new = mean_time_on(curve, x0, temperature, a, top, isfinite(b), panels)
        if abs(new - old) <= PRECISION * abs(new) or not isfinite(new):
            return new
        old = new
    return old


def mean_time_on(
    curve: Coordinate, x0: float, temperature: float, a: float, b: float, two_sided: bool, panels: int
) -> float:
    """The formulas above on `panels` panels either side of x0."""
    left, right = Panels(a, x0, panels), Panels(x0, b, panels)
    below, above = curve.values(left.nodes), curve.values(right.nodes)
    highest = max(below.max(), above.max() if two_sided else -inf)
    lowest = min(below.min(), above.min())
    scale, mass = np.exp((below - highest) / temperature), np.exp((lowest - below) / temperature)
    tail = np.exp((lowest - above) / temperature)
    s, s0 = left.running(scale), left.total(scale)
    time = left.total(s * mass)
    if two_sided:
        rest = np.exp((above - highest) / temperature)
        s1 = right.total(rest)  # ∫_x0^b s'
        time = (s1 * time + s0 * right.total((s1 - right.running(rest)) * tail)) / (s0 + s1)
    else:
        time += s0 * right.total(tail)
    with np.errstate(over="ignore"):
        return float(time / temperature * np.exp((highest - lowest) / temperature))


def committor(loss: Loss, x: float, a: float, b: float, temperature: float) -> float:
    """P(the SDE from x reaches b before a), either way round: 0 at a, 1 at b, and beyond them."""
    if (x - a) * (b - a) <= 0.0 or (b - x) * (b - a) <= 0.0:
        return float((x - a) * (b - a) > 0.0)
    curve, old = coordinate(loss), -1.0
    for panels in doubled():
        near, far = Panels(a, x, panels), Panels(x, b, panels)
        one, two = curve.values(near.nodes), curve.values(far.nodes)
        highest = max(one.max(), two.max())
        before, after = (
            part.total(np.exp((height - highest) / temperature)) for part, height in ((near, one), (far, two))
        )
        new = float(before / (before + after))
        if abs(new - old) <= PRECISION * new:
            break
        old = new
    return new


def boltzmann_masses(loss: Loss, temperature: float) -> tuple[float, ...]:
    """Share of e^{-L/T} in the well of each label (one coordinate): how long the SDE is there in the long run."""
    curve, wells = coordinate(loss), loss.wells
    lowest, masses = min(m.value for m in loss.minima), [0.0] * len(wells)
    for label in wells:
        centre = loss.minima[label].x[0]
        a, b = walls(loss, label)
        a = a if isfinite(a) else edge(curve, centre, -1, temperature)
        b = b if isfinite(b) else edge(curve, centre, 1, temperature)
        old = -1.0
        for panels in doubled():
            parts = (Panels(a, centre, panels), Panels(centre, b, panels))
            masses[label] = sum(p.total(np.exp((lowest - curve.values(p.nodes)) / temperature)) for p in parts)
            if abs(masses[label] - old) <= PRECISION * masses[label]:
                break
            old = masses[label]
    return tuple(float(m / sum(masses)) for m in masses)


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
            return x
    raise ValueError("L does not rise far enough for a stationary law")


class Panels:
    """[a, b] in equal panels of Gauss-Legendre nodes; b < a is [b, a] walked backwards, with positive lengths."""

    def __init__(self, a: float, b: float, count: int):
        edges = np.linspace(a, b, count + 1)
        self.half = abs(b - a) / (2 * count)
        self.nodes: Floats = (edges[:-1, None] + edges[1:, None]) / 2.0 + (b - a) / (
            2 * count
        ) * POINTS  # (count, NODES)

    def total(self, f: Floats) -> float:
        return float(self.half * (f @ WEIGHTS).sum())

    def running(self, f: Floats) -> Floats:
        """∫ from a to each node."""
        whole = self.half * (f @ WEIGHTS)
        return np.asarray(np.concatenate([[0.0], np.cumsum(whole)[:-1]])[:, None] + self.half * (f @ CUMULATE.T))
