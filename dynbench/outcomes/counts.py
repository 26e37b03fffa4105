"""What the trajectories of each cell did, as integers: they add up exactly, whatever the order and the partition.

`#n`, `#inside`, `#left`, `#left_diverged`, `#diverged_inside`, `#unknown`, `#escaped`, `#committed`, `#best`,
`#final`, `#global`, `#returned`, `#hit` (see `cells`) and one column a status count trajectories.  `#may_escape`: those
that stood or may have stood outside; `#doubtful`: those of whose exit only bounds are known; `#unplaced`: those that
escaped and did not diverge, and may have come back, as the basin at their end is not known; `#below_f_star`: those
that met L < f_star, where some rule subtracts that.  With N the budget,
`#spared` sums N - t_exit over the escaped, `#late` counts escapes after N // 2 and `#late_steps` the steps at risk
there: up to the exit, to the divergence or to N.  `#saved` sums N - t_hit over those that hit the first target.
`#spared2` and
`#saved2` sum squares, as 2^31 times the column `...h` plus the column `...l`, so that no sum can overflow.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dynbench.basins import Kinds
from dynbench.batch import Floats, Integers
from dynbench.kernels.shape import DIVERGED, STATUSES
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
    t_diverged: Integers  # -1: never, or not known when
    t_exit_lo: Integers  # first step that may be outside the start's basin; t_exit where that is exact
    t_exit_hi: Integers  # first step that is certainly outside
    f_star: Floats | None = None  # what the rule subtracts from L; nan where it does not
    x: Floats | None = None  # (dim, n), the last x, where labels alone do not tell basins

    @staticmethod
    def of(frame: pd.DataFrame, x: Floats | None = None) -> "Trajectories":
        """Rows as a sweep stores them; those of older runs do not tell when a trajectory diverged."""
        hit = next((c for c in ("t_hit", "t_hit_0") if c in frame), None)
        codes, seen = pd.factorize(frame["status"])
        status = np.array([STATUSES.index(word) for word in seen], np.int64)[codes]
        t_exit, t_commit = (frame[c].to_numpy(np.int64) for c in ("t_exit", "t_commit"))
        t_diverged = frame["t_diverged"].to_numpy(np.int64) if "t_diverged" in frame else np.full(len(frame), -1)
        lo, hi = (frame[c].to_numpy(np.int64) if c in frame else t_exit for c in ("t_exit_lo", "t_exit_hi"))
        best, value = (frame[c].to_numpy(float) for c in ("loss_best", "loss_final"))
        start_basin, basin = (frame[c].to_numpy(np.int64) for c in ("start_basin", "basin_final"))
        t_hit = None if hit is None else frame[hit].to_numpy(np.int64)
        f_star = frame["f_star"].to_numpy(float) if "f_star" in frame else None
        return Trajectories(
            t_exit, t_commit, t_hit, status, best, value, start_basin, basin, t_diverged, lo, hi, f_star, x
        )  # fmt: skip

    @property
    def loss(self) -> Floats:
        """The last L, where not a number counts as inf."""
        return infinite_if_lost(self.value)


def counted(given: Trajectories, codes: Integers, count: int, steps: int, level: float, ends: Kinds) -> pd.DataFrame:
    """The columns above, one row a cell.

    `codes` (n,): each one's cell; `level`: what L must reach to be a success; `ends`: of the last basins.
    """
    out, lost = given.t_exit >= 0, given.status == DIVERGED
    events = {
        "#left_diverged": out & lost,
        "#diverged_inside": ~out & lost,
        "#unknown": ~(ends.is_global | ends.is_false | lost),
        "#escaped": out,
        "#may_escape": given.t_exit_lo >= 0,
        "#doubtful": given.t_exit_lo != given.t_exit_hi,
        "#committed": given.t_commit >= 0,
        "#best": given.best <= level,
        "#final": given.value <= level,
        "#global": ends.is_global & ~lost,
        "#returned": out & (given.basin == given.start_basin),
        "#unplaced": out & (given.basin < 0) & ~lost,
    }
    if given.f_star is not None:
        events["#below_f_star"] = given.best < given.f_star
    columns = {"#n": np.bincount(codes, minlength=count)}
    columns |= {name: np.bincount(codes[event], minlength=count) for name, event in events.items()}
    columns["#inside"] = columns["#n"] - columns["#escaped"] - columns["#diverged_inside"]
    columns["#left"] = columns["#escaped"] - columns["#left_diverged"]
    ends_in = np.bincount(codes * len(STATUSES) + given.status, minlength=count * len(STATUSES))
    by_status = ends_in.reshape(count, len(STATUSES)).T
    columns |= {f"#{name}": column for name, column in zip(STATUSES, by_status, strict=True)}
    columns |= moments("#spared", steps - given.t_exit[out], codes[out], count)
    dated = ~out & (given.t_diverged >= 0)
    ended = out | dated
    until = np.where(out, given.t_exit, given.t_diverged)[ended] - steps // 2  # steps at risk in the second half
    columns["#late"] = np.bincount(codes[out & (given.t_exit > steps // 2)], minlength=count)
    watched = columns["#n"] - np.bincount(codes[ended], minlength=count)  # all the time
    late = summed(np.maximum(until, 0), codes[ended], count)
    columns["#late_steps"] = watched * (steps - steps // 2) + late
    if given.t_hit is not None:
        hit = given.t_hit >= 0
        columns["#hit"] = np.bincount(codes[hit], minlength=count)
        columns |= moments("#saved", steps - given.t_hit[hit], codes[hit], count)
    return pd.DataFrame(np.stack(list(columns.values()), axis=1), columns=list(columns))


def moments(name: str, values: Integers, codes: Integers, count: int) -> Mapping[str, Integers]:
    """Sums of the values and of their squares; budgets from 2^31 on have none (`square`)."""
    squares = values * values if values.max(initial=0) < 2**HALF else np.zeros_like(values)
    parts = {"": values, "2h": squares >> HALF, "2l": squares & (2**HALF - 1)}
    return {name + end: summed(part, codes, count) for end, part in parts.items()}


def summed(values: Integers, codes: Integers, count: int) -> Integers:
    total = np.zeros(count, np.int64)
    np.add.at(total, codes, values)
    return total


def spread(counts: pd.DataFrame, name: str, of: str, steps: int) -> Floats:
    """The sum of (value - mean)^2 over the values that were added to `moments`: as many as the column `of` says.

    Whole numbers where floats would cancel; nan for budgets whose squares are not kept.
    """
    n, total = counts[of].to_numpy(), counts[name].to_numpy()
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
