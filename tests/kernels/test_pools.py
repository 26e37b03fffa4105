"""Lanes under way leave blocks that have ended: fewer steps, and not one number depends on who stood beside whom."""

import numpy as np
import pytest
from batches import assert_equal_endings, batch, rows, run, scattered

from dynbench import find
from dynbench.backends.passage import Limits, first_passages
from dynbench.kernels.shape import PATIENCE
from dynbench.kernels.step import RECORDS
from dynbench.losses.base import Loss

STEPS = 20_000
LONG = {  # loss, its dimension, rule, and a rate at which some trajectories end long before others
    "by and by": ("quartic", 1, "global_flow", 0.01, {}),
    "a cycle or chaos": ("quartic", 1, "capped", 0.01, {"cap": 2.0}),
    "in two dimensions": ("himmelblau", 2, "gradient", 0.0005, {}),
    "with memory": ("quartic", 1, "rmsprop", 0.02, {}),
    "some diverge": ("quartic", 1, "gradient", 0.09, {}),
}


def made(what, count):
    name, dim, rule, lr, parameters = LONG[what]
    loss, dynamics = find.loss(name, dim), find.dynamics(rule)
    return loss, dynamics, batch(loss, dynamics, scattered(loss, count, wide=1.0), lr, **parameters)


@pytest.mark.parametrize("record", [(), RECORDS])
@pytest.mark.parametrize("what", LONG)
def test_together_alone_and_to_the_last_step_are_the_same(what, record):
    loss, dynamics, whole = made(what, 200)
    together = run(loss, dynamics, whole, STEPS, record=record)
    assert_equal_endings(run(loss, dynamics, whole, STEPS, record=record, early=False), together)
    for n in range(0, 200, 29):
        assert_equal_endings(run(loss, dynamics, rows(whole, [n]), STEPS, record=record), together, [n])


@pytest.mark.parametrize("what", ["by and by", "a cycle or chaos"])
def test_what_has_ended_does_not_wait_for_the_others(what):
    """Alone, each trajectory takes the steps that it needs; in blocks of 64 all would take those of the slowest."""
    loss, dynamics, whole = made(what, 640)
    own = np.array([run(loss, dynamics, rows(whole, [n]), STEPS).updates for n in range(640)])
    slowest = 64 * own.reshape(10, 64).max(axis=1).sum()
    together = run(loss, dynamics, whole, STEPS).updates
    assert slowest > 1.3 * own.sum()
    assert together < 1.2 * own.sum()


@pytest.mark.parametrize("steps", [PATIENCE - 1, PATIENCE, PATIENCE + 99, PATIENCE + 163, PATIENCE + 164, 4 * PATIENCE])
def test_budgets_around_the_step_at_which_they_are_gathered(steps):
    loss, dynamics, whole = made("by and by", 130)
    together = run(loss, dynamics, whole, steps)
    assert_equal_endings(run(loss, dynamics, whole, steps, early=False), together)


def test_a_budget_beyond_the_last_pool():
    loss, dynamics, whole = made("by and by", 65)
    endings = run(loss, dynamics, whole, 10**12)
    assert set(endings.status.tolist()) <= {2, 3}
    assert endings.updates < 65 * 20_000


def bowl(x, g):
    total = 0.0
    for d in range(len(x)):
        g[d] = x[d]
        total = total + 0.5 * x[d] * x[d]
    return total - 5.0


def sum_of(x):
    return x[0] + x[1]


def test_first_passages_by_a_score_are_gathered():
    """L < 0 < -score here: one taken for the other would make every lane that is handed over pass."""
    loss = Loss(formula="q", source="", domain=((-2.0, 2.0),), dim=2, value_grad=bowl, score=sum_of, name="bowl")
    dynamics, count = find.dynamics("gradient"), 128
    whole = batch(loss, dynamics, np.zeros((2, count)), temperature=0.1)
    budget = np.where(np.arange(count) % 64 < 40, 64, 500)
    nowhere, level = np.full((2, count), np.nan), np.where(np.arange(count) < 64, 3.0, 0.4)
    together = first_passages(loss, dynamics, whole, Limits(nowhere, nowhere, budget, level))
    assert not together.passed[:64].any()
    assert 0 < together.passed[64:].sum() < 64
    for n in range(0, count, 5):
        one = Limits(nowhere[:, [n]], nowhere[:, [n]], budget[[n]], level[[n]])
        alone = first_passages(loss, dynamics, rows(whole, [n]), one)
        assert (alone.step[0], alone.status[0]) == (together.step[n], together.status[n])


@pytest.mark.parametrize("workers", [1, 2])
def test_first_passages_are_gathered(workers):
    loss, dynamics = find.loss("quartic"), find.dynamics("gradient")
    count, generator = 300, np.random.default_rng(4)
    whole = batch(loss, dynamics, scattered(loss, count), temperature=0.7)
    reach = generator.uniform(0.05, 1.5, count)
    limits = Limits(whole.x0 - reach, whole.x0 + reach, generator.integers(1, 5000, count))
    together = first_passages(loss, dynamics, whole, limits, workers=workers)
    assert np.quantile(together.step, 0.9) > 20 * np.quantile(together.step, 0.2)
    for n in range(0, count, 7):
        one = Limits(limits.lo[:, [n]], limits.hi[:, [n]], limits.budget[[n]])
        alone = first_passages(loss, dynamics, rows(whole, [n]), one)
        for field in ("step", "status", "value", "x"):
            np.testing.assert_array_equal(getattr(alone, field), getattr(together, field)[..., [n]], err_msg=field)
