"""The main job: every rule that comes with dynbench, on axes that show what each can do on this loss.

All numbers follow the loss's own scales (`scales`), so that a loss in other units gets the same job in other units:

* lr: by the unit that it has in each rule (`scales.default_lr`), with 2500 steps: the same time on every loss.
* temperatures: 0.2 to 2 times the round number next to the temperature at which about half of the starts in false
  minima leave within that time, by Kramers' law and the barriers of just the wells that the starts lie in.
* caps: four a decade over six decades, the third of them about the critical cap D/(lr (L* - f_star)) that is the median
  over the starts in false minima; in one dimension 24 more close to it.
* bounds of the step of SPS_max: 1, 10 and 100 times gradient descent's lr.

Where no start lies in a false minimum, the wells of the global ones set the temperatures, and caps begin where the cap
binds nearly everywhere, at the half-width over the rise of L.  Where no minimum is known, curvature is looked for over
the domain, and the rise of L stands for a barrier.
"""

import math

import numpy as np

from dynbench import find
from dynbench.basins import lowest_value
from dynbench.losses.base import Loss
from dynbench.outcomes.probe import is_capped_flow, is_plain_gradient
from dynbench.scale import half_widths, rise
from dynbench.sweep.grid import Arm
from dynbench.sweep.scales import STEPS, Wells, default_lr, half_temperature, round_number, wells
from dynbench.sweep.starts import MOST, Starts

STARTS = 2001  # about so many starts over the domain
LOOKED_AT = 256  # of the starts, for the wells in which they lie
TEMPERATURES = (0.2, 0.4, 0.6, 1.0, 1.4, 2.0)  # times the one at which about half leave
BELOW, DECADES = 2, 6  # decades of caps below the critical one, and in all
NEAR = (0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 1.0005, 1.001, 1.002, 1.005, 1.01, 1.015, 1.02, 1.03, 1.04,
        1.05, 1.07, 1.1, 1.15, 1.2, 1.3, 1.5)  # fmt: skip  # times the critical cap


def arms(
    loss: Loss, rules: list[str], begin: Starts, seed: int = 0, lr: float | None = None, f_star: float | None = None
) -> tuple[Arm, ...]:
    """An arm for every rule, with the axes that matter to it; the noisy gradient is an arm of its own.

    `lr`, `f_star`: those of all rules, where they are given.
    """
    found = wells_of(loss, begin, seed)
    given = lr if lr is not None and lr > 0.0 else None  # one that is wrong is refused where the sweep is planned
    made: list[Arm] = []
    for rule in rules:
        dynamics = find.dynamics(rule)
        step = given or default_lr(loss, dynamics)
        axes: dict[str, tuple[float, ...]] = {"lr": (step,)}
        if is_capped_flow(dynamics):
            axes["cap"] = caps(found, step, f_star)
        if "step_cap" in dynamics.parameters:
            size = given or default_lr(loss)
            axes["step_cap"] = tuple(float(f"{ratio * size:.6g}") for ratio in (1, 10, 100))
        made.append(Arm(rule, axes))
        if is_plain_gradient(dynamics):
            made.append(Arm(rule, {"lr": (step,), "temperature": temperatures(found)}))
    return tuple(made)


def wells_of(loss: Loss, begin: Starts, seed: int) -> Wells:
    """The wells of some of the starts, evenly picked."""
    size = min(begin.size(loss.dim or 1), MOST)
    picked = np.unique(np.linspace(0, size - 1, min(size, LOOKED_AT)).astype(np.int64))
    return wells(loss, begin.at(loss, picked, seed))


def caps(found: Wells, lr: float, f_star: float | None = None) -> tuple[float, ...]:
    """Six decades about the median critical cap of the starts; `f_star`: by default the loss's lowest value."""
    loss = found.loss
    each = found.false.critical_caps(lr, lowest_value(loss) if f_star is None else f_star)
    known = np.sort(each[np.isfinite(each)]).tolist()
    if known:
        critical = known[len(known) // 2]
        lowest = 10.0 ** (round(math.log10(critical)) - BELOW)
    else:
        lowest = 10.0 ** round(math.log10(min(half_widths(loss)) / (rise(loss) or 1.0)))
    values = np.geomspace(lowest, lowest * 10.0**DECADES, 4 * DECADES + 1).tolist()
    if known and loss.dim == 1:
        values += [float(f"{ratio * critical:.7g}") for ratio in NEAR]
    return tuple(sorted(set(values)))


def temperatures(found: Wells) -> tuple[float, ...]:
    """Those at which few, about half and nearly all of the starts in false minima leave."""
    false = found.false
    scale = round_number(half_temperature(false if false.place.size else found, default_lr(found.loss) * STEPS))
    return tuple(float(f"{scale * ratio:.6g}") for ratio in TEMPERATURES)


def starts(dim: int) -> Starts:
    """About 2001 starts: an even grid in one and two dimensions, uniform beyond."""
    if dim == 1:
        return Starts("grid", STARTS)
    return Starts("grid", 45) if dim == 2 else Starts("uniform", STARTS)
