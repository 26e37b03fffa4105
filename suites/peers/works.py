"""The works of the yardstick: what every peer is given, made from dynbench's own loss, rule and tables.

An update is one step of one trajectory, all its coordinates together.  The works are made in the parent and handed to
the peers' processes, which need not import Numba then: hence the imports within `work`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from dynbench.batch import Batch, Floats, Integers
from dynbench.dynamics.base import Dynamics
from dynbench.losses.base import Loss

SEED = 20260101
TARGET = 1e-3  # of L - Lmin


@dataclass(frozen=True)
class Kind:
    """What distinguishes one work from another; `count` trajectories keep dynbench busy for about half a second."""

    title: str
    loss: str
    rule: str
    dim: int
    lr: float
    count: int
    temperature: float = 0.0
    parameters: dict[str, float] = field(default_factory=dict)


KINDS = {
    "capped-quartic": Kind("capped flow, quartic", "quartic", "capped", 1, 0.01, 262144),
    "noisy-quartic": Kind("noisy gradient, quartic", "quartic", "gradient", 1, 0.01, 65536, 0.5),
    "capped-himmelblau": Kind("capped flow, Himmelblau (2-D)", "himmelblau", "capped", 2, 0.01, 131072),
    "adam-rastrigin": Kind("Adam, Rastrigin (10-D)", "rastrigin", "adam", 10, 0.5, 8192),
}


@dataclass(frozen=True)
class Work:
    """n trajectories of a rule on a loss for `steps` steps, the same for every peer."""

    name: str
    title: str
    loss: Loss
    rule: Dynamics
    lr: float
    temperature: float  # T in x += sqrt(2 T h) * normal
    parameters: dict[str, float]  # the rule's
    x0: Floats  # (dim, n), uniform in the domain
    basin: Integers  # (n,), label of the start's basin
    stream: NDArray[np.uint64]  # (n,), each trajectory's own random stream, where a peer has the same generator
    steps: int
    target: float  # value of L that counts as hit
    separators: Floats  # of one coordinate, ascending; empty where basins are known by cores only
    wells: Integers  # labels of one coordinate's wells from left to right
    floors: Floats  # lowest L of each well (or minimum)
    margins: Floats  # a core: L - floor <= margin in the well; or (x - m)' H (x - m) <= 2 margin
    centres: Floats  # (minima, dim), empty where there are separators
    hessians: Floats  # (minima, dim, dim)
    halves: Floats  # (minima, dim), half-widths of the cores' bounding boxes
    seed: int = SEED

    def __len__(self) -> int:
        return self.x0.shape[1]

    @property
    def dim(self) -> int:
        return len(self.x0)

    @property
    def left(self) -> Floats:
        """The wall on the left of each coordinate of each start: (dim, n), -inf where there is none."""
        return np.array([-np.inf, *self.separators])[self.place]

    @property
    def right(self) -> Floats:
        return np.array([*self.separators, np.inf])[self.place]

    @property
    def place(self) -> Integers:
        """Which well, from the left, holds each coordinate of each start: (dim, n)."""
        return np.searchsorted(self.separators, self.x0, side="right")

    @property
    def amplitude(self) -> float:
        """Of the normals in x."""
        return float(np.sqrt(2.0 * self.temperature * self.lr))

    @property
    def batch(self) -> Batch:
        """The work as dynbench takes it."""
        n = len(self)
        given = [*self.loss.parameters.values(), *self.parameters.values()]
        columns = np.repeat(np.array(given, float).reshape(-1, 1), n, axis=1)
        same = np.ones(n)
        return Batch(
            self.x0, columns, self.lr * same, self.temperature * same, 0.0 * same,
            self.stream, self.basin, self.seed,
        )  # fmt: skip


@dataclass(frozen=True)
class Ends:
    """What is recorded by default of n trajectories.  Times are in steps, x0 is step 0, -1 for never."""

    t_exit: Integers  # (n,), first step outside the start's basin
    t_commit: Integers  # (n,), first step inside another minimum's core
    t_hit: Integers  # (n,), first step with L - Lmin <= target
    best: Floats  # (n,), lowest L on the way
    value: Floats  # (n,), L at the end
    x: Floats  # (dim, n), where it ended

    @staticmethod
    def joined(pieces: Sequence["Ends"]) -> "Ends":
        """One after the other."""
        columns = {name: [getattr(piece, name) for piece in pieces] for name in vars(pieces[0])}
        return Ends(**{name: np.concatenate(column, axis=-1) for name, column in columns.items()})


class Missing(Exception):
    """Why a peer cannot run here: a sentence for the table."""


Ready = Callable[[Work, int], Callable[[], Ends]]  # ready(work, threads) -> the call that is timed


def work(name: str, steps: int = 2500, count: int | None = None) -> Work:
    """The work of that name; `count` trajectories, which are the first of the longer list.

    Raises ValueError where there is no such work, or no such loss or rule.
    """
    from dynbench import find, label
    from dynbench.backends.tables import tables
    from dynbench.kernels.noise import streams

    if name not in KINDS:
        raise ValueError(f"there is no work {name!r}; known: {', '.join(KINDS)}")
    kind = KINDS[name]
    loss, rule = find.loss(kind.loss, kind.dim), find.dynamics(kind.rule)
    box = np.array(loss.box(kind.dim))
    n = kind.count if count is None else count
    x0 = np.random.default_rng(SEED).uniform(box[:, 0], box[:, 1], (n, kind.dim)).T
    x0 = np.ascontiguousarray(x0)
    return Work(
        name, kind.title, loss, rule, kind.lr, kind.temperature, {**rule.parameters, **kind.parameters}, x0,
        label(loss, x0), streams(x0, np.zeros(n, np.int64)), steps, loss.minimum_value + TARGET, *tables(loss),
    )  # fmt: skip


def part(work: Work, count: int, steps: int | None = None, first: int = 0) -> Work:
    """`count` trajectories from the one numbered `first`, for `steps` steps."""
    rows = slice(first, first + count)
    return replace(
        work,
        x0=np.ascontiguousarray(work.x0[:, rows]),
        basin=work.basin[rows].copy(),
        stream=work.stream[rows].copy(),
        steps=work.steps if steps is None else steps,
    )


def parts(work: Work, count: int) -> list[Work]:
    """The work in pieces of so many trajectories."""
    return [part(work, count, first=first) for first in range(0, len(work), count)]
