"""Rare escapes: against the exact chain, against plain Monte Carlo, and the promises of the estimate itself.

Each statistical test is a z of at least 100 replicates at a fixed seed, alpha = 6e-5 two-sided (|z| < 4).  Replicates
are skew, so that a z of few would not be normal.
"""

import dataclasses

import numpy as np
import pytest
from batches import batch, run

from dynbench import find
from dynbench.theory import chain, rare, splitting
from dynbench.theory.nystrom import OutOfReach

QUARTIC, GRADIENT = find.loss("quartic", 1), find.dynamics("gradient")
pytestmark = pytest.mark.statistics


def z_of(found: rare.RareEstimate, exact: float) -> float:
    return (found.p - exact) / found.se


def plain(loss, rule, starts, steps, n, lr, T, s=0.0, **parameters) -> tuple[float, float]:
    """Share of n plain trajectories that leave, and its variance."""
    where = np.asarray(starts, float)[:, np.arange(n) % np.shape(starts)[1]]
    whole = batch(loss, rule, where, lr, T, s, seed=11, **parameters)
    p = (run(loss, rule, whole, steps, workers=2).t_exit >= 0).mean()
    return p, p * (1 - p) / n


@pytest.mark.parametrize(("steps", "exact", "seed"), [(2500, 5.530294722e-8, 1), (100, 1.141634726e-9, 2)])
def test_unbiased(steps, exact, seed):
    """T = 0.1, 300 cheap replicates of 200 paths."""
    found = rare.escape(QUARTIC, GRADIENT, {}, 0.01, 0.1, 3.0, steps, effort=200, replicates=300, seed=seed, workers=2)
    assert len(found.each) == found.replicates == 300
    assert abs(z_of(found, exact)) < 4
    assert found.se == pytest.approx(np.std(found.each, ddof=1) / 300**0.5)
    assert found.interval[0] < found.p < found.interval[1]
    assert found.levels[-1] == 1.0
    assert 300 <= found.ancestors <= 300 * 200
    assert found.plain_steps > 1e4 * found.steps_spent


def test_five_percent():
    for steps, exact in [(2500, 5.530294722e-8), (100, 1.141634726e-9)]:
        found = rare.for_cell(QUARTIC, GRADIENT, {}, 0.01, 0.1, 0.0, [[3.0]], steps, seed=3, workers=2)
        assert found.relative <= 0.05
        assert found.sound
        assert abs(z_of(found, exact)) < 4
        assert found.steps_spent < 5e8  # a few seconds; 2.8e8 for the first


def test_below_1e_15():
    """T = 0.05: a barrier of 42 T."""
    exact, _ = chain.p_exit(QUARTIC, 1, 3.0, 0.01, 0.05, [500])
    found = rare.escape(QUARTIC, GRADIENT, {}, 0.01, 0.05, 3.0, 500, effort=500, replicates=100, seed=4, workers=2)
    assert exact[0, 0] < 1e-15
    assert abs(z_of(found, exact[0, 0])) < 4
    assert found.relative < 0.1


def test_two_sided_wells():
    """Rastrigin's well at 1, whose walls are of different heights: rare, against the chain; less so, against plain."""
    loss = find.loss("rastrigin", 1)
    exact, _ = chain.p_exit(loss, 1, 1.1, 0.0005, 0.8, [1000])
    found = rare.escape(loss, GRADIENT, {}, 0.0005, 0.8, 1.1, 1000, effort=1000, replicates=100, seed=5, workers=2)
    assert exact[0, 0] < 1e-6
    assert abs(z_of(found, exact[0, 0])) < 4
    starts = [[0.9, 1.1, 1.3]]
    found = rare.escape(loss, GRADIENT, {}, 0.002, 2.5, starts, 300, effort=100, replicates=400, seed=6, workers=2)
    p, variance = plain(loss, GRADIENT, starts, 300, 99_999, 0.002, 2.5)
    assert 1e-3 < p < 0.1
    assert abs(found.p - p) < 4 * np.hypot(found.se, variance**0.5)


