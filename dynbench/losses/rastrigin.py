"""Rastrigin: L = Σ (x_i² + 10 - 10 cos 2πx_i) = Σ (x_i² + 20 sin² πx_i).

The second form has no cancellation: L is exactly 0 at 0, and one sine and one cosine serve both L and
L' = 2x + 20π sin 2πx = 2x + 40π sin πx cos πx, both taken of x minus its nearest whole number.
One coordinate has 63 minima on the whole line, the outermost near ±30.8; they are labelled in the order
0, +1, -1, +2, -2, ... of the integer they lie beside.
Source: Rastrigin (1974), in the n-dimensional form of Mühlenbein, Schomisch and Born (1991).
"""

import math

from dynbench.losses.base import Loss, Minimum

PI = math.pi
FORTY_PI = 40.0 * math.pi
NEAREST = 1.5 * 2.0**52  # adding and taking it away rounds to the nearest whole number


def half_turns(r):
    """sin πr and cos πr for |r| <= 1/2, to 2e-16: polynomials in r², interpolated at 9 Chebyshev nodes in 50 digits."""
    z = r * r
    s = 7.697826768224191e-07
    s = s * z - 2.1903497074626018e-05
    s = s * z + 0.0004662998161898394
    s = s * z - 0.007370430505916944
    s = s * z + 0.0821458865731029
    s = s * z - 0.5992645293189447
    s = s * z + 2.5501640398773007
    s = s * z - 5.167712780049969
    s = s * z + 3.141592653589793
    c = 4.149564353942586e-06
    c = c * z - 0.00010456655338748738
    c = c * z + 0.0019295562724817132
    c = c * z - 0.025806888737002202
    c = c * z + 0.23533063012953284
    c = c * z - 1.335262768843447
    c = c * z + 4.058712126416497
    c = c * z - 4.934802200544676
    c = c * z + 1.0
    return s * r, c


def value_grad(x, g):
    total = 0.0
    for d in range(len(x)):
        r = x[d] - ((x[d] + NEAREST) - NEAREST)  # exact; the sign (-1)^round(x) of sine and cosine cancels below
        s, c = half_turns(r)
        g[d] = 2.0 * x[d] + FORTY_PI * (s * c)
        total = total + (x[d] * x[d] + 20.0 * (s * s))
    return total


def critical(k: int, r: float) -> float:
    """The root of L' near k + r, by Newton's method on r alone: the sine's argument stays small and exact."""
    for _ in range(8):
        slope = 2.0 * (k + r) + 2.0 * 10.0 * PI * math.sin(2.0 * PI * r)
        r -= slope / (2.0 + 40.0 * PI * PI * math.cos(2.0 * PI * r))
    return k + r


def height(x: float) -> float:
    return x * x + 20.0 * math.sin(PI * (x - round(x))) ** 2


def well(x: float, left: float, right: float) -> Minimum:
    """The minimum at x between two maxima (±inf at the two ends of the row)."""
    return Minimum(
        x=(x,),
        value=height(x),
        curvatures=(2.0 + 40.0 * PI * PI * math.cos(2.0 * PI * (x - round(x))),),
        barrier=min(height(wall) for wall in (left, right) if math.isfinite(wall)) - height(x),
        distance=min(right - x, x - left),
    )


STEEPEST = 10.0 * PI  # beyond it the parabola's slope 2|x| exceeds the cosine's 20π: no critical points
LAST = int(STEEPEST)
BOTTOMS = [0.0] + [critical(k, -math.asin(k / STEEPEST) / (2.0 * PI)) for k in range(1, LAST + 1)]
TOPS = [critical(k, 0.5 + math.asin((k + 0.5) / STEEPEST) / (2.0 * PI)) for k in range(LAST)]
WALLS = [*TOPS, math.inf]
RIGHT = [well(BOTTOMS[k], WALLS[k - 1] if k else -WALLS[0], WALLS[k]) for k in range(LAST + 1)]
LEFT = [Minimum((-m.x[0],), m.value, m.curvatures, m.barrier, m.distance) for m in RIGHT]

loss = Loss(
    formula="Σ (x_i² + 10 - 10 cos 2πx_i)",
    source="Rastrigin 1974; Mühlenbein et al. 1991",
    domain=((-5.12, 5.12),),
    dim=None,
    dims=(1, 32),
    value_grad=value_grad,
    separable=True,
    separators=(*(-x for x in reversed(TOPS)), *TOPS),
    minima=(RIGHT[0], *(m for pair in zip(RIGHT[1:], LEFT[1:], strict=True) for m in pair)),
    quench_lr=0.002,
)
