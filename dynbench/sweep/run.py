"""The whole path, in order: Sweep -> rows -> batches -> endings -> chunks on disk -> cells."""

import hashlib
import json
import os
import platform
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import dynbench
from dynbench.backends.cpu import Cpu, cores
from dynbench.kernels.compile import compile_all
from dynbench.kernels.link import sources, write
from dynbench.kernels.step import Variant
from dynbench.outcomes import cells as outcomes
from dynbench.outcomes.wells import false_labels, global_labels
from dynbench.store import SCHEMA, Run, canonical, parquet, write_whole
from dynbench.sweep.axes import whole as whole_number
from dynbench.sweep.definition import expanded, own_files
from dynbench.sweep.exact import with_exact
from dynbench.sweep.grid import Plan, Rows, Sweep
from dynbench.sweep.rows import frame, paths

UPDATES_A_CHUNK = 1e9  # of a chunk file, about a second of two cores: what an interruption can cost
ROWS_A_CHUNK = (2**12, 2**18)
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


class Job:
    """A Plan with its kernels' texts: what names a run and fills its folder."""

    def __init__(self, plan: Plan):
        self.plan, self.sweep = plan, plan.sweep
        pairs = [(arm.dynamics, variant) for arm in plan.arms for variant in self.variants(arm)]
        texts = [text for pair in pairs for text in sources(plan.loss, *pair)]
        self.texts = sorted(dict.fromkeys(texts), key=len, reverse=True)  # the longest take the longest to compile
        self.definition = expanded(plan) | {
            "kernels": sorted({hashlib.sha256(t.encode()).hexdigest() for t in self.texts})
        }
        compact = json.dumps(self.definition, sort_keys=True, separators=(",", ":"), allow_nan=False)
        self.id = hashlib.sha256(compact.encode()).hexdigest()[:12]
        size = 2 ** int(np.log2(max(UPDATES_A_CHUNK / (self.sweep.steps * self.sweep.dim), 1)))
        self.rows = int(np.clip(size, *ROWS_A_CHUNK))
        self.chunks = -(-plan.total // self.rows)

    def variants(self, arm: Rows) -> list[Variant]:
        """The kernels that an arm's combinations need: noise is compiled in only where there is noise."""
        noises = set(zip(arm.column("temperature") > 0, arm.column("gradient_noise") > 0, strict=True))
        kinds = noises if len(arm.offsets) - 1 <= 1 else noises | {tuple(map(any, zip(*noises, strict=True)))}
        return [Variant(bool(a), bool(b), self.sweep.record) for a, b in sorted(kinds)]

    @property
    def name(self) -> str:
        return f"{self.plan.loss.name}-{self.id}"

    def span(self, chunk: int) -> tuple[int, int]:
        return chunk * self.rows, min((chunk + 1) * self.rows, self.plan.total)

    @property
    def context(self) -> outcomes.Context:
        sweep, loss = self.sweep, self.plan.loss
        return outcomes.Context(
            steps=sweep.steps,
            minimum_value=loss.minimum_value,
            targets=sweep.targets,
            starts="point" if sweep.by_start else sweep.starts.kind,
            parameters=self.plan.parameters,
            global_labels=global_labels(loss),
        )


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
    None of these changes a byte of the tables.  `progress(rows)` is told of rows as they end.
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
    for number in range(job.chunks):
        if whole(folder.chunk(number), job, number):
            continue
        try:
            table, done, spent = simulate(job, number, backend, chunk)
            write_whole(folder.chunk(number), parquet(table))
        except (OSError, KeyboardInterrupt, ValueError):
            raise
        except Exception as error:
            failed.append(f"chunk {number}: {type(error).__name__}: {error}")
            continue
        updates, seconds = updates + done, seconds + spent
    if failed:
        raise ChunksFailed(
            f"{len(failed)} of {job.chunks} chunks failed ({failed[0]}); the others are kept in {folder.directory}"
        )
    write_whole(folder.directory / "paths.parquet", parquet(paths(job.plan, backend)))
    table = with_exact(collected(job, folder), job.plan)
    write_whole(folder.directory / "cells.csv", table.to_csv(index=False, lineterminator="\n").encode())
    log = f"{time.strftime('%Y-%m-%dT%H:%M:%S%z')} updates={updates} kernel_seconds={seconds:.3f} workers={workers}\n"
    with (folder.directory / "run.log").open("a", encoding="utf-8") as file:
        file.write(log)
    return Result(folder.directory, updates, seconds, compile_seconds, True)


def simulate(job: Job, number: int, backend: Cpu, largest: int) -> tuple[pd.DataFrame, int, float]:
    """The table of one chunk, the steps simulated and the seconds that took."""
    tables, updates, seconds = [], 0, 0.0
    sweep = job.sweep
    for arm, first, last in job.plan.pieces(*job.span(number), largest):
        piece = job.plan.piece(arm, first, last)
        begun = time.perf_counter()
        endings = backend.run(job.plan.loss, arm.dynamics, piece.batch, sweep.steps, sweep.targets, sweep.record)
        seconds += time.perf_counter() - begun
        updates += endings.updates
        table = frame(job.plan, piece, endings)
        tables.append(outcomes.aggregate(table, job.context, sweep.by_start) if sweep.keep == "cells" else table)
    joined = outcomes.merge(tables) if sweep.keep == "cells" else pd.concat(tables, ignore_index=True)
    return joined, updates, seconds


def whole(path: Path, job: Job, number: int) -> bool:
    """Whether a chunk is there and readable."""
    import pyarrow.parquet

    if not path.exists():
        return False
    try:
        rows = pyarrow.parquet.read_metadata(path).num_rows
    except (OSError, ValueError):
        return False
    first, last = job.span(number)
    return rows == last - first or job.sweep.keep == "cells"


def collected(job: Job, folder: Run) -> pd.DataFrame:
    """The table of cells, from all chunks."""
    if job.sweep.keep == "cells":
        return outcomes.estimates(merged(folder.each_chunk()), job.context)
    return outcomes.cells(folder.each_chunk(), job.context, job.sweep.by_start)


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
    if job.sweep.keep == "cells":
        return outcomes.estimates(merged(pooled), job.context)
    return outcomes.cells(pooled, job.context, job.sweep.by_start)


def manifest(job: Job, command: str | None) -> dict[str, Any]:
    """What a run was, in full: enough to repeat it, and the same for equal runs on one machine."""
    loss = job.plan.loss
    versions = {name: __import__(name).__version__ for name in ("numba", "numpy", "pandas", "pyarrow", "scipy")}
    return {
        "schema": SCHEMA,
        "run": job.id,
        "command": command,
        "files": sorted(own_files(job.sweep)),
        "sweep": job.definition,
        "starts_in_words": job.sweep.starts.words(loss),
        "loss": {"name": loss.name, "formula": loss.formula, "source": loss.source, "dim": loss.dim},
        "versions": versions | {"python": platform.python_version(), "dynbench": dynbench.__version__},
        "platform": {"system": platform.platform(), "machine": platform.machine(), "cores": os.cpu_count()},
        "git_commit": git_commit(),
    }


@cache
def git_commit() -> str | None:
    """Commit of the source this runs from, `-dirty` if it was edited; None outside a checkout."""
    home = Path(dynbench.__file__).parent
    if not (home.parent / ".git").exists():
        return None
    command = ["git", "-C", str(home), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
