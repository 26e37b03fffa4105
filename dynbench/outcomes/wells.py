"""What a basin's label means: its minimum, and whether that is a false one."""

import numpy as np
from numpy.typing import ArrayLike

from dynbench.losses.base import Loss, Minimum


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


def global_labels(loss: Loss) -> tuple[int, ...]:
    """Labels of the global minima; separable losses in several dimensions: only 0 is looked at."""
    if not loss.minima or (loss.separable and (loss.dim or 1) > 1):
        return (0,)
    return tuple(label for label in range(len(loss.minima)) if not is_false(loss, label))
