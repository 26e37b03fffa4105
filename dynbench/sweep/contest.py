"""Two arms of stored runs against each other: whether their trajectories are pairs, and what the tests say."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from math import nan
from typing import Any

import numpy as np
import pandas as pd

from dynbench.basins import false_labels
from dynbench.losses.base import Loss
from dynbench.outcomes.cells import is_start
from dynbench.outcomes.compare import holm, log_rank, matched, paired
from dynbench.outcomes.independent import fisher, score
from dynbench.outcomes.success import VALUES
from dynbench.sweep.side import SUCCESS, Side

MANY = 12  # start basins beyond which only pooled ones are told
Group = tuple[
    int | None, str, Callable[[pd.DataFrame], pd.Series]
]  # (start basin or None, words if pooled, which rows)
PAIRS = (
    "Pairs: the same start and the same noise (a run without noise is the partner of every seed from there); Tango's "
    "interval, exact McNemar test."
)
SAMPLES = "Independent samples ({why}): score interval (Mee's, corrected for continuity), Fisher's exact test{times}."
TIMES = "; log-rank: z > 0 where a escapes earlier, all that never did being at risk to their budget"
STARTS = "No noise on either side: what is random is the start; given starts are taken as if they had been drawn."
SHARED = "With several seeds from each start, what is said holds for these starts."
DOUBTFUL = "Exits are known between bounds only: those that are certain count, and {doubtful} runs more may have left."
NOTHING = "From a single start without noise nothing is random, and nothing is tested."


@dataclass(frozen=True)
class Contest:
    """Columns of `table`: start_basin and pooled (one of the two is empty), n_a, n_b, p_a, p_b, difference, lo, hi,
    only_a, only_b (pairs), p, p_holm (over the basins), log_rank_z, log_rank_p (independent samples, escapes)."""

    paired: bool
    test: str
    table: pd.DataFrame
    notes: tuple[str, ...]


def contest(a: Side, b: Side, on: str, loss: Loss) -> Contest:
    """The comparison, basin by basin and pooled.  Raises ValueError for what cannot be compared."""
    budgets = budgets_of(a, b, on)
    pairs, why = pairs_of(a, b)
    first, second = pairs or (a.rows, b.rows)
    times = budgets if on == "escape" else None
    made = []
    for basin, pooled, own in groups(first, second, on, loss):
        parts = first[own(first)], second[own(second)]
        found = of_pairs(*parts) if pairs else of_samples(*parts, times)
        made.append({"start_basin": basin, "pooled": pooled} | found)
    labels = pd.Series([row["start_basin"] for row in made], dtype="Int64")  # as floats some beyond 2^53 are one
    table = pd.DataFrame(made).assign(start_basin=labels)
    single = (table["n_a"] == 1) & (table["n_b"] == 1) & a.quiet & b.quiet
    table.loc[single, ["lo", "hi", "p"]] = nan
    basins = (table["pooled"] == "").to_numpy()
    several = basins.sum() > 1
    table["p_holm"] = holm(table["p"].where(basins)) if several else nan
    notes = [PAIRS if pairs else SAMPLES.format(why=why, times=TIMES if times else "")]
    if budgets[0] != budgets[1]:
        notes.append(f"The budgets differ: {budgets[0]} steps for a, {budgets[1]} for b.")
    if pairs and a.quiet == b.quiet and len(first) < max(len(a.rows), len(b.rows)):
        notes.append(f"Of {len(a.rows)} runs of a and {len(b.rows)} of b, {len(first)} have a partner.")
    doubtful = sum(doubts(side.rows) for side in (a, b)) if on == "escape" else 0
    if doubtful:
        notes.append(DOUBTFUL.format(doubtful=doubtful))
    if single.all():
        notes.append(NOTHING)
    elif a.quiet and b.quiet:
        notes.append(STARTS)
    elif any(side.rows.duplicated([c for c in side.rows if is_start(str(c))]).any() for side in (a, b)):
        notes.append(SHARED)
    if several:
        notes.append(f"Holm p: adjusted for the {basins.sum()} start basins.")
    return Contest(pairs is not None, "McNemar p" if pairs else "Fisher p", table, tuple(notes))


def doubts(rows: pd.DataFrame) -> int:
    """How many may have left their start's basin, but not certainly."""
    return int(((rows["t_exit_lo"] >= 0) & (rows["t_exit"] < 0)).sum()) if "t_exit_lo" in rows else 0


