"""Time of what comes after the kernels: statistics, whole small runs, exact answers, pictures and the page."""

import functools
import tempfile
from pathlib import Path

import numpy as np

from .common import offered

ROWS = 100_000


@functools.cache
def rows():
    """Rows of trajectories as a sweep stores them, in 99 cells."""
    import pandas as pd

    random = np.random.default_rng(0)
    left = random.random(ROWS) < 0.3
    return pd.DataFrame(
        {
            "id": np.arange(ROWS), "loss": "quartic", "dynamics": "capped", "cap": random.integers(1, 100, ROWS) * 1.0,
            "lr": 0.01, "temperature": 0.0, "gradient_noise": 0.0, "start_basin": 1, "status": "censored",
            "t_exit": np.where(left, random.integers(0, 2500, ROWS), -1), "t_commit": -1,
            "loss_final": random.random(ROWS), "loss_best": random.random(ROWS), "basin_final": 1,
        }
    )  # fmt: skip


@functools.cache
def place():
    """A folder that goes when the process ends."""
    return tempfile.TemporaryDirectory()


def sweep(caps=50, starts=1000, steps=200, **more):
    """The capped flow on the quartic, which keeps a kernel of its own in the cache."""
    names = ("Arm", "Starts", "Sweep")
    Arm, Starts, Sweep = (offered("dynbench", name) for name in names)
    axes = {"cap": tuple(np.linspace(50.0, 200.0, caps).tolist()), "lr": (0.01,)}
    return Sweep("quartic", (Arm("capped", axes),), Starts("grid", starts), steps=steps, **more)


@functools.cache
def finished():
    """A small finished run."""
    return offered("dynbench", "run")(sweep(), Path(place().name) / "report", workers=1)


class Cells:
    """Statistics of 100 000 rows in 99 cells."""

    version = "1"

    def setup(self):
        self.cells = offered("dynbench.outcomes.cells", "cells")
        self.context = offered("dynbench.outcomes.cells", "Context")(2500, minimum_value=0.0, parameters=("cap",))
        rows()

    def time_cells(self):
        self.cells(rows(), self.context)


class Sweeps:
    """A whole run of 50 000 trajectories in 100 cells, kernels compiled: simulation, aggregates, files, the table."""

    params = ("all", "cells")
    param_names = ("keep",)
    rounds, repeat = 1, 5
    version = "1"

    def setup(self, keep):
        self.run = offered("dynbench", "run")
        self.sweep = sweep(keep=keep)
        finished()
        self.folder = tempfile.TemporaryDirectory()  # a finished run is only shown again

    def teardown(self, _):
        self.folder.cleanup()

    def time_run(self, _):
        self.run(self.sweep, self.folder.name, workers=1)


class Report:
    """Of a small finished run."""

    rounds, repeat = 1, 3
    timeout = 300.0
    version = "1"

    def setup(self):
        self.build = offered("dynbench.report.page", "build")
        self.draw = offered("dynbench.report.figures", "draw_all")
        finished()

    def again(self):
        """The run as a later process finds it: nothing read yet."""
        return offered("dynbench.store", "Run")(finished().directory)

    def time_pictures(self):
        for picture in self.draw(self.again()).values():
            len(picture.png)

    def time_page(self):
        self.build([self.again()])
