"""Chunks: rows of a sweep simulated and written as whole files, several at once."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from dynbench.backends.cpu import Cpu
from dynbench.backends.threads import threads
from dynbench.batch import Endings
from dynbench.outcomes.aggregate import Aggregate, aggregate, merge, packed
from dynbench.store import Run, parquet, write_whole
from dynbench.sweep.added import added_up
from dynbench.sweep.grid import Piece
from dynbench.sweep.job import Job
from dynbench.sweep.reuse import Stock
from dynbench.sweep.rows import frame
from dynbench.sweep.stage import Stage

Progress = Callable[[int], object]


class ChunksFailed(RuntimeError):
    """Some chunks could not be computed; the others are kept."""


@dataclass
class Crew:
    """Who simulates: `workers` threads in all, `largest` rows at once in each chunk; and what it took so far."""

    job: Job
    folder: Run
    workers: int
    largest: int
    progress: Progress | None = None
    stock: Sequence[Stock] = ()
    updates: int = 0
    seconds: float = 0.0  # of kernels, as if one chunk after another had had all threads

    def work(self, stage: Stage) -> None:
        """Simulates the chunks of a stage that are not there yet.  Raises OSError, ValueError, ChunksFailed."""
        missing = [n for n in stage.chunks if not whole(stage.path(self.folder, n), self.job, stage, n)]
        if not missing:
            return
        side = (
            1 if self.stock and not stage.pilot else min(self.workers, len(missing))
        )  # chunks side by side; a stock is read by one
        stop = np.zeros(1, np.int64)
        backend = Cpu(-(-self.workers // side), self.progress, stop)
        failed: list[str] = []

        def chunk_of(number: int) -> int:
            try:
                data, updates, seconds = self.simulate(stage, number, backend)
                write_whole(stage.path(self.folder, number), data)
            except (OSError, KeyboardInterrupt, ValueError):
                raise
            except Exception as error:
                failed.append(f"chunk {number}: {type(error).__name__}: {error}")
                return 0
            self.seconds += seconds / side
            return updates

        self.updates += threads(chunk_of, missing, side, stop)
        if failed:
            raise ChunksFailed(
                f"{len(failed)} of {stage.chunks.stop} chunks failed ({failed[0]}); the others are kept in"
                f" {self.folder.directory}"
            )

    def simulate(self, stage: Stage, number: int, backend: Cpu) -> tuple[bytes, int, float]:
        """The file of one chunk, the steps simulated and the seconds that took."""
        tables: list[pd.DataFrame] = []
        sums: list[Aggregate] = []
        updates, seconds = 0, 0.0
        sweep, plan, context = self.job.sweep, self.job.plan, self.job.context
        added = stage.pilot or sweep.keep == "cells"
        for arm, first, last in plan.pieces(*stage.span(number), self.largest, stage.arms):
            piece = plan.piece(arm, first, last)
            found, rest = ([], piece) if stage.pilot else self.found(piece)
            endings: Endings | None = None
            if rest is not None:
                begun = time.perf_counter()
                endings = backend.run(plan.loss, arm.dynamics, rest.batch, sweep.steps, sweep.targets, sweep.record)
                updates, seconds = updates + endings.updates, seconds + time.perf_counter() - begun
            if added:
                sums += [aggregate(rows, context, sweep.by_start) for rows in found]
                sums += [added_up(plan, rest, endings, context)] if rest is not None and endings is not None else []
                continue
            rows = [*found, *([frame(plan, rest, endings)] if rest is not None and endings is not None else [])]
            table = pd.concat(rows, ignore_index=True) if len(rows) > 1 else rows[0]
            tables.append(table if not found else table.sort_values("id", ignore_index=True))
        data = packed(merge(sums)) if added else parquet(pd.concat(tables, ignore_index=True))
        return data, updates, seconds

    def found(self, piece: Piece) -> tuple[list[pd.DataFrame], Piece | None]:
        """(tables of the rows that other runs have, what is left to be simulated)."""
        missing, tables = np.ones(len(piece.id), bool), []
        for other in self.stock:
            there, table = other.take(piece, missing)
            missing[there] = False
            tables += [table] if len(there) else []
        if not tables:
            return [], piece
        if self.progress is not None:
            self.progress(int((~missing).sum()) * self.job.sweep.steps)
        if not missing.any():
            return tables, None
        columns = (column[missing] for column in (piece.id, piece.combination, piece.start, piece.repeat))
        return tables, self.job.plan.made(piece.rows, *columns)


def whole(path: Path, job: Job, stage: Stage, number: int) -> bool:
    """Whether a chunk is there and readable."""
    import pyarrow.parquet

    if not path.exists():
        return False
    try:
        rows = pyarrow.parquet.read_metadata(path).num_rows
    except (OSError, ValueError):
        return False
    first, last = stage.span(number)
    return rows == last - first or stage.pilot or job.sweep.keep == "cells"
