"""P(escape) against the cap, with the predicted threshold D/(h (L* - f_star)) of capped flow."""

from math import inf

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from dynbench.losses.base import Loss
from dynbench.report import arms, wells
from dynbench.report.curves import LINES, Line, close_up, lines, thresholds
from dynbench.report.curves import told as onset_told
from dynbench.report.facts import UNKNOWN, Facts
from dynbench.report.style import (
    COLOURS,
    GREY,
    OPEN,
    Picture,
    above,
    blank,
    drawn,
    legend_below,
    line,
    logarithmic,
    resize,
)
from dynbench.report.trapped import origin, trapped
from dynbench.theory.thresholds import step_limit


@drawn
def escape_against_cap(
    cells: pd.DataFrame, loss: Loss | None, facts: Facts = UNKNOWN, summary: pd.DataFrame | None = None
) -> Picture | None:
    """Table of cells -> P(escape) from each false minimum against `cap`, and against `step_cap` beside it.

    Thresholds stand beside the rules that are capped flows.
    """
    if not len(cells) or not {"cap", "step_cap"} & set(cells.columns):
        return None
    false, places = trapped(cells, loss, summary=summary)
    by_cap, by_step = (list(lines(false, cap, loss, facts)) for cap in ("cap", "step_cap"))
    if not by_cap and not by_step:
        return None
    limits = thresholds(by_cap, loss, facts)
    flows = all(row["dynamics"] in facts.capped for row, _ in by_cap)
    near = close_up(by_cap, limits[0][0]) if limits else None
    panels = [("cap", by_cap, None)] * bool(by_cap) + [("zoom", by_cap, near)] * bool(near)
    panels += [("step cap", by_step, None)] * bool(by_step)
    figure = blank(4.0, "Probability of escape against the cap", subtitle(false, origin(places)))
    ratios = [3.0 if kind == "cap" else 2.0 for kind, *_ in panels]
    grid = figure.add_gridspec(
        1,
        len(panels),
        width_ratios=ratios,
        left=0.075,
        right=0.985,
        wspace=0.13,
    )
    shared: Axes | None = None
    for k, (kind, drawn_lines, window) in enumerate(panels):
        axes = figure.add_subplot(grid[0, k], sharey=shared)
        cap = "step_cap" if kind == "step cap" else "cap"
        every = pd.concat([rows for _, rows in drawn_lines])
        told = [c for c in arms.varying(every) if c != cap]
        for n, (_, rows) in enumerate(drawn_lines[:LINES]):
            curve(axes, rows, cap, n + LINES * (kind == "step cap"), told, places)
        if kind == "step cap":
            logarithmic(axes, "x", every[cap].min(), every[cap].max())
            axes.set_xlabel("step cap (limits the step size)")
            stability(axes, false, loss)
        else:
            mark(axes, limits, window, every)
            plain = "cap (limits the displacement)" if flows else "cap"
            axes.set_xlabel(plain if kind == "cap" else "cap, close to the threshold")
        if shared is None:
            shared = axes
            axes.set_ylabel("P(escape)")
            axes.set_ylim(-0.03, 1.03)
        else:
            axes.yaxis.set_visible(False)
    if len(places) == 1:
        compare(figure.axes[0], false)
    handles = {str(h.get_label()): h for axes in figure.axes for h in axes.get_legend_handles_labels()[0]}
    height = 3.7 + 0.2 * legend_below(figure, handles)
    resize(figure, height)
    grid.top, grid.bottom = 1 - 0.85 / height, (height - 3.1) / height
    for axes in figure.axes:
        axes.set_position(grid[0, figure.axes.index(axes)].get_position(figure))
    return Picture("escape_against_cap", figure, finding(by_cap, by_step, limits, places))


