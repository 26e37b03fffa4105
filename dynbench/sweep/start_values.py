"""Where trajectories start, as a value of the loss: the column loss_start_median."""

import numpy as np
import pandas as pd

from dynbench.backends.cpu import Cpu
from dynbench.batch import Floats
from dynbench.sweep.grid import LABELS_KEPT, Plan, Rows


def with_start_loss(table: pd.DataFrame, plan: Plan, labels: list[int] | None = None) -> pd.DataFrame:
    """The table with the median L(x0) of each row's starts before `loss_median`, that of their last L.

    `labels`: the start basins that every row pools; None: each row's own.  Every start has as many trajectories as
    another, so that the median over starts is that over trajectories.  nan for more starts than LABELS_KEPT.
    """
    found = np.full(len(table), np.nan)
    if plan.starts <= LABELS_KEPT:
        parameters = list(plan.loss.parameters)
        of = table.groupby(parameters).ngroup().to_numpy() if parameters else np.zeros(len(table), np.int64)
        for group in range(of.max(initial=-1) + 1):
            here = np.flatnonzero(of == group)
            values = start_losses(plan, {name: float(table[name].iloc[here[0]]) for name in parameters})
            found[here] = medians(table.iloc[here], plan, values, labels)
    table = table.copy()
    table.insert(list(table.columns).index("loss_median"), "loss_start_median", found)
    return table


def medians(table: pd.DataFrame, plan: Plan, values: Floats, labels: list[int] | None) -> Floats:
    """(rows,): the median of those of the values (starts,) that belong to each row; nan where that is not finite."""
    coordinates = [c for c in map(str, table.columns) if c == "x0" or c.startswith("x0_")]
    values = np.where(np.isnan(values), np.inf, values)
    if coordinates:  # a row for every start
        of = dict(zip(map(tuple, (plan.points.T + 0.0).tolist()), values.tolist(), strict=True))
        found = np.array([of[point] for point in map(tuple, (table[coordinates] + 0.0).to_numpy(float).tolist())])
    elif labels is None:
        each = pd.Series(values).groupby(plan.labels).median()
        found = each.reindex(table["start_basin"].to_numpy()).to_numpy(float)
    else:
        found = np.full(len(table), np.median(values[np.isin(plan.labels, labels)]))
    return np.where(np.isfinite(found), found, np.nan)


def start_losses(plan: Plan, parameters: dict[str, float]) -> Floats:
    """L(x0) of all starts, (starts,), at these parameters of the loss: trajectories of no step."""
    arm, combination = first_with(plan, parameters)
    number = np.arange(plan.starts)
    piece = plan.made(arm, number, np.full(plan.starts, combination), number, np.zeros(plan.starts, np.int64))
    return Cpu(1).run(plan.loss, arm.dynamics, piece.batch, 0).value


def first_with(plan: Plan, parameters: dict[str, float]) -> tuple[Rows, int]:
    """The first arm and combination with these parameters of the loss."""
    for arm in plan.arms:
        same = np.ones(len(arm.repeats), bool)
        for name, value in parameters.items():
            same &= arm.column(name) == value
        if same.any():
            return arm, int(same.argmax())
    raise ValueError("no arm has these parameters of the loss")
