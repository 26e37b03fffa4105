"""Who is still trapped: the share of runs that has not left the start's basin, against steps."""

import textwrap
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from dynbench.losses.base import Loss
from dynbench.report import arms, wells
from dynbench.report.style import GREY, OPEN, Picture, blank, drawn, line, logarithmic
from dynbench.report.trapped import POOLED, pooled

LABEL = 32  # letters a line of the legend
LINES = 7  # beside the one of all that never escape


@drawn
def survival(
    trajectories: pd.DataFrame, steps: int, loss: Loss | None = None, cells: pd.DataFrame | None = None
) -> Picture | None:
    """Table of trajectories -> survival curves of a few arms, from starts in false basins.

    Cells, where there are any with an exact probability, give the share that should be left in the end.
    """
    if not len(trajectories) or "start_basin" not in trajectories.columns:
        return None
    basins = trajectories["start_basin"].to_numpy()
    false = trajectories[np.isin(basins, wells.false_labels(loss, basins))]
    if not len(false):
        return None
    table, arm = arms.arms(false)
    times = false["t_exit"].to_numpy()
    count = np.bincount(arm, minlength=len(table))
    gone = np.bincount(arm[times >= 0], minlength=len(table))
    label = int(false["start_basin"].mode().iloc[0])

    def critical(row: Mapping[Any, Any]) -> float:
        return wells.threshold(loss, label, row["lr"], row.get("f_star", 0.0))

    names = arms.names(table)
    leaving = np.flatnonzero(gone > 0)
    chosen = [int(leaving[k]) for k in arms.few(table.iloc[leaving], LINES, critical, (gone / count)[leaving].tolist())]
    figure = blank(4.3, "Share of runs that has not escaped", subtitle(false, loss, label))
    axes = figure.add_axes((0.075, 0.13, 0.555, 0.70))
    ends, exact = {}, exactly(cells, loss)
    settings = table.to_dict("records")
    known = [
        (k, exact[arms.key(settings[place])]) for k, place in enumerate(chosen) if arms.key(settings[place]) in exact
    ]
    for k, place in enumerate(chosen):
        exits = np.sort(times[(arm == place) & (times >= 0)])
        at, left = np.unique(exits, return_counts=True)
        alive = 1.0 - np.cumsum(left) / count[place]
        ends[names[place]] = float(alive[-1])
        axes.plot([1, *np.maximum(at, 1), steps], [1.0, *alive, alive[-1]], drawstyle="steps-post",
                  label=textwrap.fill(names[place], LABEL), **line(k, marked=False))  # fmt: skip
    never = [place for place in range(len(table)) if gone[place] == 0]
    if never:
        axes.plot([1, steps], [1, 1], color=GREY, linewidth=3, alpha=0.5, label=together(table, names, never))
    for k, p in known:
        told = "exact, at the end" if k == known[0][0] else None
        axes.plot([steps], [1.0 - p], clip_on=False, label=told, **OPEN | {"color": line(k)["color"]})
    logarithmic(axes, "x", 1.0, steps)
    axes.set(xlim=(1, steps), ylim=(0, 1.03), xlabel="steps", ylabel="share still in the start's basin")
    axes.grid(axis="y", color="#DDDDDD", linewidth=0.6)
    figure.legend(loc="upper left", bbox_to_anchor=(0.635, 0.85), handlelength=2.6, labelspacing=0.7)
    told = "; ".join(f"{name}: {arms.share(end)}" for name, end in ends.items())
    alt = f"Share of runs still trapped after {steps} steps: {told or 'all of them, whatever the rule'}."
    alt += f" No escape at all: {rules(table, names, never)}." if never and ends else ""
    if len(leaving) > len(chosen):
        alt += f" {len(leaving) - len(chosen)} more settings with escapes are not drawn."
    return Picture("survival", figure, alt)


def exactly(cells: pd.DataFrame | None, loss: Loss | None) -> dict[frozenset[tuple[str, object]], float]:
    """Exact escape probability of each arm that has one, over all its starts in false basins."""
    if cells is None or "p_exact" not in cells.columns:
        return {}
    false = cells[cells["start_basin"].isin(wells.false_labels(loss, cells["start_basin"])) & cells["p_escape"].notna()]
    if not false["p_exact"].notna().any():
        return {}
    table = pooled(false, POOLED)
    keys = map(arms.key, table[arms.settings(table)].to_dict("records"))
    return {key: p for key, p in zip(keys, table["p_exact"].tolist(), strict=True) if p == p}


def together(table: pd.DataFrame, names: list[str], never: list[int]) -> str:
    """One label for all arms without an escape."""
    if len(never) == 1:
        return f"{names[never[0]]}: no escape"
    return f"no escape ({len(never)} settings):\n" + textwrap.fill(rules(table, names, never), LABEL)


def rules(table: pd.DataFrame, names: list[str], never: list[int]) -> str:
    """The rules among these arms: whole, or up to which cap, or which of their settings."""
    told = []
    for rule, rows in table.iloc[never].groupby("dynamics", sort=True, observed=True):
        caps = rows["cap"].dropna().tolist() if "cap" in rows.columns else []
        if (table["dynamics"] == rule).sum() == len(rows):
            told.append(str(rule))
        elif len(caps):
            told.append(f"{rule} up to cap {arms.number(max(caps))}")
        else:
            told.append(names[rows.index[0]] if len(rows) == 1 else f"{rule} ({len(rows)} settings)")
    return "; ".join(told)


def subtitle(false: pd.DataFrame, loss: Loss | None, label: int) -> str:
    name = f"{loss.name}: " if loss else ""
    many = false["start_basin"].nunique()
    where = f"the false minimum at {wells.place(loss, label)}" if many == 1 else f"{many} false minima"
    lr = f"; step h = {arms.number(float(false['lr'].iloc[0]))}" if false["lr"].nunique() == 1 else ""
    return f"{name}starts in the basin of {where}{lr}"
