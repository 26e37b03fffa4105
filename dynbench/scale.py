"""How large a problem is: half-widths of the domain, and by how much L rises over it.

What counts as a small step or a flat place is measured by these, so that the same trap in other units
ends with the same status: x scaled by a power of two changes no bit of it.
"""

from functools import lru_cache
from math import inf, isfinite

from dynbench.kernels.rewrite import plain
from dynbench.losses._points import evenly
from dynbench.losses.base import Loss

POINTS, COORDINATES = 1024, 1 << 16  # so many points, or fewer with so many coordinates in all
SMALL_STEP = 1e-10  # of the half-width
FLAT = 1e-8  # of the rise over the half-width


def half_widths(loss: Loss) -> tuple[float, ...]:
    """Of the domain, (dim,)."""
    return tuple((hi - lo) / 2.0 for lo, hi in loss.box(loss.dim or 1))


@lru_cache(maxsize=64)
def rise(loss: Loss) -> float:
    """max L - min L over about 1000 points that fill the domain evenly, at the loss's parameters' values.

    Points where L is not finite are left out; 0 where none is left.
    """
    dim = loss.dim or 1
    count = max(16, min(POINTS, COORDINATES // dim))
    lowest, highest = inf, -inf
    for x in evenly(loss.box(dim), count):
        try:
            value = value_at(loss, x)
        except (ArithmeticError, ValueError):  # a division by zero, or a root of what is below 0
            continue
        if isfinite(value):
            lowest, highest = min(lowest, value), max(highest, value)
    return highest - lowest if lowest <= highest else 0.0


def value_at(loss: Loss, x: list[float]) -> float:
    """L(x) as the kernels work it out."""
    parameters = loss.parameters.values()
    if loss.value_grad is not None:
        return float(plain(loss.value_grad)(x, [0.0] * len(x), *parameters))
    assert loss.value is not None
    return float(plain(loss.value)(x[0], *parameters))


def small_steps(loss: Loss) -> tuple[float, ...]:
    """|dx_d| up to which a step is small: 1e-10 half-widths, (dim,)."""
    return tuple(SMALL_STEP * half for half in half_widths(loss))


def flat_slopes(loss: Loss) -> tuple[float, ...]:
    """|g_d| up to which L is flat along d: 1e-8 of its rise over the domain, a half-width; (dim,)."""
    return tuple(FLAT * rise(loss) / half for half in half_widths(loss))
