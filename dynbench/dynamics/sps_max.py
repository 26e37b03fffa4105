"""Bounded Polyak step SPS_max: dx = -min(lr (L - f_star)/(c |g|²), step_cap) g.

lr relaxes Polyak's step; lr = 1 is the paper's.  The cap limits the step size, so the displacement vanishes with g and
a minimum of curvature λ < 2/step_cap holds what falls into it: 0.1 is below the 2/λ of both the quartic's minima.
`limited`: the cap binds.  Gradients below 1e-150 count as zero.
"""

from math import inf

from dynbench.dynamics.base import Dynamics


def step(x, g, value, norm, lr, state, c=1.0, step_cap=0.1, f_star=0.0):
    square = c * (norm * norm)
    size = lr * (value - f_star) / square if square > 1e-300 else 0.0
    return -g * min(size, step_cap), state


def limited(x, g, value, norm, lr, state, c=1.0, step_cap=0.1, f_star=0.0):
    square = c * (norm * norm)
    return (lr * (value - f_star) / square if square > 1e-300 else 0.0) > step_cap


dynamics = Dynamics(
    step,
    source="Loizou, Vaswani, Laradji & Lacoste-Julien 2020, arXiv:2002.10542",
    limited=limited,
    bounds={"c": (0.0, inf), "step_cap": (0.0, inf), "f_star": (-inf, inf)},
    defaults={"f_star": "lmin"},
)
