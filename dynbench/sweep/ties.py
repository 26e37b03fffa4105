"""Which settings of a table do best in a probability, and which of the others the data cannot tell from the best.

A tie is one definition everywhere: the 95% interval of the other setting, as it is printed, reaches the leader's.
That is no test of a difference: two intervals can overlap where a test tells the settings apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan, nan

import numpy as np
import pandas as pd

from dynbench.batch import Floats
from dynbench.sweep.table import probability

FEW = 5  # successes with which a setting leads nothing


@dataclass(frozen=True)
class Leader:
    """Places in the table: `best` has the highest probability, `tied` are those whose intervals reach its own, in
    the table's order."""

    best: int
    tied: tuple[int, ...]

    def alike(self, table: pd.DataFrame, column: str) -> tuple[int, ...]:
        """Places of the settings whose probability and interval are the leader's, itself the first."""
        ends = [column + end for end in ("", "_lo", "_hi")]
        same = (table[ends].round(12).fillna(-1.0) == table[ends].iloc[self.best].round(12).fillna(-1.0)).all(axis=1)
        return tuple(k for k in (self.best, *self.tied) if same.iloc[k])


def leader(table: pd.DataFrame, column: str, places: Sequence[int] | None = None) -> Leader | None:
    """The best of some rows, or of all, in the probability `column`; None where none is known or above 0.

    Rows of which only bounds are known can tie and cannot lead; nor can those in which nothing is random, such as a
    single trajectory without noise, beside others that are probabilities.
    """
    chosen = np.arange(len(table)) if places is None else np.asarray(places, np.int64)
    p, lo, hi = (table[column + end].to_numpy(float)[chosen] for end in ("", "_lo", "_hi"))
    lo, hi = as_printed(p, lo, hi)
    if not np.all(np.isnan(lo)):
        p = np.where(np.isnan(lo), np.nan, p)
    if np.all(np.isnan(p)) or np.nanmax(p) <= 0.0:
        return None
    best = int(np.nanargmax(p))
    low = p[best] if isnan(lo[best]) else lo[best]
    tied = reach(p, hi) >= low
    tied[best] = False
    return Leader(int(chosen[best]), tuple(chosen[tied].tolist()))


def few(cell: pd.Series, column: str) -> bool:
    """Whether a setting's counted successes are too few to lead, such as one of 500."""
    counted = column != "p_escape" or isnan(cell.get("p_escape_se", nan))
    return counted and not isnan(cell[f"{column}_lo"]) and cell[column] * cell["n"] < min(FEW + 0.5, cell["n"] / 2)


def as_printed(p: Floats, lo: Floats, hi: Floats) -> tuple[Floats, Floats]:
    """The limits as the table has them, rounded outward: a reader sees the same ties."""
    low, high = lo.copy(), hi.copy()
    for k in np.flatnonzero(~np.isnan(lo)):
        ends = probability(p[k], lo[k], hi[k]).partition("[")[2].rstrip("]").split(", ")
        low[k], high[k] = map(float, ends)
    return low, high


def reach(p: Floats, hi: Floats) -> Floats:
    """Up to where each probability may lie: its upper limit, or itself where nothing is random; -inf: not known."""
    top = np.where(np.isnan(hi), p, hi)
    return np.where(np.isnan(top), -np.inf, top)
