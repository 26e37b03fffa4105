"""Three-hump camel: L = 2x² - 1.05x⁴ + x⁶/6 + xy + y², the global minimum 0 at the origin between two false ones.

Its saddles are at ±(1.0705..., -0.5353...).  Critical points are algebra: y = -x/2 and x⁴ - 4.2x² + 3.5 = 0.
"""

import math

from dynbench.losses.base import Loss, Minimum

OUTER, INNER = math.sqrt(2.1 + math.sqrt(0.91)), math.sqrt(2.1 - math.sqrt(0.91))


def value_grad(x, g):
    a = x[0] * x[0]
    g[0] = x[0] * (4.0 - 4.2 * a + a * a) + x[1]
    g[1] = x[0] + 2.0 * x[1]
    return a * (2.0 - 1.05 * a + a * a / 6.0) + x[0] * x[1] + x[1] * x[1]


def height(x: float) -> float:
    return 1.75 * x**2 - 1.05 * x**4 + x**6 / 6


def well(x: float) -> Minimum:
    """The minimum at (x, -x/2)."""
    xx = 4.0 - 12.6 * x**2 + 5 * x**4
    middle, half = (xx + 2.0) / 2, math.hypot((xx - 2.0) / 2, 1.0)
    barrier = height(INNER) - height(x)
    return Minimum((x, -x / 2), height(x), (middle - half, middle + half), barrier, math.nan, ((xx, 1.0), (1.0, 2.0)))


loss = Loss(
    formula="2x² - 1.05x⁴ + x⁶/6 + xy + y²",
    source="Branin 1972",
    domain=((-5.0, 5.0), (-5.0, 5.0)),
    dim=2,
    value_grad=value_grad,
    minima=(well(0.0), well(OUTER), well(-OUTER)),
    saddles=((INNER, -INNER / 2), (-INNER, INNER / 2)),
    quench_lr=0.0003,
)
