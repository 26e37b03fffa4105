"""Himmelblau: L = (x² + y - 11)² + (x + y² - 7)², four global minima with L = 0.

No minimum is false, so there is nothing to escape from: the control among the losses.
The saddle of height 13.311926270405590 joins minima 0 and 3, 67.719150087526140 joins 0 and 1, 104.015162917558106
joins 1 and 2, 178.337239201927460 joins 2 and 3; the maximum 181.616521522582704 lies at (-0.270844..., -0.923038...).
Distances: the nearest point of the saddles' stable manifolds, traced backwards from the saddles.
Source: Himmelblau, Applied Nonlinear Programming (1972).
"""

from dynbench.losses.base import Loss, Minimum

X1, Y1 = -2.805118086952744853053572, 3.131312518250572965804301
X2, Y2 = -3.779310253377746891890766, -3.283185991286169412266001
X3, Y3 = 3.584428340330491744944338, -1.8481265269644035535383


def value_grad(x, g):
    u = x[0] * x[0] + x[1] - 11.0
    v = x[0] + x[1] * x[1] - 7.0
    g[0] = 4.0 * (x[0] * u) + 2.0 * v
    g[1] = 2.0 * u + 4.0 * (x[1] * v)
    return u * u + v * v


def well(x: float, y: float, curvatures: tuple[float, float], barrier: float, distance: float) -> Minimum:
    """The minimum at (x, y), with its Hessian."""
    cross = 4.0 * (x + y)
    hessian = ((12.0 * x * x + 4.0 * y - 42.0, cross), (cross, 12.0 * y * y + 4.0 * x - 26.0))
    return Minimum((x, y), 0.0, curvatures, barrier, distance, hessian)


loss = Loss(
    formula="(x² + y - 11)² + (x + y² - 7)²",
    source="Himmelblau 1972",
    domain=((-5.0, 5.0), (-5.0, 5.0)),
    dim=2,
    value_grad=value_grad,
    minima=(
        well(3.0, 2.0, (25.7157287525380990239, 82.2842712474619009761), 13.3119262704055898889, 1.959407256715),
        well(X1, Y1, (64.840372770684192894, 80.550071778933182204), 67.7191500875261402264, 2.901258228649),
        well(X2, Y2, (70.714354744244249472, 133.78561521306708096), 104.015162917558105856, 3.259528112700),
        well(X3, Y3, (28.690677156755244008, 105.4189083363160504607), 13.3119262704055898889, 1.931795467620),
    ),
    saddles=(
        (3.385154183607020937999, 0.07385187983774928771919),
        (0.08667750455539635182303, 2.884254701174776113063),
        (-3.073025750764389610473, -0.08135304428796751155306),
        (-0.1279613467306800663105, -1.953714980244576426096),
    ),
    maxima=((-0.2708445906673476130393, -0.9230385564799814631328),),
    quench_lr=0.002,
)
