"""A run's chunks on disk -> its table of cells and its summary, with what is known beside what was counted."""

from collections.abc import Sequence

import pandas as pd

from dynbench.outcomes.summary import summary
from dynbench.store import Run
from dynbench.sweep.exact import with_exact
from dynbench.sweep.job import Job
from dynbench.sweep.stage import Stage, pilot_repeats
from dynbench.sweep.start_values import with_start_loss
from dynbench.sweep.until import with_seeds


def tables_of(job: Job, run: Run, done: Sequence[Stage], workers: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(the table of cells, its summary) of a run whose stages are `done`."""
    table = table_of(job, run)
    if job.sweep.until is not None:
        table = with_seeds(table, job.plan, done[-1].arms, pilot_repeats(done))
    table = with_exact(table, job.plan)
    if job.sweep.rare:
        from dynbench.sweep.rare import with_rare  # it takes a third of a second to be imported

        table = with_rare(table, job.plan, workers)
    return table, summary_of(job, run, table)


def summary_of(job: Job, run: Run, table: pd.DataFrame) -> pd.DataFrame:
    """The summary of the run's table of cells."""
    return summary(table, job.plan.loss, lambda labels: table_of(job, run, labels))


def table_of(job: Job, run: Run, labels: list[int] | None = None) -> pd.DataFrame:
    """What was counted, a row a cell; or of the starts in these basins only, a row a setting."""
    return with_start_loss(run.estimates(job.context, labels or ()), job.plan, labels)