def curve(axes: Axes, rows: pd.DataFrame, cap: str, n: int, told: list[str], places: dict[int, str]) -> None:
    """A line with its 95% intervals."""
    x, p = rows[cap].to_numpy(float), rows["p_escape"].to_numpy(float)
    first = rows.iloc[0].to_dict()
    axes.plot(x, p, label=f"{arms.name(first, told)}, from {places[int(first['start_basin'])]}", **line(n))
    axes.fill_between(x, rows["p_escape_lo"].to_numpy(float), rows["p_escape_hi"].to_numpy(float),
                      color=COLOURS[n % len(COLOURS)], alpha=0.25, linewidth=0)  # fmt: skip
    if "p_exact" in rows.columns and rows["p_exact"].notna().any():
        axes.plot(x, rows["p_exact"].to_numpy(float), label="exact", **OPEN)


def mark(axes: Axes, limits: list[tuple[float, int]], window: tuple[float, float] | None, every: pd.DataFrame) -> None:
    """The predicted thresholds as vertical lines, and what the axis spans."""
    if window is None:
        logarithmic(axes, "x", every["cap"].min(), every["cap"].max())
    else:
        axes.set_xlim(*window)
        axes.xaxis.set_major_locator(MaxNLocator(4, prune="both"))
    for k, (critical, n) in enumerate(limits):
        colour = GREY if len(limits) == 1 else COLOURS[n % len(COLOURS)]
        axes.axvline(critical, color=colour, linewidth=1.2, linestyle=(0, (4, 2)))
        if k == 0:
            shifted = "f_star" in every.columns and bool((every["f_star"].fillna(0.0) != 0.0).any())
            height = "(L* - f_star)" if shifted else "L*"
            text = f"D/(h{height}) = {critical:.6g}" if len(limits) == 1 else f"D/(h{height}), each minimum's"
            above(axes, critical, text)


def stability(axes: Axes, false: pd.DataFrame, loss: Loss | None) -> None:
    """2/λ: below it, a limited step size makes the minimum attract."""
    minimum = wells.minimum(loss, int(false["start_basin"].mode().iloc[0]))
    if minimum is not None and minimum.curvatures and minimum.curvatures[-1] > 0.0:
        limit = step_limit(minimum)
        axes.axvline(limit, color=GREY, linewidth=1.2, linestyle=":")
        above(axes, limit, f"2/λ = {limit:.3g}")


def compare(axes: Axes, false: pd.DataFrame) -> None:
    """Rules without a cap that escape, as short lines at the right edge."""
    caps = [c for c in ("cap", "step_cap") if c in false.columns]
    others = false[false[caps].isna().all(axis=1) & (false["p_escape"] > 0.0)]
    chosen = others.sort_values("p_escape", ascending=False).head(3)
    for k, (label, p) in enumerate(zip(arms.names(chosen), chosen["p_escape"].tolist(), strict=True)):
        axes.axhline(p, xmin=0.90, color="#000000", linestyle=("-", "--", ":")[k], linewidth=1.5,
                     label=f"{label} (no cap): {arms.share(p)}")  # fmt: skip


def subtitle(false: pd.DataFrame, start: str) -> str:
    told = [f"{false['loss'].iloc[0]}: starts in the basin of {start}"]
    told += [f"{int(false['steps'].iloc[0])} steps"] if false["steps"].nunique() == 1 else []
    told += [f"step h = {arms.number(false['lr'].iloc[0])}"] if false["lr"].nunique() == 1 else []
    return "; ".join([*told, "bands: 95% intervals"])


def finding(
    by_cap: list[Line],
    by_step: list[Line],
    limits: list[tuple[float, int]],
    places: dict[int, str],
) -> str:
    """What the picture shows, in words."""
    told = []
    if by_cap:
        row, rows = by_cap[0]
        every = pd.concat([own for _, own in by_cap])
        differ = [name for name in arms.varying(every) if name != "cap"]
        critical = limits[0][0] if limits and limits[0][1] == 0 else inf
        told.append(onset_told(row, rows, differ, critical, places))
    if by_step:
        most = max(rows["p_escape"].max() for _, rows in by_step)
        who = f"{by_step[0][1]['dynamics'].iloc[0]}, whose cap limits the step size,"
        told.append(f"{who} escapes with probability {arms.share(most)} at most." if most else f"{who} never escapes.")
    return " ".join(told)
