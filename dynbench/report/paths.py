"""Sample paths: x against steps beside L(x) in one dimension, lines on contours in two, L against steps beyond."""

from itertools import pairwise
from math import isfinite

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from dynbench.losses.base import Loss
from dynbench.report import arms, wells
from dynbench.report.style import COLOURS, Picture, blank, drawn, logarithmic

PANELS = 6
PATHS = 3  # in each panel
SHADES = ("#E8F1F8", "#FBEFD9")  # of a global basin; of a false one
SIDEWAYS = "left: L(x) on its side, dots: its minima; blue: basin of a global minimum; x runs upwards everywhere"
GRID = 120  # points a side under the contours


@drawn
def sample_paths(paths: pd.DataFrame, loss: Loss | None) -> Picture | None:
    """Table of whole paths -> one panel for each of a few arms."""
    if "step" not in paths.columns or not len(paths):
        return None
    table, arm = arms.arms(paths)
    false = wells.false_labels(loss, range(len(loss.minima))) if loss is not None else []
    label = false[0] if false else 0
    picked = arms.few(table, PANELS, lambda row: wells.threshold(loss, label, row["lr"], row.get("f_star", 0.0)))
    names = arms.names(table)
    shown = {names[k]: split(paths[arm == k]) for k in picked}
    dim = 1 if "x" in paths.columns else sum(c.startswith("x_") for c in paths.columns)
    if loss is not None and loss.computable and dim == 1:
        figure = beside(shown, loss)
    elif loss is not None and loss.computable and dim == 2:
        figure = over(shown, loss)
    else:
        figure = losses(shown, loss)
    return Picture("sample_paths", figure, finding(shown, loss))


def split(rows: pd.DataFrame) -> list[pd.DataFrame]:
    """The first few paths among these rows, each by itself."""
    ids = rows["id"].to_numpy()
    return [rows[ids == k] for k in pd.unique(ids)[:PATHS]]


