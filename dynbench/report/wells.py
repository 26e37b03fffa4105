"""What a loss knows about its minima, asked by label, and the thresholds that pictures and sentences compare with."""

from collections.abc import Sequence
from math import inf, isfinite

import numpy as np
from numpy.typing import ArrayLike

from dynbench.losses.base import Loss, Minimum
from dynbench.theory.thresholds import critical_cap


def minimum(loss: Loss | None, label: int) -> Minimum | None:
    """The minimum of a label; None where it is not known.  Labels of separable losses are mixed-radix numbers."""
    if loss is None or label < 0 or not loss.minima:
        return None
    count, dim = len(loss.minima), loss.dim or 1
    if not loss.separable or dim == 1:
        return loss.minima[label] if label < count else None
    if count**dim >= 2**63:
        return None  # labels wrap around
    wells = []
    for _ in range(dim):
        label, digit = divmod(label, count)
        wells.append(loss.minima[digit])
    return Minimum(
        x=tuple(w.x[0] for w in wells),
        value=sum(w.value for w in wells),
        curvatures=tuple(sorted(w.curvatures[0] for w in wells)),
        barrier=min(w.barrier for w in wells),
        distance=min(w.distance for w in wells),
    )


def is_false(loss: Loss | None, label: int) -> bool:
    """Whether the label is that of a minimum above the global one.  Where nothing is known, every label but 0 is."""
    if label <= 0 or loss is None:
        return label > 0
    found = minimum(loss, label)
    return found is None or found.value > loss.minimum_value


def false_labels(loss: Loss | None, labels: ArrayLike) -> list[int]:
    """Those of `labels` that are false minima, each once, ascending."""
    return [int(label) for label in np.unique(np.asarray(labels)) if is_false(loss, int(label))]


def threshold(loss: Loss | None, label: int, lr: float, f_star: float = 0.0) -> float:
    """D/(h (L* - f_star)): the cap below which capped flow cannot leave that minimum; inf where there is none known."""
    found = minimum(loss, label)
    f_star = f_star if isfinite(f_star) else 0.0
    if loss is None or found is None or loss.parameters or not isfinite(found.distance):
        return inf
    return critical_cap(found, lr, f_star)


def place(loss: Loss | None, label: int) -> str:
    """`x = 3` or `x = (3, 2)`, or `basin 5` where the minimum is not known."""
    found = minimum(loss, label)
    if found is None:
        return f"basin {label}"
    if len(found.x) > 4:
        return f"basin {label}"
    inside = ", ".join(f"{c:.4g}" for c in found.x)
    return f"x = {inside}" if len(found.x) == 1 else f"x = ({inside})"


def value(loss: Loss, x: Sequence[float]) -> float:
    """L(x) with the default parameters; inf where Python's floats give up."""
    try:
        if loss.value_grad is not None:
            return float(loss.value_grad(x, [0.0] * len(x)))
        assert loss.value is not None
        return float(loss.value(x[0]))
    except (ArithmeticError, ValueError):
        return inf
