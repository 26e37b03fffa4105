"""What a basin's label means: its minimum, and whether that is a global or a false one.  The one place that says so.

A minimum is global where it lies above the lowest by no more than rounding: by `SLACK` of the loss's own scale, which
is the spread of its minima's values and of their finite barriers, so that neither units nor an added constant matter.
Minima that tie are all global.  A label of -1 is no basin, or one that is not known; nothing is said of it.

Labels of separable losses are mixed-radix numbers modulo 2^63: with more basins than that a label alone tells no
minimum, and the coordinates are asked where they are there.
"""

from dataclasses import dataclass
from math import isfinite, nan

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dynbench.batch import Floats, Integers
from dynbench.losses.base import Loss, Minimum

SLACK = 1e-9  # of the loss's scale
ULPS = 8 * 2.0**-52  # of the largest value: what its own rounding can be
LABELS = 2**63  # there are no more

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Kinds:
    """Of n labels, (n,) each: which are global, which false; neither: not known, or no basin."""

    is_global: Mask
    is_false: Mask


def slack(loss: Loss) -> float:
    """How far above the lowest minimum one may lie and be global: of one coordinate where the loss is separable."""
    values = [m.value for m in loss.minima]
    barriers = [m.barrier for m in loss.minima if isfinite(m.barrier)]
    scale = max([max(values) - min(values), *barriers])
    return SLACK * scale + ULPS * max(map(abs, values))


def global_places(loss: Loss) -> tuple[bool, ...]:
    """(K,): whether each of `loss.minima` is global; a point of a separable loss is if all its coordinates are."""
    if not loss.minima:
        return ()
    highest = min(m.value for m in loss.minima) + slack(loss)
    return tuple(m.value <= highest for m in loss.minima)


def global_minima(loss: Loss) -> list[Minimum]:
    """Those of `loss.minima` that are global."""
    return [m for m, good in zip(loss.minima, global_places(loss), strict=True) if good]


def false_minima(loss: Loss) -> list[Minimum]:
    """Those of `loss.minima` that are not global."""
    return [m for m, good in zip(loss.minima, global_places(loss), strict=True) if not good]


def lowest_value(loss: Loss) -> float:
    """Lmin in the loss's dimension; nan where no minimum is known."""
    if not loss.minima:
        return nan
    return min(m.value for m in loss.minima) * ((loss.dim or 1) if loss.separable else 1)


def wraps(loss: Loss | None) -> bool:
    """Whether there are more basins than labels, so that a label alone tells no minimum."""
    if loss is None or not loss.separable or not loss.minima:
        return False
    return len(loss.minima) ** (loss.dim or 1) > LABELS


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
