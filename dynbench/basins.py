"""What a basin's label means: its minimum, and whether that is a global or a false one.  The one place that says so.

Which of a loss's minima are global says `lowest`.  A label of -1 is no basin, or one that is not known; nothing is
said of it.

Labels of separable losses are mixed-radix numbers modulo 2^63: with more basins than that a label alone tells no
minimum, and the coordinates are asked where they are there.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dynbench.batch import Floats, Integers
from dynbench.losses.base import Loss, Minimum
from dynbench.lowest import LABELS, global_places, wraps
from dynbench.lowest import false_minima as false_minima
from dynbench.lowest import global_minima as global_minima
from dynbench.lowest import lowest_value as lowest_value

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Kinds:
    """Of n labels, (n,) each: which are global, which false; neither: not known, or no basin."""

    is_global: Mask
    is_false: Mask


def minimum(loss: Loss | None, label: int) -> Minimum | None:
    """The minimum of a label; None where it is not known."""
    if loss is None or label < 0 or not loss.minima or wraps(loss):
        return None
    count, dim = len(loss.minima), loss.dim or 1
    if not loss.separable or dim == 1:
        return loss.minima[label] if label < count else None
    if label >= count**dim:
        return None
    wells = []
    for _ in range(dim):
        label, digit = divmod(label, count)
        wells.append(loss.minima[digit])
    return Minimum(
        x=tuple(w.x[0] for w in wells),
        value=sum(w.value for w in wells),
        curvatures=tuple(sorted(c for w in wells for c in w.curvatures[:1])),
        barrier=min(w.barrier for w in wells),
        distance=min(w.distance for w in wells),
    )


def kinds(loss: Loss | None, labels: ArrayLike, x: Floats | None = None) -> Kinds:
    """Which of the labels (n,) are global, and which are false.

    `x` (dim, n): points in those basins, asked where labels wrap around.  Where the loss is not known (None), label 0
    is taken for global and every other for false.
    """
    given = np.asarray(labels, np.int64)
    known = given >= 0
    if loss is None:
        return Kinds(given == 0, given > 0)
    if not loss.minima:
        return Kinds(np.zeros(given.shape, bool), np.zeros(given.shape, bool))
    best = np.array(global_places(loss))
    dim = loss.dim or 1
    if not loss.separable or dim == 1:
        known &= given < len(best)
        return of_known(best[np.where(known, given, 0)], known)
    if wraps(loss):
        return wrapped_kinds(loss, best, given, known, x)
    known &= given <= len(best) ** dim - 1
    if best.all():
        return of_known(known, known)
    if best.sum() == 1:  # then it is one number
        return of_known(given == label_of([int(best.argmax())] * dim, len(best)), known)
    good, rest = known.copy(), np.where(known, given, 0)
    for _ in range(dim):
        rest, digit = np.divmod(rest, len(best))
        good &= best[digit]
    return of_known(good, known)


def of_known(good: Mask, known: Mask) -> Kinds:
    return Kinds(good & known, ~good & known)


def wrapped_kinds(loss: Loss, best: Mask, labels: Integers, known: Mask, x: Floats | None) -> Kinds:
    """By the coordinates x (dim, n); without them only where one label alone is global.

    An odd number of wells makes all powers of it invertible modulo 2^63, so that no other basin near by has it.
    """
    if best.all():
        return of_known(known, known)
    if x is not None:
        place = np.searchsorted(np.array(loss.separators), x, side="right")
        return of_known(best[np.array(loss.wells)][place].all(axis=0), known)
    if best.sum() == 1 and len(best) % 2:
        return of_known(labels == label_of([int(best.argmax())] * (loss.dim or 1), len(best)), known)
    return of_known(known, np.zeros(labels.shape, bool))


def label_of(wells: list[int], count: int) -> int:
    """The label of a basin whose coordinates lie in these wells, of `count` each."""
    return sum(well * count**place for place, well in enumerate(wells)) % LABELS


def is_global(loss: Loss | None, label: int) -> bool:
    return bool(kinds(loss, [label]).is_global[0])


def is_false(loss: Loss | None, label: int) -> bool:
    return bool(kinds(loss, [label]).is_false[0])


def false_labels(loss: Loss | None, labels: ArrayLike) -> list[int]:
    """Those of `labels` that are false minima, each once, ascending."""
    each = np.unique(np.asarray(labels, np.int64))
    return [int(label) for label in each[kinds(loss, each).is_false]]


def global_labels(loss: Loss | None, labels: ArrayLike) -> list[int]:
    """Those of `labels` that are global minima, each once, ascending."""
    each = np.unique(np.asarray(labels, np.int64))
    return [int(label) for label in each[kinds(loss, each).is_global]]


def is_global_well(loss: Loss, x: Floats) -> Mask:
    """(dim, n): whether each coordinate of x (dim, n) lies in a global well of a tensor loss."""
    place = np.searchsorted(np.array(loss.separators), x, side="right")
    return np.array(global_places(loss))[np.array(loss.wells)][place]
