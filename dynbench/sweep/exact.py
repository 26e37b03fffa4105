"""Exact answers beside measured ones: the columns p_exact, p_exact_se and z of the table of cells."""

import numpy as np
import pandas as pd

from dynbench.batch import Floats
from dynbench.sweep.grid import LABELS_KEPT, Plan
from dynbench.theory.exact import of_each_start

MOST_CELLS = 2000  # beyond it, cells are left without (each takes a few hundredths of a second)


def with_exact(table: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """The table of cells with p_exact, where one is known, p_exact_se and z = (p_escape - p_exact) / p_exact_se.

    p_exact is averaged over the cell's starts.  p_exact_se is the standard error that p_escape has by the noise alone,
    from these very starts: sqrt(Σ p_i (1 - p_i))/n, a term for each of the n trajectories, p_i of its own start.
    (sqrt(p (1 - p)/n) would be that of starts drawn anew, and is larger by their spread.)  An exit counts in both
    whatever comes later; none is told where some trajectory diverged without one, for to the chain a leap out of the
    well is an exit however far it leads.
    """
    noisy = (table["temperature"] > 0) | (table["gradient_noise"] > 0)
    p, variance = np.full(len(table), np.nan), np.full(len(table), np.nan)
    if plan.starts <= LABELS_KEPT:
        places = np.flatnonzero(noisy & (table["start_basin"] >= 0))[:MOST_CELLS]
        # one setting after the other, as chains are remembered
        settings = table.iloc[places].groupby(["lr", "temperature", "gradient_noise"], sort=False).ngroup()
        for place in places[np.argsort(settings.to_numpy(), kind="stable")].tolist():
            p[place], variance[place] = exact(table.iloc[place], plan)
    n, k = table["n"].to_numpy(), table["escaped"].to_numpy()
    p = np.where(table["diverged_inside"] > 0, np.nan, p + 0.0)  # -0 becomes 0
    with np.errstate(invalid="ignore", divide="ignore"):
        error = np.sqrt(np.where(np.isnan(p), np.nan, variance) / n)
        z = (k - n * p) / (n * error)
    return table.assign(p_exact=p, p_exact_se=error, z=z)


def starts_of(cell: pd.Series, plan: Plan) -> Floats:
    """x0 (dim, n) of the starts of a cell, each once."""
    names = [c for c in cell.index if str(c) == "x0" or str(c).startswith("x0_")]
    if names:
        return np.array([[cell[c]] for c in names], float)
    index = np.flatnonzero(plan.labels == int(cell["start_basin"]))
    return plan.starts_at(index)


def exact(cell: pd.Series, plan: Plan) -> tuple[float, float]:
    """The exact escape probability p of a cell and the mean of p_i (1 - p_i), over its starts; nan where not known."""
    parameters = {n: float(cell[n]) for n in plan.parameters if not pd.isna(cell[n])}
    rule = next(arm.dynamics for arm in plan.arms if arm.dynamics.name == cell["dynamics"])
    found = of_each_start(
        plan.loss, rule, parameters, float(cell["lr"]), float(cell["temperature"]),
        float(cell["gradient_noise"]), int(cell["start_basin"]), starts_of(cell, plan), plan.sweep.steps,
    )  # fmt: skip
    if found is None:
        return float("nan"), float("nan")
    p = found[0]
    return float(p.mean()), float((p * (1.0 - p)).mean())
