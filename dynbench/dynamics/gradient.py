"""Gradient flow (2): dx/dt = -g, stepped by Euler: x ← x - lr g."""

from dynbench.dynamics.base import Dynamics


def step(x, g, value, norm, lr, state):
    return -lr * g, state


dynamics = Dynamics(step, source="Su 2019, (2)")
