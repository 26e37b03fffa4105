"""A loss as a run's manifest describes it: its facts, without its functions."""

from collections.abc import Mapping
from math import inf, nan
from typing import Any

from dynbench.losses.base import Loss, Minimum


def by_its_facts(told: Mapping[str, Any]) -> Loss:
    """What `sweep.manifest.of_loss` wrote, as a loss that cannot be computed: a user's file is not run again for a
    table or a page.  Raises KeyError, TypeError, ValueError where the manifest does not tell them."""

    def number(value: float | None, unknown: float) -> float:
        return unknown if value is None else float(value)

    minima = tuple(
        Minimum(
            tuple(m["x"]), m["value"], tuple(number(c, nan) for c in m["curvatures"]),
            number(m["barrier"], inf), number(m["distance"], nan),
        )
        for m in told["minima"]
    )  # fmt: skip
    return Loss(
        told["formula"], told["source"], tuple(map(tuple, told["domain"])), told["dim"], minima,
        separators=tuple(told["separators"]), separable=told["separable"], saddles=tuple(map(tuple, told["saddles"])),
        name=told["name"],
    )  # fmt: skip
