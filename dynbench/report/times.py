"""Times of escape and to the target: a table of each arm's, in steps and in ODE time, with the pictures beside it."""

from math import isfinite, isnan

import numpy as np
import pandas as pd

from dynbench.losses.base import Loss
from dynbench.outcomes.cells import is_start
from dynbench.outcomes.outward import DOWN, NEAREST, UP, written
from dynbench.outcomes.runtime import converted, running_time
from dynbench.outcomes.summary import UNKNOWN
from dynbench.outcomes.survival import Estimate, mean_time, median_time
from dynbench.report import arms, figures
from dynbench.report.escapes import Sample, needed, sample
from dynbench.report.facts import facts_of
from dynbench.report.hazards import hazards, late
from dynbench.report.section import Section, Table
from dynbench.report.solved import solved_shares
from dynbench.report.style import Picture
from dynbench.report.words import real
from dynbench.store import Run

COLUMNS = {  # of cells.csv: what they are called here, and what stands where there is no number
    "t_exit_median": ("median escape [95%]", "not reached"),
    "t_exit_mean": ("restricted mean [95%]", "–"),
    "late_hazard": ("late hazard [95%]", "nobody left"),
    "running_time": ("running time to the first target [95%]", "not reached"),
}
DEFINITIONS = (
    "Median escape: by when half of all runs had left their start's basin; one that diverges before never does. `Not "
    "reached`: fewer did within the budget; a limit `≥` is the lower one where there is no upper one.",
    "Restricted mean: the mean of min(T, N), T the exit (never, for those that diverge inside), N the budget; it "
    "exists whether all escape or not.",
    "Late hazard: exits a step at risk in the last half of the budget, at risk being a step up to the exit or the "
    "divergence; `nobody left`: there was no such step.",
    "Running time: what a success costs if failures are begun anew: the steps of all runs, each failure's being its "
    "whole budget, over the number of successes.",
    "Intervals of restricted means and running times allow for failures that were not seen: of n runs that all "
    "succeeded, up to 3.7/n may fail in the long run, each at its whole budget.",
    "A step takes one gradient evaluation, and seeing a target hit takes the loss as well, also at the start. ODE time "
    "is h · steps, and a hazard is then one in a unit of it.",
)


def sections(run: Run, loss: Loss | None, most: int) -> list[Section]:
    """The section, with no more than `most` rows in a table; nothing where nothing is known of times.

    The numbers are the summary's; the pictures need trajectories.
    """
    steps = figures.budget(run)
    rows = figures.read(run, needed)
    found = None if rows is None else sample(rows, loss)
    made, names = settings(run, found)
    where = begun_in(run) if found is None else found.where
    pictures: list[Picture] = []
    if found is not None:
        targets = [real(t) for t in run.manifest.get("sweep", {}).get("targets", [])]
        drawn = (hazards(found, steps, facts_of(run)), solved_shares(found, steps, targets))
        pictures = [picture for picture in drawn if picture is not None]
    if not len(made) or made[[*COLUMNS]].isna().all(axis=None):
        return []
    return [Section("Times", items=DEFINITIONS, pictures=pictures, tables=tables(made, names, where, most))]


def measured(found: Sample, steps: int, target: bool = True) -> pd.DataFrame:
    """Each arm's settings, `n` and COLUMNS with _lo and _hi, in steps; nan: not reached, or not known.

    `target`: whether Lmin is known.  The steps of a run that diverges count as at risk up to there, if that was
    recorded, and else to the budget.
    """
    count = len(found.table)
    estimates: dict[str, Estimate] = {
        "t_exit_median": median_time(found.t_exit, steps, found.arm, count),
        "t_exit_mean": mean_time(found.t_exit, steps, found.arm, count),
        "late_hazard": late(found.t_exit, found.until(steps), steps, found.arm, count),
    }
    if found.hits:
        ran = running_time(found.rows[found.hits[0]].to_numpy(), steps, found.arm, count)
        estimates["running_time"] = (ran.mean, ran.lo, ran.hi)
    known = dict.fromkeys(COLUMNS, found.known) | {"running_time": target}
    return with_estimates(found, {name: told for name, told in estimates.items() if known[name]})


