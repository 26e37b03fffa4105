"""Where they went: how many of the escaped came back, where the others ended, and who is at the global minimum."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from dynbench.losses.base import Loss
from dynbench.outcomes import destination
from dynbench.outcomes.destination import DIVERGED, UNKNOWN
from dynbench.report import arms, wells
from dynbench.report.numbers import interval
from dynbench.report.section import Section, Table

ARMS = 12  # shown
BASINS = 8  # that have a column each, if there are no more
HEAD = ("rule", "n", "escaped", "came back", "share of the escaped [95%]", "ended elsewhere", "P(global) [95%]")
MEANING = (
    "Of the runs from false minima: those that escaped, and of these the ones whose last x lies in the basin they "
    "began in (came back) and those that end in another one; the others diverged later, or end in no known basin. "
    "P(global): the share of all n that ends in the basin of a global minimum, however it came there; those that "
    "diverged do not. Intervals as for P(escape); alone, they are bounds, as not all ends are known."
)


def shown(table: pd.DataFrame, loss: Loss | None, labels: list[int]) -> pd.DataFrame:
    """A few arms from which something escaped; their index is that of the table."""
    leaving = table[table["escaped"] > 0]
    label = labels[0]

    def critical(row: Mapping[Any, Any]) -> float:
        return wells.threshold(loss, label, row["lr"], row.get("f_star", 0.0))

    return leaving.iloc[arms.few(leaving, ARMS, critical, leaving["p_escape"].tolist())]


def sections(chosen: pd.DataFrame, rows: pd.DataFrame, names: Mapping[int, str], loss: Loss | None) -> list[Section]:
    """The section; nothing where nothing escaped.  `names` of arms by their index."""
    if not len(chosen):
        return []
    own = rows[rows["arm"].isin(chosen.index)].reset_index(drop=True)
    ends = destination.outcomes(own, ["arm"], loss).set_index("arm").to_dict("index")
    where = destination.destinations(own, ["arm"])
    random = chosen["p_escape_lo"].notna()  # else nothing is random, and there is no interval
    made = [
        Table(
            f"What became of those that escaped ({len(chosen)} settings)",
            [*HEAD, *(["changed basin more than once"] if "crossings" in own else [])],
            [line(names[arm], ends[float(arm)], bool(random[arm])) for arm in chosen.index],
        ),
        basins(where, {arm: names[arm] for arm in chosen.index}, loss),
    ]
    return [Section("Where they went", [MEANING], tables=made)]


def line(name: str, cell: Mapping[Any, Any], random: bool) -> list[str]:
    row = pd.Series({**cell, **({} if random else {c: np.nan for c in cell if c.endswith(("_lo", "_hi"))})})
    return [
        name, str(int(row["n"])), str(int(row["escaped"])),
        str(int(row["returned"])), interval(row, "p_returned"), str(int(row["stayed_out"])),
        interval(row, "p_global"),
        *([str(int(row["recrossed"]))] if "recrossed" in row else []),
    ]  # fmt: skip


def basins(where: pd.DataFrame, names: Mapping[int, str], loss: Loss | None) -> Table:
    """Counts of the basins in which the escaped ended; where they are many, how many and the most frequent one's."""
    counts = where.pivot(index="arm", columns="basin_final", values="count").fillna(0).astype(np.int64)
    nowhere = {"diverged later": DIVERGED, "not known": UNKNOWN}
    lost = {name: counts.get(label, pd.Series(0, index=counts.index)) for name, label in nowhere.items()}
    counts = counts.drop(columns=[DIVERGED, UNKNOWN], errors="ignore")
    total = dict(zip(where["arm"].tolist(), where["escaped"].tolist(), strict=True))
    few = len(counts.columns) <= BASINS
    own = [label for label in counts.columns if few or not wells.is_false(loss, int(label))]
    columns = {place(loss, int(label)): shares(counts[label], total) for label in own}
    if not few:
        columns["different basins"] = (counts > 0).sum(axis=1).astype(str)
        columns["the most frequent"] = shares(counts.max(axis=1), total)
    columns |= {name: shares(column, total) for name, column in lost.items() if column.any()}
    rows = [[name, str(total[arm]), *(str(c.loc[arm]) for c in columns.values())] for arm, name in names.items()]
    return Table(
        "Basins in which the escaped ended: count, and share of the escaped", ["rule", "escaped", *columns], rows
    )


def shares(counts: pd.Series, total: Mapping[Any, int]) -> pd.Series:
    """12 (0.400), for each arm."""
    return pd.Series({k: f"{n} ({arms.share(n / total[k])})" if n else "0" for k, n in counts.items()})


def place(loss: Loss | None, label: int) -> str:
    kind = "global: " if not wells.is_false(loss, label) else ""
    return f"{kind}{wells.place(loss, label)}"
