"""A run in words: what was run, what was found, how to repeat it.  Every sentence is computed from the tables."""

from collections.abc import Mapping
from math import isfinite, nan
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd

from dynbench.losses.base import Loss
from dynbench.outcomes import randomness
from dynbench.outcomes.outward import DOWN, UP
from dynbench.report import arms, curves
from dynbench.report.facts import UNKNOWN, Facts
from dynbench.report.trapped import POOLED, origin, trapped
from dynbench.store import Run
from dynbench.sweep.table import NO_BASIN, NO_FALSE

ENOUGH = 5.0  # n p (1 - p) from which z is judged by the normal law
BOUNDED = "Exits from false minima are known between bounds only: P(escape) is an interval, and stands in the tables."
AVERSION = 0.01  # share of diverging runs that is worth a sentence


def real(value: Any) -> float:
    """A number of the manifest, which writes floats exactly, as hexadecimal text."""
    return float.fromhex(value) if isinstance(value, str) else float(value)


def what(run: Run) -> list[str]:
    """What was run."""
    told, sweep = run.manifest.get("loss") or {}, run.manifest.get("sweep") or {}
    cells = run.cells
    dim = f" in {told['dim']} dimensions" if (told.get("dim") or 1) > 1 else ""
    sentences = [f"Loss {told.get('name', cells['loss'].iloc[0])}{dim}: L = {told.get('formula', 'not told')}"]
    sentences[0] += f" ({told['source']})." if told.get("source") else "."
    starts = run.manifest.get("starts_in_words") or sweep.get("starts")
    if starts:
        sentences.append(f"Starts: {starts}.")
    rules = ", ".join(dict.fromkeys(cells["dynamics"].astype(str)))
    steps = "; ".join(str(int(s)) for s in sorted(cells["steps"].unique()))
    lrs = [arms.number(float(lr)) for lr in sorted(cells["lr"].unique())]
    lr = f"step h = {lrs[0]}" if len(lrs) == 1 else f"{len(lrs)} steps h from {lrs[0]} to {lrs[-1]}"
    sentences.append(f"Rules: {rules}. Each trajectory: {steps} steps, {lr}.")
    own = sorted({tuple(path.split("/")[1:3]) for path in run.manifest.get("files", [])})
    if own:  # such a name may be one of dynbench's as well
        named = (f"{'loss' if kind == 'losses' else 'rule'} {name.removesuffix('.py')}" for kind, name in own)
        sentences.append(f"From files that are kept with the run, not from dynbench: {', '.join(named)}.")
    seeds = sweep.get("seeds", 1)
    if seeds != 1:
        sentences.append(f"Noisy rules repeat every start {seeds} times.")
    if "until" in sweep:
        sentences.append(
            f"How often noisy rules repeat every start was decided by a pilot of other seeds, so that the interval of"
            f" P(escape) is no wider than {arms.number(real(sweep['until']))}; nothing here is made of the pilot."
        )
    if sweep.get("targets"):
        sentences.append(f"The first target is L - Lmin ≤ {arms.number(real(sweep['targets'][0]))}.")
    sentences += randomness.sentences(cells["randomness"].astype(str))
    return [" ".join(sentences[:1]), " ".join(sentences[1:])]


def findings(cells: pd.DataFrame, loss: Loss | None, facts: Facts = UNKNOWN) -> list[str]:
    """What the table of cells shows about starts in false minima, a sentence or two each."""
    false, places = trapped(cells, loss)
    bounded = len(trapped(cells, loss, bounded=True)[0]) - len(false)
    if not len(false):
        return [BOUNDED if bounded else NO_FALSE if (cells["start_basin"] >= 0).any() else NO_BASIN]
    lines = list(curves.lines(false, "cap", loss, facts))[: curves.LINES]
    differ = [c for c in arms.varying(pd.concat([rows for _, rows in lines])) if c != "cap"] if lines else []
    told = [thresholds(row, rows, differ, curves.limit_of(row, loss, facts), places) for row, rows in lines]
    told += best(false, "p_final", "ends within the first target of the global minimum", places)
    told += best(false, "p_escape", "leaves the start's basin", places)
    still = [str(rule) for rule, rows in false.groupby("dynamics", sort=True) if not rows["escaped"].sum()]
    if still:
        runs = int(false.loc[false["dynamics"].isin(still), "n"].sum())
        told.append(f"Never seen to escape, in {runs} runs together: {', '.join(still)}.")
    if bounded:
        told.append(
            f"Of {bounded} more cells P(escape) is known between bounds only: they are in the tables, not here."
        )
    told += exact(false, places)
    lost = false[false["diverged"] > AVERSION * false["n"]]
    if len(lost):
        worst = lost.iloc[int((lost["diverged"] / lost["n"]).to_numpy().argmax())]
        rules = ", ".join(sorted(lost["dynamics"].astype(str).unique()))
        after = f", {int(worst['left_diverged'])} of them after they had left" if "left_diverged" in worst else ""
        share = percent(worst, ["diverged"])
        told.append(f"More than 1% diverge with some setting of {rules}; at worst {share}{after}.")
    return told


