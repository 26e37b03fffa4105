"""Whether what a loss declares of its minima and walls is true of its function: asked of a user's file.

L' = 0 and L = value at each minimum, its curvatures, and in one dimension or for separable losses the
sign changes of L' on a fine grid: no minimum is missing, each separator is the maximum between its
neighbours, barriers and distances fit.  Else no sampled L lies below the global minimum's.
Tolerances are relative to the loss's own scales of length and height, so that units do not matter.
Every contradiction is a ValueError of one sentence that names the point and both numbers.

What can be worked out and is left out is filled in (`completed`).
It is long as a loss declares many facts, and each has its sentence.
"""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from math import inf, isfinite, isnan, nan

from dynbench.losses._surface import (
    CURVED,
    EPS,
    PLACE,
    Surface,
    eigenvalues,
    hessian_at,
    median,
    moved,
    numerals,
    sizes,
    solved,
    walls_of,
    whole,
)
from dynbench.losses.base import Loss, Minimum

HEIGHT = 1e-7  # error of a value, in rises of the loss nearby
GRID = 4001  # points of a coordinate
BETWEEN = 16  # further points between neighbouring minima and maxima
MOST_EIGENVALUES = 32  # dimensions in which eigenvalues are compared; and axes along which minima are looked at


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
                f"{surface.owner}: minimum {label}: {name} is {slope:.6g} at x = {numerals(minimum.x)}, not 0"
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
            f"{surface.owner}: minimum {label}: L is {value / count!r}{each} at x = {numerals(minimum.x)},"
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
            f"{surface.owner}: minimum {label} at x = {numerals(minimum.x)} is no minimum of L: its lowest curvature is"
            f" {found[0]:.6g}"
        )
    given = [float(c) for c in minimum.curvatures]
    known = [(a, b) for a, b in zip(given, found, strict=True) if not isnan(a)]
    if any(not abs(a - b) <= CURVED * largest for a, b in known):
        raise ValueError(
            f"{surface.owner}: minimum {label}: the curvatures are {numerals(found)}, ascending, not {numerals(given)}"
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
            f"{surface.owner}: L is {value:.9g} at x = {numerals(x)}, below minimum 0, which must be a global one"
            f" (L = {lowest:.9g})"
        )
