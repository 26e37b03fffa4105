"""Which of a loss's minima are global, and which false: the one place that says so.

A minimum is global where it lies above the lowest by no more than rounding: by `SLACK` of the loss's own scale, which
is the spread of its minima's values and of their finite barriers, so that neither units nor an added constant matter.
Minima that tie are all global.  What labels of basins mean is in `basins`; here is no NumPy, as `find` asks this of
every loss that it reads.
"""

from math import isfinite, nan

from dynbench.losses.base import Loss, Minimum

SLACK = 1e-9  # of the loss's scale
ULPS = 8 * 2.0**-52  # of the largest value: what its own rounding can be
LABELS = 2**63  # of basins: there are no more


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
