"""The capped flow in one well of a line: from which cap on a start can leave, and where its 2-cycle ends.

The rule is the map T(x) = x - sign(g) min(1/|g|, M) h (L - f_star), M = `cap`, h = `lr`.  Its thresholds are roots
of functions of one variable, worked out on the loss itself, not on the quadratic well of `thresholds`.

Where L* = f_star the rule settles at the minimum at any cap.  Where L* < f_star it climbs away from the minimum: up
to the level L = f_star, or over a wall that is lower than that, at any cap.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf, isfinite, nan, sqrt

import numpy as np

from dynbench.batch import Floats
from dynbench.losses.base import Loss
from dynbench.theory.coordinate import Coordinate, coordinate, walls

NEAR = 0.05  # of the distance D: the starts "near the minimum", as `--starts trapped` draws them
POINTS = 4001  # of a side of the well, on which the ends of an image are looked for
CLOSEST = 1e-12  # of D: the first of them
WIDEST = 1e3  # of D: the last, on a side without a wall
ROUNDS = 500  # images, after which the reached interval counts as closed
CLOSE, ZOOMS = 0.02, 6  # within so many D of a reached end an image is looked at more closely, so many times
LEAST, MOST = 1e-9, 1e12  # caps looked at, relative to the scale D/(h |L - f_star|)
TURNING = 2.0  # the step h from which the uncapped flow passes over the minimum of a cone
ENDS = 3e-10  # relative precision of a threshold


@dataclass(frozen=True, eq=False)
class Well:
    """One well of a loss of one dimension, and the rule's settings but for the cap."""

    curve: Coordinate
    bottom: float  # m, the place of the minimum
    lo: float  # its walls, -inf and inf where there is none
    hi: float
    height: float  # L* - f_star
    lr: float
    f_star: float

    @staticmethod
    def of(loss: Loss, label: int, lr: float, f_star: float) -> "Well":
        minimum = loss.minima[label]
        return Well(coordinate(loss), minimum.x[0], *walls(loss, label), minimum.value - f_star, lr, f_star)

    @property
    def distance(self) -> float:
        """D: from the minimum to the nearer wall; inf: there is none."""
        return min(self.bottom - self.lo, self.hi - self.bottom)

    def moved(self, x: Floats, cap: float) -> Floats:
        """T(x).  Raises ArithmeticError or ValueError where L cannot be computed."""
        g = self.curve.slopes(x)
        return x - np.sign(g) * step_size(np.abs(g), self.curve.values(x) - self.f_star, self.lr, cap)


def computed(function: Callable[[Floats], Floats], x: Floats) -> Floats:
    """function(x), nan at the points where the loss gives up, as far out of its domain."""
    try:
        return function(x)
    except (ArithmeticError, ValueError):
        if x.size == 1:
            return np.full(x.shape, nan)
        half = x.size // 2
        return np.concatenate([computed(function, x[:half]), computed(function, x[half:])])


def step_size(slope: Floats, above: Floats, lr: float, cap: float) -> Floats:
    """min(1/|g|, M) h (L - f_star); 0 where the rule does not move, or where L is beyond the floats."""
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        inverse = np.where(slope > 1e-300, 1.0 / slope, 0.0)
        size = np.minimum(inverse, cap) * (lr * above)
    return np.where(np.isfinite(size), size, 0.0)


@dataclass(frozen=True, eq=False)
class Side:
    """Points of one side of the well, going away from the minimum, and what the map needs to know of them."""

    x: Floats  # (n,)
    slope: Floats  # (n,), |L'|
    above: Floats  # (n,), L - f_star
    sign: float  # -1: left of the minimum, 1: right of it