@pytest.mark.parametrize(
    ("lr", "T", "effort", "replicates", "seed"), [(0.002, 1.2, 200, 500, 12), (0.004, 0.9, 200, 500, 13)]
)
def test_coarse_steps_leap_over_levels(lr, T, effort, replicates, seed):
    """h L'²/T is 7 and 18: unbiased as ever, over 500 replicates; but single ones are far off, and that is said."""
    loss = find.loss("rastrigin", 1)
    exact, _ = chain.p_exit(loss, 1, 1.0, lr, T, [300])
    found = rare.escape(loss, GRADIENT, {}, lr, T, 1.0, 300, effort, replicates, seed=seed, workers=2)
    assert abs(z_of(found, exact[0, 0])) < 4
    assert found.leapt > splitting.LEAPT
    assert not found.sound
    assert found.advice.endswith(splitting.COARSE)


def test_fine_steps_leap_over_few_levels():
    found = rare.escape(QUARTIC, GRADIENT, {}, 0.001, 0.1, 3.0, 500, effort=1000, replicates=20, seed=14, workers=2)
    assert len(found.levels) > 5
    assert found.leapt < 0.05
    assert found.advice == ""
    few = dataclasses.replace(found, extinct=1)
    assert few.advice.endswith("ask for more paths")


def test_each_state_is_gone_on_from_about_as_often():
    """1000 paths from 7 states, all at the next level already: 142 or 143 each, but for the edges of strata."""
    problem = rare.problem_of(QUARTIC, GRADIENT, {}, 0.01, 0.1, 0.0, np.array([[3.0]]), 300, 0, 1)
    x = np.linspace(2.0, 2.06, 7)
    crowd = splitting.Crowd(np.zeros(7, int), np.arange(7), np.arange(7), x[None], np.empty((0, 7)))
    done = splitting.stage(problem, 0.5, 1, crowd, range(1), 1000)
    assert done.leapt == done.hits[0] == 1000
    assert set(np.bincount(done.crowd.ancestor)) <= {142, 143, 144}
    np.testing.assert_array_equal(done.crowd.x[0], x[done.crowd.ancestor])
    np.testing.assert_array_equal(done.crowd.time, done.crowd.ancestor)


def test_two_dimensions():
    """Coordinates of a separable loss are independent here: p = 1 - (1 - p_1)(1 - p_2), wells 1 and -2 (label 4)."""
    loss, curve = find.loss("rastrigin", 2), find.loss("rastrigin", 1)
    p = [chain.p_exit(curve, label, x, 0.0005, 0.9, [500])[0][0, 0] for label, x in [(1, 1.0), (4, -2.0)]]
    start = [[1.0], [-2.0]]
    found = rare.escape(loss, GRADIENT, {}, 0.0005, 0.9, start, 500, effort=1000, replicates=100, seed=7, workers=2)
    exact = p[0] + p[1] - p[0] * p[1]
    assert exact < 1e-6
    assert abs(z_of(found, exact)) < 4


@pytest.mark.parametrize(
    ("rule", "T", "s", "parameters"),
    [("rmsprop", 0.2, 0.0, {}), ("gradient", 0.0, 7.0, {}), ("capped", 0.1, 1.0, {"cap": 10.0})],
)
def test_other_rules_and_noise(rule, T, s, parameters):
    """A rule's memory goes with the state, and noise may be in the gradient: 400 replicates against 1e5 plain runs."""
    dynamics = find.dynamics(rule)
    found = rare.escape(QUARTIC, dynamics, parameters, 0.01, T, 3.0, 300, 100, 400, seed=8, workers=2, gradient_noise=s)
    p, variance = plain(QUARTIC, dynamics, [[3.0]], 300, 100_000, 0.01, T, s, **parameters)
    assert 1e-4 < p < 0.2
    assert len(found.levels) > 1
    assert abs(found.p - p) < 4 * np.hypot(found.se, variance**0.5)


