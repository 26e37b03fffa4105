"""The Boole-Cauchy law: how the global flow moves a Cauchy law about a minimum, exactly.

On L = L* + λu²/2 a step of the global flow (8) is u ← αu - c/u with α = 1 - h/2, c = h L*/λ.  For 0 < h <= 2 it
maps the upper half-plane into itself, so that it takes the law Cauchy(Re z, Im z) to Cauchy(Re w, Im w),
w = αz - c/z: one complex number carries the whole law.  Its fixed point is iγ, γ = `thresholds.boole_scale`; the
exponent of the chaos is `thresholds.lyapunov`.
Source: Letac (1977) for inner functions and Cauchy laws; Umeno and Okubo (2015), arXiv:1510.08569, for this map.
"""

from math import atan2, pi

from dynbench.losses.base import Minimum


def cauchy_after(z: complex, minimum: Minimum, lr: float, steps: int) -> complex:
    """location + i scale of u_n, for u_0 of the Cauchy law with location Re z and scale Im z > 0."""
    if not z.imag > 0.0:
        raise ValueError(f"the scale of a Cauchy law is positive, not {z.imag:g}")
    if not 0.0 < lr <= 2.0 or minimum.value < 0.0:
        raise ValueError("the law holds for 0 < lr <= 2 and L* >= 0")
    alpha, c = 1.0 - lr / 2.0, lr * minimum.value / minimum.curvatures[-1]
    for _ in range(steps):
        z = alpha * z - c / z
    return z


def cauchy_within(z: complex, lo: float, hi: float) -> float:
    """P(lo < u < hi) under Cauchy(Re z, Im z): the angle that [lo, hi] takes as seen from z, over π."""
    u, v = complex(lo) - z.conjugate(), complex(hi) - z.conjugate()
    turn = v * u.conjugate()
    return -atan2(turn.imag, turn.real) / pi
