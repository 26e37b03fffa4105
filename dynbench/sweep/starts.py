"""Where trajectories start, and by what law: a probability over starts means nothing without it."""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import isfinite
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dynbench import basins
from dynbench.backends.basins import distances as distances_of
from dynbench.batch import Floats, Integers
from dynbench.find import nearest
from dynbench.kernels import noise
from dynbench.kernels.shape import RADIUS
from dynbench.losses.base import Loss
from dynbench.outcomes.label import label
from dynbench.sweep import fields
from dynbench.sweep.axes import whole

JITTER = 0.05  # of the distance to the basin's boundary, around a minimum (`trapped`)
MOST = 10**12
LAWS = ("points", "grid", "uniform", "trapped")


@dataclass(frozen=True)
class Starts:
    """law `points`: those listed; `grid`: `count` a coordinate over the domain; `uniform`, `trapped`: `count` drawn.

    Points that are equal are repeats of one start: the kth of them has the noise of its
    repeat k.  Raises ValueError where law, count and points do not fit together.
    """

    law: str
    count: int
    points: tuple[tuple[float, ...], ...] = ()  # (count, dim), for the law `points`; any rows of numbers will do

    def __post_init__(self) -> None:
        if not isinstance(self.law, str) or self.law not in LAWS:
            raise ValueError(f"starts: no law called {self.law!r}{nearest(str(self.law), LAWS)}")
        count = fields.whole(self.count, "starts: the count")
        object.__setattr__(self, "count", whole(count, "starts: the count", 1, MOST))
        if self.law != "points":
            if not isinstance(self.points, tuple | list | np.ndarray) or len(self.points):
                raise ValueError(f"starts: points are given, and the law {self.law!r} takes none")
            object.__setattr__(self, "points", ())
            return
        points = fields.points(self.points, "starts")
        if len(points) != self.count:
            raise ValueError(f"starts: {len(points)} points are given, not {self.count}")
        object.__setattr__(self, "points", points)

    @staticmethod
    def parse(text: str, dim: int) -> "Starts":
        """grid:N, uniform:N, trapped:N or the path of a CSV file with one start a line."""
        law, colon, count = text.partition(":")
        if colon and law in ("grid", "uniform", "trapped"):
            return Starts(law, whole(count, "--starts", 1, MOST))
        if text.lower().endswith(".csv"):
            return Starts.read(Path(text), dim)
        raise ValueError(f"--starts: {text!r} is not grid:N, uniform:N, trapped:N or the path of a .csv file")

    @staticmethod
    def read(path: Path, dim: int) -> "Starts":
        """One start a line: `dim` numbers, quoted or not, parted by commas; a first line without any is a header."""
        try:
            lines = path.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"--starts: cannot read {path}: {error}") from None
        rows: list[tuple[float, ...]] = []
        first = True
        for place, line in enumerate(lines, 1):
            try:
                cells = [cell.strip() for cell in next(csv.reader([line], strict=True), [])]
            except csv.Error as error:
                raise ValueError(f"--starts: {path}, line {place}: {error}") from None
            if not any(cells):
                continue
            header, first = first and not any(map(begins_a_number, cells)) and ";" not in line, False
            if header:
                continue
            values = [numeric(cell) for cell in cells]
            if None in values or len(values) != dim:
                raise ValueError(f"--starts: {path}, line {place}: {line!r} is not {dim} number{'s' * (dim > 1)}")
            rows.append(tuple(c for c in values if c is not None))
        return Starts.of(rows, dim, "--starts")

    @staticmethod
    def of(rows: Sequence[Sequence[float]], dim: int, flag: str) -> "Starts":
        """Listed points; equal ones are repeats."""
        for row in rows:
            if len(row) != dim or not all(map(isfinite, row)):
                raise ValueError(f"{flag}: {','.join(map(str, row))!r} is not a point of {dim} finite coordinates")
        if not rows:
            raise ValueError(f"{flag}: no start at all")
        return Starts("points", len(rows), tuple(tuple(float(c) for c in row) for row in rows))

    @cached_property
    def table(self) -> Floats:
        """The listed points, (count, dim)."""
        return np.array(self.points)

    @cached_property
    def repeats(self) -> tuple[Integers, Integers]:
        """For each listed point (count,): how many equal ones stand before it, and how many there are in all."""
        order, group = grouped(self.table)
        sizes = np.bincount(group)
        before = np.empty(self.count, np.int64)
        before[order] = np.arange(self.count) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        return before, sizes[group].astype(np.int64)

    def repeat(self, start: Integers, repeat: Integers) -> Integers:
        """The number of the noise of each start's repeat: with m equal points, the kth has k, k + m, k + 2m, ..."""
        if self.law != "points":
            return repeat
        before, count = self.repeats
        return before[start] + repeat * count[start]

    def size(self, dim: int) -> int:
        """How many starts."""
        return self.count**dim if self.law == "grid" else self.count

    @property
    def kind(self) -> str:
        """How starts are drawn, for what a probability is over: `uniform`, `grid` (listed or even), or one `point`."""
        if self.law in ("uniform", "trapped"):
            return "uniform"
        return "point" if self.law == "points" and len(set(self.points)) == 1 else "grid"

    def words(self, loss: Loss) -> str:
        """The law of x0, in words."""
        assert loss.dim is not None
        box = " x ".join(f"[{lo:g}, {hi:g}]" for lo, hi in loss.domain)
        box += f"^{loss.dim}" if len(loss.domain) < loss.dim else ""
        if self.law == "points":
            ends = np.array(self.points)
            if len(set(self.points)) == 1:
                times = f", {self.count} times" if self.count > 1 else ""
                return f"x0 = {', '.join(f'{c:g}' for c in self.points[0])}{times}"
            if loss.dim == 1:
                return f"{self.count} given values of x0 from {ends.min():g} to {ends.max():g}"
            return f"{self.count} given points x0"
        if self.law == "grid":
            return f"{self.size(loss.dim)} values of x0, evenly spaced over {box}"
        if self.law == "uniform":
            return f"{self.count} values of x0, uniform over {box}"
        return (
            f"{self.count} trapped values of x0: a false minimum, drawn by the share of the domain whose gradient flow "
            f"ends there, plus a uniform jitter of {JITTER:.0%} of the distance to its basin's boundary"
        )

    def at(self, loss: Loss, index: Integers, seed: int) -> Floats:
        """x0 (dim, n) of the starts numbered `index` (n,): a function of the number alone."""
        assert loss.dim is not None
        box = np.array(loss.box(loss.dim))
        if self.law == "points":
            x = self.table[index].T
        elif self.law == "grid":
            x = np.empty((loss.dim, len(index)))
            for d in range(loss.dim):  # the last coordinate runs fastest
                place = index // self.count ** (loss.dim - 1 - d) % self.count
                line = np.linspace(box[d, 0], box[d, 1], self.count) if self.count > 1 else box[d].mean(keepdims=True)
                x[d] = line[place]
        elif self.law == "uniform":
            x = drawn(box, index, 0, seed)
        else:
            x = trapped(loss, box, index, seed)
        far = np.abs(x - box.mean(axis=1)[:, None]) > RADIUS * np.diff(box) / 2
        if far.any():
            n = int(np.flatnonzero(far.any(axis=0))[0])
            raise ValueError(
                f"the start {x[:, n].tolist()} lies farther than 1e6 half-widths from the domain of {loss.name}"
            )
        return np.ascontiguousarray(x)


