"""Trajectories added up: integers and histograms, which merge exactly in any order and partition.

`aggregate` turns rows into an Aggregate, `merge` adds several, `estimates` makes the table of cells: every number is
that of `cells`, but for medians and their limits, which are given to a bin's width.
"""

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dynbench.batch import Integers
from dynbench.outcomes import medians
from dynbench.outcomes.cells import Context, counts_of, ends_of, finished, grouped, key, names
from dynbench.outcomes.counts import Trajectories
from dynbench.outcomes.histogram import LOSS, TIME, Histogram, added, beginnings, histogram, run_sums

BINNED = (
    "Medians are read off histograms (--keep cells): a median step from 16 on is the middle of a bin and at most 1/16"
    " off, a median L - Lmin at most 1/8; limits of a median are the outer edges of their bins."
)
AT_ONCE = 2**24  # entries that wait before they are merged


@dataclass(frozen=True)
class Aggregate:
    """`cells`: a row a cell, its key, its lowest `id` and the int64 columns #... of `counts`, in order of `id`.

    `times`, `losses`: histograms of t_exit, of those that escaped, and of the last L - Lmin.
    """

    cells: pd.DataFrame
    times: Histogram
    losses: Histogram

    def __len__(self) -> int:
        """Entries in all: what it takes of memory."""
        return len(self.cells) + len(self.times) + len(self.losses)

    def where(self, chosen: NDArray[np.bool_]) -> "Aggregate":
        """The chosen cells."""
        cells = self.cells[chosen].reset_index(drop=True)
        return Aggregate(cells, self.times.where(chosen), self.losses.where(chosen))


def aggregate(frame: pd.DataFrame, context: Context, by_start: bool = False) -> Aggregate:
    """Rows of trajectories, added up."""
    codes, table = grouped(frame, key(frame, context, by_start))
    return of_cells(table, codes, Trajectories.of(frame, ends_of(frame, context.loss)), context)


def of_cells(table: pd.DataFrame, codes: Integers, given: Trajectories, context: Context) -> Aggregate:
    """Trajectories, added up: `table` has their cells' keys and lowest ids, `codes` (n,) each one's place in it."""
    out = given.t_exit >= 0
    return Aggregate(
        pd.concat([table, counts_of(given, codes, table, context)], axis=1),
        histogram(TIME, given.t_exit[out], codes[out]),
        histogram(LOSS, given.loss - context.base, codes),
    )


def merge(aggregates: Iterable[Aggregate]) -> Aggregate:
    """The aggregate of all their trajectories: any partition of the same rows, in any order, gives equal ones.

    Several wait until they are as many entries as the sum so far: then the work grows as their number does, and memory
    with what is told apart only.
    """
    waiting: list[Aggregate] = []
    for part in aggregates:
        waiting.append(part)
        if sum(map(len, waiting[1:])) > max(len(waiting[0]), AT_ONCE):
            waiting = [joined(waiting)]
    return joined(waiting)


def joined(parts: Sequence[Aggregate]) -> Aggregate:
    codes, cells = summed([part.cells for part in parts])
    own = np.split(codes, np.cumsum([len(part.cells) for part in parts])[:-1])
    return Aggregate(cells, added([part.times for part in parts], own), added([part.losses for part in parts], own))


def summed(parts: Sequence[pd.DataFrame]) -> tuple[Integers, pd.DataFrame]:
    """(the new place of each row of all parts, the rows of equal keys summed): keys, lowest id, columns #..."""
    frame = pd.concat(parts, ignore_index=True)
    codes, table = grouped(frame, [c for c in names(frame) if c != "id" and c[0] != "#"])
    columns = [c for c in names(frame) if c[0] == "#"]
    sums = frame[columns].to_numpy(np.int64)
    if (np.diff(codes) != 1).any():
        order = np.argsort(codes, kind="stable")
        sums = run_sums(sums[order], beginnings(codes[order]))
    return codes, pd.concat([table, pd.DataFrame(sums, columns=columns)], axis=1)


def estimates(given: Aggregate, context: Context) -> pd.DataFrame:
    """The table of `cells` from an aggregate; medians are exact for times below 16 steps, else to 1/16, and to 1/8 of
    L - Lmin."""
    table = given.cells[[c for c in names(given.cells) if c[0] != "#"]]
    middles = medians.binned(given.cells, given.times, given.losses, context.base, context.steps)
    return finished(table, given.cells, middles, context)


def packed(given: Aggregate) -> bytes:
    """As parquet: the cells, and each one's bins and counts as lists."""
    import pyarrow
    import pyarrow.parquet

    table = pyarrow.Table.from_pandas(given.cells, preserve_index=False)
    for kind, part in ((TIME, given.times), (LOSS, given.losses)):
        begins = pyarrow.array(part.begins(len(given.cells)), pyarrow.int32())
        for what, values in (("bin", part.bin.astype(np.int16)), ("count", part.count)):
            table = table.append_column(f"{kind}:{what}", pyarrow.ListArray.from_arrays(begins, pyarrow.array(values)))
    buffer = io.BytesIO()
    pyarrow.parquet.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()


def unpacked(path: Path) -> Aggregate:
    """What `packed` has written."""
    import pyarrow.parquet

    with pyarrow.parquet.ParquetFile(path) as file:
        table = file.read()
    found = {}
    for kind in (TIME, LOSS):
        lists = [table.column(f"{kind}:{what}").combine_chunks() for what in ("bin", "count")]
        lengths = np.diff(lists[0].offsets.to_numpy())
        bins, counts = (column.values.to_numpy().astype(np.int64) for column in lists)
        found[kind] = Histogram.of(np.repeat(np.arange(len(lengths)), lengths), bins, counts)
        table = table.drop_columns([f"{kind}:bin", f"{kind}:count"])
    return Aggregate(table.to_pandas(), found[TIME], found[LOSS])
