"""Whether the engine is still right: simulated escapes against the exact chain, in standard errors."""

import functools

import numpy as np

from .common import batch, offered

STEPS = 200
EACH = 6400  # trajectories a temperature
START, LR = 3.0, 0.01  # the quartic's false minimum
TEMPERATURES = np.linspace(0.5, 2.0, 16)


@functools.cache
def escapes():
    """(p, k) for each temperature: the exact probability to leave within STEPS steps; how many of EACH did."""
    find, p_exit = offered("dynbench", "find"), offered("dynbench.theory.chain", "p_exit")
    loss, rule = find.loss("quartic", 1), find.dynamics("gradient")
    p = [p_exit(loss, 1, START, LR, T, (STEPS,))[0].item() for T in TEMPERATURES.tolist()]
    # One batch for all: starts differ in their last bits, hence in their random streams.
    x0 = START + 1e-13 * np.arange(EACH * len(TEMPERATURES))[None, :]
    made = batch(loss, rule, x0, LR, np.repeat(TEMPERATURES, EACH))
    found = offered("dynbench.backends.cpu", "Cpu")(1).run(loss, rule, made, STEPS)
    return np.array(p), (found.t_exit >= 0).reshape(-1, EACH).sum(axis=1)


class Exact:
    """Noisy gradient on the quartic, 16 temperatures, 6400 trajectories each, one fixed seed."""

    timeout = 300.0
    version = "1"

    def setup(self):
        self.p, self.k = escapes()

    def track_z(self):
        """sqrt(mean z²), z = (k - n p)/sqrt(n p (1 - p)): 1 ± 0.18 by chance over seeds (one standard deviation)."""
        z = (self.k - EACH * self.p) / np.sqrt(EACH * self.p * (1.0 - self.p))
        return round(float(np.sqrt((z * z).mean())), 4)

    track_z.unit = "standard errors"
