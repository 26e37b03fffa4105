"""One arm of a stored run, named like `capped,cap=1000`, and its trajectories."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from dynbench.digits import digits, exact, numeral
from dynbench.find import nearest
from dynbench.outcomes.cells import is_start
from dynbench.outcomes.success import KINDS, VALUES, of_arm, succeeded
from dynbench.store import Run
from dynbench.sweep.axes import number

NOISE = ("temperature", "gradient_noise")
CLOSE = 1e-5  # relative: values as tables print them, with six digits
LISTED = 8  # values in a sentence
SUCCESS = "success"


@dataclass(frozen=True)
class Side:
    """One arm of a run and its rows, with a column `success`."""

    run: Run
    arm: Mapping[str, Any]  # dynamics and all its settings; nan where it has none of that name
    varying: tuple[str, ...]  # settings in which the run's arms of that rule differ
    rows: pd.DataFrame

    @property
    def named(self) -> dict[str, Any]:
        """The rule and the settings it has."""
        return {name: value for name, value in self.arm.items() if value == value}

    @property
    def name(self) -> str:
        shown = [n for n in self.named if n in self.varying or (n in NOISE and self.arm[n] > 0.0)]
        return ", ".join([str(self.arm["dynamics"]), *(f"{n} {exact(self.arm[n])}" for n in shown)])

    @property
    def quiet(self) -> bool:
        return not any(self.arm[n] > 0.0 for n in NOISE)


def side(run: Run, text: str, flag: str, on: str) -> Side:
    """The arm that a text like `capped,cap=1000` names.  Raises ValueError, one sentence."""
    if on not in KINDS:
        raise ValueError(f"--on: {on!r} is none of {', '.join(KINDS)}")
    if not run.finished:
        raise ValueError(f"the run in {run.directory} is not finished; run its command again first")
    if run.manifest["sweep"]["keep"] != "all":
        raise ValueError(f"{run.name} was run with --keep cells: no trajectory was kept, so nothing can be compared")
    cells = run.cells
    before = list(cells.columns)[: list(cells.columns).index("lr")]
    settings = [c for c in before if c not in ("loss", "dynamics") and not is_start(c)] + ["lr", *NOISE]
    rule, _, rest = text.partition(",")
    rules = list(dict.fromkeys(cells["dynamics"].astype(str)))
    if rule.strip() not in rules:
        raise ValueError(f"{flag}: {run.name} has no rule {rule.strip()!r}{nearest(rule.strip(), rules)}")
    table = cells[cells["dynamics"] == rule.strip()][["dynamics", *settings]].drop_duplicates()
    known = [c for c in settings if table[c].notna().any()]
    varying = tuple(c for c in known if table[c].nunique() > 1)
    for piece in filter(None, (p.strip() for p in rest.split(","))):
        name, equals, value = (part.strip() for part in piece.partition("="))
        name = name.replace("-", "_")
        if not equals or name not in known:
            raise ValueError(f"{flag}: {piece!r} is not name=value with a setting of {rule}{nearest(name, known)}")
        table = nearby(table, name, number(value, f"{flag} {name}"), flag)
    if len(table) > 1:
        open_ones = [f"{c} ({some(table[c])})" for c in varying if table[c].nunique() > 1]
        raise ValueError(f"{flag}: {len(table)} settings of {rule} fit; give also {' and '.join(open_ones)}")
    arm = {str(c): v for c, v in table.iloc[0].to_dict().items()}
    return Side(run, arm, varying, rows_of(run, arm, on))


def nearby(table: pd.DataFrame, name: str, value: float, flag: str) -> pd.DataFrame:
    """The rows whose setting is the value, or else the only one that is near enough.  Raises ValueError."""
    there = table[name].to_numpy(float)
    near = there[np.isclose(there, value, rtol=CLOSE, atol=0.0)]
    if not len(near):
        raise ValueError(f"{flag}: no arm has {name} = {value:g}; there are {some(table[name])}")
    exact_or_near = near[near == value] if (near == value).any() else near
    if len(np.unique(exact_or_near)) > 1:
        raise ValueError(f"{flag}: {name} = {exact(value)} may be each of {some(pd.Series(near))}; write it out")
    return table[there == exact_or_near[0]]


def some(values: pd.Series) -> str:
    unique = sorted(values.dropna().unique())
    places = digits(unique)
    texts = [numeral(value, places) for value in unique]
    return ", ".join(texts[:LISTED]) + (f", ... {texts[-1]}" if len(texts) > LISTED else "")


def rows_of(run: Run, arm: Mapping[str, Any], on: str) -> pd.DataFrame:
    """The arm's trajectories and whether they succeeded; for `escape` and `commit` those whose start basin is known."""
    parts = [chunk[of_arm(chunk, arm)] for chunk in run.each_chunk()]
    rows = pd.concat(parts, ignore_index=True)
    rows[SUCCESS] = succeeded(rows, on, run.cells[of_arm(run.cells, arm)])
    known = rows if on in VALUES else rows[rows["start_basin"] >= 0]
    if known.empty:
        raise ValueError(f"the basins of this loss are not known, so `{on}` cannot be told")
    return known.reset_index(drop=True)
