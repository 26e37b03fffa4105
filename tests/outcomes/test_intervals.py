"""Intervals: scipy's, limits, and exact coverage by binomial sums."""

import numpy as np
import pytest
from scipy import stats

from dynbench.outcomes.intervals import clopper_pearson, interval

pytestmark = pytest.mark.quick

CASES = [(k, n) for n in (1, 2, 7, 40, 1000) for k in {0, 1, n // 3, n // 2, n - 1, n}]


@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.999])
def test_equal_to_scipy(confidence):
    k, n = np.array(CASES).T
    expected = [stats.binomtest(*case).proportion_ci(confidence, "exact") for case in CASES]
    np.testing.assert_allclose(np.transpose(clopper_pearson(k, n, confidence)), expected, rtol=1e-9, atol=1e-15)


def test_the_rule_is_exact_for_every_count():
    k = np.arange(101)
    np.testing.assert_array_equal(interval(k, 100), clopper_pearson(k, 100))
    np.testing.assert_array_equal(interval([[3, 70], [3, 0]], [[9, 100], [9, 0]]),
                                  clopper_pearson([[3, 70], [3, 0]], [[9, 100], [9, 0]]))  # fmt: skip


def test_nothing_tried_nothing_known():
    for rule in (clopper_pearson, interval):
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


def coverage(lo, hi, n: int, p: np.ndarray) -> np.ndarray:
    """(p,): the chance that the interval holds p; `lo`, `hi` (n + 1,) are those of 0, 1, ... n successes, ascending.

    Successes whose interval holds p are consecutive, so two values of the binomial law tell it.
    """
    first = np.searchsorted(hi, p, side="left")  # the first k with hi >= p
    last = np.searchsorted(lo, p, side="right") - 1  # the last k with lo <= p
    return stats.binom.cdf(last, n, p) - stats.binom.cdf(first - 1, n, p)


def least_and_mean(n: int) -> tuple[float, float]:
    """Coverage at p just beyond every limit, where it is least, and its mean over p from 0 to 1."""
    lo, hi = interval(np.arange(n + 1), n)
    ends = np.concatenate([lo[1:], hi[:-1]])
    near = np.clip(np.concatenate([ends * (1 - 1e-9), ends, ends * (1 + 1e-9)]), 1e-12, 1 - 1e-12)
    even = (np.arange(2000) + 0.5) / 2000
    return coverage(lo, hi, n, near).min(), coverage(lo, hi, n, even).mean()


@pytest.mark.parametrize("n", [1, 2, 5, 20, 60, 104, 333, 1000])
def test_coverage_by_enumeration(n):
    least, mean = least_and_mean(n)
    assert least >= 0.95 - 1e-6
    assert mean > 0.95


@pytest.mark.slow
def test_coverage_by_enumeration_at_every_n_to_1000():
    found = np.array([least_and_mean(n) for n in range(1, 1001)])
    assert found[:, 0].min() >= 0.95 - 1e-6
    assert found[:, 1].min() > 0.95
