"""Six-hump camel: L = (4 - 2.1x² + x⁴/3)x² + xy + (4y² - 4)y² + 1.0316...: 6 minima, 7 saddles, 2 maxima.

All have a mirror image at (-x, -y).  Source: Dixon, Szegö (1978); critical points to 20 digits by Newton's method.
"""

import math

from dynbench.losses.base import Loss, Minimum

LOWEST = 1.0316284534898774


def value_grad(x, g):
    a = x[0] * x[0]
    b = x[1] * x[1]
    g[0] = x[0] * (8.0 - 8.4 * a + 2.0 * (a * a)) + x[1]
    g[1] = x[0] + x[1] * (16.0 * b - 8.0)
    return a * (4.0 - 2.1 * a + a * a / 3.0) + x[0] * x[1] + b * (4.0 * b - 4.0) + LOWEST


def wells(x: float, y: float, value: float, top: float) -> tuple[Minimum, Minimum]:
    """The minima at ±(x, y), whose lowest passes out have the height `top`."""
    xx, yy = 8.0 - 25.2 * x * x + 10.0 * x**4, 48.0 * y * y - 8.0
    middle, half = (xx + yy) / 2, math.hypot((xx - yy) / 2, 1.0)
    more = (value + LOWEST, (middle - half, middle + half), top - value, math.nan, ((xx, 1.0), (1.0, yy)))
    return Minimum((x, y), *more), Minimum((-x, -y), *more)


def both(*points: tuple[float, float]) -> tuple[tuple[float, float], ...]:
    return tuple((sign * x, sign * y) for x, y in points for sign in (1.0, -1.0))


loss = Loss(
    formula="(4 - 2.1x² + x⁴/3) x² + xy + (4y² - 4) y² + 1.0316284534898774",
    source="Dixon, Szegö 1978",
    domain=((-3.0, 3.0), (-2.0, 2.0)),
    dim=2,
    value_grad=value_grad,
    minima=(
        *wells(0.089842013100318062422, -0.7126564030207396334, -LOWEST, 0.0),
        *wells(-1.7036067149699808488, 0.79608356867262511903, -0.215463824383717638, 0.543718600978185135),
        *wells(1.6071047529201972298, 0.56865145488413137139, 2.10425031031125827, 2.22935719753071472),
    ),
    saddles=(
        (0.0, 0.0),
        *both(
            (1.1092053368047864474, -0.76826809250953984178),
            (1.2960702671671091833, 0.60508438803865849681),
            (1.6380679841897785638, 0.22867406904439406995),
        ),
    ),
    maxima=both((1.2302298765166526266, 0.16233458445899497001)),
    quench_lr=0.001,
)
