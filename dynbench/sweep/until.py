"""--until WIDTH: seeds are added where the doubt is, until the confidence sequence of p_escape is narrower.

How many a combination of an arm's parameters gets depends on what has been counted and on nothing else, so equal
sweeps stay equal byte for byte.  One looks after whole repeats of all starts: where starts differ in p, the product of
(1 + b (p_i - p)) over them is at most 1 by the inequality of the means, so the sequence's promise holds for their mean.
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dynbench.basins import false_labels
from dynbench.batch import Integers
from dynbench.losses.base import Loss
from dynbench.outcomes import cells as outcomes
from dynbench.outcomes.aggregate import summed
from dynbench.outcomes.sequence import needed, sequence_interval
from dynbench.sweep.grid import Plan
from dynbench.sweep.table import label, varying

MOST_SEEDS = 1_000_000  # repeats of a start
MOST_UPDATES = 100_000_000_000  # steps of all trajectories together, beyond which no seed is added
MOST_NAMED = 10  # cells named in the printed table
COUNTS = ["#n", "#escaped"]


def tally(frames: Iterable[pd.DataFrame], context: outcomes.Context, by_start: bool) -> pd.DataFrame:
    """Trajectories and escapes of each cell, with its lowest id, from chunks of rows or of aggregates."""
    parts: list[pd.DataFrame] = []
    for frame in frames:
        key = outcomes.key(frame, context, by_start)
        if "#n" in frame:
            parts.append(frame[[*key, "id", *COUNTS]])
            continue
        codes, table = outcomes.grouped(frame, key)
        escaped = (frame["t_exit"] >= 0).to_numpy()
        counts = {
            "#n": np.bincount(codes, minlength=len(table)),
            "#escaped": np.bincount(codes[escaped], minlength=len(table)),
        }
        parts.append(table.assign(**counts))
    return summed(parts)[1]


def added(before: pd.DataFrame | None, now: pd.DataFrame) -> pd.DataFrame:
    return now if before is None else summed([before, now])[1]


def pursued(loss: Loss, basin: NDArray[np.int64], noisy: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which cells are to become narrow: noisy ones of false basins; of all known basins where there is no false one."""
    labels = false_labels(loss, basin)
    return noisy & (np.isin(basin, labels) if labels else basin >= 0)


def further(plan: Plan, counts: pd.DataFrame, used: Integers) -> Integers:
    """How many repeats more each combination of all arms gets in the next round; `used` it has."""
    noisy = np.concatenate([(arm.column("temperature") > 0) | (arm.column("gradient_noise") > 0) for arm in plan.arms])
    begins = np.concatenate([arm.first + arm.offsets[:-1] for arm in plan.arms])
    of = np.searchsorted(begins, counts["id"].to_numpy(), side="right") - 1  # every cell begins in the first stage
    chosen = pursued(plan.loss, counts["start_basin"].to_numpy(), noisy[of])
    of, n, k = of[chosen], counts["#n"].to_numpy()[chosen], counts["#escaped"].to_numpy()[chosen]
    assert plan.sweep.until is not None
    total, starts = needed(k, n, plan.sweep.until), n // used[of]
    wanted = used.copy()
    np.maximum.at(wanted, of, -(-total // starts))
    return affordable(np.maximum(np.minimum(wanted, MOST_SEEDS) - used, 0), used, plan)


def affordable(extra: Integers, used: Integers, plan: Plan) -> Integers:
    """`extra`, or as much of it as MOST_UPDATES leaves: the smallest wishes first."""
    left = max(MOST_UPDATES // (plan.sweep.steps * plan.starts) - int(used.sum()), 0)
    order = np.argsort(extra, kind="stable")
    before = np.cumsum(extra[order]) - extra[order]
    given = np.zeros_like(extra)
    given[order] = np.clip(left - before, 0, extra[order])
    return given


def with_sequence(table: pd.DataFrame) -> pd.DataFrame:
    """The table of cells with the interval that may be looked at after every round; nan where no noise is."""
    known = table["p_escape"].notna() & (table["randomness"] == "noise")
    lo, hi = sequence_interval(table["escaped"].where(known, 0), table["n"].where(known, 0))
    return table.assign(p_seq_lo=np.where(known, lo, np.nan), p_seq_hi=np.where(known, hi, np.nan))


def with_seeds(table: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """The whole table of cells with the repeats that each start of theirs had."""
    key = ["dynamics", *plan.parameters, "lr", "temperature", "gradient_noise"]
    return table.assign(seeds_used=table.groupby(key, dropna=False)["n"].transform("sum") // plan.starts)


def not_reached(table: pd.DataFrame, plan: Plan) -> list[int]:
    """Places in the table of cells that are still too wide: the limits on seeds or on updates came first."""
    assert plan.sweep.until is not None
    chosen = pursued(plan.loss, table["start_basin"].to_numpy(), (table["randomness"] == "noise").to_numpy())
    wide = (table["p_seq_hi"] - table["p_seq_lo"] > plan.sweep.until).to_numpy()
    return np.flatnonzero(chosen & wide).tolist()


def words(table: pd.DataFrame, plan: Plan) -> list[str]:
    """What came of it, for a person."""
    chosen = pursued(plan.loss, table["start_basin"].to_numpy(), (table["randomness"] == "noise").to_numpy())
    goal = f"--until {plan.sweep.until:g}"
    if not chosen.any():
        return [f"{goal}: no cell has noise and a known basin, so more seeds would narrow nothing."]
    late = not_reached(table, plan)
    used = table["seeds_used"][chosen]
    lines = [
        f"{goal}: {int(chosen.sum()) - len(late)} of {int(chosen.sum())} noisy cells are as narrow as that, after"
        f" {used.min()} to {used.max()} seeds a start; [95%] is the confidence sequence's."
    ]
    names = varying(table, plan.parameters)
    for place in late[:MOST_NAMED]:
        cell = table.iloc[place]
        lines.append(
            f"not reached: {label(cell, names[str(cell['dynamics'])])}, basin {cell['start_basin']}: width"
            f" {cell['p_seq_hi'] - cell['p_seq_lo']:.3g} after {cell['seeds_used']} seeds"
        )
    if late:
        lines += [f"and {len(late) - MOST_NAMED} more"] if len(late) > MOST_NAMED else []
        lines.append(f"(a start has at most {MOST_SEEDS:.0e} seeds, a run at most {MOST_UPDATES:.0e} updates)")
    return lines
