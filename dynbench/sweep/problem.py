"""The loss of a sweep, its minima and walls at the values that the sweep gives its parameters."""

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from dynbench import find
from dynbench.losses.base import LISTS, Loss

if TYPE_CHECKING:
    from dynbench.sweep.grid import Arm, Sweep

MOST_CHECKED = 200  # of an arm's combinations of the loss's parameters, its first and last among them


def loss_of(sweep: "Sweep") -> Loss:
    """The loss, with the minima that hold at every value of its parameters in the sweep.

    Raises ValueError where they do not: where values that were listed are wrong at one of them, or
    where functions give others at another.  Basins that are found by the loss's own flow are those
    of one choice of its parameters.
    """
    loss = in_dimension(sweep.loss, sweep.dim)
    chosen = list(dict.fromkeys(c for arm in sweep.arms for c in combinations(loss, arm)))
    if not chosen or not loss.minima:
        return loss
    named = [dict(zip(loss.parameters, c, strict=True)) for c in chosen]
    if sweep.loss.endswith(".py"):
        each = [find.loss(sweep.loss, sweep.dim, values) for values in named]
    else:  # tests see to it that ours hold
        each = [loss.at(sweep.dim, values) for values in named]
    if len(each) == 1:
        return each[0]
    names = [n for n, values in zip(loss.parameters, zip(*chosen, strict=True), strict=True) if len(set(values)) > 1]
    flags = " and ".join(f"--{name.replace('_', '-')}" for name in names)
    if any(facts(other) != facts(each[0]) for other in each):
        raise ValueError(
            f"the minima of {loss.name!r} move with {' and '.join(names)}, and a run has one set of them:"
            f" give {flags} one value, and run the others one by one"
        )
    if not loss.tensor and len(loss.minima) > 1:
        raise ValueError(
            f"the basins of {loss.name!r} may move with {' and '.join(names)}, and a run has one set of them:"
            f" give {flags} one value, and run the others one by one"
        )
    return loss


def in_dimension(name: str, dim: int) -> Loss:
    """The loss of that name in `dim` dimensions.  Raises ValueError, and says which `dim` it has where that is one."""
    try:
        return find.loss(name, dim)
    except ValueError:
        own = find.loss(name).dim
        if own is None or own == dim:
            raise
        raise ValueError(f"loss {name!r} has dimension {own}, not {dim}: give dim={own}") from None


def facts(loss: Loss) -> tuple[object, ...]:
    """What may not differ within a run; curvatures may."""
    minima = tuple((m.x, m.value, m.barrier, m.distance, m.hessian) for m in loss.minima)
    return (minima, *(getattr(loss, name, None) for name in LISTS if name != "minima"))


def combinations(loss: Loss, arm: "Arm") -> Iterator[tuple[float, ...]]:
    """The values of the loss's parameters in an arm, at most MOST_CHECKED evenly spread; those allowed only."""
    if not loss.parameters:
        return
    axes = [usable(loss, name, arm.axes) or (value,) for name, value in loss.parameters.items()]
    total = math.prod(map(len, axes))
    count = min(total, MOST_CHECKED)
    wanted = {k * (total - 1) // max(count - 1, 1) for k in range(count)}
    for number in sorted(wanted):
        place, values = number, []
        for axis in reversed(axes):
            place, k = divmod(place, len(axis))
            values.append(axis[k])
        yield tuple(reversed(values))


def usable(loss: Loss, name: str, axes: Mapping[str, tuple[float, ...]]) -> tuple[float, ...]:
    """The values of an axis that are within the parameter's bounds: the others are an error elsewhere."""
    lo, hi = loss.bounds.get(name, (-math.inf, math.inf))
    return tuple(v for v in axes.get(name, ()) if lo <= v <= hi and math.isfinite(v))
