"""Adagrad: s ← s + g², dx = -lr g/(√s + ε), or -lr g/√(s + ε) where eps_inside = 1.

`eps_inside` says where ε stands: 0 outside the root (PyTorch), 1 inside it (Keras, Optax: with s0 = 0.1, eps = 1e-7).
"""

from math import inf, sqrt

from dynbench.dynamics.base import Dynamics


def start(lr, s0=0.0, eps=1e-10, eps_inside=0.0):
    return (s0,)


def step(x, g, value, norm, lr, state, s0=0.0, eps=1e-10, eps_inside=0.0):
    (s,) = state
    total = s + g * g
    size = sqrt(total + eps * eps_inside) + eps * (1.0 - eps_inside)
    return (-lr * (g / size) if size > 0.0 else 0.0), (total,)


dynamics = Dynamics(
    step,
    start=start,
    source="Duchi, Hazan & Singer 2011",
    bounds={"s0": (0.0, inf), "eps": (0.0, inf), "eps_inside": (0.0, 1.0)},
)
