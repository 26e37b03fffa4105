"""Sections that need single trajectories from false minima: comparisons, a map of two settings, destinations.

They are made for the page only: a sweep's own pictures do not wait for them.
"""

import pandas as pd
import pyarrow.parquet

from dynbench.basins import wraps
from dynbench.losses.base import Loss
from dynbench.outcomes.cells import is_start
from dynbench.report import arms, comparisons, destinations, figures, heat, wells
from dynbench.report.section import Section
from dynbench.report.trapped import together
from dynbench.store import Run

KEPT = {"id", "dynamics", "seed", "start_basin", "status", "t_exit", "loss_final", "basin_final", "crossings"}


def sections(run: Run, loss: Loss | None) -> list[Section]:
    """Whatever of these a run has; nothing where it kept no trajectory, or none starts in a false minimum."""
    table = settings(run, loss)
    if table is None:
        return comparisons.alone(run.cells)
    labels = wells.false_labels(loss, run.cells["start_basin"])
    best, square = comparisons.best(table), heat.square(table)
    shown = destinations.shown(table, loss, labels)
    names = dict(zip(table.index, arms.names(table), strict=True))
    wanted = table.loc[sorted({*best.index, *shown.index, *(square.table.index if square else [])})]
    rows = read(run, wanted, labels, wraps(loss))
    return [
        *comparisons.sections(run.cells, best, rows, names),
        *(heat.sections(square, rows) if square else []),
        *destinations.sections(shown, rows, names, loss),
    ]


def settings(run: Run, loss: Loss | None) -> pd.DataFrame | None:
    """One row for each arm, all false minima pooled; None where single trajectories cannot be had."""
    cells, asked = run.cells, run.manifest.get("sweep") or {}
    if asked.get("keep", "all") != "all" or not run.chunks() or cells["n"].sum() > figures.LARGEST:
        return None
    table, _ = together(cells, loss, run.summary())
    table = table[table["p_escape"].notna()]  # not those whose exits are known between bounds only
    return table.reset_index(drop=True) if len(table) else None


def read(run: Run, wanted: pd.DataFrame, labels: list[int], ends: bool = False) -> pd.DataFrame:
    """The rows of these arms from starts in these basins; their column `arm` is the index of `wanted`.

    `ends`: with the last x, where labels alone do not tell basins.
    """
    told = arms.settings(wanted)
    names = pyarrow.parquet.read_schema(run.chunks()[0]).names
    columns = [c for c in names if c in KEPT or c in told or is_start(c) or (ends and c.startswith("x_final"))]
    numbered = wanted[told].assign(arm=wanted.index)
    parts = [chunk[chunk["start_basin"].isin(labels)].merge(numbered, on=told) for chunk in run.each_chunk(columns)]
    return pd.concat(parts, ignore_index=True)
