"""Whether the gradient of a loss is that of its function, by differences over the domain: asked of a user's file.

Tolerances are relative to the loss's own scales of length and height.
"""

from collections.abc import Sequence
from math import fsum, isfinite, isnan
from pathlib import Path

from dynbench.losses._surface import EPS, Point, Surface, median, numerals
from dynbench.losses.base import Loss

STEPS = (1e-5, 1e-4, 1e-6, 1e-3, 1e-7, 1e-8)  # of a difference, in widths of the domain
CLOSE = 1e-4  # relative disagreement of a difference and the gradient that is still rounding


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
        f"{owner}: the gradient is not that of L: at x = {numerals(x)} {name} is {told:.7g}, and differences of"
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
