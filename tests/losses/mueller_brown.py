"""Müller-Brown: L = (V + 146.6995...)/100, V four exponentials of quadratic forms; three minima and two saddles.

Source: Müller, Brown, Theor. Chim. Acta 53, 75 (1979); critical points to 22 digits by Newton's method.
"""

import math

from dynbench.losses.base import Loss, Minimum

LOWEST = 146.69951720995401
HILLS = (
    (-200.0, -1.0, 0.0, -10.0, 1.0, 0.0),
    (-100.0, -1.0, 0.0, -10.0, 0.0, 0.5),
    (-170.0, -6.5, 11.0, -6.5, -0.5, 1.5),
    (15.0, 0.7, 0.6, 0.7, -1.0, 1.0),
)  # height, coefficients of u², uv, v², centre


def value_grad(x, g):
    u = x[0] - 1.0
    v = x[1]
    e = -2.0 * math.exp(-(u * u) - 10.0 * (v * v))
    p = x[0]
    q = x[1] - 0.5
    f = -1.0 * math.exp(-(p * p) - 10.0 * (q * q))
    r = x[0] + 0.5
    s = x[1] - 1.5
    h = -1.7 * math.exp(-6.5 * (r * r) + 11.0 * (r * s) - 6.5 * (s * s))
    t = x[0] + 1.0
    w = x[1] - 1.0
    k = 0.15 * math.exp(0.7 * (t * t) + 0.6 * (t * w) + 0.7 * (w * w))
    g[0] = -2.0 * (e * u) - 2.0 * (f * p) + h * (11.0 * s - 13.0 * r) + k * (1.4 * t + 0.6 * w)
    g[1] = -20.0 * (e * v) - 20.0 * (f * q) + h * (11.0 * r - 13.0 * s) + k * (0.6 * t + 1.4 * w)
    return e + f + h + k + 0.01 * LOWEST


def well(x: float, y: float, value: float, top: float) -> Minimum:
    """The minimum at (x, y), whose lowest pass out has the height `top`; its Hessian term by term."""
    xx = xy = yy = 0.0
    for height, a, b, c, cx, cy in HILLS:
        u, v = x - cx, y - cy
        e, p, q = height * math.exp(a * u * u + b * u * v + c * v * v) / 100.0, 2 * a * u + b * v, b * u + 2 * c * v
        xx, xy, yy = xx + e * (p * p + 2 * a), xy + e * (p * q + b), yy + e * (q * q + 2 * c)
    middle, half = (xx + yy) / 2, math.hypot((xx - yy) / 2, xy)
    lowest = (value + LOWEST) / 100.0
    barrier = (top - value) / 100.0
    return Minimum((x, y), lowest, (middle - half, middle + half), barrier, math.nan, ((xx, xy), (xy, yy)))


loss = Loss(
    formula="(Σ A exp(a u² + b u v + c v²) + 146.69951720995401) / 100",
    source="Müller, Brown 1979",
    domain=((-1.5, 1.2), (-0.2, 2.0)),
    dim=2,
    value_grad=value_grad,
    minima=(
        well(-0.5582236346330242774701, 1.441725841804668655056, -146.69951720995401, -40.664843508657404),
        well(0.623499404930876509771, 0.02803775852868566574878, -108.16672411685235, -72.248940112325212),
        well(-0.05001082299820605775115, 0.4666941048719720877728, -80.767818129659028, -72.248940112325212),
    ),
    saddles=(
        (-0.8220015587327320974135, 0.6243128028148713612889),
        (0.212486582000662006861, 0.2929883251073677651472),
    ),
    quench_lr=0.01,
)
