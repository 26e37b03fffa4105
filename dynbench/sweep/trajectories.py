"""The trajectories of one cell, ready to be run again: its own starts, repeats, parameters and noise streams."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dynbench.batch import Batch, Integers
from dynbench.outcomes.cells import is_start
from dynbench.outcomes.halving import spread
from dynbench.outcomes.label import label
from dynbench.sweep.grid import LABELS_KEPT, Plan, Rows

LOOKED_AT = 200_000  # starts, evenly spread, whose basin is asked where there are more than can be kept in memory


@dataclass(frozen=True)
class Members:
    """A cell's starts and trajectories, evenly spread samples where there are too many of them."""

    starts: Batch  # each of its starts once, with the noise of its first repeat
    every_start: bool  # none of the cell's starts is left out
    sample: Batch  # some of its trajectories, or all
    total: int  # trajectories of the cell


def members(plan: Plan, cell: pd.Series, most: int) -> Members:
    """The starts of a row of cells.csv, and at most `most` of its trajectories, evenly spread in their order.

    They are the run's own, those of --until included: a trajectory is a function of its start and the
    number of its repeat.  Raises ValueError where the run's definitions no longer give that cell.
    """
    arm, combination = place(plan, str(cell["dynamics"]), values_of(plan, cell))
    start, every = starts_of(plan, cell)
    total = int(cell["n"])
    repeats = total // len(start) if every and len(start) else int(arm.repeats[combination])
    if len(start) == 0 or (every and repeats * len(start) != total):
        raise ValueError(f"a cell of this run has {total} trajectories, and its sweep now gives {len(start)} starts")
    rows = spread(len(start) * repeats, most)
    return Members(
        batch_of(plan, arm, combination, start, np.zeros(len(start), np.int64)),
        every,
        batch_of(plan, arm, combination, start[rows // repeats], rows % repeats),
        total,
    )


def values_of(plan: Plan, cell: pd.Series) -> dict[str, float]:
    """The settings that a cell has: parameters of loss and rule, lr, temperature, gradient_noise."""
    names = (*plan.parameters, "lr", "temperature", "gradient_noise")
    return {n: float(cell[n]) for n in names if cell[n] == cell[n]}


def place(plan: Plan, rule: str, values: Mapping[str, float]) -> tuple[Rows, int]:
    """The arm, and the number of its combination, that has these values."""
    for arm in plan.arms:
        if arm.dynamics.name == rule:
            same = [
                all(v == values.get(n, v) for n, v in zip(arm.names, c, strict=True)) for c in arm.values.T.tolist()
            ]
            if any(same):
                return arm, same.index(True)
    raise ValueError(f"no arm of the run has {rule} with {values}")


def starts_of(plan: Plan, cell: pd.Series) -> tuple[Integers, bool]:
    """Numbers of the cell's starts, and whether these are all: those of its basin and, with --by start, its x0."""
    basin, columns = int(cell["start_basin"]), [c for c in cell.index if is_start(str(c))]
    every = plan.starts <= LABELS_KEPT
    index = np.arange(plan.starts) if every else spread(plan.starts, LOOKED_AT)
    labels = plan.labels if every else label(plan.loss, plan.starts_at(index))
    index = index[labels == basin]
    if columns:
        index = index[(plan.starts_at(index) == np.array([[float(cell[c])] for c in columns])).all(axis=0)]
    return index, every


def batch_of(plan: Plan, arm: Rows, combination: int, start: Integers, repeat: Integers) -> Batch:
    """Trajectories of one combination of an arm, by the numbers of their starts and repeats."""
    return plan.made(arm, start, np.full(len(start), combination), start, repeat).batch
