"""Where trajectories went: the basins in which those that escaped end, how many came back, how many end in the best.

Rows are those of a sweep; `by` names the columns that make a cell.  Counts are binomial, each against all others;
intervals are those of `interval`, meant for rows that differ by chance.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from dynbench import basins
from dynbench.batch import Integers
from dynbench.losses.base import Loss
from dynbench.outcomes.cells import ends_of, grouped
from dynbench.outcomes.intervals import interval, share_between

UNKNOWN, DIVERGED = -1, -2  # no basin: none is known, or it diverged
CELL = ("start_basin",)


def destinations(frame: pd.DataFrame, by: Sequence[str] = CELL) -> pd.DataFrame:
    """A row for each cell and basin in which escaped trajectories (t_exit >= 0) of it end.

    Columns: `by`, then `basin_final` (-1: not known, -2: it diverged later), `escaped` (all of the cell), `count`,
    `p` = count/escaped, `p_lo`, `p_hi`; in order of cells and labels.  A start basin among them: those that came back.
    """
    codes, table = cells_of(frame, by)
    out = frame["t_exit"].to_numpy() >= 0
    final = np.where((frame["status"] == "diverged").to_numpy(), DIVERGED, frame["basin_final"].to_numpy())
    labels, place = np.unique(final[out], return_inverse=True)
    counts = np.bincount(codes[out] * len(labels) + place, minlength=len(table) * len(labels))
    counts = counts.reshape(len(table), len(labels))
    cell, label = np.nonzero(counts)
    count, escaped = counts[cell, label], counts.sum(axis=1)[cell]
    lo, hi = interval(count, escaped)
    columns = {"basin_final": labels[label], "escaped": escaped, "count": count, "p": count / escaped}
    return table.iloc[cell].reset_index(drop=True).assign(**columns, p_lo=lo, p_hi=hi)


def outcomes(frame: pd.DataFrame, by: Sequence[str] = CELL, loss: Loss | None = None) -> pd.DataFrame:
    """A row a cell: n, escaped, and of them those that came back; and of all n those that end in a global basin.

    `returned` counts t_exit >= 0 and basin_final = start_basin; p_returned is its share of `escaped`.  `stayed_out` are
    the escaped that end elsewhere, in a known basin; `left_diverged` those that diverged afterwards; `unplaced` those
    of whose end no basin is known.  `at_global` counts the ends in a basin that is global by `basins`, p_global its
    share of n; where of `unknown` ends no basin is known, p_global is nan and lies between its limits.  With
    `crossings` (--record) in the rows: `crossings`, their sum over the escaped, and `recrossed`, how many of these
    changed basin more than once: some came back and left again.  nan where nothing was tried.
    """
    codes, table = cells_of(frame, by)
    start, final = frame["start_basin"].to_numpy(), frame["basin_final"].to_numpy()
    out, lost = frame["t_exit"].to_numpy() >= 0, (frame["status"] == "diverged").to_numpy()
    ends = basins.kinds(loss, final, ends_of(frame, loss))
    unknown = ~lost & ~ends.is_global & ~ends.is_false

    def number(chosen: np.ndarray) -> Integers:
        return np.bincount(codes[chosen], minlength=len(table))

    n, escaped, returned = number(np.ones(len(frame), bool)), number(out), number(out & (final == start))
    at_global, open_ends = number(ends.is_global & ~lost), number(unknown)
    unplaced = number(out & ~lost & (final == UNKNOWN))
    table = table.assign(n=n, escaped=escaped, returned=returned)
    table = with_share(table, "p_returned", returned, returned + unplaced, escaped).assign(
        stayed_out=number(out & (final != start) & (final != UNKNOWN)),
        left_diverged=number(out & lost), unplaced=unplaced, at_global=at_global, unknown=open_ends,
    )  # fmt: skip
    table = with_share(table, "p_global", at_global, at_global + open_ends, n)
    if "crossings" in frame:
        crossings = frame["crossings"].to_numpy()
        total = np.bincount(codes[out], crossings[out], len(table)).astype(np.int64)
        table = table.assign(crossings=total, recrossed=number(out & (crossings > 1)))
    return table


def with_share(table: pd.DataFrame, name: str, least: Integers, most: Integers, n: Integers) -> pd.DataFrame:
    """With the columns of `share_between` under that name."""
    p, lo, hi = share_between(least, most, n)
    return table.assign(**{name: p, f"{name}_lo": lo, f"{name}_hi": hi})


def cells_of(frame: pd.DataFrame, by: Sequence[str]) -> tuple[Integers, pd.DataFrame]:
    """The cell of each row, and the cells' keys."""
    codes, table = grouped(frame, list(by))
    return codes, table.drop(columns="id")
