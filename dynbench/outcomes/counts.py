"""What the trajectories of each cell did, as integers: they add up exactly, whatever the order and the partition.

`#n`, `#escaped`, `#committed`, `#best`, `#final`, `#global`, `#returned`, `#hit` and one column a status count
trajectories.  With N the budget, `#spared` sums N - t_exit over the escaped, `#late` counts escapes after N // 2 and
`#late_steps` the steps at risk there; `#saved` sums N - t_hit over those that hit the first target.  `#spared2` and
`#saved2` sum squares, as 2^31 times the column `...h` plus the column `...l`, so that no sum can overflow.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from dynbench.batch import Floats, Integers
from dynbench.kernels.shape import STATUSES
from dynbench.outcomes.medians import infinite_if_lost

HALF = 31  # bits of the lower part of a square


@dataclass(frozen=True)
class Trajectories:
    """What the statistics of cells read of n trajectories, (n,) each."""

    t_exit: Integers
    t_commit: Integers
    t_hit: Integers | None  # to the first target
    status: Integers  # place in STATUSES
    best: Floats
    value: Floats  # the last L
    start_basin: Integers
    basin: Integers  # at the end

    @staticmethod
    def of(frame: pd.DataFrame) -> "Trajectories":
        """Rows as a sweep stores them."""
        hit = next((c for c in ("t_hit", "t_hit_0") if c in frame), None)
        codes, seen = pd.factorize(frame["status"])
        status = np.array([STATUSES.index(word) for word in seen], np.int64)[codes]
        times = [None if c is None else frame[c].to_numpy(np.int64) for c in ("t_exit", "t_commit", hit)]
        basins = (frame[c].to_numpy(np.int64) for c in ("start_basin", "basin_final"))
        losses = (frame[c].to_numpy(float) for c in ("loss_best", "loss_final"))
        assert times[0] is not None
        assert times[1] is not None
        return Trajectories(times[0], times[1], times[2], status, *losses, *basins)

    @property
    def loss(self) -> Floats:
        """The last L, where not a number counts as inf."""
        return infinite_if_lost(self.value)


def counted(
    given: Trajectories, codes: Integers, count: int, steps: int, level: float, global_labels: tuple[int, ...]
) -> pd.DataFrame:
    """The columns above, one row a cell.  `codes` (n,): each one's cell; `level`: what L must reach to be a success."""
    out = given.t_exit >= 0
    events = {
        "#escaped": out,
        "#committed": given.t_commit >= 0,
        "#best": given.best <= level,
        "#final": given.value <= level,
        "#global": is_one_of(given.basin, global_labels),
        "#returned": out & (given.basin == given.start_basin),
    }
    columns = {"#n": np.bincount(codes, minlength=count)}
    columns |= {name: np.bincount(codes[event], minlength=count) for name, event in events.items()}
    ends = np.bincount(codes * len(STATUSES) + given.status, minlength=count * len(STATUSES))
    columns |= {f"#{name}": column for name, column in zip(STATUSES, ends.reshape(count, len(STATUSES)).T, strict=True)}
    columns |= moments("#spared", steps - given.t_exit[out], codes[out], count)
    after, own = given.t_exit[out] - steps // 2, codes[out]
    late, there = after > 0, columns["#n"] - columns["#escaped"]
    columns["#late"] = np.bincount(own[late], minlength=count)
    columns["#late_steps"] = there * (steps - steps // 2) + summed(after[late], own[late], count)
    if given.t_hit is not None:
        hit = given.t_hit >= 0
        columns["#hit"] = np.bincount(codes[hit], minlength=count)
        columns |= moments("#saved", steps - given.t_hit[hit], codes[hit], count)
    return pd.DataFrame(np.stack(list(columns.values()), axis=1), columns=list(columns))


def is_one_of(values: Integers, few: tuple[int, ...]) -> Any:
    if len(few) > 4:
        return np.isin(values, few)
    found = np.zeros(len(values), bool)
    for one in few:
        found |= values == one
    return found


def moments(name: str, values: Integers, codes: Integers, count: int) -> Mapping[str, Integers]:
    """Sums of the values and of their squares; budgets from 2^31 on have none (`square`)."""
    squares = values * values if values.max(initial=0) < 2**HALF else np.zeros_like(values)
    parts = {"": values, "2h": squares >> HALF, "2l": squares & (2**HALF - 1)}
    return {name + end: summed(part, codes, count) for end, part in parts.items()}


def summed(values: Integers, codes: Integers, count: int) -> Integers:
    total = np.zeros(count, np.int64)
    np.add.at(total, codes, values)
    return total


def spread(counts: pd.DataFrame, name: str, steps: int) -> Floats:
    """The sum of (value - mean)^2 over all n of each cell, values being 0 where nothing was added to `moments`.

    Whole numbers where floats would cancel; nan for budgets whose squares are not kept.
    """
    n, total = counts["#n"].to_numpy(), counts[name].to_numpy()
    high, low = (counts[name + end].to_numpy() for end in ("2h", "2l"))
    if steps >= 2**HALF:
        return np.full(len(n), np.nan)
    squares = high * 2.0**HALF + low
    with np.errstate(invalid="ignore", divide="ignore"):
        found = squares - total * (total / n)
    for place in np.flatnonzero((found < 1e-6 * squares) & (n > 0)):
        exact = (int(high[place]) << HALF) + int(low[place])
        found[place] = (int(n[place]) * exact - int(total[place]) ** 2) / int(n[place])
    return found
