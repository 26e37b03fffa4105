"""Time of one update, by rule and by dimension, on one core, recording what is recorded by default."""

import time

from .common import work

STEPS = 1000
CASES = {
    "gradient quartic": ("quartic", "gradient", 1, 0.0),
    "capped quartic": ("quartic", "capped", 1, 0.0),
    "rmsprop quartic": ("quartic", "rmsprop", 1, 0.0),
    "noisy gradient quartic": ("quartic", "gradient", 1, 0.5),
    "capped himmelblau": ("himmelblau", "capped", 2, 0.0),
    "capped rastrigin-10": ("rastrigin", "capped", 10, 0.0),
}


class Kernel:
    """Steady state: compiled, early exit off, so that every case does the same number of updates."""

    params = tuple(CASES)
    param_names = ("case",)
    timeout = 300.0
    version = "1"

    def setup(self, case):
        self.backend, self.loss, self.rule, self.batch = work(*CASES[case])

    def track_ns_per_update(self, case):
        best = float("inf")
        for _ in range(5):
            begun = time.perf_counter()
            endings = self.backend.run(self.loss, self.rule, self.batch, STEPS, early=False)
            best = min(best, time.perf_counter() - begun)
        return round(1e9 * best / (endings.updates * CASES[case][2]), 4)

    track_ns_per_update.unit = "ns/update of a coordinate"

    def time_run(self, _):
        self.backend.run(self.loss, self.rule, self.batch, STEPS, early=False)


class EarlyExit:
    """Gradient descent over a long budget: trajectories that no longer move end early, without changing a number."""

    timeout = 300.0
    version = "1"

    def setup(self):
        self.backend, self.loss, self.rule, self.batch = work("quartic", "gradient", 1, 0.0)

    def time_100000_steps(self):
        self.backend.run(self.loss, self.rule, self.batch, 100_000)


class Memory:
    """A million short trajectories."""

    version = "1"

    def setup(self):
        work("quartic", "gradient", 1, 0.0)

    def peakmem_million(self):
        backend, loss, rule, batch = work("quartic", "gradient", 1, 0.0, 1_000_000)
        backend.run(loss, rule, batch, 10)
