"""Which settings of a table do best in a probability, and which of the others the data cannot tell from the best.

A tie is one definition everywhere: the 95% interval of the other setting reaches into the leader's.  Overlap of two
intervals is a stricter test than a difference at 95% (about 99.4% for equal widths), which leaves room for the many
settings that are compared with the one that happens to be highest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan

import numpy as np
import pandas as pd

from dynbench.batch import Floats


@dataclass(frozen=True)
class Leader:
    """Places in the table: `best` has the highest probability, `tied` are those whose intervals overlap with its own,
    in the table's order."""

    best: int
    tied: tuple[int, ...]


def leader(table: pd.DataFrame, column: str, places: Sequence[int] | None = None) -> Leader | None:
    """The best of some rows, or of all, in the probability `column`; None where none is known or above 0.

    Rows of which only bounds are known can tie and cannot lead; nor can those in which nothing is random, such as a
    single trajectory without noise, beside others that are probabilities.
    """
    chosen = np.arange(len(table)) if places is None else np.asarray(places, np.int64)
    p, lo, hi = (table[column + end].to_numpy(float)[chosen] for end in ("", "_lo", "_hi"))
    if not np.all(np.isnan(lo)):
        p = np.where(np.isnan(lo), np.nan, p)
    if np.all(np.isnan(p)) or np.nanmax(p) <= 0.0:
        return None
    best = int(np.nanargmax(p))
    low = p[best] if isnan(lo[best]) else lo[best]
    tied = reach(p, hi) >= low
    tied[best] = False
    return Leader(int(chosen[best]), tuple(chosen[tied].tolist()))


def reach(p: Floats, hi: Floats) -> Floats:
    """Up to where each probability may lie: its upper limit, or itself where nothing is random; -inf: not known."""
    top = np.where(np.isnan(hi), p, hi)
    return np.where(np.isnan(top), -np.inf, top)
