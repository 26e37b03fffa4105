"""Intervals: scipy's, limits, and exact coverage by binomial sums."""

import numpy as np
import pytest
from scipy import stats

from dynbench.outcomes.intervals import clopper_pearson, interval, wilson

pytestmark = pytest.mark.quick

CASES = [(k, n) for n in (1, 2, 7, 40, 1000) for k in {0, 1, n // 3, n // 2, n - 1, n}]


@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.999])
@pytest.mark.parametrize(("ours", "theirs"), [(wilson, "wilson"), (clopper_pearson, "exact")])
def test_equal_to_scipy(ours, theirs, confidence):
    k, n = np.array(CASES).T
    expected = [stats.binomtest(*case).proportion_ci(confidence, theirs) for case in CASES]
    np.testing.assert_allclose(np.transpose(ours(k, n, confidence)), expected, rtol=1e-9, atol=1e-15)


def test_the_rule_takes_clopper_pearson_at_the_ends():
    k = np.array([0, 5, 6, 50, 94, 95, 100])
    exact, score, used = (np.array(f(k, 100)) for f in (clopper_pearson, wilson, interval))
    few = np.array([True, True, False, False, False, True, True])
    np.testing.assert_array_equal(used, np.where(few, exact, score))


def test_nothing_tried_nothing_known():
    for rule in (wilson, clopper_pearson, interval):
        lo, hi = rule([0, 3, 0], [0, 3, 4])
        assert np.isnan([lo[0], hi[0]]).all()
        assert hi[1] == 1.0
        assert lo[2] == 0.0
        assert [a.size for a in rule([], [])] == [0, 0]


def test_none_of_20000():
    lo, hi = interval(0, 20_000)
    assert lo == 0.0
    assert hi == pytest.approx(-np.log(0.025) / 20_000, rel=1e-3)


def test_symmetric_under_exchange_of_success_and_failure():
    k = np.arange(51)
    lo, hi = interval(k, 50)
    assert lo == pytest.approx((1 - hi)[::-1], abs=1e-14)


def test_impossible_counts():
    with pytest.raises(ValueError, match="0 <= k <= n"):
        interval(3, 2)


@pytest.mark.parametrize("n", [100, 2500])
@pytest.mark.parametrize("p", [0.001, 0.05, 0.5])
def test_exact_coverage(p, n):
    k = np.arange(n + 1)
    chance = stats.binom.pmf(k, n, p)
    for rule, least in ((interval, 0.94), (clopper_pearson, 0.95)):
        lo, hi = rule(k, n)
        assert chance[(lo <= p) & (p <= hi)].sum() >= least
