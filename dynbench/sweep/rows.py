"""Endings as a table of trajectories, and a few whole paths."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from dynbench.backends.base import Backend
from dynbench.backends.basins import exact_labels
from dynbench.basins import kinds
from dynbench.batch import Endings, Floats, Integers
from dynbench.kernels.shape import STATUSES
from dynbench.sweep.grid import Piece, Plan, Rows

PATHS_AN_ARM = 12
COMBINATIONS = 4  # at most so many combinations of parameters among an arm's paths
LONGEST_PATH = 10_000  # points of a path that are kept: every step, or every so many steps
MOST_STEPS = 2_000_000  # beyond it no path is kept


def coordinates(stem: str, x: np.ndarray) -> dict[str, np.ndarray]:
    """x (dim, n) as columns: x0 in one dimension, x0_0, x0_1, ... beyond."""
    return {stem: x[0]} if len(x) == 1 else {f"{stem}_{d}": row for d, row in enumerate(x)}


def named(plan: Plan, arm: Rows, combination: np.ndarray) -> dict[str, np.ndarray]:
    """Parameter columns: nan where the arm's rule has no such parameter."""
    columns = {name: np.full(len(combination), np.nan) for name in plan.parameters}
    return columns | {name: arm.column(name)[combination] for name in arm.names}


def constant(text: str, count: int) -> pd.Series:
    return pd.Series(pd.array([text], dtype="str").repeat(count))


def keys(plan: Plan, piece: Piece, rows: Integers | None = None) -> dict[str, object]:
    """What a trajectory is, as columns: all that stands in its row before what it did; of some rows or of all."""
    chosen = slice(None) if rows is None else rows
    number, combination = piece.id[chosen], piece.combination[chosen]
    columns: dict[str, object] = {"id": number, "loss": constant(plan.loss.name, len(number))}
    columns |= {"dynamics": constant(piece.rows.dynamics.name, len(number))}
    columns |= coordinates("x0", piece.batch.x0[:, chosen]) | named(plan, piece.rows, combination)
    return columns | {"seed": piece.seed[chosen], "start_basin": piece.batch.basin[chosen]}


def frame(plan: Plan, piece: Piece, endings: Endings) -> pd.DataFrame:
    """One row a trajectory."""
    hits = endings.t_hit
    columns = keys(plan, piece)
    columns |= {"status": pd.Series(pd.array(STATUSES, dtype="str").take(endings.status))}
    columns |= {"t_exit": endings.t_exit}
    if not exact_labels(plan.loss):
        columns |= {"t_exit_lo": endings.t_exit_lo, "t_exit_hi": endings.t_exit_hi}
    columns |= {"t_diverged": endings.t_diverged, "t_commit": endings.t_commit}
    columns |= {"t_hit": hits[0]} if len(hits) == 1 else {f"t_hit_{j}": row for j, row in enumerate(hits)}
    columns |= {"loss_final": endings.value, "loss_best": endings.best, "basin_final": endings.basin}
    columns |= coordinates("x_final", endings.x) | dict(endings.records)
    return pd.DataFrame(columns, copy=False)


def paths(plan: Plan, rows: Sequence[Rows], backend: Backend) -> pd.DataFrame:
    """A few whole paths of every arm: some combinations of its parameters, from starts in false basins if any.

    `rows`: how many repeats each combination has, and their numbers.
    """
    steps = plan.sweep.steps
    if steps > MOST_STEPS:
        return pd.DataFrame({"id": pd.Series(dtype="int64")})
    kept = np.unique(np.append(np.arange(0, steps + 1, -(-steps // LONGEST_PATH)), steps))
    arms, points = zip(*(paths_of(plan, arm, backend, kept) for arm in rows), strict=True)
    whose = pd.concat(arms, ignore_index=True)
    table = whose.take(np.repeat(np.arange(len(whose)), len(kept))).reset_index(drop=True)
    found = np.concatenate(points).reshape(-1, plan.sweep.dim + 1).T
    return table.assign(step=np.tile(kept, len(whose)), **coordinates("x", found[:-1]), loss_value=found[-1])


def paths_of(plan: Plan, arm: Rows, backend: Backend, steps: Integers) -> tuple[pd.DataFrame, Floats]:
    """(whose paths they are, x and L at those steps (m, steps, dim + 1)) of one arm."""
    total = len(arm.repeats)
    chosen = np.unique(np.linspace(0, total - 1, min(COMBINATIONS, total)).round().astype(np.int64))
    starts = (
        np.arange(plan.starts) if plan.starts <= 100_000 else np.linspace(0, plan.starts - 1, 1000).astype(np.int64)
    )
    if plan.starts <= 100_000:
        false = kinds(plan.loss, plan.labels[starts]).is_false
        starts = starts[false] if false.any() else starts
    each = PATHS_AN_ARM // COMBINATIONS
    starts = starts[((np.arange(each) + 0.5) / each * len(starts)).astype(np.int64)]
    combination, start = np.repeat(chosen, each), np.tile(starts, len(chosen))
    keep = np.sort(np.unique(combination * plan.starts + start, return_index=True)[1])
    combination, start = combination[keep], start[keep]
    number = arm.first + arm.offsets[combination] + start * arm.repeats[combination]
    piece = plan.made(arm, number, combination, start, np.zeros(len(start), np.int64))
    sweep = plan.sweep
    endings = backend.run(plan.loss, arm.dynamics, piece.batch, sweep.steps, sweep.targets, paths=len(start))
    columns: dict[str, object] = {"id": number, "dynamics": constant(arm.dynamics.name, len(number))}
    return pd.DataFrame(columns | named(plan, arm, combination)), endings.paths[:, steps]
