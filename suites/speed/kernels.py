"""Time of one update, by rule family and by dimension, on one core, recording what is recorded by default."""

from .common import least, work

STEPS = 1000
CASES = {  # loss, rule, dimension, temperature, gradient noise
    "gradient quartic": ("quartic", "gradient"),
    "capped quartic": ("quartic", "capped"),
    "sign quartic": ("quartic", "sign"),
    "global_flow quartic": ("quartic", "global_flow"),
    "rmsprop quartic": ("quartic", "rmsprop"),
    "adagrad quartic": ("quartic", "adagrad"),
    "adam quartic": ("quartic", "adam"),
    "noisy gradient quartic": ("quartic", "gradient", 1, 0.5),
    "gradient noise quartic": ("quartic", "gradient", 1, 0.0, 10.0),
    "capped himmelblau": ("himmelblau", "capped", 2),
    "noisy gradient himmelblau": ("himmelblau", "gradient", 2, 0.5),
    "gradient rastrigin-10": ("rastrigin", "gradient", 10),
    "capped rastrigin-10": ("rastrigin", "capped", 10),
    "rmsprop rastrigin-10": ("rastrigin", "rmsprop", 10),
    "capped rastrigin-32": ("rastrigin", "capped", 32),
    "capped quadratic-64": ("quadratic", "capped", 64),
    "noisy gradient quadratic-64": ("quadratic", "gradient", 64, 0.5),
}


class Kernel:
    """Steady state: compiled, early exit off, so that every case does the same number of updates."""

    params = tuple(CASES)
    param_names = ("case",)
    timeout = 300.0
    version = "2"

    def setup(self, case):
        self.backend, self.loss, self.rule, self.batch = work(*CASES[case])

    def track_ns_per_update(self, _):
        """Of one coordinate: the shortest of several runs of some milliseconds, by trajectories, steps, dimension."""
        updates = len(self.batch) * STEPS * self.loss.dim
        run = least(lambda: self.backend.run(self.loss, self.rule, self.batch, STEPS, early=False))
        return round(run / updates, 4)

    track_ns_per_update.unit = "ns/update"


class EarlyExit:
    """Gradient descent over a long budget: trajectories that no longer move end early, without changing a number."""

    timeout = 300.0
    version = "1"

    def setup(self):
        self.backend, self.loss, self.rule, self.batch = work("quartic", "gradient")

    def time_100000_steps(self):
        self.backend.run(self.loss, self.rule, self.batch, 100_000)
