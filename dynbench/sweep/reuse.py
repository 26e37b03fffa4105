"""Rows that another run has already: what a trajectory does depends on its arm, combination, start and repeat only.

A run of the same sweep and definitions with other `seeds` (or another `until`, or `rare`) holds the same rows under
other ids.  Rows are found by the layout of that run and then compared, key by key, with what was asked for: a row that
is not the same trajectory is not taken.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dynbench.batch import Endings, Integers
from dynbench.store import Run, from_parquet
from dynbench.sweep.grid import Piece, Plan, Rows
from dynbench.sweep.job import Job
from dynbench.sweep.rows import frame, keys
from dynbench.sweep.stage import stages


def stocks(job: Job, out: Path) -> list["Stock"]:
    """The runs beside this one that differ in `seeds`, `until` and `rare` only, the largest first."""
    if job.sweep.keep != "all":
        return []
    found: list[Stock] = []
    for folder in sorted(out.glob("*/manifest.json")):
        try:
            manifest = json.loads(folder.read_text(encoding="utf-8"))
            theirs = manifest["sweep"]
            if folder.parent.name != job.name and alike(theirs) == alike(job.definition):
                until = float.fromhex(theirs["until"]) if "until" in theirs else None
                plan = Plan(replace(job.sweep, seeds=theirs["seeds"], until=until))
                found.append(Stock(Run(folder.parent), Job(plan, manifest["rows"])))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue  # not a run of ours
    return sorted((stock for stock in found if stock.spans), key=lambda stock: -stock.size)


def alike(definition: Mapping[str, Any]) -> dict[str, Any]:
    """What two runs must share to share rows: the definitions and RESULTS too, which an old run does not name."""
    return {k: v for k, v in definition.items() if k not in ("seeds", "until", "rare")}


class Stock:
    """The rows on disk of one run, finished or not."""

    def __init__(self, run: Run, job: Job):
        self.run, self.job, self.plan, self.last = run, job, job.plan, (Path(), pd.DataFrame())

    @cached_property
    def spans(self) -> list[tuple[int, int, Path]]:
        """(first id, last id, file) of every chunk whose ids are consecutive."""
        import pyarrow.parquet

        found: list[tuple[int, int, Path]] = []
        for path in self.run.chunks():
            try:
                about = pyarrow.parquet.read_metadata(path)
                ids = [about.row_group(k).column(0).statistics for k in range(about.num_row_groups)]
                lo, hi = min(s.min for s in ids), max(s.max for s in ids)
            except (OSError, ValueError, TypeError, AttributeError):
                continue
            if hi - lo + 1 == about.num_rows:
                found.append((lo, hi, path))
        return sorted(found)

    @property
    def size(self) -> int:
        return sum(hi - lo + 1 for lo, hi, _ in self.spans)

    @cached_property
    def layout(self) -> list[Rows]:
        """Where rows stand: in the sweep as asked for, or in the batch of --until if its pilot is there."""
        known: list[Rows] = []
        try:
            for stage in stages(self.job, self.run):
                known += [] if stage.pilot else stage.arms
        except (OSError, ValueError, KeyError):
            pass  # not finished
        return known

    def take(self, piece: Piece, missing: np.ndarray) -> tuple[Integers, pd.DataFrame]:
        """(places in the piece, their rows with the piece's ids) of those `missing` that are here."""
        number = np.where(missing, numbers(self.layout, piece), -1)
        first, last = (np.array(ends) for ends in zip(*((lo, hi) for lo, hi, _ in self.spans), strict=True))
        span = np.searchsorted(first, number, side="right") - 1
        here = (span >= 0) & (number <= last[span])
        none = template(self.plan, piece)
        places, tables = [np.zeros(0, np.int64)], [none]
        for k in np.unique(span[here]):
            wanted = np.flatnonzero(here & (span == k))
            table = self.read(self.spans[k][2])
            if list(table.columns) == list(none.columns) and (table.dtypes == none.dtypes).all():
                places.append(wanted)
                tables.append(table.iloc[number[wanted] - first[k]].assign(id=piece.id[wanted]))
        if len(tables) == 1:
            return places[0], none
        where, rows = np.concatenate(places), pd.concat(tables[1:], ignore_index=True)
        asked = pd.DataFrame(keys(self.plan, piece)).iloc[where].reset_index(drop=True)
        same = asked.equals(rows[list(asked.columns)])
        return (where, rows) if same else (places[0], none)

    def read(self, path: Path) -> pd.DataFrame:
        """A chunk; the last one read is kept."""
        if self.last[0] != path:
            try:
                self.last = path, from_parquet(path)
            except (OSError, ValueError):  # gone or torn since: nothing in it is taken
                return pd.DataFrame()
        return self.last[1]


def numbers(layout: list[Rows], piece: Piece) -> Integers:
    """The ids of a piece's trajectories in that layout; -1 where it has none."""
    found = np.full(len(piece.id), -1, np.int64)
    for rows in layout:
        if rows.arm != piece.rows.arm:
            continue
        many, nth = rows.repeats[piece.combination], piece.repeat - rows.begin[piece.combination]
        there = (nth >= 0) & (nth < many)
        number = rows.first + rows.offsets[piece.combination] + piece.start * many + nth
        found = np.where(there, number, found)
    return found


def template(plan: Plan, piece: Piece) -> pd.DataFrame:
    """A chunk without rows: the columns and types that a run of today writes."""
    none = np.zeros(0, np.int64)
    nothing = plan.made(piece.rows, none, none, none, none)
    floats, sweep = np.zeros(0), plan.sweep
    endings = Endings(
        t_exit=none, t_exit_lo=none, t_exit_hi=none,
        t_diverged=none, t_commit=none, t_hit=np.zeros((len(sweep.targets), 0), np.int64), status=none,
        basin=none, value=floats, best=floats, x=np.zeros((sweep.dim, 0)), records=dict.fromkeys(sweep.record, none),
        paths=np.zeros((0, 0, 0)), updates=0,
    )  # fmt: skip
    return frame(plan, nothing, endings)
