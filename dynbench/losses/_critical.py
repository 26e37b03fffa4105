"""Whether a loss's saddles and maxima are what they are called: points of two dimensions at which the gradient is 0,
with curvatures of both signs, or with two below 0."""

from collections.abc import Sequence
from math import hypot, isfinite

from dynbench.losses._check import numbers
from dynbench.losses._surface import CURVED, EPS, PLACE, Surface, eigenvalues, hessian_at, numerals, solved
from dynbench.losses.base import Loss


def check_points(owner: str, loss: Loss) -> None:
    """Both lists are tuples of pairs of numbers, of a loss that can use them.  Raises ValueError."""
    for field in ("saddles", "maxima"):
        points = getattr(loss, field)
        if not isinstance(points, Sequence) or not all(numbers(x, 2) for x in points):
            raise ValueError(f"{owner}: `{field}` must be a tuple of points of two numbers, not {points!r}")
        if points and (loss.dim != 2 or loss.tensor):
            raise ValueError(f"{owner}: `{field}` are for losses with minima in two dimensions that are not separable")


def check_critical(owner: str, loss: Loss) -> None:
    """The gradient at each, by the step of Newton's method from there, and the signs of the curvatures; no point is
    listed twice.  Raises ValueError, which names the point."""
    listed: list[tuple[str, Sequence[float]]] = [("minimum", m.x) for m in loss.minima if loss.dim == 2]
    if not (loss.saddles or loss.maxima):
        return
    surface = Surface(owner, loss)
    for kind, points in (("saddle", loss.saddles), ("maximum", loss.maxima)):
        for x in points:
            where = f"the {kind} at x = {numerals(x)}"
            for other, y in listed:
                if all(abs(a - b) <= PLACE * w for a, b, w in zip(x, y, surface.widths, strict=True)):
                    raise ValueError(f"{owner}: {where} is the {other} at x = {numerals(y)}: list each point once")
            listed.append((kind, x))
            slopes, hessian = surface.at(list(x))[1], hessian_at(surface, list(x), surface.widths, 1e-6)
            lowest, highest = sorted(eigenvalues(hessian))
            if not isfinite(lowest) or min(abs(lowest), abs(highest)) <= CURVED * max(abs(lowest), abs(highest)):
                raise ValueError(f"{owner}: {where} is degenerate: its curvatures are {lowest:.6g} and {highest:.6g}")
            signs = (lowest < 0.0 < highest) if kind == "saddle" else highest < 0.0
            if not signs:
                raise ValueError(f"{owner}: {where} has the curvatures {lowest:.6g} and {highest:.6g}: it is no {kind}")
            step = solved(hessian, slopes)
            away = hypot(*(s / w for s, w in zip(step or surface.widths, surface.widths, strict=True)))
            if not away <= PLACE:
                near = [a - s for a, s in zip(x, step or (0.0, 0.0), strict=True)]
                raise ValueError(
                    f"{owner}: at {where} the gradient is ({slopes[0]:.6g}, {slopes[1]:.6g}), not 0;"
                    f" there is one near x = ({near[0]:.12g}, {near[1]:.12g})"
                )
    check_barriers(surface)


def check_barriers(surface: Surface) -> None:
    """Where the list of saddles is complete, one of them is as high above each minimum as its barrier.

    Complete: minima - saddles + maxima = 1.  Raises ValueError with the heights that there are.
    """
    loss = surface.loss
    if len(loss.minima) < 2 or len(loss.minima) - len(loss.saddles) + len(loss.maxima) != 1:
        return
    heights = sorted(surface.value(list(x)) for x in loss.saddles)
    rounding = 8.0 * EPS * max(map(abs, heights))
    for label, minimum in enumerate(loss.minima):
        rises = [height - minimum.value for height in heights if height > minimum.value]
        if not any(abs(minimum.barrier - rise) <= 1e-6 * rise + rounding for rise in rises):
            raise ValueError(
                f"{surface.owner}: minimum {label}: the barrier is {minimum.barrier!r}, and no saddle is as high above"
                f" it; they are {numerals(rises)} above it"
            )
