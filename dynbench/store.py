"""Results on disk: one folder a run.

    results/runs/<loss>-<id>/
        manifest.json           the sweep in full, versions, platform, git commit, the command that repeats it
        chunks/000000.parquet   trajectories (--keep all) or merged aggregates (--keep cells)
        cells.csv               one row a cell
        summary.csv             one row a setting, the starts in all false minima together: what is printed
        paths.parquet           a few whole paths of every arm
        *.png                   pictures
        run.log                 when, how long, how fast: the only file that differs between equal runs

A chunk file exists if and only if it is whole: it is written beside its place and renamed.
"""

import io
import json
import os
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from math import nan
from pathlib import Path
from typing import Any

import pandas as pd

from dynbench.definition import RESULTS
from dynbench.losses._stored import by_its_facts
from dynbench.lowest import lowest_value
from dynbench.outcomes.aggregate import estimates as binned_cells
from dynbench.outcomes.aggregate import merge, unpacked
from dynbench.outcomes.cells import Context, cells, is_start
from dynbench.outcomes.summary import one_basin, summary

MOST_LISTED = 5  # runs in a sentence
SCHEMA = 2  # of manifest.json; 1 had no digests of definitions, no RESULTS


def write_whole(path: Path, data: bytes | Iterable[bytes]) -> None:
    """Writes a file, given at once or in parts, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            for part in [data] if isinstance(data, bytes) else data:
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def parquet(frame: pd.DataFrame) -> bytes:
    """The table as parquet; equal tables give equal bytes."""
    buffer = io.BytesIO()
    texts = frame.columns[frame.dtypes == "str"].tolist()  # a dictionary of numbers takes more room than they, and time
    frame.to_parquet(buffer, compression="zstd", index=False, use_dictionary=texts)
    return buffer.getvalue()


def from_parquet(path: Path, columns: list[str] | None = None) -> pd.DataFrame:
    """A parquet file, whole or some columns in the file's order.  Raises OSError, ValueError.

    pandas' own reader gives the same; it first brings in what is for files in many parts.
    """
    import pyarrow.parquet

    with pyarrow.parquet.ParquetFile(path, pre_buffer=True) as file:
        return file.read(columns).to_pandas()


def from_csv(path: Path) -> pd.DataFrame:
    """A table that `csv` wrote, every float as it was.  Raises OSError, ValueError."""
    # pandas 3.1 reads every digit unasked
    new = tuple(map(int, pd.__version__.split(".")[:2])) >= (3, 1)
    exact: dict[str, Any] = {} if new else {"float_precision": "round_trip"}
    return pd.read_csv(path, **exact)


def csv(frame: pd.DataFrame, rows: int = 100_000) -> Iterator[bytes]:
    """The table as CSV, some rows at a time; a whole float keeps its `.0`, so that a reader takes it for a float."""
    import pyarrow
    import pyarrow.compute
    import pyarrow.csv

    def plain(column: Any) -> Any:
        if not pyarrow.types.is_floating(column.type):
            return column
        text = pyarrow.compute.cast(column, pyarrow.string())
        fractional = pyarrow.compute.match_substring_regex(text, "[.en]")
        return pyarrow.compute.if_else(fractional, text, pyarrow.compute.binary_join_element_wise(text, ".0", ""))

    yield (",".join(map(str, frame.columns)) + "\n").encode()
    for first in range(0, len(frame), rows):
        table = pyarrow.Table.from_pandas(frame.iloc[first : first + rows], preserve_index=False)
        table = pyarrow.table([plain(column) for column in table.columns], names=table.column_names)
        buffer = io.BytesIO()
        try:
            options = pyarrow.csv.WriteOptions(include_header=False, quoting_style="none")
            pyarrow.csv.write_csv(table, buffer, options)
        except pyarrow.ArrowInvalid:  # a name with a comma
            buffer = io.BytesIO()
            pyarrow.csv.write_csv(table, buffer, pyarrow.csv.WriteOptions(include_header=False))
        yield buffer.getvalue()


def canonical(content: Any) -> bytes:
    """Readable JSON in one fixed form; a path's byte that is no letter becomes an escape of JSON's."""
    text = json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"
    return text.encode(errors="backslashreplace")


@dataclass(frozen=True)
class Run:
    """A run's folder, read as it is asked for."""

    directory: Path

    @property
    def name(self) -> str:
        return self.directory.name

    def chunk(self, number: int) -> Path:
        return self.directory / "chunks" / f"{number:06d}.parquet"

    def pilot_chunk(self, number: int) -> Path:
        """Of trajectories that have only decided how many there are to be (--until)."""
        return self.directory / "pilot" / f"{number:06d}.parquet"

    def pilot_chunks(self) -> list[Path]:
        return sorted((self.directory / "pilot").glob("[0-9]*.parquet"))

    def chunks(self) -> list[Path]:
        return sorted((self.directory / "chunks").glob("[0-9]*.parquet"))

    @cached_property
    def manifest(self) -> dict[str, Any]:
        return json.loads((self.directory / "manifest.json").read_text(encoding="utf-8"))

    @property
    def outdated(self) -> str:
        """What to say first of a run made under other definitions than today's: one sentence; else nothing."""
        try:
            sweep = self.manifest.get("sweep") if isinstance(self.manifest, dict) else None
        except (OSError, ValueError):  # told where it is read
            return ""
        results = sweep.get("results", 1) if isinstance(sweep, dict) else 1
        if results == RESULTS:
            return ""
        kind = "newer" if isinstance(results, int) and results > RESULTS else "older"
        return (
            f"{self.name} was made under {kind} definitions (results {results}; now {RESULTS}): its numbers may mean"
            " something else; run its command again"
        )

    @property
    def finished(self) -> bool:
        """cells.csv is written last, from all chunks."""
        return (self.directory / "cells.csv").exists()

    @cached_property
    def cells(self) -> pd.DataFrame:
        """One row a cell; missing times mean `not reached`."""
        return from_csv(self.directory / "cells.csv")

    def summary(self) -> pd.DataFrame:
        """One row a setting, the starts in all false minima together: the table that terminal and page print.

        Its columns are those of `cells`, with `start_kind` and `basins` (see `outcomes.summary`).  A run of before
        there was a summary.csv has it worked out from its rows.
        """
        return self.pooled_cells.copy()

    @cached_property
    def pooled_cells(self) -> pd.DataFrame:
        """What `summary` gives."""
        if (self.directory / "summary.csv").exists():
            return from_csv(self.directory / "summary.csv")
        context = context_of(self)
        return summary(self.cells, context.loss, lambda labels: self.estimates(context, labels))

    def estimates(self, context: Context, labels: Sequence[int] = ()) -> pd.DataFrame:
        """The table of cells, from all chunks; or of these start basins only, taken for one."""
        asked = self.manifest.get("sweep") or {}
        if asked.get("keep") == "cells":
            whole = merge(unpacked(path) for path in self.chunks())
            return binned_cells(one_basin(whole, labels) if labels else whole, context)
        chunks = self.each_chunk()
        if labels:
            chunks = (part[part["start_basin"].isin(labels)].assign(start_basin=labels[0]) for part in chunks)
        return cells(chunks, context, asked.get("by_start", False))

    @cached_property
    def trajectories(self) -> pd.DataFrame:
        """One row a trajectory, in order of id.  Raises ValueError for a run that kept only cells."""
        if self.manifest["sweep"]["keep"] != "all":
            raise ValueError(f"{self.name} was run with --keep cells: no trajectory was kept")
        return pd.concat(self.each_chunk(), ignore_index=True)

    def read(self, number: int, columns: list[str] | None = None) -> pd.DataFrame:
        """One chunk."""
        return from_parquet(self.chunk(number), columns)

    def each_chunk(self, columns: list[str] | None = None) -> Iterator[pd.DataFrame]:
        for path in self.chunks():
            yield from_parquet(path, columns)

    @cached_property
    def paths(self) -> pd.DataFrame:
        """A few whole paths: id, the arm's columns, step, x (x_0, x_1, ...), loss_value."""
        return from_parquet(self.directory / "paths.parquet")

    def mark_shown(self) -> None:
        """Makes it the `latest` run, as it is shown again; on a disk that refuses, things stay as they are."""
        with suppress(OSError):
            os.utime(self.directory / "manifest.json")

    def clean(self, age: float = 3600.0) -> None:
        """Removes what interrupted writes left behind; a younger one may belong to a process at work."""
        for leftover in self.directory.glob("**/.*.part"):
            if time.time() - leftover.stat().st_mtime > age:
                leftover.unlink(missing_ok=True)

    def remove_empty(self) -> None:
        """Takes away folders in which nothing came to stand."""
        for folder in [*sorted((p for p in self.directory.glob("**/*") if p.is_dir()), reverse=True), self.directory]:
            if folder.exists() and not any(folder.iterdir()):
                folder.rmdir()


