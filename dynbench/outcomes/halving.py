"""The escapes of one cell again and again, with the Euler step h halved while the ODE, or h M, is held.

Steps double as h is halved, so that h * steps stays; where that would cost too much, fewer of the starts are run, and
where so few would tell nothing, none.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import floor, isfinite, log2

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dynbench.backends.cpu import Cpu
from dynbench.batch import Batch, Floats, Integers
from dynbench.dynamics.base import Dynamics
from dynbench.kernels.noise import streams
from dynbench.kernels.step import lanes
from dynbench.losses.base import Loss
from dynbench.outcomes.intervals import interval
from dynbench.outcomes.probe import halved

LAST = 3  # halvings in a row that must agree
TELLING = 16.0  # expected escapes that a level needs: with none instead of them, P is surely below a quarter


@dataclass(frozen=True)
class Cell:
    """The trajectories to be explained; `loss` at its dimension, `parameters` complete."""

    loss: Loss
    dynamics: Dynamics
    parameters: Mapping[str, float]  # of the loss and of the rule
    lr: float
    temperature: float
    gradient_noise: float
    x0: Floats  # (dim, n)
    basin: Integers  # (n,)
    stream: NDArray[np.uint64]  # (n,)
    steps: int
    seed: int
    workers: int | None = None
    every_start: bool = True  # False: the cell has more starts than these
    progress: Callable[[], object] | None = None  # called after each run

    @property
    def quiet(self) -> "Cell":
        """The same starts without noise."""
        return replace(self, temperature=0.0, gradient_noise=0.0)

    @property
    def noisy(self) -> bool:
        return self.temperature > 0.0 or self.gradient_noise > 0.0

    @property
    def own(self) -> dict[str, float]:
        """The rule's parameters."""
        return {n: self.parameters[n] for n in self.dynamics.parameters}

    @property
    def block(self) -> float:
        """Coordinate updates that a block of lanes makes: the least that a run can cost."""
        return float(self.steps) * len(self.x0) * lanes(len(self.x0))

    def batch(self) -> Batch:
        n = len(self.basin)
        return Batch(
            x0=np.ascontiguousarray(self.x0),
            parameters=np.repeat(np.array(list(self.parameters.values()), float)[:, None], n, axis=1),
            lr=np.full(n, self.lr),
            temperature=np.full(n, self.temperature),
            gradient_noise=np.full(n, self.gradient_noise),
            stream=np.ascontiguousarray(self.stream),
            basin=np.ascontiguousarray(self.basin),
            seed=self.seed,
        )

    def some(self, count: int) -> "Cell":
        """`count` of the starts, evenly spread over their order."""
        rows = spread(len(self.basin), count)
        return replace(self, x0=self.x0[:, rows], basin=self.basin[rows], stream=self.stream[rows])

    def repeated(self, count: int) -> "Cell":
        """`count` trajectories, evenly spread over the starts, each with a noise of its own."""
        start, repeat = np.divmod(np.arange(count) * len(self.basin), count)
        x0 = np.ascontiguousarray(self.x0[:, start])
        return replace(self, x0=x0, basin=self.basin[start], stream=streams(x0, repeat), every_start=False)


@dataclass(frozen=True)
class Counted:
    """What a run has counted of a cell: nothing of that is simulated again."""

    n: int
    escaped: int
    estimate: tuple[float, float, float] | None = None  # P and its limits, where they are not those of escaped/n


@dataclass(frozen=True)
class Level:
    """One run: `escaped` of n starts at the step h, after so many halvings."""

    times: int
    h: float  # the rule's `lr`
    steps: int
    n: int
    escaped: int
    held: str  # ode: noise off, cap and time constants held; hM: noise off, h * cap held; noise: as ode, noise on
    whole: bool  # no start of the cell was left out
    updates: int  # of coordinates, really made
    estimate: tuple[float, float, float] | None = None  # P and its limits, where they are not those of escaped/n

    @property
    def p(self) -> float:
        return self.escaped / self.n if self.estimate is None else self.estimate[0]

    @property
    def interval(self) -> tuple[float, float]:
        if self.estimate is not None:
            return self.estimate[1:]
        lo, hi = interval(self.escaped, self.n)
        return float(lo), float(hi)


