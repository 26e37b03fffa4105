"""Cells of the false minima, pooled where a loss has too many of them to look at one by one."""

import numpy as np
import pandas as pd

from dynbench.losses.base import Loss
from dynbench.outcomes.cells import is_start
from dynbench.outcomes.intervals import interval
from dynbench.outcomes.summary import FALSE, POOLED
from dynbench.report import arms, wells

MANY = 12  # basins beyond which cells are pooled
COUNTS = (
    "n", "inside", "left", "left_diverged", "diverged_inside", "unknown", "escaped", "committed", "converged",
    "absorbed", "cycling", "stalled", "diverged", "censored",
)  # fmt: skip
SHARES = ("p_escape", "p_best", "p_final", "p_global")


def trapped(
    cells: pd.DataFrame, loss: Loss | None, bounded: bool = False, summary: pd.DataFrame | None = None
) -> tuple[pd.DataFrame, dict[int, str]]:
    """(cells of false minima with an escape probability, what to call their start basins).

    One cell for each arm and basin, even where the run has cells for every start; one for each arm where the basins
    are too many (`together`).  `bounded`: those of which only bounds of the probability are known as well.
    """
    labels = wells.false_labels(loss, cells["start_basin"])
    false = cells[cells["start_basin"].isin(labels) & cells["escaped"].notna()]
    places = {label: wells.place(loss, label) for label in labels}
    if len(labels) > MANY:
        false, places = together(cells, loss, summary)
    elif any(is_start(str(c)) for c in cells.columns):
        false = pd.concat([pooled(rows, int(str(label))) for label, rows in false.groupby("start_basin")] or [false])
    return (false if bounded else false[false["p_escape"].notna()]), places


def together(
    cells: pd.DataFrame, loss: Loss | None, summary: pd.DataFrame | None = None
) -> tuple[pd.DataFrame, dict[int, str]]:
    """(one row an arm, the starts in all false minima together; what to call these).

    They are the run's summary, unless it has a row for every start; else its cells added up.
    """
    labels = wells.false_labels(loss, cells["start_basin"])
    label = labels[0] if len(labels) == 1 else POOLED
    places = {label: wells.place(loss, label) if len(labels) == 1 else f"any of {len(labels)} false minima"}
    if summary is not None and not any(is_start(str(c)) for c in summary.columns):
        return summary[(summary["start_kind"] == FALSE) & summary["escaped"].notna()], places
    false = cells[cells["start_basin"].isin(labels) & cells["escaped"].notna()]
    return (pooled(false, label) if len(false) else false), places


def pooled(false: pd.DataFrame, label: int) -> pd.DataFrame:
    """One cell an arm: counts added up, probabilities and intervals made from them; medians cannot be added.

    A probability that is not known of one of its cells is not known of the arm.
    """
    shares = [s for s in SHARES if s in false.columns]
    hits = false.assign(**{s: (false[s] * false["n"]).round() for s in shares})
    groups = hits.groupby(arms.settings(false), dropna=False, sort=False)
    counts = groups[[c for c in COUNTS if c in false.columns]].sum()
    table = counts.join(groups[shares].sum(min_count=1, skipna=False)).reset_index()
    for column in shares:
        random = groups[f"{column}_lo"].count().to_numpy() > 0
        lo, hi = interval(table[column], table["n"])
        table[f"{column}_lo"], table[f"{column}_hi"] = np.where(random, lo, np.nan), np.where(random, hi, np.nan)
        table[column] = table[column] / table["n"]
    if "p_exact" in false.columns:
        p, n = false["p_exact"], false["n"]
        se = false["p_exact_se"] if "p_exact_se" in false.columns else np.nan  # of an earlier version
        sums = hits.assign(p_exact=n * p, z=(n * se) ** 2).groupby(arms.settings(false), dropna=False, sort=False)
        mean, variance = (sums[c].sum(min_count=1, skipna=False).to_numpy() for c in ("p_exact", "z"))
        with np.errstate(invalid="ignore", divide="ignore"):
            exact = {"p_exact": mean / table["n"], "z": (table["escaped"] - mean) / np.sqrt(variance)}
        table = table.assign(**exact)
        if "p_exact_se" in false.columns:
            table = table.assign(p_exact_se=np.sqrt(variance) / table["n"])
    same = {c: false[c].iloc[0] for c in ("loss", "steps", "randomness") if c in false.columns}
    blank = {"start_basin": label, "t_exit_median": np.nan, "t_exit_median_escaped": np.nan, "loss_median": np.nan}
    table = table.assign(**same, **blank)
    return table[[c for c in false.columns if c in table.columns]]


def origin(places: dict[int, str]) -> str:
    """Where the starts lie, in words: of one basin, or of several."""
    if len(places) == 1:
        name = next(iter(places.values()))
        return name if POOLED in places else f"the false minimum at {name}" if "=" in name else name
    return f"{len(places)} false minima"
