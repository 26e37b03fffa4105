"""The main job: every rule that comes with dynbench, on axes that show what each can do."""

import math

import numpy as np

from dynbench import find
from dynbench.basins import false_minima, lowest_value
from dynbench.losses.base import Loss
from dynbench.outcomes.probe import is_capped_flow, is_plain_gradient
from dynbench.sweep.grid import Arm, default_lr
from dynbench.sweep.starts import Starts
from dynbench.theory.thresholds import critical_cap

STARTS = 2001  # about so many starts over the domain
TEMPERATURES = (0.1, 0.2, 0.3, 0.5, 0.7, 1.0)


def arms(loss: Loss, rules: list[str], lr: float | None = None, f_star: float | None = None) -> tuple[Arm, ...]:
    """An arm for every rule, with the axes that matter to it; the noisy gradient is an arm of its own."""
    step = lr or default_lr(loss)
    made: list[Arm] = []
    for rule in rules:
        dynamics = find.dynamics(rule)
        axes: dict[str, tuple[float, ...]] = {"lr": (step,)}
        if is_capped_flow(dynamics):
            axes["cap"] = caps(loss, step, f_star)
        if "step_cap" in dynamics.parameters:
            axes["step_cap"] = (step, 10 * step, 100 * step)
        made.append(Arm(rule, axes))
        if is_plain_gradient(dynamics):
            made.append(Arm(rule, {"lr": (step,), "temperature": temperatures(loss)}))
    return tuple(made)


def caps(loss: Loss, lr: float, f_star: float | None = None) -> tuple[float, ...]:
    """Caps from 1 to 1e6, four a decade; in one dimension 24 more around the predicted threshold D/(h (L* - f_star)).

    The threshold is that of the lowest false minimum in the domain; `f_star`: by default the loss's lowest value.
    """
    values = np.geomspace(1.0, 1e6, 25).tolist()
    lo, hi = loss.domain[0]
    false = [m for m in false_minima(loss) if lo <= m.x[0] <= hi]
    if loss.dim == 1 and false:
        threshold = critical_cap(
            min(false, key=lambda m: m.value), lr, lowest_value(loss) if f_star is None else f_star
        )
        near = [0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 1.0005, 1.001, 1.002, 1.005]
        near += [1.01, 1.015, 1.02, 1.03, 1.04, 1.05, 1.07, 1.1, 1.15, 1.2, 1.3, 1.5]
        values += [float(f"{f * threshold:.7g}") for f in near] if math.isfinite(threshold) else []
    return tuple(sorted(set(values)))


def temperatures(loss: Loss) -> tuple[float, ...]:
    """Temperatures that the lowest barrier out of a false minimum makes interesting."""
    barriers = [m.barrier for m in false_minima(loss) if math.isfinite(m.barrier)]
    scale = min(barriers, default=2.0) / 2.0
    scale = 1.0 if 0.5 <= scale <= 2.0 else float(f"{scale:.1g}")
    return tuple(float(f"{scale * t:.6g}") for t in TEMPERATURES)


def starts(dim: int) -> Starts:
    """About 2001 starts: an even grid in one and two dimensions, uniform beyond."""
    if dim == 1:
        return Starts("grid", STARTS)
    return Starts("grid", 45) if dim == 2 else Starts("uniform", STARTS)
