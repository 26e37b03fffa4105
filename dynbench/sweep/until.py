"""--until WIDTH: seeds go where the doubt is, so many that the interval of each p_escape is no wider.

A number of trials that depends on their outcomes makes estimates biased: one stops early where few escapes happened to
be seen.  So a pilot decides how many repeats each combination of an arm's parameters gets, and all that is told of the
run comes from a batch of so many repeats that shares no noise with any pilot: given their number they are as if it had
been asked for by --seeds.  The pilot looks at confidence sequences, which hold whenever one stops; it looks after whole
repeats of all starts: where starts differ in p, the product of (1 + b (p_i - p)) over them is at most 1 by the
inequality of the means, so the sequence's promise holds for their mean.  All of it depends on counts and on nothing
else, so equal sweeps stay equal byte for byte.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from dynbench.basins import false_labels
from dynbench.batch import Integers
from dynbench.losses.base import Loss
from dynbench.outcomes import cells as outcomes
from dynbench.outcomes.aggregate import summed
from dynbench.outcomes.sample_size import trials
from dynbench.outcomes.sequence import sequence_interval
from dynbench.sweep.grid import Plan, Rows, is_noisy
from dynbench.sweep.table import digits_of, label, varying

PILOT = 2**40  # the first repeat of pilots: more than any --seeds, so that none is one of a batch
FIRST = 128  # trials of a cell's pilot before it is looked at
PART = 4  # a pilot ends at a fourth of the trials that it asks for
MOST_SEEDS = 1_000_000  # repeats of a start
MOST_UPDATES = 100_000_000_000  # steps of all trajectories together, beyond which no seed is added
MOST_NAMED = 10  # cells named in the printed table
COUNTS = ["#n", "#escaped"]


def tally(frames: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Trajectories and escapes of each cell, with its lowest id, from the cells of aggregates."""
    return summed([frame[[c for c in outcomes.names(frame) if c[0] != "#" or c in COUNTS]] for frame in frames])[1]


def added(before: pd.DataFrame | None, now: pd.DataFrame) -> pd.DataFrame:
    return now if before is None else summed([before, now])[1]