def outward(x):
    return (3.0 - x[0]) / 1.15692966918264641751867356647


def test_a_score_of_ones_own():
    """The same levels as those of the walls: the same paths."""
    scored = dataclasses.replace(QUARTIC, score=outward)
    ask = GRADIENT, {}, 0.01, 0.1, 3.0, 100, 100, 20
    one, other = rare.escape(QUARTIC, *ask), rare.escape(scored, *ask)
    np.testing.assert_allclose(one.levels, other.levels, rtol=1e-12)
    np.testing.assert_allclose(one.each, other.each, rtol=1e-12)


def test_neither_workers_nor_company_matter(monkeypatch):
    ask = QUARTIC, GRADIENT, {}, 0.01, 0.1, [[2.9, 3.1]], 300, 100, 30
    one, three = rare.escape(*ask, seed=9), rare.escape(*ask, seed=9, workers=3)
    monkeypatch.setattr(rare, "PATHS", 700)  # seven replicates side by side
    assert one == three == rare.escape(*ask, seed=9)
    assert one.each != rare.escape(*ask, seed=10).each


def test_replicates_that_die_out_count_as_zero():
    problem = rare.problem_of(QUARTIC, GRADIENT, {}, 0.01, 0.1, 0.0, np.array([[3.0]]), 300, 0, 1)
    levels = splitting.Levels((0.4, 0.7, 1.0), 1, 1)
    done = rare.replicated(problem, levels, 20, range(5, 45))
    found = rare.estimate(problem, levels, [done], 20)
    assert found.extinct > 0
    assert found.p == pytest.approx(np.mean(done.p))
    assert found.each.count(0.0) == found.extinct
    hopeless = splitting.Levels((1.0,), 1, 1)
    nothing = rare.estimate(problem, hopeless, [rare.replicated(problem, hopeless, 10, range(5))], 10)
    assert nothing.p == 0.0
    assert nothing.interval == (0.0, 1.0)
    assert nothing.extinct == 5
    assert nothing.relative == np.inf


def test_effort_is_limited():
    found = rare.for_cell(QUARTIC, GRADIENT, {}, 0.01, 0.1, 0.0, [[3.0]], 2500, target=1e-4, most_steps=3e7)
    assert found.relative > 1e-4
    assert found.steps_spent < 6e7


def test_too_rare_to_be_known():
    """A barrier of 416 T."""
    with pytest.raises(OutOfReach, match="a score of 0"):
        rare.escape(QUARTIC, GRADIENT, {}, 0.01, 0.005, 3.0, 50)


def test_steps_too_coarse_to_be_split():
    """A barrier of 32 T, 13 T of it in one step: the pilot's paths come to be copies of one."""
    with pytest.raises(OutOfReach, match=r"^[^\n]* a score of 0[^\n]*; single steps climb several T [^\n]*$"):
        rare.escape(find.loss("rastrigin", 1), GRADIENT, {}, 0.002, 0.6, 1.0, 300)


@pytest.mark.parametrize(
    ("name", "dim", "T", "start", "parameters", "message"),
    [
        ("quartic", 1, 0.0, [[3.0]], {}, "without noise"),
        ("himmelblau", 2, 0.1, [[3.0], [2.0]], {}, "needs a `score`"),
        ("quadratic", 1, 0.1, [[0.5]], {}, "no way out"),
        ("quartic", 1, 0.1, [[3.0, 0.4]], {}, "several basins"),
        ("quartic", 1, 0.1, [[3.0]], {"cap": 1.0}, "no parameter 'cap'"),
    ],
)
def test_mistakes(name, dim, T, start, parameters, message):
    with pytest.raises(ValueError, match=message):
        rare.escape(find.loss(name, dim), GRADIENT, parameters, 0.01, T, np.array(start), 100)
