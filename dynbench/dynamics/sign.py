"""Sign descent (4)-(7): dx/dt = -sign(g) = -g/√(g²), with sign(0) = 0.

A fixed step ends on the 2-cycle {r, r - lr} around a minimum m, r = (x0 - m) mod lr.
"""

from dynbench.dynamics.base import Dynamics


def step(x, g, value, norm, lr, state):
    return (-lr if g > 0.0 else (lr if g < 0.0 else g)), state  # the last g is 0 or nan


dynamics = Dynamics(step, source="Su 2019, (4)-(7)")
