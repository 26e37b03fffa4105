"""What is simulated, one stage after another: the sweep as asked for; with --until first the rounds of a pilot."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from dynbench.batch import Integers
from dynbench.outcomes.aggregate import unpacked
from dynbench.store import Run
from dynbench.sweep.grid import Plan, Rows
from dynbench.sweep.job import Job
from dynbench.sweep.until import FIRST, PILOT, added, decided, noisy_combinations, tally


@dataclass(frozen=True)
class Stage:
    """Consecutive rows, and the chunk files that hold them."""

    arms: tuple[Rows, ...]
    begin: int  # number of its first chunk file
    size: int  # rows a chunk
    pilot: bool = False  # its files are aggregates in a folder of their own: no table is made of them

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

    def path(self, folder: Run, chunk: int) -> Path:
        """Where a chunk file stands."""
        return folder.pilot_chunk(chunk) if self.pilot else folder.chunk(chunk)

    def span(self, chunk: int) -> tuple[int, int]:
        """First row of a chunk, and the one after its last."""
        begin = self.first + (chunk - self.begin) * self.size
        return begin, min(begin + self.size, self.last)


def stages(job: Job, folder: Run) -> Iterator[Stage]:
    """The sweep as asked for.  With --until the rounds of a pilot and then the batch that they have decided on: each is
    worked out from the files of the pilot so far, which must be on disk when it is asked for."""
    plan = job.plan
    if plan.sweep.until is None:
        yield Stage(plan.arms, 0, job.rows)
        return
    noisy, asked = noisy_combinations(plan), np.concatenate([arm.repeats for arm in plan.arms])
    if not noisy.any():
        yield Stage(plan.arms, 0, job.rows)
        return
    extra, used, counts = np.where(noisy, -(-FIRST // plan.starts), 0), 0 * asked, None
    first: Sequence[Rows] = ()
    stage, batch = None, asked
    while extra.any():
        begin, chunk = (stage.last, stage.chunks.stop) if stage else (0, 0)
        stage = Stage(rows_of(plan, PILOT + used, extra, begin), chunk, job.rows, pilot=True)
        yield stage
        first, used = first or stage.arms, used + extra
        files = (unpacked(stage.path(folder, number)).cells for number in stage.chunks)
        counts = added(counts, tally(files))
        extra, batch = decided(plan, counts, first, used)
    yield Stage(rows_of(plan, 0 * batch, batch, 0), 0, job.rows)


def pilot_repeats(done: Sequence[Stage]) -> Integers:
    """How many repeats the pilot gave each combination of all arms."""
    rounds = [np.concatenate([arm.repeats for arm in stage.arms]) for stage in done if stage.pilot]
    repeats: Integers = np.sum(rounds, axis=0) if rounds else 0 * np.concatenate([arm.repeats for arm in done[-1].arms])
    return repeats


def rows_of(plan: Plan, begin: Integers, repeats: Integers, first: int) -> tuple[Rows, ...]:
    """So many repeats, from repeat `begin` on, of each combination of all arms; `first`: the first row's number."""
    arms: list[Rows] = []
    ends = np.cumsum([len(arm.repeats) for arm in plan.arms])[:-1]
    for arm, own, many in zip(plan.arms, np.split(begin, ends), np.split(repeats, ends), strict=True):
        offsets = np.concatenate([[0], np.cumsum(many * plan.starts)]).astype(np.int64)
        arms.append(replace(arm, repeats=many, begin=own, offsets=offsets, first=first))
        first = arms[-1].last
    return tuple(arms)
