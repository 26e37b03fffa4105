"""The hazard of escape a step, in bins that double: is it constant late, as theory has it for capped flow and noise?"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from dynbench.batch import Integers
from dynbench.outcomes.hazard import exposure, hazard, log_edges
from dynbench.outcomes.outward import between
from dynbench.outcomes.survival import Estimate
from dynbench.report import timeline
from dynbench.report.escapes import Sample
from dynbench.report.facts import UNKNOWN, Facts
from dynbench.report.style import OPEN, Picture, drawn, line, logarithmic
from dynbench.theory.chain import exits
from dynbench.theory.nystrom import OutOfReach

LINES = 5
NOTHING = 1e-300  # a logarithmic axis has no 0
ENOUGH = 2  # bins with escapes: a hazard that is known in one bin only has no course


@drawn
def hazards(found: Sample, steps: int, facts: Facts = UNKNOWN) -> Picture | None:
    """Escapes over steps at risk in log-spaced bins, with intervals, of a few arms; their late hazards as lines.

    None where hardly anything escapes.  The exact late hazard of a noisy chain stands beside them, where it is known.
    """
    gone = found.tally(found.t_exit >= 0)
    chosen = found.few(LINES, np.where((gone >= ENOUGH) & ~found.doubtful, gone / found.count, 0.0))
    if not chosen:
        return None
    which, codes = found.of(chosen)
    until, time = found.until(steps)[which], found.t_exit[which]
    given = exposure(time, until, log_edges(steps), codes, len(chosen))
    if not found.known or not ((given.events > 0).sum(axis=1) >= ENOUGH).any():
        return None
    bins, rates = hazard(given), late(time, until, steps, codes, len(chosen))
    lo = min(bins[0][given.events > 0].min(), rates[0][rates[0] > 0].min(initial=1.0)) / 2.0
    hi = min(2.0 * float(np.nanmax(bins[0])), 1.0)
    figure, axes = timeline.beside(
        "Hazard of escape", f"{found.where}; bars, bands: 95% intervals (no mark: no escape)"
    )
    for k, place in enumerate(chosen):
        own, some = (bins[0][k], bins[1][k], bins[2][k]), given.events[k] > 0
        points(axes, given.edges, own, some, k, (k + 0.5) / len(chosen), hi)
        level(axes, steps, (rates[0][k], rates[1][k], rates[2][k]), k, found.names[place])
    exact = {k: rate for k, place in enumerate(chosen) if (rate := exact_rate(found, place, facts)) == rate}
    inside = [k for k, rate in exact.items() if lo < rate < hi]
    for k in inside:
        told = "exact, in the long run" if k == inside[0] else None
        axes.plot([steps], [exact[k]], clip_on=False, label=told, **OPEN | {"color": line(k)["color"]})
    timeline.over_steps(axes, steps, "escapes a step at risk")
    axes.set_position((0.1, 0.13, 0.53, 0.70))
    axes.set(xlim=(0.5, steps + 0.5), ylim=(lo, hi))
    logarithmic(axes, "y", lo, hi)
    timeline.legend_beside(figure)
    return Picture("hazard", figure, finding(found, chosen, rates, exact, steps))


def late(time: Integers, until: Integers, steps: int, codes: Integers, count: int) -> Estimate:
    """`late_hazard` of the last half of N steps, even where all were gone or had diverged before."""
    value, lo, hi = hazard(exposure(time, until, [steps // 2, steps], codes, count))
    return value[:, 0], lo[:, 0], hi[:, 0]


def points(
    axes: Axes, edges: Integers, given: Estimate, some: NDArray[np.bool_], k: int, place: float, top: float
) -> None:
    """A mark in each bin, at that part of its width, with its interval; without an escape only the upper limit."""
    first, last = np.log(edges[:-1] + 0.5), np.log(edges[1:] + 0.5)  # bins hold whole steps
    at = np.exp(first + place * (last - first))
    value, lo, hi = given
    look = line(k) | {"linestyle": "none"}
    axes.vlines(at[some], lo[some], hi[some], color=look["color"], linewidth=1.0)
    axes.plot(at[some], value[some], **look)
    none = ~some & (hi < top)  # higher ones tell nothing
    axes.plot(at[none], hi[none], color=look["color"], linestyle="none", marker="_", markersize=7)
    axes.vlines(at[none], NOTHING, hi[none], color=look["color"], linewidth=1.0, alpha=0.4)


def level(axes: Axes, steps: int, late: tuple[float, float, float], k: int, name: str) -> None:
    """The late hazard over the half of the steps that it is measured in."""
    value, lo, hi = late
    ends, look = [max(steps // 2, 1), steps], line(k)
    axes.plot([], [], label=name, **look)
    axes.plot(ends, [value] * 2, color=look["color"], linestyle=look["linestyle"], linewidth=2.2)
    axes.fill_between(ends, lo, hi, color=look["color"], alpha=timeline.BAND, linewidth=0)


def exact_rate(found: Sample, place: int, facts: Facts) -> float:
    """Late hazard of noisy gradient descent, the chance to leave a well in a step in the long run; nan: not known."""
    row: Mapping[Any, Any] = found.table.iloc[place].to_dict()
    loss, lr = found.loss, row["lr"]
    temperature = row.get("temperature", 0.0) + 0.5 * lr * row.get("gradient_noise", 0.0) ** 2
    lost = bool(found.tally(found.lost & (found.t_exit < 0))[place])  # the chain knows no divergence
    alone = found.false and len(found.labels) == 1 and not lost
    if not alone or loss is None or not loss.computable:
        return np.nan
    if not loss.tensor or loss.dim != 1 or row["dynamics"] not in facts.gradient:
        return np.nan
    if temperature <= 0.0 or any(row.get(name, value) != value for name, value in loss.parameters.items()):
        return np.nan
    label = found.labels[0]
    try:
        return exits(loss, label, loss.minima[label].x[0], lr, temperature, ()).hazard
    except OutOfReach:
        return np.nan


def finding(found: Sample, chosen: Sequence[int], late: Estimate, exact: Mapping[int, float], steps: int) -> str:
    """What the picture shows, in words."""
    told = []
    for k, place in enumerate(chosen):
        value, lo, hi = (float(part[k]) for part in late)
        rate = f"{value:.2g} {between(lo, hi, '.2g')}" if value == value else "nobody was left"
        told.append(f"{found.names[place]}: {rate}" + (f", exactly {exact[k]:.3g}" if k in exact else ""))
    return f"Hazard of escape a step, late, from step {steps // 2} to {steps}: {'; '.join(told)}."
