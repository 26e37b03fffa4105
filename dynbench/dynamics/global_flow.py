"""Global flow (8), (10): dx/dt = -(g/|g|) (1/|g|) (L - f_star), so that dL/dt = -(L - f_star).

Its Euler step is Polyak's step with relaxation lr, and in one dimension relaxed Newton root-finding; near a false
minimum it is chaotic.  Where g = 0 the flow is undefined and the rule does not move.
"""

from math import inf

from dynbench.dynamics.base import Dynamics


def step(x, g, value, norm, lr, state, f_star=0.0):
    inverse = 1.0 / norm if norm > 1e-300 else 0.0
    return -(g * inverse) * (inverse * (lr * (value - f_star))), state


dynamics = Dynamics(
    step,
    source="Su 2019, (8) and (10); Polyak 1969",
    bounds={"f_star": (-inf, inf)},
    defaults={"f_star": "lmin"},
)
