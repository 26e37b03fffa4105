"""Why there is nothing to escape from, where no start lies in the basin of a false minimum: one sentence or two."""

from math import isfinite

from dynbench.losses.base import Loss
from dynbench.lowest import global_places

NO_FALSE = "No start lies in the basin of a false minimum: P(escape) is of leaving the basin of a global one."


def nothing_to_escape(loss: Loss | None) -> str:
    """What a loss's minima make of P(escape) where all starts lie in the basins of global ones; None: not known."""
    good = global_places(loss) if loss is not None else ()
    if loss is None or not good:
        return NO_FALSE
    if not all(good):
        return f"{NO_FALSE} {loss.name} has false minima: --starts trapped:1000 begins in them."
    count = len(good) ** ((loss.dim or 1) if loss.separable else 1)
    if count == 1:
        return (
            f"There is nothing to escape from: {loss.name} has a single minimum, so no start can be trapped. "
            "P final tells which rules come to it and stay."
        )
    return (
        f"There is nothing to escape from: all {count} minima of {loss.name} are equally low. P(escape) is of leaving "
        "the basin of one for that of another, which gains nothing; P final tells which rules come to one and stay."
    )


def has_exits(loss: Loss) -> bool:
    """Whether any of the loss's known basins has a boundary; where none is known it may."""
    return len(loss.minima) != 1 or bool(loss.separators or loss.saddles) or isfinite(loss.minima[0].barrier)
