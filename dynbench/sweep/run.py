"""The whole path, in order: Sweep -> rows -> batches -> endings -> chunks on disk -> cells."""

import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from dynbench.backends.cpu import Cpu, cores
from dynbench.backends.self_check import Checked, of_package
from dynbench.backends.self_check import self_check as compare
from dynbench.kernels.compile import compile_all
from dynbench.store import Run, canonical, csv, parquet, write_whole
from dynbench.sweep import fields
from dynbench.sweep.axes import whole as whole_number
from dynbench.sweep.chunks import ChunksFailed, Crew, Progress
from dynbench.sweep.definition import own_files
from dynbench.sweep.grid import Plan, Sweep
from dynbench.sweep.job import Job
from dynbench.sweep.limits import check_room, estimate
from dynbench.sweep.manifest import manifest
from dynbench.sweep.reuse import stocks
from dynbench.sweep.rows import paths
from dynbench.sweep.stage import Stage, stages
from dynbench.sweep.statistics import summary_of, tables_of

__all__ = ["ChunksFailed", "Result", "run"]

LARGEST_BATCH = 2**17  # rows simulated at once, unless --chunk says otherwise


@dataclass(frozen=True)
class Result(Run):
    """A finished run: its folder, tables and what it took just now (0 where it was only shown again).

    `updates` are the steps really simulated for the tables: of the trajectories, without those that an exact early
    exit saved, of the pilots of --until and of splitting; a few trajectories are run again for pictures and for the
    self-check, which are not counted.
    """

    updates: int = 0
    kernel_seconds: float = 0.0  # that they took
    split_steps: int = 0  # those of the updates that are splitting's
    compile_seconds: float = 0.0
    fresh: bool = False
    self_check: str = ""  # what was compared with plain Python, where a text is a user's


def run(
    sweep: Sweep,
    out: str | Path = "results/runs",
    workers: int | None = None,
    chunk: int = LARGEST_BATCH,
    progress: Progress | None = None,
    command: str | None = None,
    self_check: bool = True,
) -> Result:
    """Runs a sweep, or finishes it, or shows it again: `.cells`, `.summary()`, `.trajectories`, `.paths`, `.directory`.

    `out` holds the run's folder <loss>-<id>; `workers` threads (default: one a core); `chunk` rows simulated at once.
    None of these changes a byte of the tables.  `progress(steps)` is told of work as it ends.
    A few trajectories of a user's loss or rule are compared with plain Python first, unless `self_check` is False.
    Rows that runs of the same sweep with other seeds have in `out` are not simulated again.
    Raises ValueError for a sweep that cannot be run, OSError where the disk refuses, ChunksFailed.
    """
    fields.instance(sweep, Sweep, "run", "a Sweep")
    folder = fields.name(out, "out", "the path of a folder")
    threads = None if workers is None else fields.whole(workers, "workers")
    rows, checks = fields.whole(chunk, "chunk"), fields.truth(self_check, "self_check")
    fields.function(progress, "progress")
    if command is not None:
        fields.instance(command, str, "command", "a text")
    return run_job(Job(Plan(sweep)), folder, threads, rows, progress, command, checks)


def run_job(
    job: Job,
    out: str | Path,
    workers: int | None = None,
    chunk: int = LARGEST_BATCH,
    progress: Progress | None = None,
    command: str | None = None,
    self_check: bool = True,
) -> Result:
    """The same for a sweep that is looked up: what runs and is stored are the definitions that the job holds."""
    workers = whole_number(cores() if workers is None else workers, "workers", 1, 4096)
    chunk = whole_number(chunk, "chunk", 1, 10**9)
    folder = Run(Path(out) / job.name)
    if folder.finished:
        if not (folder.directory / "summary.csv").exists():
            with suppress(OSError):  # then it is worked out when it is asked for
                write_whole(folder.directory / "summary.csv", csv(summary_of(job, folder, folder.cells)))
        folder.mark_shown()
        return Result(folder.directory)
    check_room(estimate(job.plan, workers), Path(out))
    begun = time.perf_counter()
    compile_all(job.texts, workers)
    compile_seconds = time.perf_counter() - begun
    checked = checked_arms(job) if self_check else ""
    folder.directory.mkdir(parents=True, exist_ok=True)
    folder.clean()
    remove_unfit(folder, job)
    try:
        for place, text in own_files(job.plan).items():
            write_whole(folder.directory / place, text)
        write_whole(folder.directory / "manifest.json", canonical(manifest(job, command)))
    except OSError:
        folder.remove_empty()
        raise
    crew = Crew(job, folder, workers, chunk, progress, stocks(job, Path(out)))
    done: list[Stage] = []
    for stage in stages(job, folder):
        crew.work(stage)
        done.append(stage)
    write_whole(folder.directory / "paths.parquet", parquet(paths(job.plan, done[-1].arms, Cpu(workers))))
    tables = tables_of(job, folder, done, workers, progress)
    write_whole(folder.directory / "summary.csv", csv(tables.summary))
    write_whole(folder.directory / "cells.csv", csv(tables.cells))
    updates, seconds = crew.updates + tables.split_steps, crew.seconds + tables.split_seconds
    when, spent = time.strftime("%Y-%m-%dT%H:%M:%S%z"), f"updates={updates} kernel_seconds={seconds:.3f}"
    spent += f" split_steps={tables.split_steps}" if job.sweep.rare else ""
    log = f"{when} {spent} workers={workers}{checked and f' self-check: {checked}'}\n"
    with (folder.directory / "run.log").open("a", encoding="utf-8") as file:
        file.write(log)
    return Result(
        folder.directory, updates, seconds, tables.split_steps, compile_seconds, fresh=True, self_check=checked
    )


def checked_arms(job: Job) -> str:
    """What was compared with plain Python: of each arm with a user's text its first, middle and last trajectory."""
    total = Checked()
    for arm in job.plan.arms:
        if of_package(job.plan.loss, arm.dynamics):
            continue
        rows = sorted({arm.first, (arm.first + arm.last) // 2, arm.last - 1})
        for row in rows:
            batch = job.plan.piece(arm, row, row + 1).batch
            total += compare(job.plan.loss, arm.dynamics, batch, job.sweep.steps, job.sweep.record)
    return str(total) if total.trajectories else ""


def remove_unfit(folder: Run, job: Job) -> None:
    """Removes an unfinished run's chunks that hold another number of rows: they would not fit to those to come."""
    try:
        rows = Run(folder.directory).manifest["rows"]
    except (OSError, ValueError, KeyError, TypeError):  # nothing was begun here
        rows = None
    if rows != job.rows:
        for path in [*folder.chunks(), *folder.pilot_chunks()]:
            path.unlink()
