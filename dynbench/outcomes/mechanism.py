"""Is it the flow, the step, the inertia or the noise?  What makes the trajectories of a cell escape.

The step h is halved with h * steps and the ODE held: cap and other parameters stay, decays a step become their square
roots.  An escape that the ODE itself makes goes on as h -> 0; one that Euler's step makes ends.  Beside it, for capped
rules, h M is held instead: there nothing changes, for only the product decides how far a step can reach.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import inf, isnan, nan

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dynbench import basins
from dynbench.batch import Floats, Integers
from dynbench.dynamics.base import Dynamics
from dynbench.losses.base import Loss
from dynbench.outcomes.halving import (
    LAST,
    TELLING,
    Cell,
    Counted,
    Level,
    first_share,
    ladder,
    level,
    level_of,
    spread,
    table,
)
from dynbench.outcomes.probe import is_capped, is_downhill, is_inertial, longest_step, value_at
from dynbench.theory.thresholds import hitting_time

SHARE = 0.25  # of the first P: escapes have ended where P is surely below it, and go on where it is surely above
REPEATS = 200.0  # trajectories of a noisy cell at a smaller h, more where its P is small
NONE = "None of the starts escapes: there is nothing to explain."


@dataclass(frozen=True)
class Mechanism:
    """Why a cell escapes."""

    label: str  # noise, singular, step-size, 'step-size or noise', inertia, flow or undecided
    evidence: pd.DataFrame  # h, steps, n, escaped, p, lo, hi, held ('ode', 'hM', or 'noise': with the cell's noise)
    reason: str  # in words


def mechanism(
    loss: Loss,
    dynamics: Dynamics,
    parameters: Mapping[str, float],
    lr: float,
    temperature: float,
    gradient_noise: float,
    x0: Floats,
    basin: Integers,
    stream: NDArray[np.uint64],
    steps: int,
    seed: int = 0,
    workers: int | None = None,
    halvings: int = 10,
    budget: float = 2e9,
    counted: Counted | None = None,
    every_start: bool = True,
    progress: Callable[[], object] | None = None,
) -> Mechanism:
    """Labels the escapes from x0 (dim, n), basin (n,), stream (n,), within `steps` steps of size `lr`.

    * noise: there is noise, and without it P is 0, or surely below a quarter.  If it is not, the noise-free cell is
      what is labelled.
    * step-size: P is surely below a quarter of its first value in the last three halvings, or 0 where the capped
      flow's longest step h M (L* - f_star) is shorter than the distance D to the wall.
    * step-size or noise: so without noise, but with the cell's noise escapes surely go on at an h where without it they
      have ended: either alone would do.
    * If P stays surely above a quarter of it: singular, where the rule's steps are unbounded beside a false minimum
      (the global flow; a cap that does not bind within the halvings), since that flow ends at t* = ln(L0/L*);
      inertia, where the rule goes on uphill by its memory; else flow, whose own orbits cross the boundary.
    * undecided: none of these, with the reason.

    "Surely": in the 95 % interval; P itself where all starts were run, for these starts are then the whole cell.
    `parameters`: of loss and rule, defaults where missing.  `budget`: coordinate updates in all, about; where more
    would be needed, fewer starts are run, evenly spread.  `counted`: what a run counted of the cell's trajectories,
    repeats included, which are then not run again: x0 is its starts, each once, `every_start` whether all of them.
    `progress`: called after each run.
    Deterministic, and with the cell's own noise.
    """
    loss = loss.at(len(x0))
    complete = {**loss.parameters, **dynamics.parameters_on(basins.lowest_value(loss))} | dict(parameters)
    cell = Cell(
        loss, dynamics, complete, lr, temperature, gradient_noise, x0, basin, stream, steps, seed, workers,
        every_start, progress,
    )  # fmt: skip
    if not (np.asarray(basin) >= 0).any():
        return Mechanism("undecided", table([]), "The starts' basins are not known.")
    own = None if counted is None else level_of(cell, counted)
    levels, prefix, given = [], "", cell
    if cell.noisy:
        share = first_share(cell, budget)
        noisy = own or level(cell, 0, "noise", share)
        quiet = level(cell.quiet, 0, "ode", share)
        assert noisy is not None
        assert quiet is not None
        both = table([noisy, quiet])
        if noisy.p == 0.0:
            return Mechanism("undecided", both, NONE)
        words = f"with noise P = {noisy.p:.3g}, without it {alone(quiet)}"
        if ended(quiet, noisy.p):
            return Mechanism("noise", both, f"It is the noise: {words}.")
        if quiet.escaped == 0:
            return Mechanism("undecided", both, f"Too few starts to tell noise from step: {words}.")
        prefix = f"{need(noisy, quiet)}: {words}.  What follows is of the starts without noise.  "
        levels, cell, own = [noisy], cell.quiet, quiet
    capped, singular, reach = jumps(cell)
    series = ladder(cell, reach if capped else nan, halvings, budget / (2 if capped else 1), own)
    label, reason = verdict(cell, series, capped, singular, reach)
    if given.noisy and label == "step-size":
        small, again = noise_alone(given, levels[0], series, budget / 4)
        if again is not None:
            label = "step-size or noise" if is_noise(small, again, levels[0]) else label
            levels.append(again)
        reason += f"  {of_noise(small, again, levels[0])}"
    levels += series
    if capped and series[0].escaped:
        spare = budget / (2 * len(series))
        times = [v.times for v in series if v.times or own is None]  # at the cell's own h it is the same run
        beside = [level(cell, k, "hM", spare if k else max(spare, cell.block)) for k in times]
        beside += [replace(series[0], held="hM")] if own is not None else []
        levels += sorted((found for found in beside if found is not None), key=lambda found: found.times)
        p = [v.p for v in levels if v.held == "hM"]
        if series[0].n > 1:
            reason += f"  With h M held, P is between {min(p):.3g} and {max(p):.3g}."
    return Mechanism(label, table(levels), prefix + reason)


def alone(quiet: Level) -> str:
    """Without noise, in words: P, how many of the starts escape, and how sure that is where some were left out."""
    if quiet.whole and quiet.n == 1:
        return "the start escapes" if quiet.escaped else "the start does not escape"
    if quiet.whole:
        return f"P = {quiet.p:.3g} ({quiet.escaped} of {quiet.n} starts escape)"
    lo, hi = quiet.interval
    return f"P = {quiet.p:.3g} [{lo:.3g}, {hi:.3g}] ({quiet.escaped} of {quiet.n} of its starts)"


def need(noisy: Level, quiet: Level) -> str:
    """Whether escapes need the noise, where they go on without it: some do where P is surely less without."""
    most = quiet.p if quiet.whole else quiet.interval[1]
    fewer = most < noisy.interval[0]
    return "Some of the escapes need the noise, others do not" if fewer else "It does not need the noise"


def noise_alone(cell: Cell, noisy: Level, series: list[Level], updates: float) -> tuple[Level, Level | None]:
    """The level without noise from which on escapes have ended, and the noisy cell at its h.

    What escapes there is the noise's.  `series`: the levels without noise, whose escapes end.  The second is None where
    `updates` of coordinates are too few to tell.
    """
    left = [i for i, v in enumerate(series) if not ended(v, series[0].p)]
    small = series[left[-1] + 1]
    most = updates / (float(cell.steps) * 2.0**small.times * len(cell.x0))
    count = int(min(max(REPEATS, 4.0 * TELLING / noisy.p), most))
    if count < TELLING / noisy.p:
        return small, None
    return small, level(cell.repeated(count), small.times, "noise", inf)


def is_noise(small: Level, again: Level, noisy: Level) -> bool:
    """Whether escapes with noise surely go on at an h where those without it have ended."""
    return goes_on(again, noisy.p) and ended(small, again.p)


def of_noise(small: Level, again: Level | None, noisy: Level) -> str:
    """What the noise does where the step alone does nothing, in words."""
    if again is None:
        return "Whether noise alone would do it too was not tried: it needs too many trajectories."
    counts = [f"{v.p:.3g} ({v.escaped} of {v.n})" for v in (again, small)]
    seen = f"at h = {small.h:.3g} P is {counts[0]} with noise and {counts[1]} without"
    if is_noise(small, again, noisy):
        return f"But noise alone would do it too: {seen}."
    nothing = ended(again, noisy.p)
    return f"{'Noise alone does not do it' if nothing else 'It is not sure whether noise alone does it'}: {seen}."


def jumps(cell: Cell) -> tuple[bool, bool, float]:
    """Whether the rule is capped; whether its steps are unbounded beside all minima; max of longest step over D.

    The minima are those of the starts' basins, the steps those at the cell's own h; nan where no D is known.
    """
    known = [basins.minimum(cell.loss, int(label)) for label in np.unique(cell.basin[cell.basin >= 0])[:1000]]
    minima = [m for m in known if m is not None]
    sizes = [longest_step(cell.dynamics, cell.own, cell.lr, m.value) for m in minima]
    shares = [size / m.distance for size, m in zip(sizes, minima, strict=True) if size < inf and not isnan(m.distance)]
    capped = bool(minima) and all(is_capped(cell.dynamics, cell.own, cell.lr, m.value) for m in minima)
    return capped, bool(minima) and all(size == inf for size in sizes), max(shares, default=nan)


def verdict(cell: Cell, levels: list[Level], capped: bool, singular: bool, reach: float) -> tuple[str, str]:
    """(label, reason) from the levels with the ODE held."""
    first, last, recent = levels[0], levels[-1], levels[1:][-LAST:]
    if first.escaped == 0:
        return "undecided", NONE
    ends = [f"{v.p:.3g} ({v.escaped} of {v.n}) at h = {v.h:.3g}" for v in (first, last)]
    change = f"P goes from {ends[0]} to {ends[1]}"
    fall = f"with the ODE held {change}"
    bounded = capped and reach * 0.5**last.times < 1.0
    if bounded and reach >= 1.0 and last.escaped == 0:
        return "step-size", f"It is the step: escapes end where {longest(cell)} < D, h < {cell.lr / reach:.3g}; {fall}."
    if is_inertial(cell.dynamics, cell.own, cell.lr) and not cell.dynamics.decays:
        return "undecided", f"The rule has inertia but does not name its 'decays', so the ODE was not held: {change}."
    if len(recent) < LAST:
        return "undecided", f"After {len(levels) - 1} halvings {fall}: the budget reaches no further."
    if all(ended(v, first.p) for v in recent):
        return "step-size", f"It is the step: {fall}."
    if not all(goes_on(v, first.p) for v in recent):
        return "undecided", f"Neither gone nor surely there: {fall}."
    if bounded:
        return "undecided", f"The longest step {longest(cell)} is shorter than the way out D, and yet {fall}."
    if singular or capped:
        limit = f", where only below h = {cell.lr / reach:.3g} the cap would end it" if capped and reach > 0 else ""
        return "singular", f"The flow itself ends{ends_at(cell)}, and steps past its end leave: {fall}{limit}."
    if is_inertial(cell.dynamics, cell.own, cell.lr):
        return "inertia", f"It is the memory, which goes on uphill as h -> 0: {fall}."
    if len(cell.x0) == 1 and is_downhill(cell.dynamics, cell.own, cell.lr):
        return "undecided", f"In one dimension no downhill flow crosses a wall, and yet {fall}."
    return "flow", f"The rule's own flow crosses the basin's boundary: {fall}."


def longest(cell: Cell) -> str:
    """The capped rule's longest step beside a minimum of height L*."""
    return "h M L*" if cell.parameters.get("f_star", 0.0) == 0.0 else "h M (L* - f_star)"


def ended(found: Level, first: float) -> bool:
    return (found.p if found.whole else found.interval[1]) < SHARE * first


def goes_on(found: Level, first: float) -> bool:
    return (found.p if found.whole else found.interval[0]) > SHARE * first


def ends_at(cell: Cell) -> str:
    """` at t* = ...`, the median over some starts of ln(L0/L*), f_star taken off; nothing where it is not known."""
    shift, times = cell.parameters.get("f_star", 0.0), []
    for row in spread(len(cell.basin), 101):
        minimum = basins.minimum(cell.loss, int(cell.basin[row]))
        value = value_at(cell.loss, cell.x0[:, row], [cell.parameters[n] for n in cell.loss.parameters])
        if minimum is not None and minimum.value > shift and value > shift:
            times.append(hitting_time(value - shift, minimum.value - shift))
    return f" at t* = ln(L0/L*) = {np.median(times):.3g}" if times else ""
