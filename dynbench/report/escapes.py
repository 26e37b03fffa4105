"""Trajectories sorted by arm, as every picture and table of times needs them: which starts, whose, watched how long."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dynbench.batch import Integers
from dynbench.losses.base import Loss
from dynbench.outcomes.survival import integers
from dynbench.report import arms, wells
from dynbench.report.trapped import origin

POINTS = 240  # of a curve: one for every two pixels of the widest picture
READ = ("start_basin", "status", "t_exit", "t_exit_lo", "t_exit_hi", "t_diverged")


@dataclass(frozen=True)
class Sample:
    """The starts that are told about: those in basins of false minima; else those in known ones; else all."""

    rows: pd.DataFrame  # (n,)
    table: pd.DataFrame  # one row an arm: its settings
    arm: Integers  # (n,), the arm's place there
    false: bool  # whether the starts lie in basins of false minima
    loss: Loss | None
    dropped: bool = False  # whether others were left out, as the basin that they began in is not known

    @cached_property
    def names(self) -> list[str]:
        return arms.names(self.table)

    @cached_property
    def labels(self) -> list[int]:
        """The start basins."""
        return [int(label) for label in np.unique(self.rows["start_basin"].to_numpy())]

    @property
    def known(self) -> bool:
        """Whether it is known what leaving the start's basin means."""
        return self.labels[0] >= 0

    @cached_property
    def t_exit(self) -> Integers:
        return integers(self.rows["t_exit"])

    @cached_property
    def lost(self) -> NDArray[np.bool_]:
        """(n,), diverged without having escaped before; none where the endings are not told."""
        if "status" not in self.rows.columns:
            return np.zeros(len(self.rows), bool)
        return (self.rows["status"] == "diverged").to_numpy() & (self.t_exit < 0)

    @cached_property
    def t_diverged(self) -> Integers | None:
        """(n,), -1 for never; None where it was not recorded for every trajectory."""
        given = self.rows.get("t_diverged")
        return None if given is None or given.isna().any() else integers(given)

    @cached_property
    def doubtful(self) -> NDArray[np.bool_]:
        """(arms,): of some exit only bounds are known, and `t_exit` is the later one."""
        if "t_exit_lo" not in self.rows.columns:
            return np.zeros(len(self.table), bool)
        return self.tally((self.rows["t_exit_lo"] != self.rows["t_exit_hi"]).to_numpy()) > 0

    @property
    def hits(self) -> list[str]:
        """Columns of the times to the targets, the first target's first."""
        return [str(c) for c in self.rows.columns if is_hit(str(c))]

    @cached_property
    def count(self) -> Integers:
        """(arms,), trajectories."""
        return self.tally(np.ones(len(self.rows), bool))

    @cached_property
    def random(self) -> NDArray[np.bool_]:
        """(arms,): by chance or by their starts trajectories differ; a single noiseless one has no interval."""
        noisy = np.array([arms.is_noisy(row) for row in self.table.to_dict("records")], bool)
        return noisy | (self.count > 1)

    def tally(self, which: NDArray[np.bool_]) -> Integers:
        """Trajectories of each arm, (arms,), for which that holds."""
        return np.bincount(self.arm[which], minlength=len(self.table))

    def until(self, steps: int | Integers) -> Integers:
        """Up to which step each trajectory was at risk: its budget, or where it diverged, if that is known."""
        budget = np.broadcast_to(integers(steps), self.t_exit.shape)
        when = self.t_diverged
        return budget if when is None else np.where(self.lost & (when >= 0), np.minimum(when, budget), budget)

    def few(self, limit: int, score: NDArray[Any]) -> list[int]:
        """Places of the arms to draw, among those with a score above 0."""
        label = int(self.rows["start_basin"].mode().iloc[0])

        def critical(row: Mapping[Any, Any]) -> float:
            return wells.threshold(self.loss, label, row["lr"], row.get("f_star", 0.0))

        some = np.flatnonzero(score > 0)
        return [int(some[k]) for k in arms.few(self.table.iloc[some], limit, critical, score[some].tolist())]

    def of(self, chosen: Sequence[int]) -> tuple[NDArray[np.bool_], Integers]:
        """(which rows are of the chosen arms (n,), the place among them of each such row)."""
        place = np.full(len(self.table), -1)
        place[list(chosen)] = np.arange(len(chosen))
        found = place[self.arm]
        return found >= 0, found[found >= 0]

    @cached_property
    def where(self) -> str:
        """The loss, if it is one of dynbench's own, starts and step, in words."""
        name = [f"{self.loss.name}:"] if self.loss else []
        places = {label: wells.place(self.loss, label) for label in self.labels[:2]}
        many = origin(places) if len(self.labels) == 1 else f"{len(self.labels)} false minima"
        every = "all starts whose basin is known" if self.dropped else "all starts"
        start = f"starts in the basin of {many}" if self.false else every
        start += "; certain exits only" if self.doubtful.any() else ""
        lr = f"; step h = {arms.number(float(self.table['lr'].iloc[0]))}" if self.table["lr"].nunique() == 1 else ""
        return " ".join([*name, start]) + lr


def sample(trajectories: pd.DataFrame, loss: Loss | None) -> Sample | None:
    """A table of trajectories as a Sample; None where it has no rows or does not know its basins."""
    if not len(trajectories) or "start_basin" not in trajectories.columns:
        return None
    basins = trajectories["start_basin"].to_numpy()
    false = np.isin(basins, wells.false_labels(loss, basins))
    known = false if false.any() else basins >= 0
    rows = trajectories[known] if known.any() else trajectories
    return Sample(rows, *arms.arms(rows), bool(false.any()), loss, len(rows) < len(trajectories))


def needed(names: Sequence[str]) -> list[str]:
    """Those of a table's columns that a Sample and the times to targets are made of."""
    before = names[: list(names).index("lr")] if "lr" in names else names
    settings = [c for c in before if c != "id" and c != "x0" and not c.startswith("x0_")]
    return [*settings, *(c for c in names if c in (*arms.AXES, *READ) or is_hit(c))]


def is_hit(column: str) -> bool:
    return column == "t_hit" or column.startswith("t_hit_")


def moments(steps: int) -> Integers:
    """Steps at which curves are drawn, 1 to N, evenly on a logarithmic scale."""
    return np.unique(np.append(np.geomspace(1, max(steps, 1), POINTS).round().astype(np.int64), steps))
