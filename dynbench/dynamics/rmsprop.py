"""RMSprop: v ← β v + (1 - β) g², dx = -lr g/(√v + ε), or -lr g/√(v + ε) where eps_inside = 1.

`eps_inside` says where ε stands: 0 outside the root (PyTorch), 1 inside it (Keras, Optax).  v starts at 0 and is not
corrected for that, as in all three.
"""

from math import inf, sqrt

from dynbench.dynamics.base import Dynamics


def start(lr, beta=0.99, eps=1e-8, eps_inside=0.0):
    return (0.0,)


def step(x, g, value, norm, lr, state, beta=0.99, eps=1e-8, eps_inside=0.0):
    (v,) = state
    mean = beta * v + (1.0 - beta) * (g * g)
    size = sqrt(mean + eps * eps_inside) + eps * (1.0 - eps_inside)
    return (-lr * (g / size) if size > 0.0 else 0.0), (mean,)


dynamics = Dynamics(
    step,
    start=start,
    source="Tieleman & Hinton 2012; Su 2019, below (7)",
    bounds={"beta": (0.0, 1.0), "eps": (0.0, inf), "eps_inside": (0.0, 1.0)},
    decays=("beta",),
)
