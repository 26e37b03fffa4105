"""Rules and their settings, read off a table: which columns they are, what to call them, which few to show."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import isfinite, nan
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dynbench.batch import Floats
from dynbench.digits import FEWEST, NO_PLACES, digits, numeral
from dynbench.outcomes.outward import DOWN, NEAREST, UP, written

NOT_PARAMETERS = {"id", "loss", "dynamics"}
AXES = ("lr", "temperature", "gradient_noise")
WORDS = {"temperature": "T", "gradient_noise": "gradient noise", "step_cap": "step cap"}
FIRST = ("capped", "gradient", "global_flow", "sps_max")  # rules that are shown before the others: an order only


def parameters(table: pd.DataFrame) -> list[str]:
    """Parameters of losses and rules stand before `lr`, and starts are called x0, x0_0, x0_1, ..."""
    before = list(table.columns)[: list(table.columns).index("lr")]
    return [c for c in before if c not in NOT_PARAMETERS and c != "x0" and not c.startswith("x0_")]


def settings(table: pd.DataFrame) -> list[str]:
    """All columns that tell arms apart, the rule's name first."""
    return ["dynamics", *parameters(table), *(c for c in AXES if c in table.columns)]


def arms(table: pd.DataFrame) -> tuple[pd.DataFrame, Any]:
    """(one row an arm, in order of appearance; the arm's place there for each row of the table)."""
    columns, new = settings(table), np.ones(len(table), bool)
    new[1:] = False  # rows of an arm mostly follow one another: then few are left to be grouped
    for column in columns:
        new[1:] |= changes(table[column])
    firsts = table.loc[new, columns]
    codes = firsts.groupby(columns, dropna=False, sort=False, observed=True).ngroup()
    return firsts[~codes.duplicated()].reset_index(drop=True), codes.to_numpy()[np.cumsum(new) - 1]


def changes(column: pd.Series) -> NDArray[np.bool_]:
    """(n - 1,): where a value has other bits than the one before it; nan is like nan."""
    values = column.to_numpy() if column.dtype in (np.float64, np.int64) else pd.factorize(column)[0]
    found: NDArray[np.bool_] = values[1:].view(np.int64) != values[:-1].view(np.int64)
    return found


def varying(table: pd.DataFrame) -> list[str]:
    """Settings, the rule's name apart, that take more than one value among these rows."""
    columns = settings(table)[1:]
    return several(columns, table[columns].to_numpy(float))


def several(columns: Sequence[str], values: Floats) -> list[str]:
    """Those of the columns of an (n, columns) array that hold more than one value; nan is none."""
    low, high = (extreme.reduce(values, axis=0, initial=nan) for extreme in (np.fmin, np.fmax))
    return [c for c, found in zip(columns, low < high, strict=True) if found]


def names(table: pd.DataFrame) -> list[str]:
    """What to call each row's arm: the rule, and the settings in which its own rows differ; noise is always told."""
    columns, rules = settings(table)[1:], table["dynamics"].to_numpy()
    values = table[columns].to_numpy(float)
    shown, places = {}, {}
    for rule in set(rules):
        own = values[rules == rule]
        shown[rule] = several(columns, own)
        places[rule] = {c: digits(own[:, columns.index(c)].tolist()) for c in shown[rule]}
    rows = (dict(zip(columns, row, strict=True)) for row in values.tolist())
    return [name({"dynamics": rule} | row, shown[rule], places[rule]) for rule, row in zip(rules, rows, strict=True)]


def name(row: Mapping[Any, Any], shown: Iterable[str], places: Mapping[str, int] = NO_PLACES) -> str:
    """What to call a row's arm; `places`: significant digits of its settings, where more than six are needed."""
    noise = [c for c in AXES[1:] if row.get(c, 0.0) > 0.0]
    told = [c for c in dict.fromkeys([*shown, *noise]) if row[c] == row[c]]
    return ", ".join([str(row["dynamics"]), *(f"{word(c)} {number(row[c], places.get(c, FEWEST))}" for c in told)])


def word(column: str) -> str:
    return WORDS.get(column, column)


def number(value: float, places: int = FEWEST) -> str:
    """Six significant digits at most, or so many, plainly."""
    if not isfinite(value):
        return "∞" if value > 0 else "-∞" if value < 0 else "–"
    return numeral(value, places).replace("e+0", "e").replace("e-0", "e-").replace("e+", "e")


