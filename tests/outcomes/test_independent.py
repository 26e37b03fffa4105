"""Two independent samples: the equation of the limits, coverage, scipy's tests, plain sums."""

import numpy as np
import pytest
from scipy import optimize, stats

from dynbench.outcomes.independent import agreement, fisher, score

pytestmark = pytest.mark.quick


CASES = [(56, 70, 48, 80), (9, 10, 3, 10), (5, 56, 0, 29), (0, 10, 0, 10), (3, 10**6, 0, 10)]


@pytest.mark.parametrize("counts", CASES)
def test_limits_solve_their_equation(counts):
    """The likeliest shares are found by scipy's own search."""
    k_a, n_a, k_b, n_b = counts

    def surprise(p: float, delta: float) -> float:
        law = stats.binom.logpmf([k_a, k_b], [n_a, n_b], [p, p - delta])
        return -law.sum()

    for delta, way in zip(score(*counts), (1, -1), strict=True):
        bounds = max(delta, 0.0), min(1.0 + delta, 1.0)
        p = optimize.minimize_scalar(
            surprise, bounds=bounds, args=(delta,), method="bounded", options={"xatol": 1e-13}
        ).x
        q = p - delta
        error = np.sqrt(p * (1 - p) / n_a + q * (1 - q) / n_b)
        off = k_a / n_a - k_b / n_b - delta
        assert (way * off - (1 / n_a + 1 / n_b) / 2) / error == pytest.approx(stats.norm.ppf(0.975), rel=1e-3)
    lo, hi = score(*counts[2:], *counts[:2])
    np.testing.assert_allclose((-hi, -lo), score(*counts), atol=1e-12)


def least_coverage(n_a: int, n_b: int) -> float:
    """Over a grid of both shares, by adding up all outcomes."""
    a, b = np.arange(n_a + 1), np.arange(n_b + 1)
    lo, hi = score(a[:, None], n_a, b, n_b)
    found = 1.0
    grid = [0.0005, 0.002, 0.005, 0.01, *np.linspace(0.02, 0.98, 13), 0.99, 0.995, 0.998, 0.9995]
    for p in grid:
        for q in grid:
            inside = (lo <= p - q + 1e-12) & (p - q - 1e-12 <= hi)
            chance = stats.binom.pmf(a, n_a, p) @ inside @ stats.binom.pmf(b, n_b, q)
            found = min(found, chance)
    return found


@pytest.mark.parametrize(("n_a", "n_b"), [(1, 1), (15, 15), (5, 50)])
def test_exact_coverage_of_the_difference(n_a, n_b):
    """Without the correction 0.80, 0.85, 0.90."""
    assert least_coverage(n_a, n_b) >= 0.95


@pytest.mark.slow
@pytest.mark.parametrize(("n_a", "n_b"), [(2, 7), (3, 300), (8, 8), (30, 30), (10, 100), (40, 70), (120, 120)])
def test_exact_coverage_of_more_differences(n_a, n_b):
    assert least_coverage(n_a, n_b) >= 0.95


def test_arrays_and_nothing_tried():
    lo, hi = score([56, 0], [70, 0], 48, 80)
    assert lo[0] == score(56, 70, 48, 80)[0]
    assert np.isnan([lo[1], hi[1]]).all()
    p = fisher([8, 1], [10, 0], [1, 1], [6, 4])
    assert p[0] == pytest.approx(0.03497, abs=1e-5)  # scipy's own example
    assert np.isnan(p[1])


def test_agreement_is_twice_the_smaller_tail():
    k, n = np.meshgrid(np.arange(13), [12], indexing="ij")
    for p in (0.03, 0.4, 1.0 - 1e-9):
        law = stats.binom(12, p)
        expected = np.minimum(1.0, 2 * np.minimum(law.cdf(k), law.sf(k - 1)))
        np.testing.assert_allclose(agreement(k, n, p), expected, rtol=1e-9)
    assert agreement(0, 10, 0.0) == 1.0
    assert agreement(1, 10, 0.0) == 0.0
    assert agreement(10, 10, 1.0) == 1.0
    assert np.isnan(agreement(3, 10, np.nan))


@pytest.mark.statistics
def test_agreement_holds_its_level():
    """n = 4000 cells of 60 runs each, seed 5: at level 0.05, at most 0.05 + 4 standard errors (alpha 3e-5) reject."""
    draw = np.random.default_rng(5)
    p = draw.random(4000)
    rejected = agreement(draw.binomial(60, p), 60, p) <= 0.05
    assert 0.01 < rejected.mean() < 0.05 + 4 * np.sqrt(0.05 * 0.95 / 4000)
