"""Where the rules without noise settle at a minimum: linear stability on the minimum's own curvature.

Near a minimum every rule here is x <- x - h H x / s, coordinate by coordinate, with a size s that its eps decides: it
settles if and only if h λ/s < 2 for the largest curvature λ, in any dimension.  "Settles" is of starts near enough
and of exact numbers: in floats a rule may come to rest on a minimum whose gradient is exactly 0 before the
instability is seen (`absorbed`).
Source: Ma, Wu and E (2020), arXiv:2009.06125, for the oscillation of RMSprop.
"""

from dataclasses import replace
from math import isfinite

from dynbench.losses._facts import curvatures
from dynbench.losses._surface import Surface
from dynbench.losses.base import Loss, Minimum
from dynbench.theory.prediction import Prediction
from dynbench.theory.thresholds import rmsprop_inside_limit, sign_eps_limit, step_limit

NEAR = "from starts near enough, but for rounding"
NAMES = ("step_limit", "sign_eps_limit", "rmsprop_eps_limit", "rmsprop_eps_inside_limit")


def own_curvatures(loss: Loss, label: int) -> tuple[float, ...]:
    """The curvatures at the loss's parameters, ascending: those listed may be those of the defaults alone.

    Worked out by differences of the gradient where parameters have other values and the list is no function of them.
    """
    listed = loss.minima[label].curvatures
    if not loss.values or "minima" in loss.functions:
        return listed
    if loss.separable and (loss.dim or 1) > 1:  # its coordinates may differ, as the quadratic's do
        return curvatures(Surface(loss.name, replace(loss, separable=False, minima=(whole(loss, label),))), 0)
    return curvatures(Surface(loss.name, loss), label)


def whole(loss: Loss, label: int) -> Minimum:
    """The minimum of a separable loss with every coordinate at the same place."""
    one = loss.minima[label]
    return Minimum(one.x * (loss.dim or 1), one.value * (loss.dim or 1))


def settling(minimum: Minimum, lr: float) -> list[Prediction]:
    """The limits of the step and of eps at this minimum.  Nothing where its Hessian is not known and positive."""
    if not minimum.curvatures or not 0.0 < minimum.curvatures[0] <= minimum.curvatures[-1]:
        return []
    if not isfinite(minimum.curvatures[-1]):
        return []
    sign_eps = sign_eps_limit(minimum, lr)
    inside = rmsprop_inside_limit(minimum, lr)
    return [
        Prediction(
            "step_limit", "gradient settles for h (--lr) below", step_limit(minimum),
            rule="gradient", quantity="settles below", axis="lr", conditions=NEAR,
        ),
        Prediction(
            "sign_eps_limit", "sign_eps settles for eps above", sign_eps,
            rule="sign_eps", quantity="settles above", axis="eps", conditions=NEAR,
        ),
        Prediction(
            "rmsprop_eps_limit", "rmsprop with eps_inside 0 settles for eps above", sign_eps,
            rule="rmsprop", parameters={"eps_inside": 0.0}, quantity="settles above", axis="eps", conditions=NEAR,
        ),
        Prediction(
            "rmsprop_eps_inside_limit", "rmsprop with eps_inside 1 settles for eps above", inside,
            rule="rmsprop", parameters={"eps_inside": 1.0}, quantity="settles above", axis="eps", conditions=NEAR,
        ),
    ]  # fmt: skip
