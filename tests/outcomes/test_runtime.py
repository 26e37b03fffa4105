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
    odds, least, most = (1 / p - 1 for p in (0.5, *interval(2, 4)[::-1]))  # of failing, at 15 steps
    wide = 12.706 * np.sqrt(2 / 2) * 20 / (4 * 16)  # Student's t of one degree, on the scale of log(m/(20 - m))
    low, high = (20 / (1 + 4 * np.exp(end)) for end in (wide, -wide))
    expected = np.maximum(19 - np.hypot(15 * (odds - least), 4 - low), 0), 19 + np.hypot(15 * (most - odds), high - 4)
    np.testing.assert_allclose([found.lo[0], found.hi[0]], expected, rtol=1e-4)
    never = running_time([-1] * 50, 10)
    assert (never.mean[0], never.hi[0]) == (np.inf, np.inf)
    assert never.lo[0] == pytest.approx(10 / interval(0, 50)[1] - 10)
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