def thresholds(
    row: Mapping[Any, Any], rows: pd.DataFrame, told: list[str], critical: float, places: dict[int, str]
) -> str:
    """The onset of escapes against the prediction, inf for none, and what larger caps do."""
    last, first = curves.onset(rows)
    label = int(row["start_basin"])
    who = f"{arms.name(row, told)}, starts in the basin of {origin({label: places[label]})}"
    predicted = f" Predicted: D/(h(L* - f_star)) = {critical:.7g}." if isfinite(critical) else ""
    if not isfinite(first):
        return f"{who}: no escape at any of {len(rows)} caps up to {arms.number(last)}.{predicted}"
    at = rows[rows["cap"] == first].iloc[0]
    text = f"{who}: the first escapes are at cap {arms.number(first)} ({int(at['escaped'])} of {int(at['n'])} runs)"
    if last == last:
        below = rows[rows["cap"] <= last]
        few = "one smaller cap," if len(below) == 1 else f"{len(below)} smaller caps, up to"
        text += f"; none at the {few} {arms.number(last)}"
        text += f" (0 of {int(below['n'].sum())} runs)"
    top, end = rows.iloc[int(rows["p_escape"].to_numpy().argmax())], rows.iloc[-1]
    text += f".{predicted} P(escape) is highest at"
    if top["cap"] == end["cap"]:
        return f"{text} the largest cap, {arms.number(end['cap'])}: {interval(end, 'p_escape')}."
    text += f" cap {arms.number(top['cap'])}, {interval(top, 'p_escape')}"
    return f"{text}; at the largest cap, {arms.number(end['cap'])}, it is {interval(end, 'p_escape')}."


def exact(false: pd.DataFrame, places: dict[int, str]) -> list[str]:
    """Measured escape probabilities against exact ones: the largest z, and how large one chance alone makes."""
    known = false[false["p_exact"].notna()] if "p_exact" in false.columns else false[:0]
    z = known["z"].abs() if len(known) else pd.Series(dtype=float)
    if not z.notna().any():
        return []
    place = int(np.nanargmax(z.to_numpy()))
    row = known.iloc[place]
    name = np.array(arms.names(false))[false["p_exact"].notna().to_numpy()][place]
    start = f" from {places[int(row['start_basin'])]}" if len(places) > 1 else ""
    expected, spread = row["n"] * row["p_exact"], row["n"] * row["p_exact"] * (1.0 - row["p_exact"])
    limit = NormalDist().inv_cdf(1.0 - 0.025 / len(known))
    chance = f"Chance alone leads beyond {limit:.1f} in one of 20 such comparisons."
    if spread < ENOUGH:  # the normal law does not hold yet
        chance = f"With {expected:.1f} of {int(row['n'])} escapes expected there, z is a rough measure."
    return [
        f"Exact escape probabilities are known for {len(known)} of {len(false)} cells; the measured ones are at most "
        f"|z| = {arms.number(round(float(z.max()), 1))} standard errors from them ({name}{start}: "
        f"{interval(row, 'p_escape')}, exactly {arms.share(row['p_exact'])}). {chance}"
    ]


def beside(row: pd.Series) -> str:
    """The exact escape probability and z: how many standard errors the measured one is from it; else nothing."""
    p, z = row.get("p_exact", nan), row.get("z", nan)
    return "" if p != p else arms.share(p) + (f" ({z:+.1f})" if z == z else "")


def best(false: pd.DataFrame, column: str, does: str, places: dict[int, str]) -> list[str]:
    """The setting with the highest probability and, of the other rules, the next; one sentence for each start basin."""
    told = []
    for label, rows in false.groupby("start_basin", sort=True):
        ranked = rows[rows[column].notna()].sort_values(column, ascending=False, kind="stable")
        if not len(ranked) or ranked[column].iloc[0] == 0.0:
            continue
        names = dict(zip(rows.index, arms.names(rows), strict=True))
        rivals = ranked[ranked[column] > 0.0].drop_duplicates("dynamics").head(3)
        listed = "; then ".join(f"{names[k]}, {interval(row, column)}" for k, row in rivals.iterrows())
        start = f"From {places[int(str(label))]}" if len(places) > 1 or POOLED in places else "Most often"
        told.append(f"{start} {does}: {listed}.")
    return told[:3]


def interval(row: pd.Series, column: str) -> str:
    """0.910 [0.906, 0.914]; [0.62, 0.85] where it is only known to lie between bounds."""
    value, lo, hi = (row[column + end] for end in ("", "_lo", "_hi"))
    told = [arms.share(value)] if value == value or lo != lo else []
    return " ".join([*told, *([f"[{arms.share(lo, DOWN)}, {arms.share(hi, UP)}]"] if lo == lo else [])])


def percent(row: pd.Series, columns: list[str]) -> str:
    """Share of the cell's trajectories with any of these statuses."""
    share = 100.0 * sum(row[c] for c in columns) / row["n"]
    return f"{share:.1f}%" if 0.0 < share < 99.95 and share != round(share) else f"{share:.0f}%"


def repeat(run: Run) -> tuple[str, list[str]]:
    """(the command that repeats the run, what it ran on)."""
    m = run.manifest
    command = m.get("command") or ""
    command = " ".join(map(str, command)) if isinstance(command, list) else str(command)
    lines = [f"Run {m.get('run', run.name)}; equal runs give equal bytes, and the id says which."]
    for title, key in (("Versions", "versions"), ("Platform", "platform")):
        told = m.get(key)
        if told:
            words = ", ".join(f"{k} {v}" for k, v in told.items()) if isinstance(told, dict) else str(told)
            lines.append(f"{title}: {words}.")
    if m.get("git_commit"):
        lines.append(f"Commit: {m['git_commit']}.")
    return command, lines
