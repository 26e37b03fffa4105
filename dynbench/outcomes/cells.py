"""From trajectories to cells: probabilities with intervals, times, endings, of all that differ by chance only.

A cell is loss x rule x parameters x lr x temperature x gradient_noise x start basin (x start, where asked for).
There are two ways to the same table: `cells` here takes rows of trajectories, `aggregate.estimates` takes integers to
which they were added up.  Cells stand in order of their lowest `id`, whatever the order of rows and chunks.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from dynbench import basins
from dynbench.batch import Floats, Integers
from dynbench.losses.base import Loss
from dynbench.outcomes import medians, times
from dynbench.outcomes.counts import Trajectories, counted
from dynbench.outcomes.intervals import share_between
from dynbench.outcomes.randomness import LAWS, randomness

READ = ["id", "status", "t_exit", "t_commit", "loss_final", "loss_best", "basin_final"]
PARTITION = ["inside", "left", "left_diverged", "diverged_inside"]  # of n; see `cells`
ENDS = ["converged", "absorbed", "cycling", "stalled", "diverged", "censored"]


@dataclass(frozen=True)
class Context:
    """What the rows do not tell."""

    steps: int  # budget of every trajectory
    minimum_value: float = np.nan  # Lmin; nan: not known
    targets: tuple[float, ...] = (1e-3,)  # above Lmin; the first makes p_best and p_final
    starts: str = "grid"  # how they were drawn: grid, uniform, or point (a single one); or `randomness` in full
    parameters: tuple[str, ...] = ()  # columns of the rules' and the loss's parameters
    repeated: bool = True  # whether noisy starts ran with several seeds each
    loss: Loss | None = None  # says which basins are global ones; None: only the one labelled 0 is

    @property
    def base(self) -> float:
        """What histograms of the loss are taken above: Lmin, or 0 where it is not known."""
        return 0.0 if np.isnan(self.minimum_value) else self.minimum_value

    @property
    def level(self) -> float:
        """What L must reach to be a success: Lmin + first target; nan where it is not known."""
        return self.minimum_value + (self.targets[0] if self.targets else np.nan)


def cells(frames: pd.DataFrame | Iterable[pd.DataFrame], context: Context, by_start: bool = False) -> pd.DataFrame:
    """The table of cells from rows of trajectories, in one frame or several; medians are exact.

    * What became of n trajectories, a partition: `inside` never stood outside the start's basin and did not diverge;
      `left` stood outside after some step and did not diverge; `left_diverged` stood outside and diverged later;
      `diverged_inside` diverged without having stood outside.  A step that ends in divergence is no exit.
    * `escaped` = left + left_diverged, whatever came later; p_escape = escaped/n.  `committed` counts t_commit >= 0.
      All of these are nan where the start basin is not known (-1).  In cells of a global basin they tell of leaving it.
    * Where exits are known between bounds only (t_exit_lo, t_exit_hi), outside means certainly outside in all of
      these; where more may have left, p_escape is nan and lies between its limits, which are those of the smallest and
      of the largest count; where some row's bounds differ, times of exits are nan.
    * `unknown`: ends, not diverged, of which no basin is known.  p_global: ends in the basin of a global minimum (ties
      count, the diverged do not)/n; where `unknown` > 0 it is nan and lies between its limits.
    * `t_exit_median`: in steps; those that did not escape count as later than the budget.  The middle time or the mean
      of the two middle ones; the last one where exactly half escaped; nan where fewer did.  `t_exit_median_escaped`:
      of those that did.
    * p_best, p_final: lowest and last L <= Lmin + first target.  nan, like p_global, where Lmin is unknown.
    * converged ... censored: numbers of trajectories.  `loss_median`: of the last L, where not a number counts as inf.
    * `below_f_star`, where a rule of the run subtracts f_star from L: trajectories that met L < f_star.
    * further times and how many came back: see `times`.
    * *_lo, *_hi: 95 % intervals (see `interval`) over what `randomness` names (see there).
    """
    parts = [frames] if isinstance(frames, pd.DataFrame) else frames
    needed = [part[[*key(part, context, by_start), *READ, *further(part, context)]] for part in parts]
    frame = pd.concat(needed, ignore_index=True)
    codes, table = grouped(frame, key(frame, context, by_start))
    given = Trajectories.of(frame, ends_of(frame, context.loss))
    counts = counts_of(given, codes, table, context)
    middles = medians.exact(given.t_exit, given.loss, context.steps, codes, len(table))
    return finished(table, counts, middles, context)


def finished(table: pd.DataFrame, counts: pd.DataFrame, middles: medians.Medians, context: Context) -> pd.DataFrame:
    """The table of cells from their keys, counts and medians."""
    n, basin = counts["#n"].to_numpy(), table["start_basin"].to_numpy()
    known, target = basin >= 0, np.full(len(table), not np.isnan(context.minimum_value))
    by_start = any(is_start(c) for c in names(table))
    alone = (n == 1) & (LAWS.get(context.starts, context.starts) == "grid starts") | by_start
    noisy = ((table["temperature"] > 0) | (table["gradient_noise"] > 0)).to_numpy()
    over = "point" if by_start else context.starts
    kinds = pd.Series(randomness(noisy, alone, over, context.repeated), dtype="str")
    columns: dict[str, ArrayLike] = {c: table[c] for c in names(table) if c not in ("id", "start_basin")}
    columns |= {"steps": np.full(len(table), context.steps, np.int64), "start_basin": basin}
    random, count = (kinds != "none").to_numpy(), {c: counts[c].to_numpy() for c in names(counts)}
    columns |= {"randomness": kinds, "n": n}
    columns |= {name: integers(counts[f"#{name}"], known) for name in PARTITION}
    columns |= {"unknown": count["#unknown"], "escaped": integers(counts["#escaped"], known)}

    def share(name: str, least: Integers, most: Integers, where: NDArray[np.bool_]) -> None:
        p, lo, hi = share_between(least, most, n)
        columns[name] = np.where(where, p, np.nan)
        for end, limit, k in (("_lo", lo, least), ("_hi", hi, most)):
            bound = np.where(least != most, k / n, np.nan)  # where nothing is random, and yet it is not known
            columns[name + end] = np.where(where, np.where(random, limit, bound), np.nan)

    share("p_escape", count["#escaped"], count["#may_escape"], known)
    timed = known & (count["#doubtful"] == 0)
    columns |= {t: np.where(timed, middles[t], np.nan) for t in ("t_exit_median", "t_exit_median_escaped")}
    columns["committed"] = integers(counts["#committed"], known)
    share("p_best", count["#best"], count["#best"], target)
    share("p_final", count["#final"], count["#final"], target)
    columns |= {name: count[f"#{name}"] for name in ENDS}
    share("p_global", count["#global"], count["#global"] + count["#unknown"], target)
    if "#below_f_star" in count:
        columns["below_f_star"] = integers(counts["#below_f_star"], table["f_star"].notna().to_numpy())
    columns["loss_median"] = middles["loss_median"]
    limits = middles["t_exit_median_lo"], middles["t_exit_median_hi"]
    came_back = known & (count["#unplaced"] == 0)
    of_times = times.times(counts, limits, context.steps, timed, random, target)
    return pd.DataFrame(columns | of_times | {"returned": integers(counts["#returned"], came_back)})


def counts_of(given: Trajectories, codes: Integers, table: pd.DataFrame, context: Context) -> pd.DataFrame:
    """The columns of `counts` for the cells of `table`."""
    ends = basins.kinds(context.loss, given.basin, given.x)
    return counted(given, codes, len(table), context.steps, context.level, ends)


def further(frame: pd.DataFrame, context: Context) -> list[str]:
    """Columns that are read where they are there, beside those of READ."""
    ends = coordinates_of(frame) if basins.wraps(context.loss) else []
    return [*(c for c in ("t_exit_lo", "t_exit_hi", "t_diverged", "t_hit", "t_hit_0") if c in frame), *ends]


def coordinates_of(frame: pd.DataFrame) -> list[str]:
    """The columns of the last x."""
    if "x_final" in frame:
        return ["x_final"]
    numbers = sorted(int(c[8:]) for c in names(frame) if c.startswith("x_final_") and c[8:].isdigit())
    return [f"x_final_{d}" for d in numbers]


def ends_of(frame: pd.DataFrame, loss: Loss | None) -> Floats | None:
    """The last x (dim, n), where labels alone do not tell basins and it was kept; else None."""
    columns = coordinates_of(frame) if basins.wraps(loss) else []
    return np.ascontiguousarray(frame[columns].to_numpy(float).T) if columns else None


def key(frame: pd.DataFrame, context: Context, by_start: bool) -> list[str]:
    """Columns that make a cell."""
    start = [c for c in names(frame) if is_start(c)] if by_start else []
    return ["loss", "dynamics", *start, *context.parameters, "lr", "temperature", "gradient_noise", "start_basin"]


def is_start(column: str) -> bool:
    return column == "x0" or column.startswith("x0_")


def grouped(frame: pd.DataFrame, key: list[str]) -> tuple[Integers, pd.DataFrame]:
    """(the cell of each row, the cells' keys and lowest ids), in order of that id; nan equals nan, -0 equals 0."""
    first = run_starts(frame, key)
    length = np.diff(first, append=len(frame))
    runs, codes = frame[key].iloc[first], np.zeros(len(first), np.int64)
    for name in key:
        part, values = pd.factorize(runs[name], use_na_sentinel=False)
        if len(values) > 1:
            codes = pd.factorize(codes * len(values) + part)[0]
    count = int(codes.max(initial=-1)) + 1
    lowest, row = np.full(count, np.iinfo(np.int64).max), np.zeros(count, np.int64)
    np.minimum.at(lowest, np.repeat(codes, length), frame["id"].to_numpy(np.int64))
    row[codes] = first  # any of the cell's rows
    order = np.argsort(lowest)
    table = frame[key].iloc[row[order]].reset_index(drop=True)
    types = {"loss": "str", "dynamics": "str", "start_basin": "int64"}
    table = table.astype({c: types.get(c, "float64") for c in key})
    numbers = [c for c in key if c not in types]
    table[numbers] += 0.0  # -0 becomes 0
    return np.repeat(np.argsort(order)[codes], length), table.assign(id=lowest[order])


def run_starts(frame: pd.DataFrame, key: list[str]) -> Integers:
    """The first row of each run of rows with the same key: rows of one cell stand together for the most part."""
    begins = np.ones(len(frame), bool)
    begins[1:] = False
    for name in key:
        column = frame[name]
        values = column.to_numpy() if column.dtype.kind in "if" else pd.factorize(column, use_na_sentinel=False)[0]
        begins[1:] |= (values[1:] != values[:-1]) & ((values[1:] == values[1:]) | (values[:-1] == values[:-1]))
    return np.flatnonzero(begins)


def integers(counts: pd.Series, known: NDArray[np.bool_]) -> pd.Series:
    """int64, or float64 with nan where some are not known: as a CSV reader has it."""
    return counts if known.all() else counts.where(known)


def names(frame: pd.DataFrame) -> list[str]:
    return [str(c) for c in frame.columns]