def pursued(loss: Loss, basin: NDArray[np.int64], noisy: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which cells are to become narrow: noisy ones of false basins; of all known basins where there is no false one."""
    labels = false_labels(loss, basin)
    return noisy & (np.isin(basin, labels) if labels else basin >= 0)


def noisy_cells(table: pd.DataFrame) -> NDArray[np.bool_]:
    return ((table["temperature"] > 0) | (table["gradient_noise"] > 0)).to_numpy()


def noisy_combinations(plan: Plan) -> NDArray[np.bool_]:
    """Of all arms, one after another."""
    return np.concatenate([is_noisy(arm) for arm in plan.arms])


def wished(k: ArrayLike, n: ArrayLike, width: float) -> Integers:
    """The trials that make a fixed-n interval no wider than `width`, for the p nearest 1/2 that a pilot with k escapes
    of n leaves possible."""
    lo, hi = sequence_interval(k, n)
    return trials(np.clip(0.5, lo, hi), width)


def pilot_trials(n: Integers, wish: Integers) -> Integers:
    """How many trials a pilot of n should have in all after its next round; n itself where it is long enough."""
    enough = -(-wish // PART)
    following = np.where(n < FIRST, FIRST, np.minimum(2 * n, np.maximum(enough, n)))
    return np.where((n >= FIRST) & (n >= enough), n, following)


def decided(plan: Plan, counts: pd.DataFrame, first: Sequence[Rows], used: Integers) -> tuple[Integers, Integers]:
    """(further repeats of the pilot, repeats of the batch) of each combination of all arms.

    `counts`: the tally of a pilot whose first round was `first` and that has had `used` repeats.
    """
    assert plan.sweep.until is not None
    asked = np.concatenate([arm.repeats for arm in plan.arms])
    begins = np.concatenate([arm.first + arm.offsets[:-1] for arm in first])
    of = np.searchsorted(begins, counts["id"].to_numpy(), side="right") - 1  # every cell begins in the first round
    noisy = noisy_combinations(plan)
    chosen = pursued(plan.loss, counts["start_basin"].to_numpy(), noisy[of])
    of, n, k = of[chosen], counts["#n"].to_numpy()[chosen], counts["#escaped"].to_numpy()[chosen]
    wish, starts = wished(k, n, plan.sweep.until), n // used[of]
    batch, pilot = asked.copy(), used.copy()
    np.maximum.at(batch, of, -(-wish // starts))
    np.maximum.at(pilot, of, -(-pilot_trials(n, wish) // starts))
    batch = np.where(noisy, np.maximum(np.minimum(batch, MOST_SEEDS), asked), asked)
    pilot = np.minimum(pilot, np.maximum(-(-MOST_SEEDS // PART), used))
    most = MOST_UPDATES // (plan.sweep.steps * plan.starts)
    more = affordable(pilot - used, most // PART - int(used.sum()))
    return more, asked + affordable(batch - asked, most - int((used + asked).sum()))


def affordable(extra: Integers, left: int) -> Integers:
    """`extra`, or as much of it as is left: the smallest wishes first."""
    order = np.argsort(extra, kind="stable")
    before = np.cumsum(extra[order]) - extra[order]
    given = np.zeros_like(extra)
    given[order] = np.clip(max(left, 0) - before, 0, extra[order])
    return given


def with_seeds(table: pd.DataFrame, plan: Plan, batch: Sequence[Rows], pilot: Integers) -> pd.DataFrame:
    """The whole table of cells with the repeats that each start of theirs had, and with those of its pilot."""
    key = ["dynamics", *plan.parameters, "lr", "temperature", "gradient_noise"]
    parts = []
    for arm in batch:
        values = {name: arm.column(name) + 0.0 if name in arm.names else np.nan for name in key[1:]}
        part = pd.DataFrame(values, index=range(len(arm.repeats))).assign(seeds_used=arm.repeats)
        parts.append(part.assign(dynamics=arm.dynamics.name).astype({"dynamics": table["dynamics"].dtype}))
    seeds = pd.concat(parts, ignore_index=True).assign(pilot_seeds=pilot)
    return table.merge(seeds, on=key, how="left", validate="many_to_one")


def not_reached(table: pd.DataFrame, plan: Plan) -> list[int]:
    """Places in the table of cells that are wider than asked for."""
    assert plan.sweep.until is not None
    chosen = pursued(plan.loss, table["start_basin"].to_numpy(), noisy_cells(table))
    narrow = (table["p_escape_hi"] - table["p_escape_lo"] <= plan.sweep.until).to_numpy()
    return np.flatnonzero(chosen & ~narrow).tolist()


def words(table: pd.DataFrame, plan: Plan) -> list[str]:
    """What came of it, for a person."""
    chosen = pursued(plan.loss, table["start_basin"].to_numpy(), noisy_cells(table))
    goal = f"--until {plan.sweep.until:g}"
    if not chosen.any():
        return [f"{goal}: no cell has noise and a known basin, so more seeds would narrow nothing."]
    late = not_reached(table, plan)
    used, pilot = table["seeds_used"][chosen], table["pilot_seeds"][chosen]
    lines = [
        f"{goal}: {int(chosen.sum()) - len(late)} of {int(chosen.sum())} noisy cells are as narrow as that, after"
        f" {span(used)} seeds a start.",
        f"How many was decided by a pilot of {span(pilot)} other seeds, of which nothing is counted here.",
    ]
    names = varying(table, plan.parameters)
    places = digits_of(table, names)
    for place in late[:MOST_NAMED]:
        cell = table.iloc[place]
        rule = str(cell["dynamics"])
        lines.append(
            f"not reached: {label(cell, names[rule], places[rule])}, basin {cell['start_basin']}: width"
            f" {cell['p_escape_hi'] - cell['p_escape_lo']:.3g} after {cell['seeds_used']} seeds"
        )
    if late:
        lines += [f"and {len(late) - MOST_NAMED} more"] if len(late) > MOST_NAMED else []
        lines.append(
            f"(by chance, or as a start has at most {MOST_SEEDS:.0e} seeds, a run at most {MOST_UPDATES:.0e} updates)"
        )
    return lines


def span(values: pd.Series) -> str:
    """162 to 201."""
    least, most = values.min(), values.max()
    return f"{least}" if least == most else f"{least} to {most}"