def share(p: float, way: int = NEAREST) -> str:
    """A probability with the digits that matter; a limit of one is rounded down or up."""
    if p != p:
        return "–"
    if p in (0.0, 1.0):
        return f"{p:.0f}"
    if p < 0.001:
        return written(p, ".1e", way).replace("e-0", "e-")
    if p >= 0.99995:
        return {DOWN: "0.9999", NEAREST: ">0.9999", UP: "1"}[way]
    return written(p, ".3f" if 0.01 <= p < 0.9995 else ".4f", way)


def is_noisy(row: Mapping[Any, Any]) -> bool:
    """Whether an arm is random, so that a threshold of the noiseless rule says nothing exact about it."""
    return any(row.get(c, 0.0) > 0.0 for c in AXES[1:])


def key(row: Mapping[Any, Any]) -> frozenset[tuple[str, Any]]:
    """An arm's settings, to find it again in another table."""
    return frozenset((str(c), value) for c, value in row.items() if value == value)


def few(
    table: pd.DataFrame,
    limit: int,
    critical: Callable[[Mapping[Any, Any]], float],
    score: Sequence[float] | None = None,
) -> list[int]:
    """Rows to show, so many as `limit` allows, so that every rule has its turn: positions in the table, rule by rule.

    Where there are as many rules as that, or more, each has its best setting by `score`, even beyond the limit: none is
    left out.  Else, of a rule at one noise, if it has caps: the last below its threshold `critical(row)`, the one with
    the best `score` (or the first above the threshold), the largest; if not: its first setting, its last, the middle
    one.  Each noise has its turn, the first, the last and the middle one before the others; then come the settings
    that are left.
    """
    rows = table.to_dict("records")
    groups: dict[str, dict[tuple[float, ...], list[int]]] = {}
    for place, row in enumerate(rows):
        noise = tuple(float(row[c]) if row.get(c, 0.0) > 0.0 else 0.0 for c in AXES[1:])
        groups.setdefault(str(row["dynamics"]), {}).setdefault(noise, []).append(place)
    wishes = {}
    for rule, noises in groups.items():
        ranked = [wished(rows, places, critical, score) for places in ends(list(noises.values()))]
        turns = sorted((turn + (g > 0), g, p) for g, places in enumerate(ranked) for turn, p in enumerate(places))
        first = [p for *_, p in turns]
        wishes[rule] = first + between([p for places in noises.values() for p in places], first, limit - len(first))
    order = sorted(wishes, key=lambda rule: (FIRST.index(rule) if rule in FIRST else len(FIRST), rule))
    if score is not None and len(order) >= limit:
        own = {rule: [place for places in groups[rule].values() for place in places] for rule in order}
        return [max(own[rule], key=lambda place: score[place]) for rule in order]
    places = wishes[FIRST[0]][:2] if FIRST[0] in wishes else []  # both sides of the threshold, whatever the limit
    longest = max(map(len, wishes.values()), default=0)
    places += [wishes[rule][turn] for turn in range(longest) for rule in order if turn < len(wishes[rule])]
    chosen = list(dict.fromkeys(places))[:limit]
    return [place for rule in order for place in sorted(set(wishes[rule]) & set(chosen))]


def wished(
    rows: Sequence[Mapping[Any, Any]],
    places: list[int],
    critical: Callable[[Mapping[Any, Any]], float],
    score: Sequence[float] | None,
) -> list[int]:
    """The three settings of a rule at one noise that tell most, as `few` has it."""
    caps = {p: rows[p].get("cap", nan) for p in places}
    if len(places) > 1 and all(cap == cap for cap in caps.values()):
        places = sorted(places, key=lambda p: caps[p])
        low = [p for p in places if caps[p] <= critical(rows[p])]
        high = [p for p in places if p not in low]
        top = high if score is None else sorted(high, key=lambda p: -score[p])
        if high:
            return list(dict.fromkeys([*low[-1:], *top[:1], *high[-1:]]))
    return ends(places)[:3]


def ends(items: list[Any]) -> list[Any]:
    """The first, the last, the middle one, then the others."""
    places = dict.fromkeys([0, len(items) - 1, len(items) // 2, *range(len(items))])
    return [items[k] for k in places]


def between(places: list[int], taken: Sequence[int], count: int) -> list[int]:
    """So many of the places that are not taken, each as far as can be from those before."""
    near = {p: min(abs(p - t) for t in taken) for p in places if p not in set(taken)}
    found: list[int] = []
    while near and len(found) < count:
        best = max(near, key=lambda p: near[p])
        found.append(best)
        del near[best]
        near = {p: min(d, abs(p - best)) for p, d in near.items()}
    return found