def with_estimates(found: Sample, estimates: dict[str, Estimate]) -> pd.DataFrame:
    """The arms, their numbers of runs and these estimates; no limits where nothing is random.

    Times of exits are nan where these are known between bounds only.
    """
    columns = {f"{name}{end}": np.full(len(found.table), np.nan) for name in COLUMNS for end in ("", "_lo", "_hi")}
    for name, (value, lo, hi) in estimates.items():
        known = (name == "running_time") | ~found.doubtful
        limits = known & found.random
        columns[name] = np.where(known, value, np.nan)
        columns[f"{name}_lo"], columns[f"{name}_hi"] = np.where(limits, lo, np.nan), np.where(limits, hi, np.nan)
    return found.table.assign(n=found.count, **columns)


def settings(run: Run, found: Sample | None) -> tuple[pd.DataFrame, list[str]]:
    """(rows with COLUMNS, their names): the run's summary; where that has a row for every start, the settings of the
    trajectories, if these were kept."""
    table = run.summary()
    starts = [c for c in map(str, table.columns) if is_start(c)]
    if starts and found is not None:
        return measured(found, figures.budget(run), bool(run.cells["p_final"].notna().any())), found.names
    if not set(COLUMNS) <= set(table.columns):
        return pd.DataFrame(), []
    names = arms.names(table)
    if starts:
        points = table[starts].to_numpy(float).tolist()
        names = [f"{n}, from {', '.join(map(arms.number, x))}" for n, x in zip(names, points, strict=True)]
    return table, names


def begun_in(run: Run) -> str:
    """Which starts the summary is about."""
    kind = str(run.summary()["start_kind"].iloc[0])
    return "all starts" if kind == UNKNOWN else f"starts in basins of {kind}"


def tables(made: pd.DataFrame, names: list[str], where: str, most: int) -> list[Table]:
    """In steps, and folded away the same in ODE time."""
    shown = [c for c in COLUMNS if made[[c, f"{c}_lo", f"{c}_hi"]].notna().any(axis=None)]
    if "t_exit_mean" in shown:  # escapes are known, even if no median is reached
        shown = ["t_exit_median", *(c for c in shown if c != "t_exit_median")]
    more = f" (the first {most} of {len(made)})" if len(made) > most else ""
    heads = ["rule", "n", *(COLUMNS[c][0] for c in shown)]

    def body(unit: str) -> list[list[str]]:
        rows = zip(names, made.head(most).to_dict("records"), strict=False)
        return [[name, str(int(row["n"])), *(told(row, c, unit) for c in shown)] for name, row in rows]

    return [
        Table(f"In steps, that is in gradient evaluations; {where}{more}", heads, body("steps")),
        Table(f"The same in ODE time, h · steps{more}", heads, body("time"), folded=True),
    ]


def told(row: dict, column: str, unit: str) -> str:
    """A value with its limits in that unit: 933 [890, 977], 1500 [1400, not reached], not reached [≥ 2310].

    `not known` where exits are known between bounds only: else there always is a restricted mean.
    """
    if column != "running_time" and isnan(row["t_exit_mean"]):
        return "not known"
    ends = [float(row[column + end]) for end in ("", "_lo", "_hi")]
    if column == "late_hazard":
        ends = [rate / float(converted(1, unit, row["lr"])) for rate in ends]
    else:
        ends = [float(converted(time, unit, row["lr"])) for time in ends]
    missing = COLUMNS[column][1]
    ways = zip(ends, (NEAREST, DOWN, UP), strict=True)
    value, lo, hi = (arms.number(float(written(end, ".4g", way))) if isfinite(end) else missing for end, way in ways)
    if isfinite(ends[0]):
        return f"{value} [{lo}, {hi}]" if isfinite(ends[1]) else value
    return f"{value} [≥ {lo}]" if ends[1] > 0.0 else value
