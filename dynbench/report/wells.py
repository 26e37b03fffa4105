"""What a loss knows about its minima, asked by label, and the thresholds that pictures and sentences compare with."""

from collections.abc import Sequence
from math import inf, isfinite

from dynbench.basins import false_labels, is_false, minimum
from dynbench.losses.base import Loss
from dynbench.theory.thresholds import critical_cap

__all__ = ["false_labels", "is_false", "minimum", "place", "threshold", "value"]


def threshold(loss: Loss | None, label: int, lr: float, f_star: float = 0.0) -> float:
    """D/(h (L* - f_star)): the cap from which a step of the capped flow from beside that minimum leaves its basin.

    inf where none is known, or there is none.
    """
    found = minimum(loss, label)
    f_star = f_star if isfinite(f_star) else 0.0
    if loss is None or found is None or loss.parameters or not isfinite(found.distance):
        return inf
    critical = critical_cap(found, lr, f_star)
    return critical if isfinite(critical) else inf


def place(loss: Loss | None, label: int) -> str:
    """`x = 3` or `x = (3, 2)`, or `minimum 5` where its place is not known."""
    found = minimum(loss, label)
    if found is None:
        return f"minimum {label}"
    if len(found.x) > 4:
        return f"minimum {label}"
    inside = ", ".join(f"{c:.4g}" for c in found.x)
    return f"x = {inside}" if len(found.x) == 1 else f"x = ({inside})"


def value(loss: Loss, x: Sequence[float]) -> float:
    """L(x) at its parameters' values; inf where Python's floats give up."""
    try:
        if loss.value_grad is not None:
            return float(loss.value_grad(x, [0.0] * len(x), *loss.parameters.values()))
        assert loss.value is not None
        return float(loss.value(x[0], *loss.parameters.values()))
    except (ArithmeticError, ValueError):
        return inf
