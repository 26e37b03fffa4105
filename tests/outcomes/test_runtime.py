"""Running times: the identity with censored lifetimes, hand-made cases, coverage."""

import numpy as np
import pytest

from dynbench.outcomes.intervals import interval
from dynbench.outcomes.runtime import converted, running_time, solved
from dynbench.outcomes.survival import competing

pytestmark = pytest.mark.quick


def test_running_time_by_hand():
    found = running_time([3, -1, 5, -1], [10, 10, 10, 20])
    assert (found.mean[0], found.successes[0], found.n[0]) == ((3 + 10 + 5 + 20) / 2, 2, 4)
    lo, hi = interval(2, 4)
    np.testing.assert_allclose([found.lo[0], found.hi[0]], [9.5 / hi, 9.5 / lo])
    never = running_time([-1] * 50, 10)
    assert (never.mean[0], never.hi[0]) == (np.inf, np.inf)
    assert never.lo[0] == 10 / interval(0, 50)[1]
    with pytest.raises(ValueError, match="later than its budget"):
        running_time([11], 10)


def test_it_is_the_censored_exponentials_maximum_likelihood():
    from scipy.optimize import minimize_scalar

    draw = np.random.default_rng(1)
    t, budget = draw.exponential(300, 500).astype(int), draw.integers(50, 600, 500)
    hit = t <= budget
    effort = np.where(hit, t, budget)
    found = running_time(np.where(hit, t, -1), budget)

    def surprise(log_mean: float) -> float:  # -log likelihood of an exponential law
        return hit.sum() * log_mean + effort.sum() / np.exp(log_mean)

    best = minimize_scalar(surprise, (4, 8), tol=1e-12)
    assert found.mean[0] == pytest.approx(np.exp(best.x), rel=1e-6)


def test_fieller_limits_solve_their_equation():
    from scipy.stats import t as student

    draw = np.random.default_rng(2)
    t = draw.geometric(0.004, 300)
    hits = np.where(t <= 400, t, -1)
    found = running_time(hits, 400)
    effort, success = np.where(hits >= 0, hits, 400), (hits >= 0).astype(float)
    for theta in (found.lo[0], found.hi[0]):
        rest = effort - theta * success
        assert abs(rest.mean()) / (rest.std(ddof=1) / np.sqrt(300)) == pytest.approx(student.ppf(0.975, 299), rel=1e-8)
    assert found.lo[0] < found.mean[0] < found.hi[0]


def test_targets_and_cells():
    draw = np.random.default_rng(3)
    hits = np.where(draw.random((3, 400)) < 0.5, draw.integers(0, 100, (3, 400)), -1)
    codes = draw.integers(0, 4, 400)
    found = running_time(hits, 100, codes, 5)
    assert found.mean.shape == (3, 5)
    alone = running_time(hits[1, codes == 2], 100)
    np.testing.assert_allclose([found.lo[1, 2], found.hi[1, 2]], [alone.lo[0], alone.hi[0]], rtol=1e-12)
    assert np.isnan(found.mean[:, 4]).all()
    shares = solved(hits, 100, codes=codes, count=5)
    one = competing(hits[0], hits[0] < -1, 100)
    p, lo, hi = one.share("escaped")
    single = solved(hits[0], 100)
    for mine, other in ((single.p, p), (single.lo, lo), (single.hi, hi)):
        np.testing.assert_array_equal(mine, other)
    own = hits[:, codes == 1]
    np.testing.assert_allclose(shares.p[1], [np.mean((own >= 0) & (own <= at)) for at in shares.at])
    assert ((shares.lo <= shares.p) | np.isnan(shares.p)).all()


def test_units():
    t = np.array([0, 10, -1])
    np.testing.assert_array_equal(converted(t, "steps"), [0, 10, np.nan])
    np.testing.assert_array_equal(converted(t, "gradients"), [0, 10, np.nan])
    np.testing.assert_array_equal(converted(t, "losses"), [1, 11, np.nan])
    np.testing.assert_allclose(converted(t, "time", 0.01), [0, 0.1, np.nan])
    np.testing.assert_array_equal(converted([np.nan, np.inf], "gradients"), [np.nan, np.inf])
    with pytest.raises(ValueError, match="no unit of time is called 'hours'"):
        converted(t, "hours")


@pytest.mark.statistics
@pytest.mark.parametrize(
    ("chance", "budget", "n", "least"),
    [(0.001, 100, 100, 0.94), (0.01, 100, 100, 0.94), (0.01, 2500, 100, 0.93), (0.001, 2500, 20, 0.91)],
)
def test_coverage_of_running_time(chance, budget, n, least):
    """Geometric times, the truth is 1/chance; 4000 replicates, seed 4; alpha = 1e-7 (5.2 standard errors) a case."""
    t = np.random.default_rng(4).geometric(chance, 4000 * n)
    found = running_time(np.where(t <= budget, t, -1), budget, np.repeat(np.arange(4000), n), 4000)
    covered = np.mean((found.lo <= 1 / chance) & (1 / chance <= found.hi))
    assert covered >= least - 5.2 * np.sqrt(least * (1 - least) / 4000)
