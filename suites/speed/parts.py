"""Time of the parts: elementary functions and noise in a loop over lanes, statistics of a table."""

import functools
import math

import numpy as np

LANES = 64
ROWS = 1000


@functools.cache
def loop(name):
    """One call of a function of `kernels.elementary` for every number of an array, compiled as the linker does it."""
    import numba

    from dynbench.kernels import elementary
    from dynbench.kernels.link import Helpers

    helpers = Helpers()
    called = helpers(getattr(elementary, name))
    names = {"np": np, "math": math, "njit": numba.njit}
    for text in helpers.texts.values():
        exec(text, names)
    text = (
        "@njit(error_model='numpy')\ndef run(x, y):\n    for r in range(x.shape[0]):\n        for i in range(64):\n"
        f"            y[r, i] = {called}(x[r, i])\n"
    )
    exec(text, names)
    x = np.random.default_rng(0).uniform(0.1, 5.0, (ROWS, LANES))
    y = np.empty_like(x)
    names["run"](x, y)
    return names["run"], x, y


class Elementary:
    """64000 values."""

    params = ("exp", "log", "sin", "cos", "tanh")
    param_names = ("function",)
    version = "1"

    def setup(self, name):
        self.run, self.x, self.y = loop(name)

    def time_values(self, _):
        self.run(self.x, self.y)


@functools.cache
def table(rows=100_000):
    """Rows of trajectories as a sweep stores them."""
    import pandas as pd

    random = np.random.default_rng(0)
    left = random.random(rows) < 0.3
    return pd.DataFrame(
        {
            "id": np.arange(rows), "loss": "quartic", "dynamics": "capped", "cap": random.integers(1, 100, rows) * 1.0,
            "lr": 0.01, "temperature": 0.0, "gradient_noise": 0.0, "start_basin": 1, "status": "censored",
            "t_exit": np.where(left, random.integers(0, 2500, rows), -1), "t_commit": -1,
            "loss_final": random.random(rows), "loss_best": random.random(rows), "basin_final": 1,
        }
    )  # fmt: skip


class Cells:
    """Statistics of 100 000 rows in 99 cells."""

    version = "1"

    def setup(self):
        from dynbench.outcomes.cells import Context

        self.context = Context(steps=2500, minimum_value=0.0, parameters=("cap",))
        table()

    def time_cells(self):
        from dynbench.outcomes.cells import cells

        cells(table(), self.context)
