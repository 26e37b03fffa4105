"""A trajectory diverges at the first step at which x is not finite or beyond 1e6 half-widths, or L is not finite.

What happened before that step counts, and nothing at it or later; all of it equal to plain Python.
"""

import dataclasses
from math import inf, nan

import numpy as np
import pytest
from batches import assert_equal_endings, batch, of, rows, run, scattered
from reference import DIVERGED, assert_same

from dynbench import find
from dynbench.backends.passage import Limits, first_passages
from dynbench.kernels.step import RECORDS
from dynbench.losses.base import Loss, Minimum

RULE = find.dynamics("gradient")
TARGETS = [1.0, 1e-3]


def value(x, hole=0.0, left=2.9, right=2.95):
    """The quartic-like double well (x² - 1)², but `hole` for x in [left, right)."""
    u = x * x - 1.0
    inside = (x >= left) & (x < right)
    return hole if inside else u * u


def grad(x, hole=0.0, left=2.9, right=2.95):  # noqa: ARG001 (a loss's parameters)
    return 4.0 * x * (x * x - 1.0)


WELLS = tuple(Minimum((m,), 0.0, (8.0,), 1.0, 1.0) for m in (1.0, -1.0))
HOLED = Loss("(x² - 1)² with a hole", "made up", ((-3.0, 3.0),), 1, WELLS, value, grad, separators=(0.0,), name="holed")


def same(loss, rule, given, steps, **options):
    endings = run(loss, rule, given, steps, targets=TARGETS, **options)
    assert_same(endings, loss, rule, given, steps, TARGETS)
    return endings


@pytest.mark.parametrize("hole", [nan, inf, -inf])
@pytest.mark.parametrize("record", [(), RECORDS])
def test_a_hole_in_the_loss_that_is_met_at_one_step_only(hole, record):
    """Noise over the barrier; x goes on as if nothing were, so that only L tells."""
    given = batch(HOLED, RULE, np.linspace(-2.5, 2.5, 70), 0.01, 2.0, hole=hole, left=-0.2, right=0.0)
    endings = same(HOLED, RULE, given, 120, record=record, paths=2)
    lost = endings.t_diverged >= 0
    assert 10 < lost.sum() < 70
    assert ((endings.t_exit >= 0) & lost).any()
    x = endings.x[0, lost]
    assert ((x >= -0.2) & (x < 0.0)).all()
    assert ((endings.t_exit < endings.t_diverged) | ~lost).all()


def test_a_loss_that_is_nan_at_every_step():
    given = batch(HOLED, RULE, np.linspace(-2.0, 2.0, 5), hole=nan, left=-inf, right=inf)
    for steps in (1, 64, 300):
        endings = same(HOLED, RULE, given, steps)
        assert (endings.status == DIVERGED).all()
        assert (endings.t_diverged == 0).all()
        assert (endings.t_exit == -1).all()
        np.testing.assert_array_equal(endings.x, given.x0)
        assert np.isnan(endings.value).all()
        assert endings.updates <= 5 * 64


@pytest.mark.parametrize("steps", [1, 2, 3, 63, 64, 65, 200])
def test_the_last_step_and_the_first(steps):
    """Starts in the hole, before it, and flights that reach it at various steps."""
    given = batch(HOLED, RULE, [2.92, -2.92, 1.3, 1.1, 1.2], lr=0.001, hole=nan, left=1.0, right=1.2)
    same(HOLED, RULE, given, steps, paths=5)


def test_there_and_back_within_a_few_steps():
    """A leap beyond the sphere counts, although x would be back before 64 steps are over."""

    def far(x, g):
        g[0] = 2e7 if (x[0] > 1.0) & (x[0] < 2.0) else (-2e7 if x[0] < -1e6 else 0.1)
        return 0.5 * x[0]

    loss = Loss("leaps", "made up", ((-3.0, 3.0),), 1, value_grad=far, name="leaps")
    given = batch(loss, RULE, [1.5, 0.5, 2.2, -5.0], lr=1.0)
    endings = same(loss, RULE, given, 50, paths=4)
    assert list(endings.t_diverged) == [1, -1, 4, -1]
    assert np.isnan(endings.paths[0, 2:]).all()
    assert np.isfinite(endings.paths[0, :2]).all()


def test_exits_before_divergence_count():
    """2.9 to 3.1 at lr 0.3: what has left by step N has left by all later N, whatever came of it."""
    x0 = np.linspace(2.9, 3.1, 400)
    share = [
        (of("quartic" and find.loss("quartic"), "gradient", x0, n, 0.3).t_exit >= 0).mean()
        for n in (5, 10, 20, 64, 1000)
    ]
    np.testing.assert_array_equal(share, [0.575, 0.9075, 0.9975, 1.0, 1.0])


RULES = ("gradient", "capped", "sign", "global_flow", "adam")


