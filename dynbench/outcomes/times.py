"""Times of a table's cells beyond the median: means, hazards, effort to the target, from the integers of `counts`."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dynbench.batch import Floats
from dynbench.outcomes.attempts import Attempts
from dynbench.outcomes.counts import spread
from dynbench.outcomes.hazard import Exposure, hazard

Mask = NDArray[np.bool_]
ESTIMATES = ("t_exit_median", "t_exit_mean", "late_hazard", "running_time")
COLUMNS = tuple(n + end for n in ESTIMATES for end in ("", "_lo", "_hi") if n + end != "t_exit_median")  # in this order


def times(
    counts: pd.DataFrame, limits: tuple[Floats, Floats], steps: int, known: Mask, random: Mask, target: Mask
) -> dict[str, Floats]:
    """The columns COLUMNS, (cells,) each; nan where exits (`known`) or Lmin (`target`) are not known.

    `t_exit_median_lo`, `_hi` (`limits`): 95 % limits of the median.  `t_exit_mean`: mean of min(T, N), the restricted
    mean escape time, T being infinite for one that diverges without an exit.  `late_hazard`: escapes a step at risk in
    the last half of the budget N, the steps up to the exit or to the divergence.  `running_time`: steps to the first
    target, failures (and those that diverge before they hit it) at the whole budget N and restarted.  Limits are blank
    where nothing is `random`.
    """
    half = np.array([steps // 2, steps])
    late = hazard(Exposure(half, counts[["#late"]].to_numpy(), counts[["#late_steps"]].to_numpy()))
    found = {
        "t_exit_median": (limits[0], *limits),
        "t_exit_mean": attempts(counts, "#spared", "#escaped", steps).restricted_mean(),
        "late_hazard": tuple(column[:, 0] for column in late),
    }
    if "#hit" in counts:
        found["running_time"] = attempts(counts, "#saved", "#hit", steps).effort()
    columns: dict[str, Floats] = {c: np.full(len(counts), np.nan) for c in COLUMNS}
    for name, (value, lo, hi) in found.items():
        where = target if name == "running_time" else known
        columns |= {f"{name}_lo": blank(lo, where & random), f"{name}_hi": blank(hi, where & random)}
        if name != "t_exit_median":
            columns[name] = blank(value, where)
    return columns


def attempts(counts: pd.DataFrame, spared: str, successes: str, steps: int) -> Attempts:
    """Of each cell, from the sum of N - t over its successes and that of its squares."""
    n, k = counts["#n"].to_numpy(), counts[successes].to_numpy()
    total = (steps * k - counts[spared].to_numpy()).astype(float)
    budget = np.full(len(counts), float(steps))
    return Attempts(n, k, total, spread(counts, spared, successes, steps), budget, budget)


def blank(values: Floats, where: Mask) -> Floats:
    """nan where it is not known; infinity is `not reached`, and blank too."""
    return np.where(where & np.isfinite(values), values, np.nan)
