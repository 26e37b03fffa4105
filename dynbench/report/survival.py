"""Who escapes, who diverges and who is still trapped: shares of runs from false basins, against steps."""

import textwrap
from collections.abc import Sequence
from math import nan

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from dynbench.losses.base import Loss
from dynbench.outcomes.survival import Competing, competing
from dynbench.report import arms, timeline, wells
from dynbench.report.escapes import Sample, moments, sample
from dynbench.report.style import GREY, MARKERS, OPEN, Picture, drawn, line
from dynbench.report.timeline import LABEL

LINES = 7  # beside the one of all to which nothing happens
PANELS = {
    "escaped": "escaped",
    "diverged_inside": "diverged without escaping",
    "inside": "still in the start's basin",
}
UNRECORDED = "diverged (when: not recorded)"


@drawn
def survival(
    trajectories: pd.DataFrame, steps: int, loss: Loss | None = None, cells: pd.DataFrame | None = None
) -> Picture | None:
    """Table of trajectories -> curves of a few arms, from starts in false basins: the share still inside, with bands.

    Where some of these diverge, three panels: escaped, diverged, still inside.  Cells, where there are any with an
    exact probability, give the share that should be there in the end.
    """
    found = sample(trajectories, loss)
    if found is None or not found.false:
        return None
    gone, lost = found.tally(found.t_exit >= 0), found.tally(found.lost)
    score = (gone + lost) / found.count
    chosen = found.few(LINES, score)
    which, codes = found.of(chosen)
    when = None if found.t_diverged is None else found.t_diverged[which]
    counts = competing(
        found.t_exit[which], found.lost[which], steps, moments(steps), codes, len(chosen), t_diverged=when
    )
    split = bool(counts.diverged_inside[:, -1].any())
    exact, settings = exactly(cells, loss), found.table.to_dict("records")
    known = {k: exact[key] for k, place in enumerate(chosen) if (key := arms.key(settings[place])) in exact}
    told = [found.where, *([timeline.BANDS] if found.random[chosen].any() else [])]
    if split:
        headings = PANELS | ({"diverged_inside": UNRECORDED} if when is None else {})
        figure, panels = timeline.panels("Who has escaped, diverged, stayed", "; ".join(told), list(headings.values()))
    else:
        figure, one = timeline.beside("Share of runs that has not escaped", "; ".join(told))
        panels = [one]
    never = np.flatnonzero(score == 0).tolist()
    shown = list(PANELS) if split else ["inside"]
    for axes, name in zip(panels, shown, strict=True):
        lines(axes, found, chosen, counts, name)
        if never:
            label = together(found.table, found.names, never, "no escape" if not lost.any() else "neither")
            axes.plot([1, steps], [name == "inside"] * 2, color=GREY, linewidth=3, alpha=0.5, label=label)
        if name == shown[0]:
            for n, (k, p) in enumerate(known.items()):
                axes.plot([steps], [p if split else 1.0 - p], clip_on=False, label=None if n else "exact, at the end",
                          **OPEN | {"color": line(k)["color"]})  # fmt: skip
        timeline.over_steps(axes, steps, "" if split else "share still in the start's basin")
    if split:
        panels[0].set_ylabel("share of runs")
        timeline.legend_under(figure, panels)
    else:
        timeline.legend_beside(figure)
    return Picture("survival", figure, finding(found, chosen, counts, never, steps))


def lines(axes: Axes, found: Sample, chosen: Sequence[int], counts: Competing, name: str) -> None:
    """The arms' shares of one kind; a divergence that is known at the end only is a mark there."""
    share, lo, hi = counts.share(name)
    for k, place in enumerate(chosen):
        banded = bool(found.random[place])
        if name != "diverged_inside" or found.t_diverged is not None:
            timeline.curve(axes, counts.at, (share[k], lo[k], hi[k]), k, found.names[place], banded)
        elif share[k, -1] > 0.0:
            colour, at = line(k)["color"], counts.at[-1:]
            axes.plot(at, share[k, -1:], MARKERS[k % len(MARKERS)], color=colour, markersize=5, clip_on=False)
            if banded:
                axes.vlines(at, lo[k, -1:], hi[k, -1:], color=colour, clip_on=False)


def finding(found: Sample, chosen: Sequence[int], counts: Competing, never: list[int], steps: int) -> str:
    """What the picture shows, in words."""
    ends = {name: getattr(counts, name)[:, -1] / counts.n for name in PANELS}
    names = [found.names[place] for place in chosen]
    if ends["diverged_inside"].any():
        three = [", ".join(arms.share(float(end[k])) for end in ends.values()) for k in range(len(chosen))]
        told = [f"{name}: {shares}" for name, shares in zip(names, three, strict=True)]
        when = "" if found.t_diverged is not None else " (when they diverged was not recorded)"
        certain = " for certain" if found.doubtful.any() else ""
        alt = f"Shares of runs that have escaped{certain}, have diverged without escaping{when}"
        alt += f" and are still trapped after {steps} steps: "
        none = "Neither happens to"
    else:
        told = [f"{name}: {arms.share(float(end))}" for name, end in zip(names, ends["inside"], strict=True)]
        certain = " (certain exits only)" if found.doubtful.any() else ""
        alt = f"Share of runs still trapped after {steps} steps{certain}: "
        none = "No certain escape:" if certain else "No escape at all:"
    alt += f"{'; '.join(told) or 'all of them, whatever the rule'}."
    alt += f" {none} {rules(found.table, found.names, never)}." if never and told else ""
    more = len(found.table) - len(never) - len(chosen)
    kind = "settings" if ends["diverged_inside"].any() else "settings with escapes"
    return alt + (f" {more} more {kind} are not drawn." if more else "")


def exactly(cells: pd.DataFrame | None, loss: Loss | None) -> dict[frozenset[tuple[str, object]], float]:
    """Exact escape probability of each arm that has one, over all its starts in false basins."""
    if cells is None or "p_exact" not in cells.columns:
        return {}
    false = cells[cells["start_basin"].isin(wells.false_labels(loss, cells["start_basin"])) & cells["p_escape"].notna()]
    if not false["p_exact"].notna().any():
        return {}
    table, arm = arms.arms(false)
    n = false["n"].to_numpy(float)
    exact = np.bincount(arm, n * false["p_exact"].to_numpy(float)) / np.bincount(arm, n)
    return {arms.key(row): p for row, p in zip(table.to_dict("records"), exact.tolist(), strict=True) if p == p}


def together(table: pd.DataFrame, names: list[str], never: list[int], what: str) -> str:
    """One label for all arms to which nothing happens."""
    if len(never) == 1:
        return f"{names[never[0]]}: {what}"
    return f"{what} ({len(never)} settings):\n" + textwrap.fill(rules(table, names, never), LABEL)


def rules(table: pd.DataFrame, names: list[str], never: list[int]) -> str:
    """The rules among these arms: whole, or up to which cap, or which of their settings."""
    told = []
    owner = table["dynamics"].tolist()
    caps = table["cap"].tolist() if "cap" in table.columns else [nan] * len(owner)
    for rule in sorted({owner[k] for k in never}):
        own = [k for k in never if owner[k] == rule]
        capped = [caps[k] for k in own if caps[k] == caps[k]]
        if owner.count(rule) == len(own):
            told.append(str(rule))
        elif capped and sorted(own) == [k for k, name in enumerate(owner) if name == rule and caps[k] <= max(capped)]:
            told.append(f"{rule} up to cap {arms.number(max(capped))}")
        else:
            told.append(names[own[0]] if len(own) == 1 else f"{rule} ({len(own)} settings)")
    return "; ".join(told)
