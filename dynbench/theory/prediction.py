"""One number that theory states: its value, whether it is exact or about, and how far off it may be."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil, expm1, floor, inf, isfinite, log, log10, nan
from typing import Any

EXACT, ABOUT = "exact", "about"


@dataclass(frozen=True)
class Prediction:
    """A number about one minimum, as the table prints it and JSON holds it.

    `exact`: right but for rounding, or for a solver's error, which `bound` then states.  `about`: an approximation,
    or a number of another model than the rule itself; `bound` is the largest deviation from simulation that was seen
    over the built-in losses and minima under `conditions`, with a margin, or from what is exact in this very case.

    A bound is about the value as it is printed, and holds read either way: as a share of the value and of the truth.
    """

    name: str  # the key in JSON, such as "critical_cap"
    words: str  # what the table says in front of the number
    value: float  # nan: not known, or not defined there: not printed; inf: never, or beyond a float (see log10)
    kind: str = EXACT  # or ABOUT
    bound: float = 0.0  # |value/truth - 1| and |truth/value - 1| are at most that; |value - truth| where `absolute`
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
        allowed = self.bound if self.absolute else self.bound * min(abs(self.value), abs(truth))
        return abs(self.value - truth) <= allowed + uncertainty


def about(name: str, words: str, value: float, off: float, **more: Any) -> Prediction:
    """A prediction of kind `about`, its value with the digits that the bound supports.

    `off`: how far off the value is at most, |value/truth - 1| < 1, or |value - truth| where `absolute`.
    """
    bound = off
    if not more.get("absolute") and not off < 1.0:
        value = nan  # nothing is known of it but its sign
    if isfinite(value) and value != 0.0:
        absolute = more.get("absolute")
        printed = round(value, places(off / abs(value) if absolute else off) - 1 - floor(log10(abs(value))))
        if absolute:
            bound = outward(off + abs(printed - value))
        else:
            bound = outward(deviation(log(abs(value) / (1.0 + off)), log(abs(value) / (1.0 - off)), log(abs(printed))))
        value = printed
    return Prediction(name, words, value, ABOUT, bound, **more)


def places(relative: float) -> int:
    """Significant digits that a number has which may be off by `relative`."""
    return max(1, ceil(-log10(relative)) + 1)


def deviation(lo: float, hi: float, *values: float) -> float:
    """The largest |value/truth - 1| and |truth/value - 1| of some ln `values`, where ln truth is from `lo` to `hi`."""
    return max(abs(expm1(sign * (value - truth))) for value in values for truth in (lo, hi) for sign in (-1.0, 1.0))


def outward(off: float) -> float:
    """`off`, above 0, rounded up to two digits."""
    off = max(off, 1e-12)
    unit = 10.0 ** (floor(log10(off)) - 1)
    return float(f"{ceil(off / unit + 1e-9) * unit:.1e}")


def flat(stated: list[Prediction]) -> dict[str, Any]:
    """Names and values; those that belong to budgets as lists, in the order of the budgets."""
    record: dict[str, Any] = {}
    for one in stated:
        if one.steps is None:
            record[one.name] = one.value
        else:
            record.setdefault(one.name, []).append(one.value)
    return record
