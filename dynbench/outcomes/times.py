"""Times of a table's cells beyond the median: means, hazards and limits, from rows (aggregates have none of it)."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dynbench.batch import Floats, Integers
from dynbench.outcomes.hazard import late_hazard
from dynbench.outcomes.runtime import running_time
from dynbench.outcomes.survival import mean_time, median_time

ESTIMATES = ("t_exit_median", "t_exit_mean", "late_hazard", "running_time")
COLUMNS = tuple(n + end for n in ESTIMATES for end in ("", "_lo", "_hi") if n + end != "t_exit_median")  # in this order


def times(
    frame: pd.DataFrame, codes: Integers, table: pd.DataFrame, steps: int, hit: str | None
) -> dict[str, Floats | pd.Series]:
    """Columns of the cells `table`, given rows and each row's cell; nan where the basin, or Lmin, is not known.

    `t_exit_median_lo`, `_hi`: 95 % limits of the median.  `t_exit_mean`: mean of min(T, N), the restricted mean escape
    time.  `late_hazard`: escapes a step at risk in the last half of the budget N.  `running_time`: steps to the first
    target, failures at their own budget and restarted (`hit` names the column of its times).  `returned`: of the
    escaped, those that end in the basin of their start.  Limits are blank where nothing is random.
    """
    count = len(table)
    t_exit = frame["t_exit"].to_numpy()
    found: dict[str, tuple[Floats, Floats, Floats]] = {
        "t_exit_median": median_time(t_exit, steps, codes, count),
        "t_exit_mean": mean_time(t_exit, steps, codes, count),
        "late_hazard": late_hazard(t_exit, steps, None, codes, count),
    }
    known = (table["start_basin"] >= 0).to_numpy()
    random = (table["randomness"] != "none").to_numpy()
    if hit is not None:
        ran = running_time(frame[hit].to_numpy(), steps, codes, count)
        found["running_time"] = (ran.mean, ran.lo, ran.hi)
    columns: dict[str, Floats | pd.Series] = {c: np.full(count, np.nan) for c in COLUMNS}
    target = table["p_final"].notna().to_numpy()
    for name, (value, lo, hi) in found.items():
        where: NDArray[np.bool_] = target if name == "running_time" else known
        columns |= {f"{name}_lo": blank(lo, where & random), f"{name}_hi": blank(hi, where & random)}
        if name != "t_exit_median":
            columns[name] = blank(value, where)
    came_back = (t_exit >= 0) & (frame["basin_final"] == frame["start_basin"]).to_numpy()
    returned = np.bincount(codes[came_back], minlength=count)
    if not count:
        return dict(none(0))
    return columns | {"returned": pd.Series(returned).where(pd.Series(known))}


def blank(values: Floats, where: NDArray[np.bool_]) -> Floats:
    """nan where it is not known; infinity is `not reached`, and blank too."""
    return np.where(where & np.isfinite(values), values, np.nan)


def none(count: int) -> dict[str, Floats]:
    """The same columns, empty: what an aggregate can tell."""
    return {c: np.full(count, np.nan) for c in (*COLUMNS, "returned")}
