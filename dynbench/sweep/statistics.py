"""A run's chunks on disk -> its table of cells and its summary, with what is known beside what was counted."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd

from dynbench.outcomes.summary import summary
from dynbench.store import Run
from dynbench.sweep.exact import with_exact
from dynbench.sweep.job import Job
from dynbench.sweep.stage import Stage, pilot_repeats
from dynbench.sweep.start_values import with_start_loss
from dynbench.sweep.until import with_seeds


@dataclass(frozen=True)
class Tables:
    """What a run is told in, and what splitting took for it."""

    cells: pd.DataFrame
    summary: pd.DataFrame
    split_steps: int = 0
    split_seconds: float = 0.0


def tables_of(
    job: Job, run: Run, done: Sequence[Stage], workers: int, progress: Callable[[int], object] | None = None
) -> Tables:
    """The tables of a run whose stages are `done`; `progress` is told of steps of splitting as they are made."""
    table = table_of(job, run)
    if job.sweep.until is not None:
        table = with_seeds(table, job.plan, done[-1].arms, pilot_repeats(done))
    table = with_exact(table, job.plan)
    if not job.sweep.rare:
        return Tables(table, summary_of(job, run, table))
    from dynbench.sweep.rare import with_rare  # it takes a third of a second to be imported

    begun = time.perf_counter()
    table = with_rare(table, job.plan, workers, progress)
    seconds = time.perf_counter() - begun
    return Tables(table, summary_of(job, run, table), int(table["steps_spent"].sum()), seconds)


def summary_of(job: Job, run: Run, table: pd.DataFrame) -> pd.DataFrame:
    """The summary of the run's table of cells."""
    return summary(table, job.plan.loss, lambda labels: table_of(job, run, labels))


def table_of(job: Job, run: Run, labels: list[int] | None = None) -> pd.DataFrame:
    """What was counted, a row a cell; or of the starts in these basins only, a row a setting."""
    return with_start_loss(run.estimates(job.context, labels or ()), job.plan, labels)
