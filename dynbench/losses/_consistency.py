"""Whether what a loss declares is true of its function: checked when a user's file is read.

`check_gradient`: the gradient against differences of L over the domain.  `check_facts`: L' = 0 and
L = value at each minimum, its curvatures, and in one dimension or for separable losses the sign
changes of L' on a fine grid: no minimum is missing, each separator is the maximum between its
neighbours, barriers and distances fit.  Else no sampled L lies below the global minimum's.
Tolerances are relative to the loss's own scales of length and height, so that units do not matter.
Every contradiction is a ValueError of one sentence that names the point and both numbers.

It holds two subjects, gradient and facts, in one file as they share points, scales and wording.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from math import fsum, inf, isfinite, isnan, nan, sqrt
from pathlib import Path
from traceback import extract_tb
from typing import Any

from dynbench.losses.base import Loss, Minimum

EPS = 2.0**-52
STEPS = (1e-5, 1e-4, 1e-6, 1e-3, 1e-7, 1e-8)  # of a difference, in widths of the domain
CLOSE = 1e-4  # relative disagreement of a difference and the gradient that is still rounding
PLACE = 1e-6  # error of a minimum's place, in widths of its well
HEIGHT = 1e-7  # error of a value, in rises of the loss nearby
CURVED = 1e-3  # relative error of curvatures
GRID = 4001  # points of a coordinate
BETWEEN = 16  # further points between neighbouring minima and maxima
MOST_EIGENVALUES = 32  # dimensions in which eigenvalues are compared; and axes along which minima are looked at

Point = list[float]


class Surface:
    """L and its gradient at points, nan where Python's arithmetic gives none."""

    def __init__(self, owner: str, loss: Loss):
        assert loss.dim is not None
        self.owner, self.loss, self.dim = owner, loss, loss.dim
        self.parameters = tuple(loss.parameters.values())
        self.box = [(float(lo), float(hi)) for lo, hi in loss.box(loss.dim)]
        self.widths = [hi - lo for lo, hi in self.box]

    def at(self, x: Point) -> tuple[float, Point]:
        """L and its gradient, (dim,)."""
        loss = self.loss
        if loss.value_grad is not None:
            g = [nan] * self.dim
            value = self.called("value_grad", loss.value_grad, list(x), g)
            return number(value), [number(c) for c in g]
        assert loss.value is not None
        assert loss.grad is not None
        slope = self.called("grad", loss.grad, x[0])
        return number(self.called("value", loss.value, x[0])), [number(slope)]

    def value(self, x: Point) -> float:
        if self.loss.value_grad is None:
            return number(self.called("value", self.loss.value, x[0]))
        return self.at(x)[0]

    def called(self, name: str, function: Any, x: Any, *more: Any) -> Any:
        try:
            return function(x, *more, *self.parameters)
        except (ArithmeticError, ValueError):
            return nan
        except Exception as error:
            if "complex" in str(error):  # a broken power of a negative number
                return nan
            told = " ".join(f"{type(error).__name__}: {error}".split())
            where = "x = " + (shown(x) if isinstance(x, list) else f"{x!r}")
            files = [f for f in extract_tb(error.__traceback__) if f.filename == function.__code__.co_filename]
            line = f", line {files[-1].lineno} of {Path(files[-1].filename).name}" if files else ""
            raise ValueError(f"{self.owner}: `{name}` stops at {where}{line}: {told}") from error

    def points(self, count: int) -> list[Point]:
        """Evenly spread points of the domain: multiples of the square roots of the primes, modulo 1."""
        steps = [sqrt(p) % 1.0 for p in primes(self.dim)]
        spread = ([(0.5 + n * step) % 1.0 for step in steps] for n in range(count))
        return [[lo + (hi - lo) * u for u, (lo, hi) in zip(point, self.box, strict=True)] for point in spread]


def number(value: Any) -> float:
    """A float; nan for what is none, as kernels have it."""
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return nan


def primes(count: int) -> list[int]:
    found: list[int] = []
    candidate = 2
    while len(found) < count:
        if all(candidate % p for p in found if p * p <= candidate):
            found.append(candidate)
        candidate += 1
    return found


