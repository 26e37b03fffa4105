"""Outcomes over (x0, cap): one pixel is one trajectory's ending."""

from math import isfinite, nan

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.patches import Patch

from dynbench.basins import global_minima, kinds
from dynbench.losses.base import Loss
from dynbench.report import arms, wells
from dynbench.report.facts import UNKNOWN, Facts
from dynbench.report.style import GREY, Picture, blank, drawn, power

OUTCOMES = {  # colours differ in lightness as well
    "stayed in its basin": "#E69F00",
    "escaped, ended in a global basin": "#0072B2",
    "escaped, ended elsewhere": "#CC79A7",
    "started in a global basin": "#CFE6F5",
    "diverged without escaping": "#000000",
    "escaped, then diverged": "#5A5A5A",
    "started or ended in no known basin": "#8FBC8F",
}
STAYED, REACHED, ELSEWHERE, HOME, DIVERGED, FLOWN, UNPLACED = range(7)
EMPTY = -1


def outcome(trajectories: pd.DataFrame, loss: Loss | None) -> np.ndarray:
    """Place in OUTCOMES of each trajectory."""
    start, final = trajectories["start_basin"].to_numpy(), trajectories["basin_final"].to_numpy()
    left = trajectories["t_exit"].to_numpy() >= 0
    reached = kinds(loss, final).is_global
    code = np.where(left, np.where(reached, REACHED, ELSEWHERE), STAYED)
    home = kinds(loss, start).is_global & (~left | reached)
    code[home] = HOME
    code[left & (final < 0)] = UNPLACED
    lost = (trajectories["status"] == "diverged").to_numpy()
    code[lost] = np.where(left[lost], FLOWN, DIVERGED)
    code[start < 0] = UNPLACED
    return code


@drawn
def outcome_map(trajectories: pd.DataFrame, loss: Loss | None, facts: Facts = UNKNOWN) -> Picture | None:
    """Table of trajectories (1-D) -> map over start and cap; None where there is no grid of both."""
    if loss is None or loss.dim != 1 or "cap" not in trajectories.columns or "x0" not in trajectories.columns:
        return None
    table, kept = one_grid(trajectories[trajectories["cap"].notna().to_numpy()])
    x, column = np.unique(table["x0"].to_numpy(), return_inverse=True)
    caps, row = np.unique(table["cap"].to_numpy(), return_inverse=True)
    if len(x) < 8 or len(caps) < 3:
        return None
    image = np.full((len(caps), len(x)), EMPTY, np.int8)
    image[row, column] = outcome(table, loss)
    if len(np.unique(image[image != EMPTY])) < 2:
        return None  # nothing to tell apart
    figure = blank(5.2, f"Where each start ends, for every cap: {table['dynamics'].iloc[0]} on {loss.name}", kept)
    axes = figure.add_axes((0.105, 0.205, 0.875, 0.64))
    even = np.allclose(np.diff(x), np.diff(x)[0], rtol=1e-6)
    half = (x[1] - x[0]) / 2 if even else 0.5
    left, right = (x[0] - half, x[-1] + half) if even else (-0.5, len(x) - 0.5)
    colours = ListedColormap(["#FFFFFF", *OUTCOMES.values()])
    axes.imshow(image + 1, cmap=colours, vmin=-0.5, vmax=len(OUTCOMES) + 0.5, aspect="auto", origin="lower",
                interpolation="nearest", extent=(left, right, -0.5, len(caps) - 0.5))  # fmt: skip
    axes.set_xlabel("start x0")
    axes.set_ylabel("cap, one row each, rising")
    scale_caps(axes, caps)
    if even:
        walls(axes, loss, left, right)
    else:
        ticks = np.unique(np.linspace(0, len(x) - 1, 7).round().astype(int))
        axes.set_xticks(ticks, [f"{x[k]:.4g}" for k in ticks])
        axes.set_xlabel("start x0, one column each, rising")
    critical = predicted(axes, table, caps, loss) if table["dynamics"].iloc[0] in facts.capped else nan
    present = [k for k in range(len(OUTCOMES)) if (image == k).any()]
    names = list(OUTCOMES.items())
    handles = [Patch(facecolor=names[k][1], edgecolor=GREY, linewidth=0.5, label=names[k][0]) for k in present]
    figure.legend(handles=handles, loc="lower left", bbox_to_anchor=(0.09, 0.0), ncols=2)
    return Picture("outcome_map", figure, finding(image, table, critical, loss))


