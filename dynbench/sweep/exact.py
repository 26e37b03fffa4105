"""Exact answers beside measured ones: the columns p_exact and z of the table of cells."""

import numpy as np
import pandas as pd

from dynbench.batch import Floats
from dynbench.sweep.grid import LABELS_KEPT, Plan
from dynbench.theory.exact import escape_probability

MOST_CELLS = 2000  # beyond it, cells are left without (each takes a few hundredths of a second)


def with_exact(table: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """The table of cells with p_exact, where one is known, and z = (escaped - n p) / sqrt(n p (1 - p)).

    p is averaged over the cell's starts.  An exit counts in both whatever comes later; none is told where some
    trajectory diverged without one, for to the chain a leap out of the well is an exit however far it leads.  z treats
    the n trajectories as equal; as p differs between starts the true spread is a little smaller, so |z| is on the safe
    side.
    """
    noisy = (table["temperature"] > 0) | (table["gradient_noise"] > 0)
    p = np.full(len(table), np.nan)
    if plan.starts <= LABELS_KEPT:
        places = np.flatnonzero(noisy & (table["start_basin"] >= 0))[:MOST_CELLS]
        # one setting after the other, as chains are remembered
        settings = table.iloc[places].groupby(["lr", "temperature", "gradient_noise"], sort=False).ngroup()
        for place in places[np.argsort(settings.to_numpy(), kind="stable")].tolist():
            p[place] = exact(table.iloc[place], plan)
    n, k = table["n"].to_numpy(), table["escaped"].to_numpy()
    p = np.where(table["diverged_inside"] > 0, np.nan, p + 0.0)  # -0 becomes 0
    with np.errstate(invalid="ignore", divide="ignore"):
        z = (k - n * p) / np.sqrt(n * p * (1.0 - p))
    return table.assign(p_exact=p, z=z)


def starts_of(cell: pd.Series, plan: Plan) -> Floats:
    """x0 (dim, n) of the starts of a cell, each once."""
    names = [c for c in cell.index if str(c) == "x0" or str(c).startswith("x0_")]
    if names:
        return np.array([[cell[c]] for c in names], float)
    index = np.flatnonzero(plan.labels == int(cell["start_basin"]))
    return plan.starts_at(index)


def exact(cell: pd.Series, plan: Plan) -> float:
    """The exact escape probability of a cell; nan where none is known."""
    parameters = {n: float(cell[n]) for n in plan.parameters if not pd.isna(cell[n])}
    rule = next(arm.dynamics for arm in plan.arms if arm.dynamics.name == cell["dynamics"])
    found = escape_probability(
        plan.loss, rule, parameters, float(cell["lr"]), float(cell["temperature"]),
        float(cell["gradient_noise"]), int(cell["start_basin"]), starts_of(cell, plan), plan.sweep.steps,
    )  # fmt: skip
    return float("nan") if found is None else found[0]