def budgets_of(a: Side, b: Side, on: str) -> tuple[int, int]:
    """Steps of both; ValueError for sides that cannot be compared."""
    first, second = a.run.manifest, b.run.manifest
    if a.run.directory.resolve() == b.run.directory.resolve() and a.named == b.named:
        raise ValueError("--a and --b name the same settings of the same run")
    if loss_told(first) != loss_told(second):
        raise ValueError(f"{a.run.name} and {b.run.name} are runs on different losses: they cannot be compared")
    if on in VALUES and first["sweep"]["targets"][0] != second["sweep"]["targets"][0]:
        raise ValueError(f"the first targets of {a.run.name} and {b.run.name} differ, so `{on}` means two things")
    return int(first["sweep"]["steps"]), int(second["sweep"]["steps"])


def loss_told(manifest: Mapping[str, Any]) -> Any:
    """The loss of a run: the digest of its definition, or, in an old manifest, what it tells of it."""
    return manifest["sweep"].get("definitions", {}).get("loss") or manifest["loss"]


def pairs_of(a: Side, b: Side) -> tuple[tuple[pd.DataFrame, pd.DataFrame] | None, str]:
    """(the rows of equal start and seed, side by side, or None; why there are none).

    Equal master seeds make equal noise; without noise on either side an equal start is enough.
    """
    seeds = [side.run.manifest["sweep"]["seed"] for side in (a, b)]
    if seeds[0] != seeds[1] and not (a.quiet and b.quiet):
        return None, f"master seeds {seeds[0]} and {seeds[1]}"
    try:
        return matched(a.rows, b.rows), ""
    except ValueError:
        return None, "no start and seed in common"


def groups(a: pd.DataFrame, b: pd.DataFrame, on: str, loss: Loss) -> list[Group]:
    """Every start basin that both sides have, if they are not too many; and the pooled ones."""
    labels = sorted(set(a["start_basin"]) & set(b["start_basin"]))
    if not labels:
        raise ValueError("the two have no start basin in common")
    false = false_labels(loss, labels)

    def among(wanted: list[int], rows: pd.DataFrame) -> pd.Series:
        return rows["start_basin"].isin(wanted)

    made: list[Group] = [(int(k), "", partial(among, [k])) for k in labels] if len(labels) <= MANY else []
    if len(false) > 1:
        made.append((None, f"{len(false)} false minima together", partial(among, false)))
    if not made or (len(labels) > max(len(false), 1) and (on in VALUES or not false)):
        made.append((None, "all starts together", partial(among, labels)))
    return made


def of_pairs(a: pd.DataFrame, b: pd.DataFrame) -> dict[str, Any]:
    found = paired(a[SUCCESS], b[SUCCESS])
    return {
        "n_a": int(found.n[0]), "n_b": int(found.n[0]), "p_a": found.p_a[0], "p_b": found.p_b[0],
        "difference": found.difference[0], "lo": found.lo[0], "hi": found.hi[0], "only_a": int(found.only_a[0]),
        "only_b": int(found.only_b[0]), "p": found.p_value[0], "log_rank_z": nan, "log_rank_p": nan,
    }  # fmt: skip


def of_samples(a: pd.DataFrame, b: pd.DataFrame, budgets: tuple[int, int] | None) -> dict[str, Any]:
    """With the log-rank test of the escape times where budgets are given."""
    counts = int(a[SUCCESS].sum()), len(a), int(b[SUCCESS].sum()), len(b)
    lo, hi = score(*counts)
    p_a, p_b = counts[0] / counts[1], counts[2] / counts[3]
    z, p = nan, nan
    if budgets and counts[0] + counts[2] > 0:
        z, p = log_rank(a["t_exit"], np.full(len(a), budgets[0]), b["t_exit"], np.full(len(b), budgets[1]))
    return {
        "n_a": counts[1], "n_b": counts[3], "p_a": p_a, "p_b": p_b, "difference": p_a - p_b, "lo": float(lo),
        "hi": float(hi), "only_a": nan, "only_b": nan, "p": float(fisher(*counts)[0]), "log_rank_z": z, "log_rank_p": p,
    }  # fmt: skip