def one_grid(table: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """(the rows of the most frequent rule, setting of all but the cap, and seed; what was kept, in words)."""
    told = []
    for name in ["dynamics", *(c for c in arms.settings(table)[1:] if c != "cap"), "seed"]:
        if name not in table.columns or not len(table):
            continue
        counts = table[name].value_counts()
        if len(counts) > 1:
            best = sorted(counts[counts == counts.iloc[0]].index)[0]
            table = table[(table[name] == best).to_numpy()]
            told.append(f"{arms.word(name)} {best if name == 'dynamics' else arms.number(float(best))} only")
        elif name in ("lr", "temperature") and len(counts) and counts.index[0] > 0:
            told.append(f"{'step h' if name == 'lr' else 'T'} = {arms.number(float(counts.index[0]))}")
    return table, "; ".join(told)


def scale_caps(axes: Axes, caps: np.ndarray) -> None:
    """Ticks at the rows nearest to the powers of ten, and at both ends."""
    wanted = 10.0 ** np.arange(np.ceil(np.log10(caps[caps > 0][0])), np.floor(np.log10(caps[-1])) + 1)
    places = [0, len(caps) - 1, *(int(np.abs(caps - w).argmin()) for w in wanted)]
    apart, ticks = len(caps) / 22, [0]
    for place in sorted(set(places))[1:]:
        if place - ticks[-1] >= apart:
            ticks.append(place)
    axes.set_yticks(ticks, [power(float(f"{caps[k]:.4g}")) for k in ticks])


def walls(axes: Axes, loss: Loss, left: float, right: float) -> None:
    """Maxima as lines, minima as marks above the frame."""
    for wall in loss.separators:
        if left < wall < right:
            axes.axvline(wall, color="#000000", linewidth=1.0, linestyle=(0, (4, 2)))
    inside, best = [m for m in loss.minima if left < m.x[0] < right], global_minima(loss)
    for minimum in inside if len(inside) <= 6 else []:
        kind = "global" if minimum in best else "false"
        text = f"{kind} minimum {minimum.x[0]:.4g}" if len(inside) <= 3 else f"{minimum.x[0]:.3g}"
        axes.annotate(f"{text} ▾", (minimum.x[0], 1.0), (0, 2), xycoords=("data", "axes fraction"),
                      textcoords="offset points", ha="center", va="bottom", fontsize=8.5, color=GREY)  # fmt: skip


def predicted(axes: Axes, table: pd.DataFrame, caps: np.ndarray, loss: Loss) -> float:
    """The capped flow's threshold at the false minimum, if there is one only, a line between two rows."""
    false = wells.false_labels(loss, table["start_basin"])
    if len(false) != 1 or arms.is_noisy(table.iloc[0].to_dict()):
        return nan
    f_star = float(table["f_star"].iloc[0]) if "f_star" in table.columns else 0.0
    critical = wells.threshold(loss, false[0], float(table["lr"].iloc[0]), f_star)
    if not isfinite(critical) or not caps[0] < critical < caps[-1]:
        return nan
    row = float(np.interp(critical, caps, np.arange(len(caps))))
    axes.axhline(row, color="#000000", linewidth=1.0)
    height = "L*" if not isfinite(f_star) or f_star == 0.0 else "(L* - f_star)"
    axes.annotate(f"D/(h{height}) = {critical:.5g}", (0.995, row), (0, 3), xycoords=("axes fraction", "data"),
                  textcoords="offset points", ha="right", va="bottom", fontsize=9,
                  bbox={"facecolor": "#FFFFFF", "edgecolor": "none", "alpha": 0.8, "pad": 1.5})  # fmt: skip
    return critical


def finding(image: np.ndarray, table: pd.DataFrame, critical: float, loss: Loss) -> str:
    """What the picture of these trajectories shows, in words."""
    shown = image[image != EMPTY]
    parts = [f"{arms.share(float((shown == k).mean()))} {n}" for k, n in enumerate(OUTCOMES) if (shown == k).any()]
    text = f"Of {len(shown)} trajectories over start and cap: {', '.join(parts)}."
    if isfinite(critical):
        trapped = table[kinds(loss, table["start_basin"].to_numpy()).is_false]
        below, above = (trapped[trapped["cap"] < critical], trapped[trapped["cap"] > critical])
        text += (
            f" Below the predicted threshold {critical:.5g}, the cap from which a step from beside the false minimum"
            f" reaches its basin's edge, {gone(below)} of the starts in that basin leave it; above it, {gone(above)}."
        )
    return text


def gone(trapped: pd.DataFrame) -> str:
    """The share of these trajectories that left, in words."""
    return arms.share(float((trapped["t_exit"] >= 0).mean())) if len(trapped) else "none"
