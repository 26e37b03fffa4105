"""Makes batches, takes rows of them, and runs them on the compiled engine."""

import dataclasses

import numpy as np

from dynbench import find
from dynbench.backends.cpu import Cpu
from dynbench.batch import Batch, Endings
from dynbench.dynamics.base import Dynamics
from dynbench.kernels.noise import streams
from dynbench.losses.base import Loss
from dynbench.outcomes.label import label

COLUMNS = ("x0", "parameters", "lr", "temperature", "gradient_noise", "stream", "basin")
PLAIN_ENDINGS = ("t_exit", "t_diverged", "t_commit", "t_hit", "status", "basin", "value", "best", "x")


def scattered(loss: Loss, n: int, wide: float = 1.2, seed: int = 1) -> np.ndarray:
    """n points, uniform in the domain stretched by `wide`: (dim, n)."""
    box = np.array(loss.box(loss.dim))
    centre, half = box.mean(1, keepdims=True), (box[:, 1:] - box[:, :1]) / 2
    return centre + wide * half * np.random.default_rng(seed).uniform(-1, 1, (loss.dim, n))


def batch(
    loss: Loss,
    dynamics: Dynamics,
    x0,
    lr: float = 0.01,
    temperature: float = 0.0,
    gradient_noise: float = 0.0,
    seed: int = 5,
    repeat=None,
    **parameters: float,
) -> Batch:
    """One trajectory for each column of x0 (dim, n), or for each of n numbers in one dimension."""
    x0 = np.ascontiguousarray(np.atleast_2d(np.asarray(x0, float)))
    n = x0.shape[1]
    given = {**loss.parameters, **dynamics.parameters}
    assert set(parameters) <= set(given)
    columns = np.array([[p] * n for p in {**given, **parameters}.values()], float).reshape(len(given), n)
    return Batch(
        x0=x0,
        parameters=columns,
        lr=np.full(n, lr),
        temperature=np.full(n, float(temperature)),
        gradient_noise=np.full(n, float(gradient_noise)),
        stream=streams(x0, np.arange(n) if repeat is None else repeat),
        basin=label(loss, x0),
        seed=seed,
    )


def rows(whole: Batch, chosen) -> Batch:
    """The batch of these rows, in this order."""
    picked = {name: np.ascontiguousarray(getattr(whole, name)[..., chosen]) for name in COLUMNS}
    return dataclasses.replace(whole, **picked)


def run(loss: Loss, dynamics: Dynamics, whole: Batch, steps: int, workers: int = 1, **options) -> Endings:
    return Cpu(workers).run(loss, dynamics, whole, steps, **options)


def of(loss, rule, x0, steps, lr=0.01, options=None, **parameters) -> Endings:
    """How a rule, by its name, ends from these starts."""
    dynamics = find.dynamics(rule)
    return run(loss, dynamics, batch(loss, dynamics, x0, lr, **parameters), steps, **(options or {}))


def path(loss, rule, x0, steps, lr=0.01, **parameters):
    """x_0 ... x_n of every start: (starts, n + 1, dim + 1), L beside x."""
    count = np.atleast_2d(x0).shape[1]
    return of(loss, rule, x0, steps, lr, {"paths": count}, **parameters).paths


def assert_equal_endings(one: Endings, other: Endings, chosen=slice(None)) -> None:
    """`one` holds the rows `chosen` of `other`, to the last bit."""
    for name in PLAIN_ENDINGS:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name)[..., chosen], err_msg=name)
    for name, column in one.records.items():
        np.testing.assert_array_equal(column, other.records[name][chosen], err_msg=name)
