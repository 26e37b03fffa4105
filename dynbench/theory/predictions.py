"""All that is known about each minimum of a loss before anything is simulated: one record a minimum.

Thresholds of the rules need its height, curvature and distance; the noisy gradient's answers need its walls, so a
loss of one dimension or a separable one.  nan: not known, or not defined there; inf: never.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from math import inf, nan
from typing import Any

import numpy as np

from dynbench import find
from dynbench.basins import lowest_value
from dynbench.losses.base import Loss, Minimum
from dynbench.theory import kramers, passage, thresholds
from dynbench.theory.chain import Exits, exits
from dynbench.theory.coordinate import coordinate, neighbours
from dynbench.theory.exact import escape_probability
from dynbench.theory.nystrom import OutOfReach

Record = dict[str, Any]


def predictions(
    loss: Loss,
    lr: float,
    temperature: float | None = None,
    steps: Iterable[int] = (100, 500, 2500),
    f_star: float | None = None,
    x0: float | None = None,
    labels: Iterable[int] | None = None,
) -> list[Record]:
    """One record for each minimum (of those `labels`); its names are those of the functions and of a sweep's columns.

    `f_star`: what rules subtract from L (default: the loss's lowest value).
    Random walks start at the minimum, or at x0 (one dimension) in the basin that holds it.  In more dimensions the
    minima of a separable loss are those with all coordinates in one well.
    """
    chosen = range(len(loss.minima)) if labels is None else labels
    f_star = lowest_value(loss) if f_star is None else f_star
    budgets = tuple(steps)
    records = []
    for label in chosen:
        whole = product(loss, label)
        start = x0 if x0 is not None and loss.dim == 1 and loss.basin((x0,)) == label else whole.x[0]
        record = {"label": basin_of(loss, label), "x": list(whole.x), "value": whole.value}
        record |= {
            "curvature": whole.curvatures[-1] if whole.curvatures else nan,
            "barrier": whole.barrier,
            "distance": whole.distance,
        }
        record |= of_rules(loss, label, whole, lr, f_star)
        if loss.dim == 1 and loss.tensor:
            record["start"] = start
            record["p_escape_capped"] = capped(loss, whole, start, lr, budgets, f_star)
        else:
            record |= {"start": None, "p_escape_capped": None}
        records.append(record | of_noise(loss, label, whole, lr, temperature, budgets, start))
    return records


def product(loss: Loss, label: int) -> Minimum:
    """The minimum in the dimension of the loss: for a separable one, every coordinate at the same place."""
    minimum, dim = loss.minima[label], loss.dim or 1
    if not loss.separable or dim == 1:
        return minimum
    return replace(minimum, x=minimum.x * dim, value=minimum.value * dim)


def basin_of(loss: Loss, label: int) -> int:
    return loss.basin(loss.minima[label].x * (loss.dim or 1)) if loss.tensor else label


def curved(minimum: Minimum) -> bool:
    """Whether the Hessian is known and positive: else no rule has a threshold in closed form."""
    return bool(minimum.curvatures) and 0.0 < minimum.curvatures[0] <= minimum.curvatures[-1] < inf


def of_rules(loss: Loss, label: int, minimum: Minimum, lr: float, f_star: float) -> Record:
    """What the rules without noise do near it.  Where f_star is subtracted from L, L* - f_star takes L*'s place."""
    raised = replace(minimum, value=minimum.value - f_star)
    line, false = len(minimum.x) == 1, raised.value > 0.0
    names = ("step_limit", "sign_eps_limit", "rmsprop_eps_limit", "critical_cap", "two_cycle_cap", "boole_scale",
             "escape_rate", "capped_time", "crossover_temperature")  # fmt: skip
    if not curved(minimum):
        return dict.fromkeys(names, nan) | {"critical_cap": thresholds.critical_cap(minimum, lr, f_star)}
    eps = thresholds.sign_eps_limit(minimum, lr)
    return {
        "step_limit": thresholds.step_limit(minimum),
        "sign_eps_limit": eps,
        "rmsprop_eps_limit": eps,
        "critical_cap": thresholds.critical_cap(minimum, lr, f_star),
        "two_cycle_cap": thresholds.two_cycle_cap(minimum, lr, f_star) if line else nan,
        "boole_scale": thresholds.boole_scale(raised) if line and false else nan,
        "escape_rate": thresholds.escape_rate(raised) if line and false else nan,
        "capped_time": kramers.capped_time(raised) if line else nan,
        "crossover_temperature": kramers.crossover_temperature(loss, label, f_star) if line and loss.tensor else nan,
    }


def capped(loss: Loss, minimum: Minimum, start: float, lr: float, steps: Sequence[int], f_star: float) -> list[float]:
    """Share that the capped flow, M >> M_c, has led out of the well after each number of steps."""
    height = minimum.value - f_star
    if height <= 0.0 or not curved(minimum):
        return [nan for _ in steps]
    above = max(coordinate(loss).value(start) - f_star, height)
    raised = replace(minimum, value=height)
    return [thresholds.escape_probability(raised, above, lr * n) for n in steps]


def of_noise(
    loss: Loss, label: int, minimum: Minimum, lr: float, temperature: float | None, steps: tuple[int, ...], start: float
) -> Record:
    """What the noisy gradient does from `start`: the chain, the SDE, Kramers.  Unknown without a temperature."""
    record: Record = dict.fromkeys(
        ("mean_steps", "mean_steps_error", "late_hazard", "passage_time", "passage_time_to_wall_of_chain",
         "passage_time_to_other_well", "committor", "kramers_time", "kramers_prefactor"), nan
    ) | {"p_escape": None, "p_escape_error": None, "kramers_valid": None}  # fmt: skip
    if temperature is None or not temperature > 0.0 or not loss.tensor:
        return record
    dim = loss.dim or 1
    if curved(minimum):
        record["kramers_time"] = kramers.kramers_time(loss, label, temperature) / dim
        record["kramers_prefactor"] = kramers.kramers_prefactor(loss, label) / dim
        record["kramers_valid"] = kramers.kramers_valid(minimum, temperature)
    if dim > 1:
        at, gradient = np.array(minimum.x)[:, None], find.dynamics("gradient")
        found = [escape_probability(loss, gradient, {}, lr, temperature, 0.0, basin_of(loss, label), at, n)
                 if n > 0 else (0.0, 0.0) for n in steps]  # fmt: skip
        if None not in found:
            record["p_escape"] = [pair[0] for pair in found if pair]
            record["p_escape_error"] = [pair[1] for pair in found if pair]
        return record
    with suppress(ValueError):  # a loss that does not rise far enough has no stationary law
        record["passage_time"] = passage.passage_time(loss, label, start, temperature)
        record["passage_time_to_wall_of_chain"] = passage.passage_time(loss, label, start, temperature, lr)
        record["passage_time_to_other_well"] = passage.passage_time_to_other_well(loss, label, start, temperature)
    record["committor"] = to_other_well(loss, label, start, temperature)
    return record | of_chain(loss, label, lr, temperature, steps, start)


def of_chain(loss: Loss, label: int, lr: float, temperature: float, steps: tuple[int, ...], start: float) -> Record:
    """The discrete chain; without its mean where only that is out of reach, empty where all is."""
    found: Exits | None = None
    for whole in (True, False):
        try:
            found = exits(loss, label, start, lr, temperature, steps, whole)
            break
        except OutOfReach:
            continue
    if found is None:
        return {}
    return {
        "p_escape": found.p[:, 0].tolist(),
        "p_escape_error": found.p_error[:, 0].tolist(),
        "mean_steps": float(found.mean[0]),
        "mean_steps_error": float(found.mean_error[0]),
        "late_hazard": found.hazard,
    }


def to_other_well(loss: Loss, label: int, x: float, temperature: float) -> float:
    """P(the SDE from x reaches the neighbouring minimum on its side before its own); 0 at its own."""
    own = loss.minima[label].x[0]
    other = neighbours(loss, label)[0 if x < own else 1]
    return passage.committor(loss, x, own, loss.minima[other].x[0], temperature) if other is not None else 0.0
