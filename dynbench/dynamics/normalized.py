"""Normalized gradient flow: dx/dt = -g/|g|, unit speed along the path of gradient flow.

The flow arrives in finite time (Cortés 2006); a fixed step ends on a cycle of width lr.
"""

from dynbench.dynamics.base import Dynamics


def step(x, g, value, norm, lr, state):
    inverse = 1.0 / norm if norm > 1e-300 else 0.0
    return -lr * (g * inverse), state


dynamics = Dynamics(step, source="Cortés 2006, Automatica 42(11)")
