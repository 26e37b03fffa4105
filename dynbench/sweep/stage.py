"""What is simulated before one looks: the sweep as asked for, and with --until round after round of further seeds."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from dynbench.batch import Integers
from dynbench.outcomes.aggregate import unpacked
from dynbench.store import Run
from dynbench.sweep.grid import Plan, Rows
from dynbench.sweep.job import Job
from dynbench.sweep.until import added, further, tally


@dataclass(frozen=True)
class Stage:
    """Consecutive rows, and the chunk files that hold them."""

    arms: tuple[Rows, ...]
    begin: int  # number of its first chunk file
    size: int  # rows a chunk

    @property
    def first(self) -> int:
        return self.arms[0].first

    @property
    def last(self) -> int:
        return self.arms[-1].last

    @property
    def chunks(self) -> range:
        """Numbers of its chunk files."""
        return range(self.begin, self.begin + -(-(self.last - self.first) // self.size))

    def span(self, chunk: int) -> tuple[int, int]:
        """First row of a chunk, and the one after its last."""
        begin = self.first + (chunk - self.begin) * self.size
        return begin, min(begin + self.size, self.last)


def stages(job: Job, folder: Run) -> Iterator[Stage]:
    """The sweep as asked for; then, with --until, rounds: each is worked out from the chunks of all before it, so those
    must be on disk when it is asked for.  Ids and chunk numbers go on from one to the next."""
    plan, context = job.plan, job.context
    stage = Stage(plan.arms, 0, job.rows)
    yield stage
    if plan.sweep.until is None:
        return
    counts, used = None, np.concatenate([arm.repeats for arm in plan.arms])
    while True:
        read = cells_of if plan.sweep.keep == "cells" else Run.read
        files = (read(folder, number) for number in stage.chunks)
        counts = added(counts, tally(files, context, plan.sweep.by_start))
        extra = further(plan, counts, used)
        if not extra.any():
            return
        stage = Stage(round_of(plan, used, extra, stage.last), stage.chunks.stop, job.rows)
        yield stage
        used = used + extra


def cells_of(folder: Run, number: int) -> pd.DataFrame:
    """The cells of a chunk's aggregate."""
    return unpacked(folder.chunk(number)).cells


def round_of(plan: Plan, used: Integers, extra: Integers, first: int) -> tuple[Rows, ...]:
    """`extra` repeats more, from repeat `used` on, for each combination of all arms."""
    arms: list[Rows] = []
    ends = np.cumsum([len(arm.repeats) for arm in plan.arms])[:-1]
    for arm, begin, repeats in zip(plan.arms, np.split(used, ends), np.split(extra, ends), strict=True):
        offsets = np.concatenate([[0], np.cumsum(repeats * plan.starts)]).astype(np.int64)
        arms.append(replace(arm, repeats=repeats, begin=begin, offsets=offsets, first=first))
        first = arms[-1].last
    return tuple(arms)