def context_of(run: Run) -> Context:
    """What a run's manifest tells of its sweep, for its estimates; of a loss that it does not tell nothing is known."""
    asked, table = run.manifest.get("sweep") or {}, run.cells
    try:
        loss = by_its_facts(run.manifest["loss"])
    except (AttributeError, KeyError, TypeError, ValueError):
        loss = None
    columns = [str(c) for c in table.columns]
    before = columns[columns.index("dynamics") + 1 : columns.index("lr")]
    starts = asked.get("starts") or {}
    law, points = starts.get("law", "grid"), starts.get("points", [])
    alone = law == "points" and len({tuple(point) for point in points}) == 1
    kind = "uniform" if law in ("uniform", "trapped") else "grid"
    return Context(
        steps=int(asked.get("steps") or table["steps"].max()),
        minimum_value=nan if loss is None else lowest_value(loss),
        targets=tuple(float.fromhex(target) for target in asked.get("targets", [])) or (1e-3,),
        starts="point" if alone or asked.get("by_start") else kind,
        parameters=tuple(c for c in before if not is_start(c)),
        repeated=asked.get("seeds", 1) > 1 or "until" in asked,
        loss=loss,
    )


def find_run(name: str, root: Path = Path("results/runs")) -> Run:
    """A run by its folder, by its name or id under `root`, or `latest`: the one begun or shown last.

    Raises ValueError with what to do.
    """
    if (Path(name) / "manifest.json").exists():
        return Run(Path(name))
    known = sorted(
        (p.parent for p in root.glob("*/manifest.json")), key=lambda p: (p / "manifest.json").stat().st_mtime
    )
    if name == "latest" and known:
        return Run(known[-1])
    matches = [p for p in known if p.name == name or p.name.endswith(f"-{name}")]
    if len(matches) == 1:
        return Run(matches[0])
    raise ValueError(f"no run called {name!r} under {root}: {listed(known)}; give its folder, its id or `latest`")


def listed(known: Sequence[Path]) -> str:
    """What to say of the runs that are there, the newest last: how many, and the names of those looked for most."""
    newest = ", ".join(p.name for p in reversed(known[-MOST_LISTED:]))
    if len(known) <= MOST_LISTED:
        return f"there {'is' if len(known) == 1 else 'are'} {newest}" if known else "there is no run yet"
    return f"there are {len(known)} runs, and the newest are {newest}"


def notes(*runs: Run) -> list[str]:
    """What to say first of those runs that were made under other definitions than today's, each once."""
    return list(dict.fromkeys(run.outdated for run in runs if run.outdated))


@contextmanager
def old_tables(*runs: Run) -> Iterator[None]:
    """What fails as a run was made under other definitions (columns that it lacks, say) is told as that."""
    try:
        yield
    except (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError) as error:
        if not (told := notes(*runs)):
            raise
        kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
        raise ValueError(f"{told[0]} ({kind}{error})") from error
