"""A run's chunks on disk -> its table of cells, and the shorter one that is printed."""

from collections.abc import Iterable
from dataclasses import replace

import pandas as pd

from dynbench.basins import false_labels
from dynbench.outcomes.aggregate import Aggregate, estimates, merge, unpacked
from dynbench.outcomes.cells import cells
from dynbench.store import Run
from dynbench.sweep.job import Job
from dynbench.sweep.until import with_sequence


def table_of(job: Job, run: Run, pooled: Iterable[int] = ()) -> pd.DataFrame:
    """The table of cells, from all chunks; or of these start basins only, taken for one."""
    labels = sorted(pooled)
    if job.sweep.keep == "cells":
        whole = merge(unpacked(path) for path in run.chunks())
        table = estimates(one_basin(whole, labels) if labels else whole, job.context)
    else:
        chunks = run.each_chunk()
        if labels:
            chunks = (part[part["start_basin"].isin(labels)].assign(start_basin=labels[0]) for part in chunks)
        table = cells(chunks, job.context, job.sweep.by_start)
    return table if job.sweep.until is None else with_sequence(table)


def one_basin(whole: Aggregate, labels: list[int]) -> Aggregate:
    """The cells of these start basins, under the first one's name."""
    chosen = whole.where(whole.cells["start_basin"].isin(labels).to_numpy())
    return merge([replace(chosen, cells=chosen.cells.assign(start_basin=labels[0]))])


def summary(job: Job, run: Run) -> pd.DataFrame:
    """Cells of the false basins, or of all known ones where there is no false one; pooled where there are several."""
    table = run.cells
    every = sorted(set(table["start_basin"]))
    labels = false_labels(job.plan.loss, every) or [label for label in every if label >= 0] or every
    if len(labels) == 1:
        return table[table["start_basin"].isin(labels)].reset_index(drop=True)
    return table_of(job, run, labels)
