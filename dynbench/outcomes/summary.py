"""The summary of a run: one row a setting, the starts in all false minima together.

It is the table that the terminal and the page print, `summary.csv` and `"summary"` in the JSON.  Its columns are those
of the table of cells, and two more that tell which starts a row is about:

`start_kind`: `false minima` where some starts lie in basins of such, and then the table is about these alone; `global
minima` where none does; `unknown` where no basin is known.  `basins`: how many start basins are pooled; `start_basin`
is their label where it is one, else POOLED.

With a cell for every start (`--by start`) nothing is pooled.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from dynbench.basins import false_labels
from dynbench.batch import Floats, Integers
from dynbench.losses.base import Loss
from dynbench.outcomes.aggregate import Aggregate, merge
from dynbench.outcomes.cells import is_start, names

POOLED = -2  # start_basin of a row that stands for several basins
FALSE, GLOBAL, UNKNOWN = "false minima", "global minima", "unknown"  # start_kind
COLUMNS = ("start_kind", "basins")
SPLITTING = ("p_escape_se", "steps_spent", "ancestors", "sound")  # of --rare

Again = Callable[[list[int]], pd.DataFrame]


def chosen_labels(loss: Loss | None, cells: pd.DataFrame) -> tuple[str, list[int]]:
    """(start_kind, labels of the start basins that the summary is about)."""
    every = sorted({int(label) for label in cells["start_basin"]})
    false = false_labels(loss, every)
    if false:
        return FALSE, false
    known = [label for label in every if label >= 0]
    return (GLOBAL, known) if known else (UNKNOWN, every)


def summary(cells: pd.DataFrame, loss: Loss | None, again: Again) -> pd.DataFrame:
    """The summary of a table of cells.

    `again(labels)`: the estimates of the trajectories that began in these basins, taken for one basin, so that the
    medians are those of all of them and not made from the cells' medians.
    """
    kind, labels = chosen_labels(loss, cells)
    chosen = cells[cells["start_basin"].isin(labels)].reset_index(drop=True)
    by_start = any(is_start(c) for c in names(cells))
    if len(labels) == 1 or by_start:
        table, basins = chosen, 1
    else:
        table, basins = with_cells(again(labels), chosen).assign(start_basin=POOLED), len(labels)
    place = names(table).index("start_basin") + 1
    order = [*names(table)[:place], *COLUMNS, *names(table)[place:]]
    return table.assign(start_kind=pd.Series(kind, index=table.index, dtype="str"), basins=basins)[order]


def one_basin(whole: Aggregate, labels: Sequence[int]) -> Aggregate:
    """The cells of these start basins, under the first one's name."""
    chosen = whole.where(whole.cells["start_basin"].isin(labels).to_numpy())
    return merge([replace(chosen, cells=chosen.cells.assign(start_basin=labels[0]))])


def with_cells(table: pd.DataFrame, chosen: pd.DataFrame) -> pd.DataFrame:
    """Pooled rows with what is made of their cells and not of trajectories: exact values, splitting, seeds.

    `table`: a row a setting; `chosen`: the cells that it pools.  Columns stand as in `chosen`.
    """
    group, n = groups(chosen), chosen["n"].to_numpy(float)
    total = np.bincount(group, n)
    if len(total) != len(table) or not np.array_equal(total, table["n"]):
        raise ValueError("the pooled rows are not those of the cells")
    if "returned" in chosen:  # rows that are taken for one basin's do not tell in which they began
        table = table.assign(returned=np.bincount(group, chosen["returned"].to_numpy(float)))
        table["returned"] = table["returned"].astype(chosen["returned"].dtype)
    if "p_exact" in chosen:
        expected = np.bincount(group, n * chosen["p_exact"].to_numpy())
        table = table.assign(p_exact=expected / total, z=np.nan)
        if "p_exact_se" in chosen:  # else of an earlier version
            error = np.sqrt(np.bincount(group, (n * chosen["p_exact_se"].to_numpy()) ** 2))
            with np.errstate(invalid="ignore", divide="ignore"):
                z = (table["escaped"].to_numpy(float) - expected) / error
            table = table.assign(p_exact_se=error / total, z=z)
    if "p_escape_se" in chosen:
        table = with_splitting(table, chosen, group)
    for name in names(chosen):
        if name not in table:  # what all cells of a setting share, such as seeds_used
            table = table.assign(**{name: shared(chosen[name].to_numpy(), group, len(table))})
    return table[names(chosen)]


def groups(cells: pd.DataFrame) -> Integers:
    """(cells,): the place of each one's setting, in order of appearance."""
    key = [c for c in names(cells)[: names(cells).index("start_basin")] if c not in ("loss", "steps")]
    return np.asarray(cells.groupby(key, sort=False, dropna=False).ngroup(), np.int64)


def shared(values: np.ndarray, group: Integers, count: int) -> np.ndarray:
    """(count,): the value of each group, nan where its cells differ in it."""
    found = pd.Series(values).groupby(group)
    return found.first().where(found.nunique(dropna=False) == 1).to_numpy()[:count]


def with_splitting(table: pd.DataFrame, chosen: pd.DataFrame, group: Integers) -> pd.DataFrame:
    """Pooled p_escape where some of its cells are estimated by splitting: the mean over all starts.

    The interval's arms are the root of the sum of the squares of the cells' own, by weight (MOVER: Donner and Zou,
    2002); p_escape_se likewise, a counted cell's being sqrt(p (1 - p)/n).
    """
    count, n = len(table), chosen["n"].to_numpy(float)
    weight = n / np.bincount(group, n)[group]
    p, lo, hi = (chosen[f"p_escape{end}"].to_numpy(float) for end in ("", "_lo", "_hi"))
    se = chosen["p_escape_se"].to_numpy(float)
    split = ~np.isnan(se) | chosen["sound"].notna().to_numpy()

    def root(parts: Floats) -> Floats:
        return np.sqrt(np.bincount(group, (weight * parts) ** 2, minlength=count))

    mean = np.bincount(group, weight * p, minlength=count)
    error = np.where(split, se, np.sqrt(np.maximum(p * (1.0 - p), 0.0) / n))
    some = np.bincount(group[split], minlength=count) > 0
    columns = {
        "p_escape": mean,
        "p_escape_lo": np.maximum(mean - root(p - lo), 0.0),
        "p_escape_hi": np.minimum(mean + root(hi - p), 1.0),
    }
    found = {name: np.where(some, values, table[name]) for name, values in columns.items()}
    found["p_escape_se"] = np.where(some, root(error), np.nan)
    for name in ("steps_spent", "ancestors"):
        sums = np.bincount(group[split], chosen[name].to_numpy(float)[split], minlength=count)
        found[name] = np.where(some, sums, np.nan)
    sound = np.bincount(group[split], 1.0 - chosen["sound"].to_numpy(float)[split], minlength=count) == 0
    found["sound"] = np.where(some, sound.astype(float), np.nan)
    table = table.assign(**found)
    if "p_exact" in table:
        with np.errstate(invalid="ignore", divide="ignore"):
            z = (table["p_escape"] - table["p_exact"]) / table["p_escape_se"]
        table = table.assign(z=np.where(some, z, table["z"]))
    return table