def numeric(cell: str) -> float | None:
    """A cell of a CSV file as a number; None where it is none."""
    try:
        return float(cell)
    except ValueError:
        return None


def begins_a_number(cell: str) -> bool:
    """Whether a cell is a number or begins like one, so that it stands in no header."""
    return numeric(cell) is not None or re.match(r"[-+]?\.?\d", cell) is not None


def grouped(table: Floats) -> tuple[Integers, Integers]:
    """(order, group) of rows (n, d): rows `order` stand sorted by group, in their own order within each.

    Rows are of one group where they are equal, -0 to 0 too, as `noise.streams` has it.
    """
    key, way = (table[:, 0], None) if table.shape[1] == 1 else (table, 0)
    group = np.unique(key + 0.0, axis=way, return_inverse=True)[1].reshape(-1)
    return np.argsort(group, kind="stable"), group


def drawn(box: Floats, index: Integers, draw: int, seed: int) -> Floats:
    """Uniform points of the box, by counter: start number, coordinate, draw."""
    u = np.array([noise.uniforms(index, d, draw, seed) for d in range(len(box))])
    return box[:, :1] + np.diff(box) * u


def trapped(loss: Loss, box: Floats, index: Integers, seed: int, tries: int = 64) -> Floats:
    """False minima, each as likely as its basin is wide, with a jitter: starts that no first step leaves by a leap."""
    if not basins.false_minima(loss):
        raise ValueError(f"--starts trapped: the loss {loss.name!r} has no known false minimum")
    centres, distances, other = minimum_below(loss, drawn(box, index, 0, seed))
    for attempt in range(1, tries):
        again = np.flatnonzero(other)
        if not len(again):
            break
        found = minimum_below(loss, drawn(box, index[again], attempt, seed))
        centres[:, again], distances[:, again], other[again] = found
    else:
        raise ValueError(f"--starts trapped: almost the whole domain of {loss.name!r} leads to its global minimum")
    u = np.array([noise.uniforms(index, d, tries, seed) for d in range(len(box))])
    return centres + JITTER * distances * (2.0 * u - 1.0)


def minimum_below(loss: Loss, x: Floats) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """The minimum to which gradient flow leads from each x (dim, n), its distance to the boundary, (dim, n) each, and
    whether it is no false one (n,): a global one, or not known (a saddle, or lost)."""
    if loss.tensor:
        order = loss.wells
        place = np.searchsorted(np.array(loss.separators), x, side="right")
        return (
            np.array([loss.minima[k].x[0] for k in order])[place],
            np.array([loss.minima[k].distance for k in order])[place],
            np.asarray(basins.is_global_well(loss, x).all(axis=0)),
        )
    labels = label(loss, x)
    known = np.maximum(labels, 0)
    centres = np.array([m.x for m in loss.minima]).T[:, known]
    near = distances_of(loss)
    for number, minimum in enumerate(loss.minima):
        if not np.isfinite(near[number]) and basins.is_false(loss, number):
            raise ValueError(
                f"--starts trapped: the distance from the minimum {list(minimum.x)} of {loss.name!r} to its basin's"
                f" boundary is not known: give it as `distance`, or in two dimensions list the loss's saddles"
            )
    distances = np.broadcast_to(near[known], centres.shape).copy()
    return centres, distances, ~basins.kinds(loss, labels).is_false