def spread(n: int, count: int) -> Integers:
    """min(n, count) of the rows 0 .. n - 1, evenly spread."""
    count = min(n, count)
    return (np.arange(count) * n // count).astype(np.int64)


def affordable(cell: Cell, times: int, updates: float) -> int:
    """How many starts can be run at h/2^times for so many coordinate updates: all, whole blocks of lanes, or none."""
    blocks, n, whole = int(min(updates / (cell.block * 2.0**times), 1e9)), len(cell.basin), lanes(len(cell.x0))
    return n if n <= blocks * whole else blocks * whole


def first_share(cell: Cell, budget: float) -> float:
    """What the run at the cell's own h may cost: a quarter of the budget, and always a block of lanes."""
    return max(budget / 4.0, cell.block)


def level(cell: Cell, times: int, held: str, updates: float, least: float = 1.0) -> Level | None:
    """The escapes at h/2^times; None where not even a block of lanes, or `least` starts, can be afforded."""
    count = affordable(cell, times, updates)
    if count == 0 or count < min(least, len(cell.basin)):
        return None
    parameters, lr = halved(cell.dynamics, cell.own, cell.lr, times)
    if held == "hM":
        parameters["cap"] *= 2.0**times
    chosen = cell.some(count)
    run = replace(chosen, parameters=dict(cell.parameters) | parameters, lr=lr, steps=cell.steps * 2**times)
    cpu = Cpu() if cell.workers is None else Cpu(cell.workers)
    endings = cpu.run(cell.loss, cell.dynamics, run.batch(), run.steps)
    if cell.progress is not None:
        cell.progress()
    n, escaped = len(run.basin), int((endings.t_exit >= 0).sum())
    whole = cell.every_start and n == len(cell.basin)
    return Level(times, lr, run.steps, n, escaped, held, whole, endings.updates * len(cell.x0))


def level_of(cell: Cell, counted: Counted) -> Level:
    """The cell itself, as the run counted it."""
    held = "noise" if cell.noisy else "ode"
    return Level(0, cell.lr, cell.steps, counted.n, counted.escaped, held, True, 0, counted.estimate)


def ladder(cell: Cell, reach: float, halvings: int, budget: float, own: Level | None = None) -> list[Level]:
    """The levels with the ODE held, until the answer is plain or the budget does not reach.

    `reach`: for capped rules, h M L*/D at the cell's own h; nan for others.  Escapes must have ended where the halved
    one is below 1, so the halvings stop there, and where ten do not lead there one level beyond it is tried.  `own`:
    the level at the cell's own h, where it is known.
    """
    below = floor(log2(reach)) + 1 if reach >= 1.0 and isfinite(reach) else None
    last = halvings if below is None else min(halvings, below + 1)
    levels: list[Level] = []
    for times in [*range(last + 1), *([below] if below is not None and below > halvings else [])]:
        least = TELLING / levels[0].p if levels else 1.0
        share = (budget - sum(v.updates for v in levels)) / max(last + 1 - times, 1)
        if times == 0 and own is not None:
            found: Level | None = own
        else:
            found = level(cell, times, "ode", share if levels else first_share(cell, budget), least)
        if found is None:
            continue
        levels.append(found)
        over = below is not None and times >= below and found.escaped == 0
        none = len(levels) > LAST and not any(v.escaped for v in levels[-LAST:])
        if levels[0].escaped == 0 or over or none:
            break
    return levels


def table(levels: list[Level]) -> pd.DataFrame:
    """h, steps, n, escaped, p, lo, hi, held: a row a level; lo and hi are the 95 % interval over the starts."""
    columns = ["h", "steps", "n", "escaped", "p", "lo", "hi", "held"]
    rows = [(v.h, v.steps, v.n, v.escaped, v.p, *v.interval, v.held) for v in levels]
    return pd.DataFrame(rows, columns=columns)
