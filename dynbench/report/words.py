"""A run in words: what was run, what was found, how to repeat it.  Every sentence is computed from the tables."""

import shlex
from math import nan
from typing import Any

import pandas as pd

from dynbench.losses.base import Loss
from dynbench.outcomes import randomness
from dynbench.report import arms, curves
from dynbench.report.facts import UNKNOWN, Facts
from dynbench.report.trapped import trapped
from dynbench.store import Run
from dynbench.sweep.no_escape import nothing_to_escape
from dynbench.sweep.table import NO_BASIN

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
    lr = f"step h = {lrs[0]}" if len(lrs) == 1 else f"{len(lrs)} values of h from {lrs[0]} to {lrs[-1]}"
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


def findings(
    cells: pd.DataFrame, loss: Loss | None, facts: Facts = UNKNOWN, summary: pd.DataFrame | None = None
) -> list[str]:
    """What cells of false minima show beside `sweep.headline`: where escapes begin, and who diverges."""
    every, places = trapped(cells, loss, True, summary)
    false = every[every["p_escape"].notna()]
    bounded = len(every) - len(false)
    if not len(false):
        known = (cells["start_basin"] >= 0).any()
        return [BOUNDED if bounded else nothing_to_escape(loss) if known else NO_BASIN]
    lines = list(curves.lines(false, "cap", loss, facts))[: curves.LINES]
    differ = [c for c in arms.varying(pd.concat([rows for _, rows in lines])) if c != "cap"] if lines else []
    told = [curves.told(row, rows, differ, curves.limit_of(row, loss, facts), places) for row, rows in lines]
    if bounded:
        told.append(
            f"Of {bounded} more cells P(escape) is known between bounds only: they are in the tables, not here."
        )
    lost = false[false["diverged"] > AVERSION * false["n"]]
    if len(lost):
        worst = lost.iloc[int((lost["diverged"] / lost["n"]).to_numpy().argmax())]
        rules = ", ".join(sorted(lost["dynamics"].astype(str).unique()))
        after = f", {int(worst['left_diverged'])} of them after they had left" if "left_diverged" in worst else ""
        share = percent(worst, ["diverged"])
        told.append(f"More than 1% diverge with some setting of {rules}; at worst {share}{after}.")
    return told


def beside(row: pd.Series) -> str:
    """The exact escape probability and z: how many standard errors the measured one is from it; else nothing."""
    p, z = row.get("p_exact", nan), row.get("z", nan)
    return "" if p != p else arms.share(p) + (f" ({z:+.1f})" if z == z else "")


def percent(row: pd.Series, columns: list[str]) -> str:
    """Share of the cell's trajectories with any of these statuses."""
    share = 100.0 * sum(row[c] for c in columns) / row["n"]
    return f"{share:.1f}%" if 0.0 < share < 99.95 and share != round(share) else f"{share:.0f}%"


def repeat(run: Run) -> tuple[str, list[str]]:
    """(the command that repeats the run, what it ran on)."""
    m = run.manifest
    command = m.get("command") or ""
    command = shlex.join(map(str, command)) if isinstance(command, list) else str(command)
    lines = [f"Run {m.get('run', run.name)}; equal runs give equal bytes, and the id says which."]
    for title, key in (("Versions", "versions"), ("Platform", "platform")):
        told = m.get(key)
        if told:
            words = ", ".join(f"{k} {v}" for k, v in told.items()) if isinstance(told, dict) else str(told)
            lines.append(f"{title}: {words}.")
    if m.get("git_commit"):
        lines.append(f"Commit: {m['git_commit']}.")
    return command, lines
