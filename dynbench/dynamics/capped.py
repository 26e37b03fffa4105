"""Capped flow (11): dx/dt = -(g/|g|) min(1/|g|, cap) (L - f_star).

The cap limits the displacement, not the step size: near a false minimum at height L* it stays lr cap L*, so the
rule can leave where that exceeds the distance to the wall.  `limited`: the cap binds.
"""

from math import inf

from dynbench.dynamics.base import Dynamics


def step(x, g, value, norm, lr, state, cap=1000.0, f_star=0.0):  # a sweep puts in the loss's Lmin
    inverse = 1.0 / norm if norm > 1e-300 else 0.0
    return -(g * inverse) * (min(inverse, cap) * (lr * (value - f_star))), state


def limited(x, g, value, norm, lr, state, cap=1000.0, f_star=0.0):
    return (1.0 / norm if norm > 1e-300 else 0.0) > cap


dynamics = Dynamics(
    step,
    source="Su 2019, (11)",
    limited=limited,
    bounds={"cap": (0.0, inf), "f_star": (-inf, inf)},
    defaults={"f_star": "lmin"},
)
