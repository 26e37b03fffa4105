"""Adam: m ← β₁ m + (1 - β₁) g, v ← β₂ v + (1 - β₂) g², dx = -lr (m/c₁)/(√(v/c₂) + ε), cᵢ = 1 - βᵢⁿ at step n.

Algorithm 1 of the paper, which is torch.optim.Adam: ε stands outside the root.  c₁ and c₂ are kept as the same averages
of 1: no digits are lost at the first steps, where β₂ is near 1, and they come to rest, so that exact early exit works.
"""

from math import inf, sqrt

from dynbench.dynamics.base import Dynamics


def start(lr, beta1=0.9, beta2=0.999, eps=1e-8):
    return (0.0, 0.0, 0.0, 0.0)


def step(x, g, value, norm, lr, state, beta1=0.9, beta2=0.999, eps=1e-8):
    m, v, c1, c2 = state
    m_next = beta1 * m + (1.0 - beta1) * g
    v_next = beta2 * v + (1.0 - beta2) * (g * g)
    c1_next = beta1 * c1 + (1.0 - beta1)
    c2_next = beta2 * c2 + (1.0 - beta2)
    mean = m_next / c1_next if c1_next > 0.0 else 0.0
    square = v_next / c2_next if c2_next > 0.0 else 0.0
    size = sqrt(square) + eps
    return (0.0 if size == 0.0 else -lr * (mean / size)), (m_next, v_next, c1_next, c2_next)


dynamics = Dynamics(
    step,
    start=start,
    source="Kingma & Ba 2015",
    bounds={"beta1": (0.0, 1.0), "beta2": (0.0, 1.0), "eps": (0.0, inf)},
    decays=("beta1", "beta2"),
)
