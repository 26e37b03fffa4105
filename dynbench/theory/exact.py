"""The exact escape probability of a cell of a sweep, where there is one: noisy gradient, wells that are intervals.

x ← x - h(g + s ξ) + √(2Th) ξ' is the chain of `chain` at T + h s²/2.  In a separable loss the coordinates are
independent chains, and the start's basin is left when the first of them leaves its well.
"""

from collections.abc import Mapping

import numpy as np

from dynbench.batch import Floats
from dynbench.dynamics.base import Dynamics
from dynbench.losses.base import Loss
from dynbench.outcomes.probe import is_plain_gradient
from dynbench.theory.chain import p_exit
from dynbench.theory.nystrom import OutOfReach

MOST_STARTS = 50_000  # different coordinates of starts
TRUSTED = 1e-3  # largest relative error of an answer worth giving


def escape_probability(
    loss: Loss,
    dynamics: Dynamics,
    parameters: Mapping[str, float],
    lr: float,
    temperature: float,
    gradient_noise: float,
    label: int,
    x0: Floats,
    steps: int,
) -> tuple[float, float] | None:
    """(p, error): P(outside the basin at one of the steps 1 to `steps`), averaged over the starts x0 (n,) or (dim, n).

    None where no exact answer is known, see `of_each_start`, or none with a relative error of at most `TRUSTED`.
    """
    found = of_each_start(loss, dynamics, parameters, lr, temperature, gradient_noise, label, x0, steps)
    return None if found is None else (float(found[0].mean()), float(found[1].mean()))


def of_each_start(
    loss: Loss,
    dynamics: Dynamics,
    parameters: Mapping[str, float],
    lr: float,
    temperature: float,
    gradient_noise: float,
    label: int,
    x0: Floats,
    steps: int,
) -> tuple[Floats, Floats] | None:
    """(p, error), (n,) each: P(outside the basin at one of the steps 1 to `steps`) of each start x0 (n,) or (dim, n).

    None where no exact answer is known: a rule other than plain gradient descent, no noise, starts outside the basin
    of `label`, parameters of the loss other than its defaults (its walls move with them), more work than a few
    seconds, or a mean error above `TRUSTED` of the mean p.
    Operators are remembered by loss, well, lr and temperature.
    """
    whole_temperature = temperature + 0.5 * lr * gradient_noise**2
    start = np.atleast_2d(np.asarray(x0, float))
    if not whole_temperature > 0.0 or not loss.tensor or label < 0 or steps < 1 or not is_plain_gradient(dynamics):
        return None
    if any(parameters.get(name, value) != value for name, value in loss.parameters.items()):
        return None
    if len(start) != (loss.dim or 1) or not start.size or not in_basin(loss, start, label):
        return None
    wells = np.array(loss.wells)[np.searchsorted(loss.separators, start, side="right")]  # (dim, n)
    p, error = np.empty(start.shape), np.empty(start.shape)
    try:
        for well in np.unique(wells).tolist():
            points, place = np.unique(start[wells == well], return_inverse=True)
            if len(points) > MOST_STARTS:
                raise OutOfReach(f"more than {MOST_STARTS} starts")
            found = p_exit(loss, well, points, lr, whole_temperature, (steps,))
            p[wells == well], error[wells == well] = found[0][0][place], found[1][0][place]
    except OutOfReach:
        return None
    with np.errstate(divide="ignore"):
        left = -np.expm1(np.log1p(-p).sum(axis=0))
    doubt = error.sum(axis=0)
    return (left, doubt) if doubt.mean() <= TRUSTED * left.mean() else None


def in_basin(loss: Loss, start: Floats, label: int) -> bool:
    """Whether all the starts (dim, n) lie in that basin."""
    if len(start) > 1:
        return all(loss.basin(x) == label for x in np.unique(start.T, axis=0).tolist())
    return bool((np.array(loss.wells)[np.searchsorted(loss.separators, start[0], side="right")] == label).all())
