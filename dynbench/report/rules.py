"""All rules at a glance: who gets out of a false minimum, and who ends at the global one."""

import textwrap
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from dynbench.losses.base import Loss
from dynbench.report import arms, wells
from dynbench.report.style import COLOURS, GREY, OPEN, Picture, blank, drawn
from dynbench.report.trapped import origin, together
from dynbench.sweep.headline import led
from dynbench.sweep.table import varying
from dynbench.sweep.ties import leader

ROWS = 18
LABEL = 38  # letters of a row's name
MARKS = (
    ("p_escape", "o", COLOURS[0], "escaped"),
    ("p_global", "s", COLOURS[2], "ended in a global basin"),
    ("p_final", "D", COLOURS[1], "ended within the target"),
)

OFFSETS = (0.22, 0.0, -0.22)  # of the marks of one row


@drawn
def rules(cells: pd.DataFrame, loss: Loss | None, summary: pd.DataFrame | None = None) -> Picture | None:
    """Table of cells -> one row for each of a few arms: P(escape), P(global), P(final), with 95% intervals."""
    every, places = together(cells, loss, summary)
    table = every[every["p_escape"].notna()].reset_index(drop=True)
    if not len(table):
        return None
    label, start = next(iter(places)), origin(places)

    def critical(row: Mapping[Any, Any]) -> float:
        return wells.threshold(loss, label, row["lr"], row.get("f_star", 0.0))

    chosen = arms.few(table[arms.settings(table)], ROWS, critical, table["p_escape"].tolist())[::-1]
    names, shown = arms.names(table), table.iloc[chosen]
    height = 1.5 + 0.24 * len(chosen)
    name = str(cells["loss"].iloc[0])
    title = "Who gets out, and who gets there"
    figure = blank(height, title, f"{name}: starts in the basin of {start}; bars: 95% intervals")
    bottom = 0.78 / height
    axes = figure.add_axes((0.30, bottom, 0.67, 1 - 0.62 / height - bottom))
    y = np.arange(len(chosen))
    for k, (column, marker, colour, told) in enumerate(MARKS):
        p, at = shown[column].to_numpy(float), y + OFFSETS[k]
        lo, hi = shown[f"{column}_lo"].to_numpy(float), shown[f"{column}_hi"].to_numpy(float)
        axes.hlines(at, lo, hi, color=colour, linewidth=1.5)
        axes.plot(p, at, marker, color=colour, markersize=5, label=told)
    if "p_exact" in shown.columns and shown["p_exact"].notna().any():
        axes.plot(shown["p_exact"].to_numpy(float), y + OFFSETS[0], label="escapes, exactly", **OPEN)
    axes.yaxis.set_visible(False)  # ticks are slower to make than texts
    sideways = axes.get_yaxis_transform()
    for row, k in enumerate(chosen):
        short = textwrap.shorten(names[k], LABEL, placeholder=" …")
        axes.text(-0.01, row, short, transform=sideways, ha="right", va="center_baseline", fontsize=9, color=GREY)
    axes.set(xlim=(-0.015, 1.015), ylim=(-0.6, len(chosen) - 0.4), xlabel="probability")
    axes.grid(axis="x", color="#DDDDDD", linewidth=0.6)
    axes.hlines(y[:-1] + 0.5, 0, 1, color="#EEEEEE", linewidth=0.8, zorder=0)
    figure.legend(loc="lower left", bbox_to_anchor=(0.10, 0.0), ncols=4, columnspacing=1.2)
    return Picture("rules", figure, finding(table, len(chosen), start))


def finding(table: pd.DataFrame, shown: int, start: str) -> str:
    """What the picture shows, in words: of all settings, also those that it has no room for."""
    known = varying(table, arms.parameters(table))
    some = "" if shown == len(table) else f", {shown} of them drawn"
    many = f"{len(table)} settings compared{some}" if len(table) > 1 else "One setting"
    told = [f"{many}; starts in the basin of {start}."]
    kinds = {
        "p_escape": "Highest P(escape)",
        "p_global": "Most often in the basin of a global minimum in the end",
        "p_final": "Most often within the target in the end",
    }
    if len(table) == 1:
        kinds = {"p_escape": "P(escape)", "p_global": "P(global)", "p_final": "P(final)"}
    for column, text in kinds.items():
        first = leader(table, column)
        if first is not None:
            told.append(led(table, first, column, text, known))
    return " ".join(told)
