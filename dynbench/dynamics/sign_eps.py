"""Smoothed sign descent: dx/dt = -g/(|g| + ε).

A minimum of curvature λ is stable where ε > lr λ/2; below, a 2-cycle |x| = lr/2 - ε/λ takes its place.
"""

from math import inf

from dynbench.dynamics.base import Dynamics


def step(x, g, value, norm, lr, state, eps=1e-8):
    size = abs(g) + eps
    return (-lr * (g / size) if size > 0.0 else 0.0), state


dynamics = Dynamics(step, source="RMSprop's step without its memory", bounds={"eps": (0.0, inf)})
