"""Cells from which hardly anything escaped, estimated by splitting (--rare)."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from dynbench.basins import false_labels
from dynbench.kernels.rewrite import CannotLift
from dynbench.sweep.exact import starts_of
from dynbench.sweep.grid import Plan
from dynbench.theory.rare import for_cell
from dynbench.theory.splitting import NotReached

FEW = 5  # escapes: fewer than that say little
COLUMNS = ("p_escape_se", "steps_spent", "ancestors", "sound")


def is_rare(table: pd.DataFrame, plan: Plan) -> np.ndarray:
    """Noisy cells of false minima with at most FEW escapes."""
    noisy = (table["temperature"] > 0) | (table["gradient_noise"] > 0)
    false = table["start_basin"].isin(false_labels(plan.loss, table["start_basin"]))
    return (noisy & false & (table["escaped"] <= FEW)).to_numpy()


def with_rare(
    table: pd.DataFrame, plan: Plan, workers: int, progress: Callable[[int], object] | None = None
) -> pd.DataFrame:
    """The table with p_escape, its interval and z of rare cells by splitting, and the standard error `p_escape_se`.

    `steps_spent`: of the splitting, also where it did not reach the edge of the basin; `ancestors`: distinct
    first-stage paths that its escapes descend from; `sound`: 1 where no replicate died out and one alone is off by at
    most half, else 0: then p may be too low.  `escaped` stays what plain simulation counted.  Cells whose loss has no
    score, or that splitting cannot reach, stay as they are.  `progress` is told of steps as they are made.
    """
    table = table.assign(**dict.fromkeys(COLUMNS, np.nan)).reset_index(drop=True)
    for place in np.flatnonzero(is_rare(table, plan)):
        cell = table.iloc[place]
        arm = next(a for a in plan.arms if a.dynamics.name == cell["dynamics"])
        names = {**plan.loss.parameters, **arm.dynamics.parameters}
        parameters = {n: float(cell[n]) for n in names}
        noise = float(cell["temperature"]), float(cell["gradient_noise"])
        try:
            found = for_cell(
                plan.loss, arm.dynamics, parameters, float(cell["lr"]), *noise, starts_of(cell, plan),
                plan.sweep.steps, plan.sweep.seed, workers, progress=progress,
            )  # fmt: skip
        except CannotLift:
            raise
        except NotReached as error:
            table.loc[int(place), "steps_spent"] = error.spent
            continue
        except ValueError:
            continue
        values = {"p_escape": found.p, "p_escape_lo": found.interval[0], "p_escape_hi": found.interval[1]}
        values |= {"p_escape_se": found.se, "steps_spent": found.steps_spent, "ancestors": found.ancestors}
        values["sound"] = float(found.sound)
        values |= {"z": (found.p - cell["p_exact"]) / found.se}
        for name, value in values.items():
            table.loc[int(place), name] = value
    return table
