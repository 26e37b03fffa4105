"""The arms of suites/verdict.toml: last values of L after a budget of gradient evaluations.

A chain is runs of the compiled kernel, one a stage, each from where the last one ended; its noise in stage k is the
stream of (start, k).  Restarts divide the budget among descents from uniform points; the lowest last L counts.
"""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from dynbench import find
from dynbench.backends.cpu import Cpu
from dynbench.batch import Batch, Endings, Floats, Integers
from dynbench.kernels.noise import streams
from dynbench.kernels.shape import STATUSES
from dynbench.losses.base import Loss
from dynbench.sweep.starts import Starts, drawn

CONFIG = Path(__file__).with_name("verdict.toml")
FIRST_DRAW = 1000  # of the restarts: the trapped starts use the draws 0 to 64 of the same seed


@dataclass(frozen=True)
class Contestant:
    """A rule with what is tuned: `box` bounds each tuned parameter, all in logarithms."""

    name: str
    dynamics: str
    box: dict[str, tuple[float, float]]
    default: dict[str, float]
    parts: int = 0  # stages with noise, of equal length
    quiet: float = 0.0  # share of the budget that is without noise, at the end
    cooling: float = 1.0  # last temperature over first

    def plan(self, budget: int) -> list[tuple[int, float]]:
        """(steps, temperature over T) of each stage; the steps add up to the budget."""
        if not self.parts:
            return [(budget, 0.0)]
        silent = round(self.quiet * budget)
        factors = np.geomspace(1.0, self.cooling, self.parts) if self.parts > 1 else np.ones(1)
        return [*zip(shares(budget - silent, self.parts), factors.tolist(), strict=True), (silent, 0.0)]


@dataclass(frozen=True)
class Study:
    """suites/verdict.toml."""

    loss: Loss
    starts: Starts
    budgets: tuple[int, ...]
    target: float
    configurations: int
    tuned_on: int
    reported_on: int
    alpha: float
    subject: str
    factors: tuple[float, ...]
    errors: tuple[float, ...]
    arms: tuple[Contestant, ...] = field(default=())

    @staticmethod
    def read(path: Path = CONFIG, **changes: Any) -> "Study":
        """The file, with `changes` to it."""
        told = tomllib.loads(path.read_text(encoding="utf-8")) | changes
        arms = tuple(Contestant(**{**arm, "box": pairs(arm["box"])}) for arm in told.pop("arm"))
        loss = find.loss(told.pop("loss"))
        assert loss.dim is not None
        starts = Starts.parse(told.pop("starts"), loss.dim)
        rest: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in told.items()}
        return Study(loss=loss, starts=starts, arms=arms, **rest)


def pairs(box: dict[str, list[float]]) -> dict[str, tuple[float, float]]:
    return {name: (lo, hi) for name, (lo, hi) in box.items()}


def shares(total: int, parts: int) -> list[int]:
    """`total` in whole parts that differ by one at most, and add up to it."""
    return [total // parts + (k < total % parts) for k in range(parts)]


def last_values(study: Study, arm: Contestant, configs: Sequence[dict[str, float]], budget: int, seed: int) -> Floats:
    """L at the end (configurations, starts); inf where the trajectory diverged."""
    index = np.arange(study.starts.count)
    if "restarts" in arm.box:
        return np.array([restarted(study, arm, config, budget, index, seed) for config in configs])
    start = study.starts.at(study.loss, index, seed)
    x0 = np.tile(start, len(configs))
    x, lost = x0, np.zeros(x0.shape[1], bool)
    value = np.empty(x0.shape[1])
    for stage, (steps, factor) in enumerate(arm.plan(budget)):
        if steps:
            ended = simulated(study.loss, arm, configs, x, streams(x0, np.full(len(lost), stage)), steps, factor, seed)
            lost |= diverged(ended)
            x, value = np.where(lost, x0, ended.x), ended.value
    return np.where(lost, np.inf, value).reshape(len(configs), -1)


def restarted(
    study: Study, arm: Contestant, config: dict[str, float], budget: int, index: Integers, seed: int
) -> Floats:
    """Lowest last L of the descents (starts,).  Each start's points are its own; x0 itself is not used."""
    assert study.loss.dim is not None
    box = np.array(study.loss.box(study.loss.dim))
    lowest = np.full(len(index), np.inf)
    for descent, steps in enumerate(shares(budget, min(int(config["restarts"]), budget))):
        x = drawn(box, index, FIRST_DRAW + descent, seed)
        ended = simulated(study.loss, arm, [config], x, streams(x, np.full(len(index), descent)), steps, 0.0, seed)
        lowest = np.minimum(lowest, np.where(diverged(ended), np.inf, ended.value))
    return lowest


def simulated(
    loss: Loss,
    arm: Contestant,
    configs: Sequence[dict[str, float]],
    x: Floats,
    stream: np.ndarray,
    steps: int,
    factor: float,
    seed: int,
) -> Endings:
    """One run of the kernel: x (dim, configurations times starts)."""
    rule = find.dynamics(arm.dynamics)
    each = x.shape[1] // len(configs)
    known = loss.parameters | rule.parameters

    def column(name: str, default: float) -> Floats:
        return np.repeat([config.get(name, default) for config in configs], each)

    parameters = np.array([column(name, value) for name, value in known.items()]).reshape(len(known), x.shape[1])
    still = np.zeros(x.shape[1])
    batch = Batch(
        np.ascontiguousarray(x), parameters, column("lr", np.nan), factor * column("temperature", 0.0), still,
        stream, np.full(x.shape[1], -1), seed,
    )  # fmt: skip
    return Cpu().run(loss, rule, batch, steps)


def diverged(ended: Endings) -> np.ndarray:
    return (ended.status == STATUSES.index("diverged")) | ~np.isfinite(ended.value) | ~np.isfinite(ended.x).all(axis=0)
