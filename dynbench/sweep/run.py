"""The whole path, in order: Sweep -> rows -> batches -> endings -> chunks on disk -> cells."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd

from dynbench.backends.cpu import Cpu, cores
from dynbench.kernels.compile import compile_all
from dynbench.kernels.link import write
from dynbench.outcomes import cells as outcomes
from dynbench.outcomes.wells import false_labels
from dynbench.store import Run, canonical, parquet, write_whole
from dynbench.sweep.axes import whole as whole_number
from dynbench.sweep.definition import own_files
from dynbench.sweep.exact import with_exact
from dynbench.sweep.grid import Piece, Plan, Sweep
from dynbench.sweep.job import Job
from dynbench.sweep.manifest import manifest
from dynbench.sweep.rare import with_rare
from dynbench.sweep.reuse import Stock, stocks
from dynbench.sweep.rows import frame, paths
from dynbench.sweep.stage import Stage, stages
from dynbench.sweep.until import with_seeds, with_sequence

LARGEST_BATCH = 2**17  # rows simulated at once, unless --chunk says otherwise
Progress = Callable[[int], object]


class ChunksFailed(RuntimeError):
    """Some chunks could not be computed; the others are kept."""


@dataclass(frozen=True)
class Result(Run):
    """A finished run: its folder, tables and what it took just now (0 where it was only shown again)."""

    updates: int = 0  # steps really simulated
    kernel_seconds: float = 0.0
    compile_seconds: float = 0.0
    fresh: bool = False


def run(
    sweep: Sweep,
    out: str | Path = "results/runs",
    workers: int | None = None,
    chunk: int = LARGEST_BATCH,
    progress: Progress | None = None,
    command: str | None = None,
) -> Result:
    """Runs a sweep, or finishes it, or shows it again: `.cells`, `.trajectories`, `.paths`, `.directory`.

    `out` holds the run's folder <loss>-<id>; `workers` threads (default: one a core); `chunk` rows simulated at once.
    None of these changes a byte of the tables.  `progress(steps)` is told of work as it ends.
    Rows that runs of the same sweep with other seeds have in `out` are not simulated again.
    Raises ValueError for a sweep that cannot be run, OSError where the disk refuses, ChunksFailed.
    """
    workers, chunk = whole_number(workers or cores(), "--workers", 1, 4096), whole_number(chunk, "--chunk", 1, 10**9)
    job = Job(Plan(sweep))
    folder = Run(Path(out) / job.name)
    if folder.finished:
        return Result(folder.directory)
    begun = time.perf_counter()
    compile_all([write(text) for text in job.texts], workers)
    compile_seconds = time.perf_counter() - begun
    kept = {place: path.read_bytes() for place, path in own_files(sweep).items()}
    folder.directory.mkdir(parents=True, exist_ok=True)
    folder.clean()
    try:
        for place, text in kept.items():
            write_whole(folder.directory / place, text)
        write_whole(folder.directory / "manifest.json", canonical(manifest(job, command)))
    except OSError:
        folder.remove_empty()
        raise
    backend, failed, updates, seconds = Cpu(workers, progress), [], 0, 0.0
    stock = stocks(job, Path(out))
    for stage in stages(job, folder):
        for number in stage.chunks:
            if whole(folder.chunk(number), job, stage, number):
                continue
            try:
                table, done, spent = simulate(job, stage, number, backend, chunk, stock)
                write_whole(folder.chunk(number), parquet(table))
            except (OSError, KeyboardInterrupt, ValueError):
                raise
            except Exception as error:
                failed.append(f"chunk {number}: {type(error).__name__}: {error}")
                continue
            updates, seconds = updates + done, seconds + spent
        if failed:
            raise ChunksFailed(
                f"{len(failed)} of {stage.chunks.stop} chunks failed ({failed[0]}); the others are kept in"
                f" {folder.directory}"
            )
    write_whole(folder.directory / "paths.parquet", parquet(paths(job.plan, backend)))
    table = table_of(job, folder.each_chunk())
    table = with_exact(table if sweep.until is None else with_seeds(table, job.plan), job.plan)
    if sweep.rare:
        table = with_rare(table, job.plan, workers)
    write_whole(folder.directory / "cells.csv", table.to_csv(index=False, lineterminator="\n").encode())
    log = f"{time.strftime('%Y-%m-%dT%H:%M:%S%z')} updates={updates} kernel_seconds={seconds:.3f} workers={workers}\n"
    with (folder.directory / "run.log").open("a", encoding="utf-8") as file:
        file.write(log)
    return Result(folder.directory, updates, seconds, compile_seconds, True)


def simulate(
    job: Job, stage: Stage, number: int, backend: Cpu, largest: int, stock: Sequence[Stock] = ()
) -> tuple[pd.DataFrame, int, float]:
    """The table of one chunk, the steps simulated and the seconds that took."""
    tables, updates, seconds = [], 0, 0.0
    sweep = job.sweep
    for arm, first, last in job.plan.pieces(*stage.span(number), largest, stage.arms):
        table, done, spent = trajectories(job, job.plan.piece(arm, first, last), backend, stock)
        updates, seconds = updates + done, seconds + spent
        tables.append(outcomes.aggregate(table, job.context, sweep.by_start) if sweep.keep == "cells" else table)
    joined = outcomes.merge(tables) if sweep.keep == "cells" else pd.concat(tables, ignore_index=True)
    return joined, updates, seconds


def trajectories(job: Job, piece: Piece, backend: Cpu, stock: Sequence[Stock]) -> tuple[pd.DataFrame, int, float]:
    """The rows of one piece: those that other runs have are read, the others simulated."""
    missing, tables, plan, sweep = np.ones(len(piece.id), bool), [], job.plan, job.sweep
    for other in stock:
        there, table = other.take(piece, missing)
        missing[there] = False
        tables += [table] if len(there) else []
    if tables and backend.progress is not None:
        backend.progress(int((~missing).sum()) * sweep.steps)
    updates, seconds = 0, 0.0
    if missing.any():
        rest = piece
        if tables:
            columns = (column[missing] for column in (piece.id, piece.combination, piece.start, piece.repeat))
            rest = plan.made(piece.rows, *columns)
        begun = time.perf_counter()
        endings = backend.run(plan.loss, piece.rows.dynamics, rest.batch, sweep.steps, sweep.targets, sweep.record)
        updates, seconds = endings.updates, time.perf_counter() - begun
        tables.append(frame(plan, rest, endings))
    if len(tables) == 1 and len(tables[0]) == len(piece.id) and tables[0]["id"].is_monotonic_increasing:
        return tables[0], updates, seconds
    return pd.concat(tables, ignore_index=True).sort_values("id", ignore_index=True), updates, seconds


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
    return rows == last - first or job.sweep.keep == "cells"


def table_of(job: Job, chunks: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """The table of cells, from all chunks."""
    if job.sweep.keep == "cells":
        table = outcomes.estimates(merged(chunks), job.context)
    else:
        table = outcomes.cells(chunks, job.context, job.sweep.by_start)
    return table if job.sweep.until is None else with_sequence(table)


def merged(aggregates: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """All aggregates as one, a few at a time: memory does not grow with the number of chunks."""
    waiting = iter(aggregates)
    total = next(waiting)
    while some := list(islice(waiting, 16)):
        total = outcomes.merge([total, *some])
    return outcomes.merge([total])


def summary(job: Job, run: Run) -> pd.DataFrame:
    """Cells of the false basins, or of all where there is no false one; pooled where there are several."""
    table = run.cells
    labels = false_labels(job.plan.loss, table["start_basin"]) or sorted(set(table["start_basin"]))
    chosen = table[table["start_basin"].isin(labels)]
    if len(labels) == 1:
        return chosen.reset_index(drop=True)
    pooled = (chunk[chunk["start_basin"].isin(labels)].assign(start_basin=labels[0]) for chunk in run.each_chunk())
    return table_of(job, pooled)