@pytest.mark.parametrize("name", ["quartic", "rastrigin"])
@pytest.mark.parametrize("rule", RULES)
def test_what_is_known_at_a_budget_stays_so_at_a_larger_one(name, rule):
    loss, dynamics = find.loss(name, 1), find.dynamics(rule)
    for lr in (0.02, 0.4, 9.0):
        given = batch(loss, dynamics, scattered(loss, 130, 1.0), lr)
        long = run(loss, dynamics, given, 300, targets=TARGETS)
        assert ((long.t_exit < long.t_diverged) | (long.t_diverged < 0)).all()
        assert ((long.t_diverged >= 0) == (long.status == DIVERGED)).all()
        for steps in (1, 7, 64, 65, 200):
            short = run(loss, dynamics, given, steps, targets=TARGETS)
            for column in ("t_exit", "t_commit", "t_hit", "t_diverged"):
                then, now = getattr(long, column), getattr(short, column)
                np.testing.assert_array_equal(now, np.where(then <= steps, then, -1), err_msg=column)


def test_neither_neighbours_nor_threads_nor_early_exit_matter():
    loss = find.loss("quartic")
    given = batch(loss, RULE, scattered(loss, 333, 1.1), lr=0.11)
    one = run(loss, RULE, given, 700)
    assert 30 < (one.status == DIVERGED).sum() < 300
    assert_equal_endings(run(loss, RULE, given, 700, workers=2, early=False), one)
    order = np.random.default_rng(3).permutation(333)[:100]
    assert_equal_endings(run(loss, RULE, rows(given, order), 700), one, order)


def test_in_many_dimensions():
    def holed(x, g, hole=0.0):
        total = 0.0
        for d in range(len(x)):
            g[d] = x[d]
            total = total + 0.5 * (x[d] * x[d])
        return hole if (x[1] > 0.3) & (x[1] < 0.5) else total

    for dim in (2, 6):
        loss = Loss("bowl with a slit", "made up", ((-3.0, 3.0),), dim, value_grad=holed, name="slit")
        for hole in (nan, -inf):
            given = batch(loss, RULE, scattered(loss, 40), 0.05, 0.2, hole=hole)
            endings = same(loss, RULE, given, 100, paths=1)
            lost = endings.status == DIVERGED
            assert 0 < lost.sum() < 40
            assert ((endings.x[1, lost] > 0.3) & (endings.x[1, lost] < 0.5)).all()


@pytest.mark.parametrize("hole", [nan, inf, -inf])
def test_first_passages(hole):
    """A leap into the hole, even one that leaves the box as well, is no passage."""
    given = batch(HOLED, RULE, np.linspace(-2.0, 2.0, 90), 0.01, 1.0, hole=hole, left=-0.2, right=0.1)
    whole = run(HOLED, RULE, given, 100, paths=90)
    limits = Limits(np.full((1, 90), -1.5), np.full((1, 90), 0.05), np.full(90, 100))
    got = first_passages(HOLED, RULE, given, limits)
    for n in range(90):
        path = whole.paths[n]
        gone = ~np.isfinite(path[:, 1])
        out = ~((path[:, 0] >= -1.5) & (path[:, 0] < 0.05)) & ~gone
        first = [int(flags.argmax()) if flags.any() else 101 for flags in (gone, out)]
        k = min(*first, 100)
        assert got.step[n] == k
        assert got.status[n] == (DIVERGED if first[0] == k else 6 if first[1] == k else 0)
        assert got.x[0, n] == path[k, 0]
        np.testing.assert_array_equal(got.value[n], path[k, 1])
    assert {0, DIVERGED, 6} == set(got.status)


def test_a_first_passage_by_a_score_where_the_loss_is_no_number():
    loss = dataclasses.replace(HOLED, value=None, grad=None, value_grad=both, score=height, minima=(), separators=())
    given = batch(loss, RULE, np.linspace(-2.0, 2.0, 90), 0.01, 4.0, hole=nan)
    nowhere = np.full((1, 90), nan)
    got = first_passages(loss, RULE, given, Limits(nowhere, nowhere, np.full(90, 60), np.full(90, 1.0)))
    gone = got.status == DIVERGED
    assert {0, DIVERGED, 6} == set(got.status)
    assert np.isnan(got.value[gone]).all()
    assert ((got.x[0, gone] >= -0.2) & (got.x[0, gone] < 0.1)).all()
    alone = first_passages(
        loss,
        RULE,
        rows(given, np.arange(0, 90, 7)),
        Limits(nowhere[:, :13], nowhere[:, :13], np.full(13, 60), np.ones(13)),
    )
    np.testing.assert_array_equal(alone.step, got.step[::7])
    np.testing.assert_array_equal(alone.x, got.x[:, ::7])


def both(x, g, hole=0.0):
    u = x[0] * x[0] - 1.0
    g[0] = 4.0 * x[0] * u
    return hole if (x[0] >= -0.2) & (x[0] < 0.1) else u * u


def height(x, hole=0.0):  # noqa: ARG001
    return x[0]
