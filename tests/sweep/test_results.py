"""RESULTS is raised whenever a result changes: the bits of a few trajectories under today's number."""

import hashlib

import numpy as np

from dynbench.definition import RESULTS
from dynbench.sweep.grid import Arm, Sweep
from dynbench.sweep.run import run
from dynbench.sweep.starts import Starts

BITS = {3: "8b40eec94d03eb06"}  # RESULTS -> what the columns below hold
NUMBERS = ("t_exit", "t_diverged", "t_commit", "t_hit", "loss_final", "loss_best", "basin_final")
ARMS = (
    Arm("gradient", {"temperature": (0.0, 0.7), "lr": (0.01, 0.3)}),
    Arm("capped", {"cap": (60.0, 1000.0), "gradient_noise": (0.0, 2.0)}),
)


def test_results_are_those_of_their_number(tmp_path):
    """A change that is meant: raise RESULTS in dynbench/definition.py and put the bits that are found here beside it.

    Runs of before are then labelled, and none of their rows is taken.
    """
    whole = hashlib.sha256()
    for loss, dim, arms in (("quartic", 1, ARMS), ("himmelblau", 2, (Arm("gradient", {"lr": (0.002,)}),))):
        starts = Starts("grid", 21 if dim == 1 else 5)
        rows = run(Sweep(loss, arms, starts, dim=dim, steps=300, seeds=2), tmp_path).trajectories
        columns = [*NUMBERS, *(c for c in rows if c.startswith(("x0", "x_final")))]
        for column in columns:
            whole.update(np.ascontiguousarray(rows[column].to_numpy()).tobytes())
        whole.update(",".join(rows["status"]).encode())
    assert (RESULTS, whole.hexdigest()[:16]) == (RESULTS, BITS.get(RESULTS))
