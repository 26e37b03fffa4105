"""Curves over steps with their bands: what the pictures of times have in common."""

import textwrap
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from dynbench.outcomes.survival import Estimate
from dynbench.report.style import COLOURS, blank, legend_below, line, logarithmic, resize

BAND = 0.2  # opacity
LABEL = 32  # letters a line of a legend beside a picture
BANDS = "bands: 95% intervals at each step"


def beside(title: str, subtitle: str) -> tuple[Figure, Axes]:
    """One panel, with room for a legend at its right."""
    figure = blank(4.3, title, subtitle)
    return figure, figure.add_axes((0.075, 0.13, 0.555, 0.70))


def legend_beside(figure: Figure) -> None:
    figure.legend(loc="upper left", bbox_to_anchor=(0.635, 0.85), handlelength=2.6, labelspacing=0.7)


def panels(title: str, subtitle: str, headings: Sequence[str]) -> tuple[Figure, list[Axes]]:
    """Panels side by side on one scale, for shares; `legend_under` places them."""
    figure = blank(4.0, title, subtitle)
    made: list[Axes] = []
    for heading in headings:
        axes = figure.add_subplot(1, len(headings), len(made) + 1, sharey=made[0] if made else None)
        axes.set_title(heading, loc="left", fontsize=10)
        axes.tick_params(labelleft=not made)
        made.append(axes)
    return figure, made


def legend_under(figure: Figure, made: Sequence[Axes]) -> None:
    """One legend for all panels, and the panels as high as they should be above it."""
    lines = legend_below(figure, {str(h.get_label()): h for h in made[0].get_legend_handles_labels()[0]})
    height = 4.0 + 0.2 * lines
    resize(figure, height)
    left, right, gap = 0.075, 0.97, 0.03
    width, bottom = (right - left + gap) / len(made), (0.62 + 0.2 * lines) / height
    for k, axes in enumerate(made):
        axes.set_position((left + k * width, bottom, width - gap, 1 - 0.85 / height - bottom))


def curve(axes: Axes, at: ArrayLike, given: Estimate, k: int, label: str, banded: bool = True) -> None:
    """The k-th step function (value, lo, hi) (m,) at the steps `at`, each value until the next step."""
    value, lo, hi = given
    axes.plot(at, value, drawstyle="steps-post", label=textwrap.fill(label, LABEL), **line(k, marked=False))
    if banded:
        axes.fill_between(at, lo, hi, step="post", color=COLOURS[k % len(COLOURS)], alpha=BAND, linewidth=0)


def over_steps(axes: Axes, steps: int, ylabel: str = "") -> None:
    """Steps from 1 on a logarithmic axis, shares from 0 to 1."""
    logarithmic(axes, "x", 1.0, steps)
    axes.set(xlim=(1, max(steps, 2)), ylim=(0, 1.03), xlabel="steps", ylabel=ylabel)
    axes.grid(axis="y", color="#DDDDDD", linewidth=0.6)
