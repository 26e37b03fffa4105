"""Rules and their settings, read off a table: which columns they are, what to call them, which few to show."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import isfinite, nan
from typing import Any

import pandas as pd

NOT_PARAMETERS = {"id", "loss", "dynamics"}
AXES = ("lr", "temperature", "gradient_noise")
WORDS = {"temperature": "T", "gradient_noise": "gradient noise", "step_cap": "step cap"}
FIRST = ("capped", "gradient", "global_flow", "sps_max")  # rules that are shown before the others


def parameters(table: pd.DataFrame) -> list[str]:
    """Parameters of losses and rules stand before `lr`, and starts are called x0, x0_0, x0_1, ..."""
    before = list(table.columns)[: list(table.columns).index("lr")]
    return [c for c in before if c not in NOT_PARAMETERS and c != "x0" and not c.startswith("x0_")]


def settings(table: pd.DataFrame) -> list[str]:
    """All columns that tell arms apart, the rule's name first."""
    return ["dynamics", *parameters(table), *(c for c in AXES if c in table.columns)]


def arms(table: pd.DataFrame) -> tuple[pd.DataFrame, Any]:
    """(one row an arm, in order of appearance; the arm's place there for each row of the table)."""
    codes = table.groupby(settings(table), dropna=False, sort=False, observed=True).ngroup().to_numpy()
    firsts = pd.Series(codes).drop_duplicates().index
    return table.iloc[firsts][settings(table)].reset_index(drop=True), codes


def varying(table: pd.DataFrame) -> list[str]:
    """Settings, the rule's name apart, that take more than one value among these rows."""
    return [c for c in settings(table)[1:] if table[c].nunique(dropna=True) > 1]


def names(table: pd.DataFrame) -> list[str]:
    """What to call each row's arm: the rule, and the settings in which its own rows differ; noise is always told."""
    shown = {rule: set(varying(rows)) for rule, rows in table.groupby("dynamics", observed=True)}
    columns = settings(table)[1:]
    return [name(row, [c for c in columns if c in shown[row["dynamics"]]]) for row in table.to_dict("records")]


def name(row: Mapping[Any, Any], shown: Iterable[str]) -> str:
    noise = [c for c in AXES[1:] if row.get(c, 0.0) > 0.0]
    told = dict.fromkeys([*shown, *noise])
    return ", ".join([str(row["dynamics"]), *(f"{word(c)} {number(row[c])}" for c in told if row[c] == row[c])])


def word(column: str) -> str:
    return WORDS.get(column, column)


def number(value: float) -> str:
    """Six digits at most, plainly."""
    if not isfinite(value):
        return "∞" if value > 0 else "-∞" if value < 0 else "–"
    return f"{value:.6g}".replace("e+0", "e").replace("e-0", "e-").replace("e+", "e")


def share(p: float) -> str:
    """A probability with the digits that matter."""
    if p != p:
        return "–"
    if p in (0.0, 1.0):
        return f"{p:.0f}"
    if p < 0.001:
        return f"{p:.1e}".replace("e-0", "e-")
    return f"{p:.3f}" if p < 0.9995 else f"{p:.4f}" if p < 0.99995 else ">0.9999"


def few(
    table: pd.DataFrame,
    limit: int,
    critical: Callable[[Mapping[Any, Any]], float],
    score: Sequence[float] | None = None,
) -> list[int]:
    """Rows to show, `limit` at most, so that every rule has its turn: positions in the table, rule by rule.

    Of a rule with caps: the last below its threshold `critical(row)`, the one with the best `score` (or the first above
    the threshold), the largest.  Of any other rule: its first setting, its last, the middle one.
    """
    rows = table.to_dict("records")
    wishes: dict[str, list[int]] = {}
    for place, row in enumerate(rows):
        wishes.setdefault(str(row["dynamics"]), []).append(place)
    for rule, places in wishes.items():
        best = [places[0], places[-1], places[len(places) // 2]]
        caps = {p: rows[p].get("cap", nan) for p in places}
        if len(places) > 1 and all(cap == cap for cap in caps.values()):
            places = sorted(places, key=lambda p: caps[p])
            low = [p for p in places if caps[p] <= critical(rows[p])]
            high = [p for p in places if p not in low]
            top = high if score is None else sorted(high, key=lambda p: -score[p])
            best = [*low[-1:], *top[:1], *high[-1:]] if high else best
        wishes[rule] = list(dict.fromkeys(best))
    order = sorted(wishes, key=lambda rule: (FIRST.index(rule) if rule in FIRST else len(FIRST), rule))
    turns = wishes[FIRST[0]][:2] if FIRST[0] in wishes else []  # both sides of the threshold, whatever the limit
    turns += [wishes[rule][turn] for turn in range(3) for rule in order if turn < len(wishes[rule])]
    chosen = list(dict.fromkeys(turns))[:limit]
    return [place for rule in order for place in sorted(set(wishes[rule]) & set(chosen))]
