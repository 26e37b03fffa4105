"""First passages equal plain Python to the last bit: boxes and scores, few and many dimensions, rules with memory."""

import dataclasses
import math

import numpy as np
import pytest
from batches import batch, rows, scattered
from reference import beyond, evaluate, norm_of

from dynbench import find
from dynbench.backends.passage import ENDED, Limits, first_passages
from dynbench.kernels import noise
from dynbench.kernels.rewrite import plain

CENSORED, DIVERGED, PASSED = ENDED.index("censored"), ENDED.index("diverged"), ENDED.index("passed")


def ring(x, tilt=0.5):  # the parameter is the loss's own
    total = 0.0
    for d in range(len(x)):
        total = total + x[d] ** 2
    return math.exp(-0.1 * total) * tilt


def value_grad(x, g, tilt=0.5):
    total = 0.0
    for d in range(len(x)):
        g[d] = x[d] + tilt
        total = total + 0.5 * x[d] * x[d] + tilt * x[d]
    return total


def first_passage(loss, dynamics, batch, limits, memory, n):
    """One trajectory, one step at a time: (k, status, L, x, memory by state and coordinate)."""
    dim = len(batch.x0)
    x = [float(v) for v in batch.x0[:, n]]
    every = [float(v) for v in batch.parameters[:, n]]
    of_loss, of_rule = every[: len(loss.parameters)], every[len(loss.parameters) :]
    lr, amplitude = float(batch.lr[n]), math.sqrt(2.0 * float(batch.temperature[n]) * float(batch.lr[n]))
    stream, seed = int(batch.stream.view(np.int64)[n]), int(np.uint64(batch.seed).view(np.int64))
    fresh = plain(dynamics.start)(lr, *of_rule) if dynamics.start else ()
    size = len(fresh)
    states = [tuple(fresh) if memory is None else tuple(memory[d::dim, n].tolist()) for d in range(dim)]
    budget = int(limits.budget[n])
    for k in range(budget + 1):
        value, g = evaluate(loss, x, of_loss)
        passed = any(x[d] < limits.lo[d, n] or x[d] >= limits.hi[d, n] for d in range(dim))
        if limits.level is not None:
            passed |= plain(loss.score)(x, *of_loss) > limits.level[n]
        status = PASSED if passed else CENSORED if k == budget else None
        if beyond(x, loss) or not math.isfinite(value):
            status = DIVERGED
        if status is not None:
            break
        if batch.gradient_noise[n] != 0.0:
            for d in range(dim):
                extra = noise.normals(k // 2, d | 0x80000000, stream, seed)[k % 2]
                g[d] = g[d] + float(batch.gradient_noise[n]) * extra
        norm, moved = norm_of(g), []
        for d in range(dim):
            dx, states[d] = plain(dynamics.step)(x[d], g[d], value, norm, lr, states[d], *of_rule)
            y = x[d] + dx
            moved.append(y + amplitude * noise.normals(k // 2, d, stream, seed)[k % 2] if amplitude else y)
        x = moved
    return k, status, value, x, [states[d][j] for j in range(size) for d in range(dim)]


def assert_same(got, loss, dynamics, whole, limits, memory=None):
    with np.errstate(all="ignore"):
        truth = [first_passage(loss, dynamics, whole, limits, memory, n) for n in range(len(whole))]
    columns = [np.array(column) for column in zip(*truth, strict=True)]
    for name, column in zip(("step", "status", "value", "x", "memory"), columns, strict=True):
        np.testing.assert_array_equal(getattr(got, name), column.T, err_msg=name)


def box(loss, n, wide, budget, level=None):
    """Walls at `wide` half-widths of the domain, budgets from 0 up to `budget`."""
    edges = np.array(loss.box(loss.dim))
    centre, half = edges.mean(1)[:, None], (edges[:, 1:] - edges[:, :1]) / 2
    budgets = np.linspace(0, budget, n).astype(np.int64)[np.random.default_rng(2).permutation(n)]
    return Limits(np.repeat(centre - wide * half, n, 1), np.repeat(centre + wide * half, n, 1), budgets, level)


CASES = [  # loss, dimension, rule, temperature, noise in the gradient, lr, walls
    ("quartic", 1, "gradient", 0.5, 0.0, 0.01, 0.55),
    ("quartic", 1, "rmsprop", 0.0, 20.0, 0.05, 0.5),
    ("himmelblau", 2, "capped", 2.0, 1.0, 0.01, 0.9),
    ("rastrigin", 6, "rmsprop", 3.0, 0.0, 0.01, 1.0),
    ("himmelblau", 2, "gradient", 0.5, 0.0, 0.2, math.inf),
]


@pytest.mark.parametrize(("name", "dim", "rule", "T", "s", "lr", "wide"), CASES)
def test_boxes(name, dim, rule, T, s, lr, wide):
    loss, dynamics = find.loss(name, dim), find.dynamics(rule)
    whole = batch(loss, dynamics, scattered(loss, 70, 0.6), lr, T, s)
    limits = box(loss, 70, wide, 150)
    got = first_passages(loss, dynamics, whole, limits)
    assert_same(got, loss, dynamics, whole, limits)
    assert {CENSORED, DIVERGED if wide == math.inf else PASSED} <= set(got.status)
    if got.memory.size:  # on from there, with what the rule remembers
        further = dataclasses.replace(whole, x0=np.ascontiguousarray(got.x), stream=whole.stream + np.uint64(1))
        wider = box(loss, 70, 1.2 * wide, 100)
        memory = np.ascontiguousarray(got.memory)
        assert_same(
            first_passages(loss, dynamics, further, wider, memory), loss, dynamics, further, wider, memory
        )  # fmt: skip


@pytest.mark.parametrize("dim", [1, 2, 6])
def test_scores(dim):
    free = find.loss("quadratic", dim)
    loss = dataclasses.replace(free, value_grad=value_grad, score=ring, minima=(), bounds={}, name="bowl")
    dynamics = find.dynamics("gradient")
    whole = batch(loss, dynamics, scattered(loss, 70, 1.5), 0.05, 0.3, tilt=0.7)
    none = np.full((dim, 70), np.nan)
    limits = Limits(none, none, box(loss, 70, 1.0, 60).budget, np.linspace(0.4, 0.72, 70))
    got = first_passages(loss, dynamics, whole, limits)
    assert_same(got, loss, dynamics, whole, limits)
    assert {CENSORED, PASSED} <= set(got.status)
    assert ((got.step == 0) & (got.status == PASSED)).any()


def test_neither_threads_nor_neighbours_matter():
    loss, dynamics = find.loss("rastrigin", 2), find.dynamics("gradient")
    whole = batch(loss, dynamics, scattered(loss, 500, 0.6), 0.002, 5.0)
    limits = box(loss, 500, 0.7, 700)
    one = first_passages(loss, dynamics, whole, limits)
    three = first_passages(loss, dynamics, whole, limits, workers=3)
    chosen = np.random.default_rng(0).permutation(500)[:130]
    few = Limits(*(np.ascontiguousarray(c[..., chosen]) for c in (limits.lo, limits.hi, limits.budget)))
    part = first_passages(loss, dynamics, rows(whole, chosen), few)
    for name in ("step", "status", "value", "x"):
        np.testing.assert_array_equal(getattr(one, name), getattr(three, name))
        np.testing.assert_array_equal(getattr(one, name)[..., chosen], getattr(part, name))


def test_a_budget_below_zero_is_refused():
    loss, dynamics = find.loss("quartic"), find.dynamics("gradient")
    limits = Limits(np.zeros((1, 1)), np.ones((1, 1)), np.array([-1]))
    with pytest.raises(ValueError, match="0 or more"):
        first_passages(loss, dynamics, batch(loss, dynamics, [0.5]), limits)
