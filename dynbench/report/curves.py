"""P(escape) as a function of the cap: the lines that a table of cells holds, where they rise and where they should."""

from collections.abc import Iterator, Mapping
from functools import partial
from math import inf, isfinite, nan
from typing import Any

import numpy as np
import pandas as pd

from dynbench.digits import digits
from dynbench.losses.base import Loss
from dynbench.report import arms, wells
from dynbench.report.facts import Facts
from dynbench.report.numbers import interval
from dynbench.report.trapped import origin
from dynbench.sweep.ties import leader

LINES = 6  # more are counted, not drawn
ZOOMS = (0.2, 0.05, 0.01, 0.001)  # half-widths of the close-up, relative to the threshold
ENOUGH = 7  # points that are worth a close-up
Line = tuple[Mapping[Any, Any], pd.DataFrame]


def lines(false: pd.DataFrame, cap: str, loss: Loss | None, facts: Facts) -> Iterator[Line]:
    """One line for each setting of all but the cap: (its first row, its rows by rising cap); the best known first."""
    if cap not in false.columns:
        return
    rows = false[np.isfinite(false[cap]) & (false[cap] > 0.0)]
    others = [c for c in ("start_basin", *arms.settings(rows)) if c != cap and arms.changes(rows[c]).any()]
    groups = [g.sort_values(cap) for _, g in rows.groupby(others or "start_basin", dropna=False)]
    groups = [g for g in groups if len(g) > 1]
    groups.sort(
        key=lambda g: (
            g["dynamics"].iloc[0] not in facts.capped,
            arms.is_noisy(g.iloc[0].to_dict()),
            -len(g),
            g["start_basin"].iloc[0],
        )
    )
    seen: set[float] = set()
    twins = []  # a second minimum with the same threshold, as in symmetric losses
    for group in groups:
        row = group.iloc[0].to_dict()
        critical = limit_of(row, loss, facts)
        if isfinite(critical) and round(critical, 9) in seen:
            twins.append((row, group))
        else:
            yield row, group
        seen.add(round(critical, 9))
    yield from twins


def limit_of(row: Mapping[Any, Any], loss: Loss | None, facts: Facts) -> float:
    """A capped flow's threshold; inf where there is none, as with noise, which crosses any barrier in time."""
    if arms.is_noisy(row) or row["dynamics"] not in facts.capped:
        return inf
    return wells.threshold(loss, int(row["start_basin"]), row["lr"], row.get("f_star", 0.0))


def thresholds(by_cap: list[Line], loss: Loss | None, facts: Facts) -> list[tuple[float, int]]:
    """(threshold, number of the line) of the lines that are drawn, each threshold once."""
    found: dict[float, int] = {}
    for n, (row, _) in enumerate(by_cap[:LINES]):
        critical = limit_of(row, loss, facts)
        if isfinite(critical):
            found.setdefault(critical, n)
    return list(found.items())


def close_up(by_cap: list[Line], critical: float) -> tuple[float, float] | None:
    """The narrowest window around the threshold that still holds enough points on both its sides."""
    caps = by_cap[0][1]["cap"].to_numpy()
    for half in reversed(ZOOMS):
        inside = caps[np.abs(caps / critical - 1.0) <= half]
        if len(inside) >= ENOUGH and inside.min() < critical < inside.max():
            return critical * (1.0 - half), critical * (1.0 + half)
    return None


def onset(rows: pd.DataFrame) -> tuple[float, float]:
    """(last cap below every escape, first cap with one); nan and inf where there is none."""
    out = rows["escaped"] > 0
    first = float(rows.loc[out, "cap"].min()) if out.any() else inf
    below = rows.loc[rows["cap"] < first, "cap"]
    return float(below.max()) if len(below) else nan, first


def told(row: Mapping[Any, Any], rows: pd.DataFrame, differ: list[str], critical: float, places: dict[int, str]) -> str:
    """The onset of escapes against the prediction, inf for none, and what larger caps do."""
    last, first = onset(rows)
    write = partial(arms.number, places=digits(rows["cap"].tolist()))
    label = int(row["start_basin"])
    who = f"{arms.name(row, differ)}, starts in the basin of {origin({label: places[label]})}"
    reaches = "a step from beside the minimum reaches the edge of its basin from cap D/(h(L* - f_star))"
    predicted = f" Predicted: {reaches} = {critical:.7g}." if isfinite(critical) else ""
    if not isfinite(first):
        return f"{who}: no escape at any of {len(rows)} caps up to {write(last)}.{predicted}"
    at = rows[rows["cap"] == first].iloc[0]
    text = f"{who}: the first escapes are at cap {write(first)} ({int(at['escaped'])} of {int(at['n'])} runs)"
    if last == last:
        below = rows[rows["cap"] <= last]
        few = "one smaller cap," if len(below) == 1 else f"{len(below)} smaller caps, up to"
        text += f"; none at the {few} {write(last)}"
        text += f" (0 of {int(below['n'].sum())} runs)"
    text += f".{predicted} "
    return text + highest(rows.reset_index(drop=True))


def highest(rows: pd.DataFrame) -> str:
    """Where P(escape) of a line is highest, at which other caps it may be as high, and what it is at the largest."""
    first = leader(rows, "p_escape")
    if first is None:
        return ""
    top, end = rows.iloc[first.best], rows.iloc[-1]
    write = partial(arms.number, places=digits(rows["cap"].tolist()))
    largest = top["cap"] == end["cap"]
    where = "the largest cap, " if largest else "cap "
    text = f"P(escape) is highest at {where}{write(top['cap'])}: {interval(top, 'p_escape')}"
    tied = rows["cap"].iloc[list(first.tied)]
    if len(tied):
        ends = f"{write(tied.min())} to {write(tied.max())}" if len(tied) > 1 else write(tied.iloc[0])
        between = int(rows["cap"].between(tied.min(), tied.max()).sum() - (tied.min() <= top["cap"] <= tied.max()))
        some = f"{len(tied)} other cap{'s' * (len(tied) > 1)}"
        if between > len(tied):
            some = f"{len(tied)} of the {between} other caps"
        text += f"; the intervals of {some}, {ends}, overlap with this one"
    if largest:
        return f"{text}."
    return f"{text}; at the largest cap, {write(end['cap'])}, it is {interval(end, 'p_escape')}."