def sides(well: Well) -> tuple[Side, Side]:
    """Both sides, their points closest together at the minimum and at the walls."""
    made = []
    scale = well.distance if isfinite(well.distance) else 1.0
    for sign, wall in ((-1.0, well.lo), (1.0, well.hi)):
        if isfinite(wall):
            width = abs(wall - well.bottom)
            half = np.geomspace(CLOSEST, 0.5, POINTS // 2)
            share = np.concatenate([half, 1.0 - half[-2::-1]])
            x = well.bottom + sign * width * share
            x = x[(x != wall) & (x != well.bottom)]
        else:
            x = well.bottom + sign * scale * np.geomspace(CLOSEST, WIDEST, POINTS)
        slope = computed(well.curve.slopes, x) * sign  # above 0 in the well, but for rounding beside its ends
        above = computed(well.curve.values, x) - well.f_star
        known = np.isfinite(slope) & np.isfinite(above)
        count = len(x) if known.all() else int(known.argmin())  # what lies beyond is no place that is come from
        made.append(Side(x[:count], np.maximum(slope, 1e-290)[:count], above[:count], sign))
    return made[0], made[1]


def reached(well: Well, both: tuple[Side, Side], cap: float, lo: float, hi: float) -> tuple[float, float]:
    """The smallest interval that holds [lo, hi], which holds the minimum, and its own image; it ends at a wall passed.

    One side of the minimum is mapped continuously, to an interval whose ends are the extremes of T there: they are
    looked for on the points of `sides`, at the ends of [lo, hi] and beside the minimum, where T(m±) = m ∓ h M (L* -
    f_star).
    """
    jump = well.lr * cap * well.height
    images = [s.x - s.sign * step_size(s.slope, s.above, well.lr, cap) for s in both]
    lo, hi = min(lo, well.bottom - abs(jump)), max(hi, well.bottom + abs(jump))
    for _ in range(ROUNDS):
        if not (well.lo < lo and hi < well.hi):
            break
        at_ends = computed(lambda x: well.moved(x, cap), np.array([lo, hi]))
        ends = [lo, hi, *at_ends[np.isfinite(at_ends)].tolist()]
        for side, image in zip(both, images, strict=True):
            count = int(np.searchsorted(side.x * side.sign, (hi if side.sign > 0 else lo) * side.sign, side="right"))
            if count:
                ends += extremes(well, side, image, count, cap, lo, hi)
        if min(ends) == lo and max(ends) == hi:
            break
        lo, hi = min(ends), max(ends)
    return lo, hi


def extremes(well: Well, side: Side, image: Floats, count: int, cap: float, lo: float, hi: float) -> list[float]:
    """Least and largest T of the first `count` points of a side, looked for more closely where it passes lo or hi."""
    found = []
    for sign, known in ((-1.0, -lo), (1.0, hi)):
        place = int((sign * image[:count]).argmax())
        best = sign * float(image[place])
        first, last = side.x[max(place - 1, 0)], side.x[min(place + 1, count - 1)]
        if best >= known - CLOSE * well.distance:
            for _ in range(ZOOMS):
                x = np.linspace(first, last, 33)
                near = sign * well.moved(x, cap)
                place = int(near.argmax())
                best = max(best, float(near[place]))
                first, last = x[max(place - 1, 0)], x[min(place + 1, 32)]
        found.append(sign * best)
    return found


def onset(well: Well, everywhere: bool = False) -> float:
    """The cap above which some start leaves the well; from no start does any trajectory leave at a smaller one.

    Starts: within `NEAR` D of the minimum, as `--starts trapped` draws them; `everywhere`: in the whole well, also
    right beside its walls, from where the first step is the longest.  0: some leave at any cap.  inf: none at any.
    nan: not worked out, for h >= 2, where steps of the uncapped flow turn about.  Where L* < f_star the rule climbs
    from the minimum to the level L = f_star; there the first ones may leave at a larger cap only.
    """
    if well.lr >= TURNING:
        return nan
    if not isfinite(well.distance):
        return inf
    both = sides(well)
    heights = [float(s.above[-1]) for s, wall in zip(both, (well.lo, well.hi), strict=True) if isfinite(wall)]
    if min(heights) < 0.0:
        return 0.0  # L < f_star all the way up to a wall: the rule climbs over it
    start = (well.bottom - NEAR * well.distance, well.bottom + NEAR * well.distance)
    if well.height < 0.0:  # from either side it climbs to the level L = f_star
        start = (min(start[0], level(both[0])), max(start[1], level(both[1])))
    if everywhere:
        start = (float(both[0].x[-1]), float(both[1].x[-1]))

    def leaves(cap: float) -> bool:
        lo, hi = reached(well, both, cap, *start)
        return not (well.lo < lo and hi < well.hi)

    scale = well.distance / (well.lr * max(abs(well.height), *map(abs, heights)))
    return threshold(leaves, LEAST * scale, MOST * scale)


def level(side: Side) -> float:
    """The place up to which L < f_star, or the point of `sides` after it."""
    return float(side.x[int((side.above >= 0.0).argmax())])


def threshold(holds: Callable[[float], bool], lo: float, hi: float) -> float:
    """Where `holds`, false at small values and true at large ones, changes: between lo and hi; 0 or inf beyond."""
    if holds(lo):
        return 0.0
    if not holds(hi):
        return inf
    while hi / lo > 1.0 + ENDS:
        middle = sqrt(lo * hi)
        lo, hi = (lo, middle) if holds(middle) else (middle, hi)
    return sqrt(lo * hi)


@dataclass(frozen=True)
class TwoCycle:
    """The cycle p < m < q of the capped flow at the cap where it stops to attract its neighbours."""

    cap: float
    p: float
    q: float


def two_cycle_end(well: Well) -> TwoCycle | None:
    """The 2-cycle about the minimum at the largest cap up to which it is stable; None: not known, or there is none.

    Its points lie at one level L(p) = L(q) = ℓ, with q - p = h M (ℓ - f_star).  While the cap binds at both of them,
    T'(p) T'(q) = (1 - h M |L'(p)|)(1 - h M |L'(q)|) lies between 0 and 1, for h <= 1.  It stops binding where
    |L'| = 1/M at the steeper one, and T' jumps there to 1 - h + h (L - f_star) L''/L'^2: the cycle ends there if the
    product is then beyond ±1.  If it is not, as with large h, the end lies at a cap above, which is not worked out.
    """
    from scipy.optimize import brentq  # a tenth of a second, which `onset` and every sweep can spare

    m, height = well.bottom, well.height
    if height <= 0.0 or well.lr > 1.0:
        return None
    value = well.curve.value
    tops = [wall for wall in (well.lo, well.hi) if isfinite(wall)]
    limit = 1.05 * sqrt(2.0 / (well.curve.curvature(m) / (well.lr * height))) if not tops else inf
    far = min([abs(wall - m) for wall in tops], default=10.0 * limit)

    def other(q: float) -> float:
        """The point p of the other side at the height of q; nan where that side is not so high."""
        level, reach = value(q), q - m
        while m - reach > well.lo and value(m - reach) <= level and reach < 1e3 * far:
            reach *= 2.0
        end = max(well.lo, m - reach)
        return float(brentq(lambda p: value(p) - level, end, m, xtol=1e-15, rtol=1e-15)) if value(end) > level else nan

    def cap_at(q: float) -> float:
        return (q - other(q)) / (well.lr * (value(q) - well.f_star))

    def bound(q: float) -> float:
        """M max |L'| - 1: above 0 where the cap does not bind at one of the points."""
        p = other(q)
        return cap_at(q) * max(abs(well.curve.slope(p)), abs(well.curve.slope(q))) - 1.0

    nearest, previous = m + 1e-7 * far, m + 1e-7 * far
    for q in (m + far * np.geomspace(1e-6, 0.999, 400)).tolist():
        now = bound(q)
        if not isfinite(now):
            return None
        if now > 0.0:
            break
        previous = q
    else:
        return None
    if previous == nearest and bound(nearest) > 0.0:
        return None
    q = float(brentq(bound, previous, q, xtol=1e-15, rtol=1e-14))
    p = other(q)
    cap = cap_at(q)
    return TwoCycle(cap, p, q) if abs(beyond(well, cap, p, q)) > 1.0 else None


def beyond(well: Well, cap: float, p: float, q: float) -> float:
    """T'(p) T'(q) just above that cap, where the steeper point is no longer capped."""
    slopes = [abs(well.curve.slope(x)) for x in (p, q)]
    product = 1.0
    for x, slope in zip((p, q), slopes, strict=True):
        if slope < max(slopes) * (1.0 - 1e-9):
            product *= 1.0 - well.lr * cap * slope
        else:
            above = well.curve.value(x) - well.f_star
            product *= 1.0 - well.lr + well.lr * above * well.curve.curvature(x, 1e-4 * abs(q - p)) / slope**2
    return product