def shown(x: Sequence[float]) -> str:
    """`0.5` or `(0.5, 1)`, shortened beyond four coordinates."""
    inside = ", ".join(f"{c:.9g}" for c in x[:4]) + (", ..." if len(x) > 4 else "")
    return inside if len(x) == 1 else f"({inside})"


def median(numbers: Sequence[float]) -> float:
    ordered = sorted(numbers)
    return ordered[len(ordered) // 2] if ordered else 0.0


# ---- the gradient -----------------------------------------------------------------------------------


def check_gradient(owner: str, loss: Loss) -> None:
    """Differences of L agree with the gradient at nearly all points, by the best of several steps.

    A kink or a jump spoils the few differences that cross it, so two disagreements, or 2 % of them,
    are taken for such.  Raises ValueError, which names the worst.
    """
    surface = Surface(owner, loss)
    points = surface.points(256 if surface.dim == 1 else 64)
    known = [(x, *surface.at(x)) for x in points]
    for d in range(surface.dim):
        if all(isnan(g[d]) for _, value, g in known if isfinite(value)) and any(
            isfinite(value) for _, value, _ in known
        ):
            where = f"g[{d}]" if loss.value_grad is not None else "`grad`"
            code = (loss.value_grad or loss.grad).__code__  # type: ignore[union-attr]
            line = f"{Path(code.co_filename).name}, line {code.co_firstlineno}"
            raise ValueError(f"{owner}: {where} is no number anywhere in the domain: is it written ({line})?")
    usable = [(x, g) for x, value, g in known if isfinite(value) and all(map(isfinite, g))]
    usual = median([abs(c) for _, g in usable for c in g])
    asked, wrong = 0, []
    for n, (x, g) in enumerate(usable):
        for direction in directions(surface.dim, n):
            asked += 1
            found = disagreement(surface, x, g, direction, usual)
            if found is not None:
                wrong.append((*found, x, g, direction))
    if len(wrong) <= max(2, asked // 50):
        return
    _, told, difference, x, g, direction = max(wrong, key=lambda one: one[0])
    name, place = "`grad`" if loss.value_grad is None else "g[0]", 0
    if surface.dim > 1:  # which component: the one that disagrees most along its own axis
        axes = [axis(surface.dim, d) for d in range(surface.dim)]
        each = [disagreement(surface, x, g, one, usual) for one in axes]
        worst = max((one[0], d) for d, one in enumerate(each) if one) if any(each) else None
        if worst is not None:
            place = worst[1]
            found = each[place]
            assert found is not None
            _, told, difference = found
        name = f"g[{place}]"
    raise ValueError(
        f"{owner}: the gradient is not that of L: at x = {shown(x)} {name} is {told:.7g}, and differences of"
        f" L give {difference:.7g} ({len(wrong)} of {asked} checks disagree)"
    )


def axis(dim: int, d: int) -> list[float]:
    return [1.0 if k == d else 0.0 for k in range(dim)]


def directions(dim: int, n: int) -> list[list[float]]:
    """Of the differences at the nth point: every axis, or beyond 8 dimensions one of mixed signs."""
    if dim <= 8:
        return [axis(dim, d) for d in range(dim)]
    return [[1.0 if (k * (2 * n + 1) + n) // 2 % 2 else -1.0 for k in range(dim)]]


def disagreement(
    surface: Surface, x: Point, g: Point, direction: Sequence[float], usual: float
) -> tuple[float, float, float] | None:
    """None where some step gives the slope that g does; else (how far off, slope by g, by differences)."""
    best: tuple[float, float, float] | None = None
    for step in STEPS:
        up = [c + step * w * s for c, w, s in zip(x, surface.widths, direction, strict=True)]
        down = [c - step * w * s for c, w, s in zip(x, surface.widths, direction, strict=True)]
        moved = [a - b for a, b in zip(up, down, strict=True)]
        length = fsum(map(abs, moved))
        if length == 0.0:
            continue
        above, below = surface.value(up), surface.value(down)
        if not isfinite(above - below):
            continue
        rise, told = above - below, fsum(c * m for c, m in zip(g, moved, strict=True))
        rounding, most = 64.0 * EPS * max(abs(above), abs(below)), max(abs(rise), abs(told))
        if rounding > 1e-3 * max(most, usual * length):
            continue  # too short a step to tell anything
        gap = abs(rise - told)
        if gap <= CLOSE * most + 1e-7 * usual * length + rounding:
            return None
        off = gap / (most + usual * length)
        if best is None or off < best[0]:
            best = off, told / length, rise / length
    return best


# ---- minima, walls, barriers -------------------------------------------------------------------------


def completed(loss: Loss) -> Loss:
    """The loss with what follows from the rest where it is not given: curvatures, and in one dimension
    or for separable losses barriers (inf) and distances (inf or nan) of minima that have walls.

    To nine digits, so that two machines get the same.
    """
    walled = loss.tensor and bool(loss.separators)
    if all(m.curvatures and not (walled and not isfinite(m.barrier + m.distance)) for m in loss.minima):
        return loss
    owner = f"loss {loss.name!r}"
    surface = Surface(owner, loss if loss.dim is not None else loss.bare(loss.default_dim))
    return replace(loss, minima=tuple(filled(surface, label) for label in range(len(loss.minima))))


def filled(surface: Surface, label: int) -> Minimum:
    """One minimum with its curvatures, barrier and distance."""
    loss, minimum = surface.loss, surface.loss.minima[label]
    if not minimum.curvatures:
        found = curvatures(surface, label)
        minimum = replace(minimum, curvatures=tuple(float(f"{c:.9g}") for c in found))
    if loss.tensor:
        walls = walls_of(loss, label)
        if walls and minimum.barrier == inf:
            rise = min(wall_value(surface, wall) for wall in walls) - minimum.value
            minimum = replace(minimum, barrier=float(f"{rise:.9g}"))
        if walls and not isfinite(minimum.distance):
            near = min(abs(wall - minimum.x[0]) for wall in walls)
            minimum = replace(minimum, distance=float(f"{near:.9g}"))
    return minimum


def check_facts(owner: str, loss: Loss, curved: bool = True) -> None:
    """Minima, values, curvatures (unless told not to), walls, barriers: they are those of the function.

    Raises ValueError, one sentence with the right value.
    """
    if not loss.minima:
        return
    surface = Surface(owner, loss)
    if loss.separable and surface.dim > 1:
        check_separable(surface)
    for label in range(len(loss.minima)):
        check_minimum(surface, label)
    if loss.tensor:
        for d in {0, surface.dim - 1}:
            check_line(surface, d)
        check_ways_out(surface)
    if curved:
        for label in range(len(loss.minima)):
            check_curvatures(surface, label)
    check_lowest(surface)


def whole(loss: Loss, minimum: Minimum) -> Point:
    """The minimum's place, (dim,): every coordinate of a separable loss at its one."""
    x = [float(c) for c in minimum.x]
    return x * (loss.dim or 1) if loss.separable else x


def sizes(surface: Surface, label: int) -> list[float]:
    """The width of a minimum's well along each coordinate, about."""
    loss, own = surface.loss, whole(surface.loss, surface.loss.minima[label])
    if loss.tensor:
        walls = walls_of(loss, label)
        near = min((2.0 * abs(wall - own[0]) for wall in walls), default=inf)
        return [min(near, width) for width in surface.widths]
    others = [whole(loss, m) for k, m in enumerate(loss.minima) if k != label]
    gaps = [max(abs(a - b) for a, b in zip(own, other, strict=True)) for other in others]
    near = min((gap for gap in gaps if gap > 0.0), default=inf)
    return [min(near, width) for width in surface.widths]


def moved(x: Point, d: int, by: float) -> Point:
    return [c + by if k == d else c for k, c in enumerate(x)]


def check_minimum(surface: Surface, label: int) -> None:
    """Each component of the gradient changes its sign from - to + there, and L is the value."""
    loss, minimum = surface.loss, surface.loss.minima[label]
    x, wide = whole(loss, minimum), sizes(surface, label)
    slopes = surface.at(x)[1]
    steepest = sorted(range(surface.dim), key=lambda d: -abs(slopes[d]))[:MOST_EIGENVALUES]
    axes = sorted({0, surface.dim - 1}) if loss.separable else steepest
    for d in axes:
        left = surface.at(moved(x, d, -PLACE * wide[d]))[1][d]
        right = surface.at(moved(x, d, PLACE * wide[d]))[1][d]
        if not left <= 0.0 <= right:
            slope = slopes[d]
            name = "L'" if surface.dim == 1 or loss.separable else f"dL/dx[{d}]"
            raise ValueError(
                f"{surface.owner}: minimum {label}: {name} is {slope:.6g} at x = {shown(minimum.x)}, not 0"
                f" (from - to +){nearest(surface, label)}"
            )
    value, count = surface.value(x), surface.dim if loss.separable else 1
    rise = 0.0
    for d in axes:
        sides = (surface.value(moved(x, d, by * wide[d])) - value for by in (-0.25, 0.25))
        rise = max(rise, *(abs(side) for side in sides if isfinite(side)), 0.0)
    if not abs(value - count * minimum.value) <= HEIGHT * rise + 8.0 * EPS * abs(value) * count:
        each = " a coordinate" if count > 1 else ""
        raise ValueError(
            f"{surface.owner}: minimum {label}: L is {value / count!r}{each} at x = {shown(minimum.x)},"
            f" not the value {minimum.value!r} that is given"
        )


def nearest(surface: Surface, label: int) -> str:
    """`; the nearest minimum is x = ...`, where a search from there ends at one; else nothing."""
    loss, x = surface.loss, whole(surface.loss, surface.loss.minima[label])
    if loss.tensor:
        roots = [x for x, rises in sign_changes(surface, 0, listed=False) if rises]
        near = min(roots, key=lambda root: abs(root - x[0]), default=None)
        return "" if near is None else f"; the nearest minimum is x = {near!r}"
    for _ in range(30):
        slopes, hessian = surface.at(x)[1], hessian_at(surface, x, sizes(surface, label), 1e-5)
        step = solved(hessian, slopes)
        if step is None or not all(map(isfinite, step)):
            return ""
        x = [c - s for c, s in zip(x, step, strict=True)]
        if all(abs(s) <= 1e-12 * w for s, w in zip(step, surface.widths, strict=True)):
            inside = all(lo <= c <= hi for c, (lo, hi) in zip(x, surface.box, strict=True))
            lowest = min(eigenvalues(hessian), default=1.0)
            place = ", ".join(f"{c:.15g}" for c in x)
            return f"; the nearest minimum is x = ({place})" if inside and lowest > 0.0 else ""
    return ""


def check_separable(surface: Surface) -> None:
    """Each component of the gradient depends on its own coordinate alone."""
    for x in surface.points(8):
        g = surface.at(x)[1]
        for d in sorted({0, surface.dim - 1}):
            alone = surface.at([x[d]] * surface.dim)[1][d]
            if abs(g[d] - alone) > 1e-9 * max(abs(g[d]), abs(alone), max(map(abs, g))):
                raise ValueError(
                    f"{surface.owner}: `separable=True`, but dL/dx[{d}] at x[{d}] = {x[d]:.6g} depends on the other"
                    f" coordinates: it is {g[d]:.6g} or {alone:.6g}"
                )


# ---- one coordinate ----------------------------------------------------------------------------------


def walls_of(loss: Loss, label: int) -> list[float]:
    """The separators beside a minimum of one coordinate: two, one or none."""
    place = loss.wells.index(label)
    return [float(wall) for wall in loss.separators[max(place - 1, 0) : place + 1]]


def coordinate_value(surface: Surface, c: float) -> float:
    """The function of one coordinate whose sum L is."""
    return surface.value([c] * surface.dim) / surface.dim


def wall_value(surface: Surface, wall: float) -> float:
    """L of one coordinate at a separator; inf at a pole, where L is no finite number."""
    value = coordinate_value(surface, wall)
    return value if isfinite(value) else inf


def sign_changes(surface: Surface, d: int, listed: bool = True) -> list[tuple[float, bool]]:
    """(x, whether L' rises through 0) of coordinate d, from left to right.

    The grid covers the domain and all that lies between the minima.  Where `listed`, sign changes
    within the tolerance of a listed minimum or separator are that one, and have its very x.
    """
    loss, (lo, hi) = surface.loss, surface.box[d]
    bottoms, tops = [float(m.x[0]) for m in loss.minima], [float(wall) for wall in loss.separators]
    criticals = sorted({*bottoms, *tops})
    count = GRID if surface.dim <= 4 else max(4 * GRID // surface.dim, GRID // 5)
    grid = [lo + (hi - lo) * n / (count - 1) for n in range(count)]
    for a, b in pairwise(criticals):
        grid += [a + (b - a) * (n + 0.5) / BETWEEN for n in range(BETWEEN)]
    if listed:
        edges = [-inf, *criticals, inf]
        for before, c, after in zip(edges, criticals, edges[2:], strict=False):
            near = PLACE * min(c - before, after - c, hi - lo)
            grid = [x for x in grid if not c - near < x < c + near] + [c - near, c + near]
    grid.sort()

    def slope(x: float) -> float:
        return surface.at([x] * surface.dim)[1][d]

    changes, last = [], (nan, 0.0)
    for x in grid:
        here = slope(x)
        if here == 0.0 or isnan(here):
            continue
        if last[1] and (here > 0.0) != (last[1] > 0.0):
            kind = bottoms if here > 0.0 else tops
            inside = [c for c in kind if last[0] < c < x] if listed else []
            found = inside[0] if inside else bisected(slope, last[0], x)
            changes.append((found, here > 0.0))
        last = x, here
    return changes


def bisected(slope: Callable[[float], float], a: float, b: float) -> float:
    """Where the sign changes between a and b."""
    rising = slope(b) > 0.0
    for _ in range(200):
        middle = 0.5 * (a + b)
        if not a < middle < b:
            break
        here = slope(middle)
        if here == 0.0:
            return middle
        a, b = (a, middle) if (here > 0.0) == rising else (middle, b)
    return b


def check_line(surface: Surface, d: int) -> None:
    """The sign changes of L' along a coordinate are the minima and separators that are listed."""
    loss, changes = surface.loss, sign_changes(surface, d)
    bottoms = {float(m.x[0]): label for label, m in enumerate(loss.minima)}
    tops = [float(wall) for wall in loss.separators]
    outer = min(bottoms), max(bottoms)
    height = max(abs(coordinate_value(surface, x)) for x in (*surface.box[d], *bottoms))
    for x, rises in changes:
        if rises and x not in bottoms and stands_out(surface, d, x, height, -1.0):
            raise ValueError(
                f"{surface.owner}: L has a minimum at x = {x!r}, where it is {coordinate_value(surface, x):.9g},"
                f" and `minima` does not list it"
            )
    maxima = [x for x, rises in changes if not rises]
    order = sorted(bottoms)
    for left, wall, right in zip(order, tops, order[1:], strict=False):
        if wall not in maxima:
            there = [x for x in maxima if left < x < right]
            best = max(there, key=lambda x: coordinate_value(surface, x), default=None)
            told = f"; the maximum is at x = {best!r}" if best is not None else ""
            raise ValueError(
                f"{surface.owner}: the separator {wall!r} between the minima {left:g} and {right:g} is no maximum of"
                f" L{told}"
            )
    for x in maxima:
        beyond = not outer[0] < x < outer[1]
        if x not in tops and beyond and stands_out(surface, d, x, height, 1.0):
            raise ValueError(
                f"{surface.owner}: L has a maximum at x = {x!r} in the domain, beyond which it falls and no minimum is"
                f" listed: list the minimum there, or end the domain before it"
            )


def stands_out(surface: Surface, d: int, x: float, height: float, sign: float) -> bool:
    """Whether L rises (or falls, sign -1) towards x from both sides by more than rounding."""
    lo, hi = surface.box[d]
    top = sign * coordinate_value(surface, x)
    for by in (1e-2, 1e-3, 1e-4):
        sides = [sign * coordinate_value(surface, x + by * side * (hi - lo)) for side in (-1.0, 1.0)]
        if all(top - side > 64.0 * EPS * height for side in sides):
            return True
    return False


def check_ways_out(surface: Surface) -> None:
    """Barrier and distance of each minimum are those of the walls beside it."""
    loss = surface.loss
    for label, minimum in enumerate(loss.minima):
        walls = walls_of(loss, label)
        heights = [wall_value(surface, wall) for wall in walls]
        barrier = min(heights, default=inf) - minimum.value
        distance = min((abs(wall - minimum.x[0]) for wall in walls), default=inf)
        rounding = 8.0 * EPS * max((abs(h) for h in heights if isfinite(h)), default=0.0)
        for name, given, right, slack in (
            ("barrier", minimum.barrier, barrier, rounding),
            ("distance", minimum.distance, distance, 0.0),
        ):
            unknown = name == "distance" and isnan(given)
            fits = given == right or abs(given - right) <= 1e-6 * right + slack < inf
            if not (fits or unknown):
                what = "no wall is beside it" if right == inf else "by the walls beside it"
                raise ValueError(
                    f"{surface.owner}: minimum {label}: the {name} is {right:.12g} ({what}), not {given!r}"
                )


# ---- curvatures --------------------------------------------------------------------------------------


def hessian_at(surface: Surface, x: Point, wide: Sequence[float], step: float) -> list[list[float]]:
    """Second derivatives by central differences of the gradient, made symmetric."""
    rows = []
    for d in range(surface.dim):
        up, down = moved(x, d, step * wide[d]), moved(x, d, -step * wide[d])
        above, below = surface.at(up)[1], surface.at(down)[1]
        rows.append([(a - b) / (up[d] - down[d]) for a, b in zip(above, below, strict=True)])
    size = range(surface.dim)
    return [[0.5 * (rows[a][b] + rows[b][a]) for b in size] for a in size]


def curvatures(surface: Surface, label: int) -> tuple[float, ...]:
    """Eigenvalues of the Hessian, one for a separable loss; nan where differences settle on none."""
    loss, x, wide = surface.loss, whole(surface.loss, surface.loss.minima[label]), sizes(surface, label)
    many = surface.dim if not loss.separable else 1
    if many > MOST_EIGENVALUES:
        return (nan,) * many
    best: tuple[float, list[list[float]]] = (CURVED, [])
    before: list[list[float]] = []
    for step in (1e-7, 1e-6, 1e-5, 1e-4, 1e-3):
        hessian = hessian_at(surface, x, wide, step)
        hessian = [[hessian[0][0]]] if loss.separable else hessian
        largest = max(abs(c) for row in hessian for c in row)
        if before and largest > 0.0:
            pairs = (zip(*rows, strict=True) for rows in zip(hessian, before, strict=True))
            off = max(abs(a - b) for row in pairs for a, b in row) / largest
            if off < best[0]:  # two steps that differ by 10: the error of both is of second order
                rows = [list(zip(*both, strict=True)) for both in zip(hessian, before, strict=True)]
                best = off, [[(100.0 * b - a) / 99.0 for a, b in row] for row in rows]
        before = hessian
    return tuple(sorted(eigenvalues(best[1]))) if best[1] else (nan,) * many


def check_curvatures(surface: Surface, label: int) -> None:
    """Curvatures and Hessian agree with differences of the gradient."""
    loss, minimum = surface.loss, surface.loss.minima[label]
    many = 1 if loss.separable else surface.dim
    if len(minimum.curvatures) != many:
        raise ValueError(
            f"{surface.owner}: minimum {label} needs {many} curvature{'s' * (many > 1)}, or none"
            f" (curvatures=()), not {len(minimum.curvatures)}"
        )
    found = curvatures(surface, label)
    if isnan(found[0]):
        return
    largest = max(map(abs, found))
    if found[0] < -CURVED * largest:
        raise ValueError(
            f"{surface.owner}: minimum {label} at x = {shown(minimum.x)} is no minimum of L: its lowest curvature is"
            f" {found[0]:.6g}"
        )
    given = [float(c) for c in minimum.curvatures]
    known = [(a, b) for a, b in zip(given, found, strict=True) if not isnan(a)]
    if any(not abs(a - b) <= CURVED * largest for a, b in known):
        raise ValueError(
            f"{surface.owner}: minimum {label}: the curvatures are {shown(found)}, ascending, not {shown(given)}"
        )
    if minimum.hessian and not loss.separable:
        there = hessian_at(surface, whole(loss, minimum), sizes(surface, label), 1e-5)
        for a, row in enumerate(there):
            for b, right in enumerate(row):
                if not abs(minimum.hessian[a][b] - right) <= CURVED * largest:
                    raise ValueError(
                        f"{surface.owner}: minimum {label}: hessian[{a}][{b}] is {right:.6g}, not"
                        f" {minimum.hessian[a][b]:.6g}"
                    )


def eigenvalues(matrix: Sequence[Sequence[float]]) -> list[float]:
    """Of a symmetric matrix, by Jacobi's rotations; [] where it holds what is no number."""
    rows, size = [list(row) for row in matrix], len(matrix)
    if not all(isfinite(c) for row in rows for c in row):
        return [nan] * size
    for _ in range(60):
        off = max((abs(rows[a][b]) for a in range(size) for b in range(a)), default=0.0)
        if off <= 1e-14 * max(abs(rows[d][d]) for d in range(size)):
            break
        for p in range(size):
            for q in range(p + 1, size):
                if rows[p][q] == 0.0:
                    continue
                ratio = (rows[q][q] - rows[p][p]) / (2.0 * rows[p][q])
                t = (1.0 if ratio >= 0.0 else -1.0) / (abs(ratio) + sqrt(ratio * ratio + 1.0))
                c = 1.0 / sqrt(t * t + 1.0)
                s = t * c
                for k in range(size):
                    rows[k][p], rows[k][q] = (
                        c * rows[k][p] - s * rows[k][q],
                        s * rows[k][p] + c * rows[k][q],
                    )
                for k in range(size):
                    rows[p][k], rows[q][k] = (
                        c * rows[p][k] - s * rows[q][k],
                        s * rows[p][k] + c * rows[q][k],
                    )
    return [rows[d][d] for d in range(size)]


def solved(matrix: Sequence[Sequence[float]], right: Sequence[float]) -> list[float] | None:
    """x of matrix x = right, by elimination with pivots; None where there is none."""
    size = len(right)
    rows = [[*map(float, row), float(r)] for row, r in zip(matrix, right, strict=True)]
    for k in range(size):
        pivot = max(range(k, size), key=lambda r: abs(rows[r][k]))
        if not abs(rows[pivot][k]) > 0.0:
            return None
        rows[k], rows[pivot] = rows[pivot], rows[k]
        for row in rows[k + 1 :]:
            share = row[k] / rows[k][k]
            row[k:] = [c - share * p for c, p in zip(row[k:], rows[k][k:], strict=True)]
    x = [0.0] * size
    for k in reversed(range(size)):
        x[k] = (rows[k][size] - fsum(rows[k][j] * x[j] for j in range(k + 1, size))) / rows[k][k]
    return x


# ---- the global minimum ------------------------------------------------------------------------------


def check_lowest(surface: Surface) -> None:
    """No point of a sample of the domain lies below the minimum that is said to be the global one."""
    values = [(surface.value(x), x) for x in surface.points(512 if surface.dim <= 32 else 64)]
    lowest = surface.loss.minimum_value
    known = [value for value, _ in values if isfinite(value)]
    rise = median([abs(value - lowest) for value in known])
    value, x = min((one for one in values if isfinite(one[0])), default=(inf, []))
    if value < lowest - HEIGHT * rise - 8.0 * EPS * abs(lowest):
        raise ValueError(
            f"{surface.owner}: L is {value:.9g} at x = {shown(x)}, below minimum 0, which must be a global one"
            f" (L = {lowest:.9g})"
        )
