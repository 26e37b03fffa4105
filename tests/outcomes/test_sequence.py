"""The confidence sequence: its equation in many digits, exact and simulated coverage."""

import mpmath
import numpy as np
import pytest

from dynbench.outcomes.intervals import clopper_pearson
from dynbench.outcomes.sequence import log_martingale, sequence_interval

pytestmark = pytest.mark.quick

CORNERS = [(0, 1), (1, 1), (0, 10), (3, 10), (9, 10), (7, 2500), (1, 10**9), (10**9 - 1, 10**9), (5 * 10**8, 10**9)]


def exact(p, k: int, n: int):
    """log of the martingale at p, to 40 digits."""
    with mpmath.workdps(40):
        p = mpmath.mpf(float(p))
        top = mpmath.loggamma(k + 0.5) + mpmath.loggamma(n - k + 0.5) - mpmath.loggamma(n + 1) - mpmath.log(mpmath.pi)
        return top - k * mpmath.log(p) - (n - k) * mpmath.log(1 - p)


@pytest.mark.parametrize("alpha", [0.05, 1e-6])
@pytest.mark.parametrize(("k", "n"), CORNERS)
def test_limits_solve_the_equation(k, n, alpha):
    lo, hi = (float(v) for v in sequence_interval(k, n, alpha))
    assert 0.0 <= lo <= k / n <= hi <= 1.0
    assert (lo == 0.0) == (k == 0)
    assert hi == 1.0 if k == n else 1.0 - hi < 1.0 - k / n
    for p, sign in ((lo, 1), (hi, -1)):
        if 0.0 < p < 1.0 - 1e-6:
            assert float(exact(p, k, n)) == pytest.approx(np.log(1 / alpha), abs=2e-6)
            assert float(exact(p + sign * 1e-5 * (hi - lo), k, n)) < np.log(1 / alpha)


def test_shapes_and_limits():
    lo, hi = sequence_interval([[0, 3], [5, 0]], [[5, 5], [5, 0]])
    assert lo.shape == hi.shape == (2, 2)
    assert (lo[1, 1], hi[1, 1]) == (0.0, 1.0)  # nothing tried: everything possible
    assert (lo[0, 0], hi[1, 0]) == (0.0, 1.0)
    mirrored = sequence_interval([[5, 2], [0, 0]], [[5, 5], [5, 0]])
    np.testing.assert_allclose(mirrored[0], 1 - hi, atol=1e-15)
    assert [v.size for v in sequence_interval([], [])] == [0, 0]
    with pytest.raises(ValueError, match="0 <= k <= n"):
        sequence_interval(3, 2)


@pytest.mark.parametrize("n", [1, 2, 10, 300, 10_000])
def test_it_contains_clopper_pearson(n):
    k = np.unique(np.linspace(0, n, 200).astype(int))
    lo, hi = sequence_interval(k, n)
    low, high = clopper_pearson(k, n)
    assert (lo <= low + 1e-12).all()
    assert (high <= hi + 1e-12).all()
    assert (hi - lo < 4 * (high - low)).all()  # the price of looking whenever one likes
    inner = sequence_interval(k, n, 0.2)
    assert (lo <= inner[0]).all()
    assert (inner[1] <= hi).all()


@pytest.mark.parametrize(("p", "missed"), [(0.5, 0.038), (0.05, 0.023), (0.005, 0.018)])
def test_exact_chance_of_ever_missing(p, missed):
    """The law of k, n by n, where nothing was missed before: no chance is left in this test.  20000 looks."""
    last = 20_000
    lowest, alive = 0, np.ones(1)
    for n in range(1, last + 1):
        alive = np.append(alive * (1 - p), 0.0) + np.append(0.0, alive * p)
        inside = log_martingale(p, lowest + np.arange(len(alive)), n) < np.log(20)
        held = np.flatnonzero(inside & (alive > 1e-300))
        alive = np.where(inside, alive, 0.0)[held[0] : held[-1] + 1]
        lowest += held[0]
    ever = 1 - alive.sum()
    assert ever < 0.05
    assert ever == pytest.approx(missed, abs=0.006)  # science.md's simulations
    at = lowest + np.arange(-3, len(alive) + 3)
    lo, hi = sequence_interval(at[at >= 0], last)
    np.testing.assert_array_equal((lo < p) & (p < hi), log_martingale(p, at[at >= 0], last) < np.log(20))


@pytest.mark.statistics
@pytest.mark.parametrize("p", [0.5, 0.05, 0.005])
def test_simulated_chance_of_ever_missing(p):
    """1000 runs to n = 20000, seed 11, 400 looks each; 5 % may miss; alpha = 1e-7 (5.2 standard errors) a case."""
    runs, last = 1000, 20_000
    looks = np.unique(np.geomspace(1, last, 600).astype(int))
    draw = np.random.default_rng(11)
    k = np.zeros(runs, np.int64)
    missed = np.zeros(runs, bool)
    for before, n in zip([0, *looks], looks, strict=False):
        k += draw.binomial(n - before, p, runs)
        lo, hi = sequence_interval(k, n)
        missed |= (p < lo) | (hi < p)
    assert missed.mean() < 0.05 + 5.2 * np.sqrt(0.05 * 0.95 / runs)
