"""A small run on disk, of every kind of rule on the quartic, in several chunks."""

import pytest
import sweeps

from dynbench.sweep import job
from dynbench.sweep.grid import Arm
from dynbench.sweep.starts import Starts


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(job, "ROWS_A_CHUNK", dict.fromkeys(("all", "cells"), (512, 512)))
        made = sweeps.made(tmp_path_factory.mktemp("runs"))
    assert len(made.chunks()) > 1
    return made


@pytest.fixture(scope="session")
def hot(tmp_path_factory):
    """Walks over Rastrigin's basins at two temperatures: sixty starts in dozens of basins, eight steps."""
    walk = Arm("gradient", {"lr": (0.001,), "temperature": (20.0, 40.0)})
    given = {"loss": "rastrigin", "dim": 2, "starts": Starts("uniform", 60), "steps": 8, "record": ("crossings",)}
    return sweeps.made(tmp_path_factory.mktemp("hot"), walk, **given)
