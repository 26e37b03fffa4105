"""Two wells at ±a along a bent valley: L = (u² - 1)²/4 + |r|²/2 in any dimension, with a = (1, ..., 1)/√n, u = a·x and
r = x - u a - 0.3 (u² - 1)(1 + u/2) b, b = (1, -1, 1, -1, ...)/√n (0 at the last place of odd n).

Where u = 0, L >= 1/4, and it is 1/4 at the saddle -0.3 (-1) b: so that is the lowest pass.
"""

import math

from dynbench.losses.base import Loss, Minimum

BEND = 0.3


def value_grad(x, g):
    size = len(x)
    a = 1.0 / math.sqrt(size)
    u = 0.0
    for d in range(len(x)):
        u = u + a * x[d]
    w = u * u - 1.0
    f = BEND * w * (1.0 + 0.5 * u)
    slope = BEND * (2.0 * u * (1.0 + 0.5 * u) + 0.5 * w)
    square = 0.0
    along = 0.0
    for d in range(len(x)):
        b = a * (1.0 - 2.0 * (d % 2)) * (0.0 if (size % 2 == 1) & (d == size - 1) else 1.0)
        r = x[d] - u * a - f * b
        square = square + r * r
        along = along + r * b
    pull = u * w - slope * along
    for d in range(len(x)):
        b = a * (1.0 - 2.0 * (d % 2)) * (0.0 if (size % 2 == 1) & (d == size - 1) else 1.0)
        g[d] = pull * a + (x[d] - u * a - f * b)
    return 0.25 * (w * w) + 0.5 * square


def minima(dim):
    a = 1.0 / math.sqrt(dim)
    b = [a * (-1.0) ** d * (0.0 if dim % 2 and d == dim - 1 else 1.0) for d in range(dim)]
    size = range(dim)
    found = []
    for sign, slope in ((1.0, 3.0 * BEND), (-1.0, -BEND)):
        r = [[(m == n) - a * a - slope * b[m] * a for n in size] for m in size]  # dr/dx
        hessian = tuple(tuple(2.0 * a * a + sum(r[k][m] * r[k][n] for k in size) for n in size) for m in size)
        found.append(Minimum((sign * a,) * dim, 0.0, barrier=0.25, distance=math.nan, hessian=hessian))
    return tuple(found)


loss = Loss(
    formula="(u² - 1)²/4 + |r|²/2",
    source="this file",
    domain=((-1.0, 1.0),),
    dim=None,
    dims=(2, 20),
    minima=minima,
    value_grad=value_grad,
    quench_lr=0.01,
)
