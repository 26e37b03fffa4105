"""Small sweeps whose tables the report's tests read: their columns are those that a sweep writes today.

A run that a test needs in another state is a copy of one, changed in a named place.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dynbench.report.facts import Facts
from dynbench.store import Run, canonical, parquet, write_whole
from dynbench.sweep.grid import Arm, Sweep
from dynbench.sweep.run import run
from dynbench.sweep.starts import Starts

STEPS = 600
FACTS = Facts(frozenset({"gradient"}), frozenset({"capped"}))  # what the manifests of these runs tell
CAPS = (1.0, 10.0, 50.0, 66.0, 68.0, 70.0, 71.0, 71.2, 71.4, 72.0, 74.0, 76.0, 100.0, 1000.0, 1e6)
CAPPED = Arm("capped", {"cap": CAPS})
RULES = (
    CAPPED,
    Arm("sps_max", {"step_cap": (0.01, 0.1, 1.0)}),
    Arm("gradient", {"temperature": (0.0, 0.5)}),
    Arm("global_flow"),
    Arm("sign"),
    Arm("sign_eps"),
)
OWN = {  # files of a user's
    "bowl": '''"""A bowl of which nothing is told but its slope."""

from dynbench.losses.base import Loss


def value(x):
    return x * x


def grad(x):
    return 2.0 * x


loss = Loss("x²", "somebody", ((0.0, 5.0),), 1, (), value, grad)
''',
    "uphill": '''"""Gradient ascent, x <- x + h g: with noise some cross the barrier's top, the others are lost."""

from dynbench.dynamics.base import Dynamics


def step(x, g, value, norm, lr, state):
    return lr * g, state


dynamics = Dynamics(step, source="somebody")
''',
}
COMMAND = "python -m dynbench.sweep --loss quartic --steps 600"


def points(x0) -> Starts:
    """These starts, in one dimension."""
    return Starts.of([(float(x),) for x in np.atleast_1d(x0)], 1, "x0")


def written(folder: Path, name: str) -> str:
    """The path of one of a user's files, now in this folder."""
    path = folder / f"{name}.py"
    path.write_text(OWN[name], encoding="utf-8")
    return str(path)


def made(folder: Path, *arms: Arm, **options: Any) -> Run:
    """A finished run, somewhere in this folder: every rule on the quartic, unless others are named."""
    given = {"loss": "quartic", "starts": Starts("grid", 41), "steps": STEPS} | options
    return Run(run(Sweep(arms=arms or RULES, **given), folder, workers=1, command=COMMAND).directory)


def changed(
    source: Run,
    folder: Path,
    manifest: dict[str, Any] | None = None,
    cells: Callable[[pd.DataFrame], pd.DataFrame] | None = None,
    rows: Callable[[pd.DataFrame], pd.DataFrame] | None = None,
) -> Run:
    """A copy of a run in which some of the manifest is replaced, and tables are what these functions make of them."""
    shutil.copytree(source.directory, folder)
    copy = Run(folder)
    if manifest is not None:
        told = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        write_whole(folder / "manifest.json", canonical(told | manifest))
    if cells is not None:
        cells(source.cells).to_csv(folder / "cells.csv", index=False, lineterminator="\n")
    if cells is not None or rows is not None:
        (folder / "summary.csv").unlink()  # it is worked out from these
    for path in copy.chunks() if rows is not None else []:
        write_whole(path, parquet(rows(pd.read_parquet(path))))
    return copy
