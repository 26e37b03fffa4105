"""One number that theory states: its value, whether it is exact or about, and how far off it may be."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil, floor, inf, isfinite, log10, nan
from typing import Any

EXACT, ABOUT = "exact", "about"


@dataclass(frozen=True)
class Prediction:
    """A number about one minimum, as the table prints it and JSON holds it.

    `exact`: right but for rounding, or for a solver's error, which `bound` then states.  `about`: an approximation,
    or a number of another model than the rule itself; `bound` is the largest deviation from simulation that was seen
    over the built-in losses and minima under `conditions`, with a margin.
    """

    name: str  # the key in JSON, such as "critical_cap"
    words: str  # what the table says in front of the number
    value: float  # nan: not known, or not defined there: not printed; inf: never, or beyond a float (see log10)
    kind: str = EXACT  # or ABOUT
    bound: float = 0.0  # the largest |value/truth - 1|, or |value - truth| where `absolute`
    absolute: bool = False
    log10: float = nan  # log10 of the value, where a float cannot hold it or it is wanted; else nan
    steps: int | None = None  # a probability within so many steps; None: not about a budget
    conditions: str = ""  # when it holds, in words that follow the number; "": wherever it is printed
    rule: str = ""  # the rule it is about, by name, such as "capped"; "": about none
    parameters: Mapping[str, float] = field(default_factory=dict)  # of that rule, such as {"cap": inf}
    # what a simulation measures to check it, such as "left within" or "settles above"; "": its name says it
    quantity: str = ""
    axis: str = ""  # the parameter that a limit is a value of, such as "eps"

    def __post_init__(self) -> None:
        if self.kind not in (EXACT, ABOUT):
            raise ValueError(f"a prediction is {EXACT!r} or {ABOUT!r}, not {self.kind!r}")
        if self.kind == ABOUT and self.known and not 0.0 < self.bound < inf:
            raise ValueError(f"{self.name} is about: it needs a bound above 0, not {self.bound!r}")

    @property
    def known(self) -> bool:
        """Whether there is a number to print."""
        return isfinite(self.value) or isfinite(self.log10)

    def holds(self, truth: float, uncertainty: float = 0.0) -> bool:
        """Whether a measured value agrees within `bound`, itself uncertain by +- `uncertainty`."""
        allowed = self.bound if self.absolute else self.bound * abs(truth)
        return abs(self.value - truth) <= allowed + uncertainty


def about(name: str, words: str, value: float, bound: float, **more: Any) -> Prediction:
    """A prediction of kind `about`, its value with the digits that the bound supports."""
    if isfinite(value) and value != 0.0:
        relative = bound / abs(value) if more.get("absolute") else bound
        digits = max(1, ceil(-log10(relative)) + 1)
        value = round(value, digits - 1 - floor(log10(abs(value))))
    return Prediction(name, words, value, ABOUT, bound, **more)


def flat(stated: list[Prediction]) -> dict[str, Any]:
    """Names and values; those that belong to budgets as lists, in the order of the budgets."""
    record: dict[str, Any] = {}
    for one in stated:
        if one.steps is None:
            record[one.name] = one.value
        else:
            record.setdefault(one.name, []).append(one.value)
    return record