def beside(shown: dict[str, list[pd.DataFrame]], loss: Loss) -> Figure:
    """L(x) on its side, and x against steps at the same height."""
    columns = min(3, len(shown))
    lines = -(-len(shown) // columns)
    height = 1.2 + 2.2 * lines
    figure = blank(height, f"Sample paths on {loss.name}", SIDEWAYS)
    grid = figure.add_gridspec(lines, columns + 1, left=0.07, right=0.985, top=1 - 0.95 / height, bottom=0.5 / height,
                               wspace=0.08, hspace=0.28, width_ratios=[0.9, *[1.0] * columns])  # fmt: skip
    lo, hi = loss.domain[0]
    x = np.linspace(lo, hi, 500)
    curve = np.array([wells.value(loss, [c]) for c in x])
    first: Axes | None = None
    for row in range(lines):
        side = figure.add_subplot(grid[row, 0], sharey=first)
        first = first or side
        side.plot(curve, x, color="#000000", linewidth=1.3)
        inside = [m for m in loss.minima if lo <= m.x[0] <= hi]
        side.plot([m.value for m in inside], [m.x[0] for m in inside], "o", color=COLOURS[1], markersize=4)
        side.set(ylabel="x", ylim=(lo, hi), xlim=extent(curve, loss))
        side.set_xlabel("L(x)")
        side.xaxis.set_visible(row == lines - 1)
        shade(side, loss)
    ends = [max(int(path["step"].iloc[-1]) for path in group) for group in shown.values()]
    for k, (name, group) in enumerate(shown.items()):
        axes = figure.add_subplot(grid[k // columns, 1 + k % columns], sharey=first)
        for n, path in enumerate(group):
            axes.plot(path["step"].to_numpy(), path["x"].to_numpy(), color=COLOURS[n], linewidth=0.8)
        axes.set_title(name, fontsize=9, loc="left", pad=3)
        axes.yaxis.set_visible(False)
        axes.set_xlim(0, ends[k])
        axes.xaxis.set_major_locator(MaxNLocator(3, prune="upper"))
        axes.set_xlabel("steps")
        axes.xaxis.set_visible(k + columns >= len(shown) or len(set(ends)) > 1)
        shade(axes, loss)
    return figure


def extent(curve: np.ndarray, loss: Loss) -> tuple[float, float]:
    """(upper, lower) end of the axis of L: cut above the passes between the minima, so that the wells stay visible.

    Where the loss is not finite the curve is blank; where it is so nowhere, the axis is from 0 to 1.
    """
    finite = curve[np.isfinite(curve)]
    if not len(finite):
        return 1.0, 0.0
    low, top = float(finite.min()), float(finite.max())
    lo, hi = loss.domain[0]
    passes = [m.value + m.barrier for m in loss.minima if isfinite(m.barrier) and lo <= m.x[0] <= hi]
    upper = min(top, low + 1.8 * (max(passes) - low)) if passes else top
    if upper == low:  # a loss that is flat
        return low + 0.5, low - 0.5
    return upper, low - 0.06 * (upper - low)


def shade(axes: Axes, loss: Loss) -> None:
    """Basins as bands."""
    edges = [-1e300, *loss.separators, 1e300]
    lo, hi = axes.get_ylim()
    for left, right in pairwise(edges):
        low, high = max(left, lo), min(right, hi)
        if low < high:
            false = wells.is_false(loss, loss.basin([(low + high) / 2]))
            axes.axhspan(low, high, color=SHADES[false], zorder=0, linewidth=0)


def over(shown: dict[str, list[pd.DataFrame]], loss: Loss) -> Figure:
    """Paths over contour lines, which are spaced evenly in log(L - Lmin)."""
    columns = min(3, len(shown))
    lines = -(-len(shown) // columns)
    height = 1.1 + 2.7 * lines
    told = "contours: even in log(L - Lmin), dark is low; dots: minima; circles: starts"
    figure = blank(height, f"Sample paths on {loss.name}", told)
    grid = figure.add_gridspec(lines, columns, left=0.05, right=0.985, top=1 - 0.85 / height, bottom=0.35 / height,
                               wspace=0.12, hspace=0.22)  # fmt: skip
    (x0, x1), (y0, y1) = loss.box(2)
    x, y = np.linspace(x0, x1, GRID), np.linspace(y0, y1, GRID)
    heights = np.array([[wells.value(loss, [a, b]) for a in x] for b in y])
    heights[~np.isfinite(heights)] = np.nan  # blank
    levels = depths(heights, loss)
    for k, (name, group) in enumerate(shown.items()):
        axes = figure.add_subplot(grid[k // columns, k % columns])
        if levels is not None:
            axes.contourf(x, y, levels, 10, cmap="Greys_r", alpha=0.45)
        for n, path in enumerate(group):
            points = path[["x_0", "x_1"]].to_numpy()
            axes.plot(*points.T, color=COLOURS[n], linewidth=0.9)
            axes.plot(*points[0], "o", color=COLOURS[n], markerfacecolor="#FFFFFF", markersize=5)
        if not loss.separable:
            axes.plot(*np.array([m.x for m in loss.minima if len(m.x) == 2]).reshape(-1, 2).T, "k.", markersize=5)
        axes.set(xlim=(x0, x1), ylim=(y0, y1))
        axes.set_title(name, fontsize=9, loc="left", pad=3)
        axes.tick_params(labelsize=8)
    return figure


def depths(heights: np.ndarray, loss: Loss) -> np.ndarray | None:
    """log10(L - Lmin) on a grid, nan where L is not known; None where L varies nowhere."""
    known = heights[~np.isnan(heights)]
    if not len(known) or np.ptp(known) == 0.0:
        return None
    low = loss.minimum_value if isfinite(loss.minimum_value) else known.min()
    return np.asarray(np.log10(np.maximum(heights - low, 1e-12 + 1e-4 * np.ptp(known))))


def losses(shown: dict[str, list[pd.DataFrame]], loss: Loss | None) -> Figure:
    """L - Lmin (or L, where Lmin is not known) along the paths: in any dimension."""
    low = loss.minimum_value if loss is not None and isfinite(loss.minimum_value) else 0.0
    columns = min(3, len(shown))
    lines = -(-len(shown) // columns)
    height = 1.1 + 2.1 * lines
    told = f"L - Lmin with Lmin = {low:.6g}" if loss is not None and loss.minima else "L"
    figure = blank(height, f"The loss along sample paths{f' on {loss.name}' if loss else ''}", told)
    grid = figure.add_gridspec(lines, columns, left=0.085, right=0.985, top=1 - 0.85 / height, bottom=0.5 / height,
                               wspace=0.08, hspace=0.3)  # fmt: skip
    first: Axes | None = None
    for k, (name, group) in enumerate(shown.items()):
        axes = figure.add_subplot(grid[k // columns, k % columns], sharey=first)
        first = first or axes
        for n, path in enumerate(group):
            axes.plot(path["step"].to_numpy(), path["loss_value"].to_numpy() - low, color=COLOURS[n], linewidth=0.9)
        axes.set_title(name, fontsize=9, loc="left", pad=3)
        axes.set_xlim(0, max(int(path["step"].iloc[-1]) for path in group))
        axes.xaxis.set_major_locator(MaxNLocator(4, prune="upper"))
        axes.yaxis.set_visible(k % columns == 0)
        if k + columns >= len(shown):
            axes.set_xlabel("steps")
    values = np.concatenate([path["loss_value"].to_numpy() - low for group in shown.values() for path in group])
    values = values[np.isfinite(values)]
    if first is not None and len(values) and values.max() > 0.0:
        top, bottom = float(np.quantile(values, 0.999)), max(float(values[values > 0.0].min()), 1e-12)
        if values.min() > -1e-9:
            logarithmic(first, "y", bottom, top)
            first.set_ylim(*((bottom / 2, top * 2) if first.get_yscale() == "log" else (0.0, top * 1.05)))
        else:
            first.set_ylim(values.min() - 0.05 * (top - values.min()), top + 0.05 * (top - values.min()))
    return figure


def finding(shown: dict[str, list[pd.DataFrame]], loss: Loss | None) -> str:
    """What the picture shows, in words: where each panel's paths end."""
    told = []
    for name, group in shown.items():
        last = [float(path["loss_value"].iloc[-1]) for path in group]
        ends = [f"{value:.3g}" for value in last if not np.isnan(value)]
        parts = [f"L = {', '.join(ends)}"] if ends else []
        if len(ends) < len(last):
            parts.append(f"{len(last) - len(ends)} of {len(last)} diverged")
        told.append(f"{name}: {' and '.join(parts)}")
    return f"Sample paths{f' on {loss.name}' if loss else ''}; at their ends, {'; '.join(told)}."
