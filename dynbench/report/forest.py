"""Differences of two probabilities with their intervals, one row a pair: a forest plot."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from dynbench.report.style import COLOURS, FAINT, GREY, Picture, blank, drawn

if TYPE_CHECKING:
    from dynbench.report.comparisons import Claim

LABEL = 44  # letters a line of a row's name
MARKS = {"escape": ("o", COLOURS[0], "P(escape)"), "final": ("D", COLOURS[1], "P(final)")}


@drawn
def forest(claims: "Sequence[Claim]", names: Mapping[int, str]) -> Picture | None:
    """Claims -> differences a - b with 95% intervals, both kinds of success in each row; None: nothing is random."""
    random = [c for c in claims if c.random]
    pairs = list(dict.fromkeys((c.a, c.b) for c in random))
    if not pairs:
        return None
    firsts = {a for a, _ in pairs}
    one = len(firsts) == 1 and len(pairs) > 1
    labels = [label(names[b]) if one else f"{label(names[a])}\nminus {label(names[b])}" for a, b in pairs]
    height = 1.35 + (0.30 if one else 0.46) * len(pairs)
    subtitle = "right of 0: the first succeeds more often, on the same starts with the same noise; bars: 95% intervals"
    title = f"{label(names[pairs[0][0]])} minus each other rule" if one else "Rule minus rule"
    figure = blank(height, title, subtitle)
    bottom = 0.78 / height
    axes = figure.add_axes((0.36, bottom, 0.61, 1 - 0.62 / height - bottom))
    rows = {pair: len(pairs) - 1 - k for k, pair in enumerate(pairs)}
    for k, (on, (marker, colour, told)) in enumerate(MARKS.items()):
        mine = [c for c in random if c.on == on]
        y = np.array([rows[c.a, c.b] for c in mine]) + (0.14 if k == 0 else -0.14)
        d, lo, hi = (np.array([getattr(c.found, name)[0] for c in mine]) for name in ("difference", "lo", "hi"))
        axes.hlines(y, lo, hi, color=colour, linewidth=1.5)
        clear = np.array([c.adjusted <= 0.05 for c in mine], bool)
        axes.plot(d[clear], y[clear], marker, color=colour, markersize=5, label=f"{told}, Holm p ≤ 0.05")
        axes.plot(d[~clear], y[~clear], marker, color=colour, markersize=5, markerfacecolor="#FFFFFF", label=told)
    axes.axvline(0.0, color=GREY, linewidth=1.0, zorder=0)
    axes.set_yticks(list(rows.values()), labels)
    axes.set(xlim=(-1.03, 1.03), ylim=(-0.6, len(pairs) - 0.4), xlabel="difference of the two probabilities")
    axes.grid(axis="x", color="#DDDDDD", linewidth=0.6)
    axes.hlines(np.arange(len(pairs) - 1) + 0.5, -1, 1, color=FAINT, linewidth=0.8, zorder=0)
    axes.tick_params(axis="y", length=0, labelcolor=GREY, labelsize=8)
    figure.legend(loc="lower left", bbox_to_anchor=(0.05, 0.0), ncols=4, columnspacing=1.2)
    return Picture("comparisons", figure, finding(random, names))


def label(name: str) -> str:
    return textwrap.shorten(name, LABEL, placeholder=" …")


def finding(claims: "Sequence[Claim]", names: Mapping[int, str]) -> str:
    """What the picture shows, in words."""
    parts = []
    for on, (_, _, told) in MARKS.items():
        mine = [c for c in claims if c.on == on]
        if mine:
            largest = max(mine, key=lambda c: abs(c.found.difference[0]))
            lo, hi = (f"{end(c.found.difference[0] for c in mine):+.3f}" for end in (min, max))
            extent = f"from {lo} to {hi}, the largest between" if len(mine) > 1 else f"{lo} between"
            parts.append(f"{told}: {extent} {names[largest.a]} and {names[largest.b]}")
    pairs = len({(c.a, c.b) for c in claims})
    return f"Differences between rules, {pairs} pair{'s' * (pairs > 1)}. {'; '.join(parts)}."
