"""Comparing two rules: scipy's tests, an independent score test, exact coverage, hand values."""

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, special, stats

from dynbench.outcomes.compare import benjamini_hochberg, holm, log_rank, matched, mcnemar, paired, tango

pytestmark = pytest.mark.quick


def cell(rule: str, x0, seed, noise: float = 0.1, **columns) -> pd.DataFrame:
    common = {"dynamics": rule, "x0": x0, "seed": seed, "temperature": noise, "gradient_noise": 0.0}
    return pd.DataFrame(common | columns)


def test_rows_are_joined_on_start_and_seed():
    a = cell("capped", [3.0, 3.0, 3.5, 4.0], [0, 1, 0, 0], mark=[0, 1, 2, 3])
    b = cell("sign", [4.0, 3.0, 3.0, 9.0], [0, 1, 0, 0], mark=[0, 1, 2, 3])
    first, second = matched(a.set_index("mark", drop=False), b)
    assert first["mark"].tolist() == [0, 1, 3]
    assert second["mark"].tolist() == [2, 1, 0]
    assert set(first["dynamics"]) == {"capped"}
    with pytest.raises(ValueError, match="repeat a start and seed"):
        matched(pd.concat([a, a]), b)
    with pytest.raises(ValueError, match="no start and seed in common"):
        matched(a, b.assign(x0=b["x0"] + 100))


def test_a_rule_without_noise_is_the_partner_of_every_seed():
    noisy = cell("langevin", np.repeat([3.0, 3.5], 4), np.tile(range(4), 2))
    quiet = cell("capped", [3.5, 3.0], 0, noise=0.0)
    for first, second in (matched(noisy, quiet), matched(quiet, noisy)):
        assert len(first) == 8
        np.testing.assert_array_equal(first["x0"], second["x0"])


def test_equal_starts_are_repeats_of_one_start():
    """Without noise they are one trajectory, so the pairs with a noisy rule are as many as its rows."""
    noisy = cell("langevin", [3.0, 3.0, 3.5], [0, 1, 0])
    quiet = cell("capped", [3.0, 3.0, 3.5], [0, 1, 0], noise=0.0)
    for first, second in (matched(noisy, quiet), matched(quiet, noisy), matched(quiet, quiet), matched(noisy, noisy)):
        assert first["x0"].tolist() == second["x0"].tolist() == [3.0, 3.0, 3.5]


def test_many_dimensions_join_on_every_coordinate():
    draw = np.random.default_rng(1)
    x = draw.standard_normal((50, 2))
    a = pd.DataFrame({"x0_0": x[:, 0], "x0_1": x[:, 1], "seed": 0, "temperature": 0.1, "gradient_noise": 0.0})
    order = draw.permutation(50)
    first, second = matched(a, a.iloc[order])
    pd.testing.assert_frame_equal(first, second)
    assert len(first) == 50


def test_mcnemar_is_scipys_binomial_test():
    b, c = np.meshgrid(np.arange(25), [0, 1, 7, 60], indexing="ij")
    expected = np.vectorize(lambda x, y: stats.binomtest(x, x + y).pvalue if x + y else 1.0)(b, c)
    np.testing.assert_allclose(mcnemar(b, c), expected, rtol=1e-12)


def test_paired_cells():
    draw = np.random.default_rng(2)
    a, b, codes = draw.random(900) < 0.6, draw.random(900) < 0.5, draw.integers(0, 3, 900)
    found = paired(a, b, codes, 4)
    for k in range(3):
        own = codes == k
        assert found.only_a[k] == np.sum(a[own] & ~b[own])
        assert found.difference[k] == pytest.approx(a[own].mean() - b[own].mean(), abs=1e-12)
        assert (found.p_a[k], found.p_b[k]) == (a[own].mean(), b[own].mean())
        assert found.lo[k] < found.difference[k] < found.hi[k]
    assert found.n.tolist() == [*np.bincount(codes), 0]
    assert np.isnan([found.difference[3], found.lo[3], found.hi[3]]).all()
    assert found.p_value[3] == 1.0
    other = paired(b, a, codes, 4)
    np.testing.assert_allclose(other.lo, -found.hi, atol=1e-15)


@pytest.mark.parametrize(("b", "c", "n"), [(40, 20, 160), (1, 0, 20), (0, 9, 30), (5, 5, 10), (300, 200, 4000)])
def test_limits_are_where_a_score_test_just_rejects(b, c, n):
    """The nuisance parameter is maximised numerically here, the score being derived from the likelihood."""

    def z(delta: float, way: int) -> float:
        def surprise(q: float) -> float:
            p = q + delta
            return -(special.xlogy(b, p) + special.xlogy(c, q) + special.xlogy(n - b - c, max(1 - p - q, 0.0)))

        ends = (max(0.0, -delta), (1 - delta) / 2)
        q = optimize.minimize_scalar(surprise, bounds=ends, method="bounded", options={"xatol": 1e-13}).x
        return (way * (b - c - n * delta) - 0.5) / np.sqrt(n * (2 * q + delta - delta**2))

    lo, hi = tango(b, c, n)
    assert z(float(lo), 1) == pytest.approx(stats.norm.ppf(0.975), rel=1e-4)
    assert z(float(hi), -1) == pytest.approx(stats.norm.ppf(0.975), rel=1e-4)


def test_limits_at_the_ends():
    lo, hi = tango([10, 0, 0, 0], [0, 10, 0, 0], [10, 10, 10, 0])
    assert (hi[0], lo[1]) == (1.0, -1.0)
    spread = np.sqrt(10 * hi[2] * (1 - hi[2]))  # no discordant pair
    assert 10 * hi[2] - 0.5 == pytest.approx(stats.norm.ppf(0.975) * spread, rel=1e-12)
    assert lo[2] == pytest.approx(-hi[2], rel=1e-12)
    assert np.isnan([lo[3], hi[3]]).all()


SHARES = [(0.001, 0.001), (0.05, 0.05), (0.1, 0.02), (0.3, 0.1), (0.5, 0.3), (0.3, 0.0), (0.001, 0.5)]


@pytest.mark.parametrize("n", [5, 30, 100])
@pytest.mark.parametrize("p", SHARES)
def test_exact_coverage_of_the_paired_difference(n, p):
    """All (b, c) with their trinomial probabilities; without the correction for continuity 93.6 %."""
    assert covered(n, p) >= 0.95


@pytest.mark.slow
@pytest.mark.parametrize("n", [8, 20, 50, 200])
def test_exact_coverage_of_more_paired_differences(n):
    few = (0.0005, 0.005, 0.02, 0.05, 0.1, 0.25, 0.45)
    for p in [(a, b) for a in few for b in (*few, 0.5) if a + b < 1]:
        assert covered(n, p) >= 0.95, p


def covered(n: int, p: tuple[float, float]) -> float:
    b, c = np.meshgrid(np.arange(n + 1), np.arange(n + 1), indexing="ij")
    b, c = b[b + c <= n], c[b + c <= n]
    rest = n - b - c
    chance = np.exp(
        special.gammaln(n + 1) - special.gammaln(b + 1) - special.gammaln(c + 1) - special.gammaln(rest + 1)
        + special.xlogy(b, p[0]) + special.xlogy(c, p[1]) + special.xlogy(rest, 1 - p[0] - p[1])
    )  # fmt: skip
    assert chance.sum() == pytest.approx(1.0, rel=1e-10)
    lo, hi = tango(b, c, n)
    return float(chance[(lo <= p[0] - p[1] + 1e-12) & (p[0] - p[1] - 1e-12 <= hi)].sum())


def test_log_rank_is_scipys():
    draw = np.random.default_rng(3)
    t, s = draw.geometric(0.01, 400), draw.geometric(0.02, 300)
    z, p = log_rank(np.where(t <= 99, t, -1), 99, np.where(s <= 120, s, -1), 120)
    censored = [stats.CensoredData.right_censored(np.minimum(v, n), v > n) for v, n in ((t, 99), (s, 120))]
    theirs = stats.logrank(*censored)
    assert (z, p) == (theirs.statistic, theirs.pvalue)
    assert z < 0  # the first escapes later


def test_holm_by_hand():
    adjusted = holm([0.01, 0.04, 0.03, 0.005])
    np.testing.assert_allclose(adjusted, [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(holm([0.6, np.nan, 0.5]), [1.0, np.nan, 1.0])
    assert holm([]).size == 0


def test_benjamini_hochberg_by_hand():
    np.testing.assert_allclose(benjamini_hochberg([0.01, 0.04, 0.03, 0.005]), [0.02, 0.04, 0.04, 0.02])
    found = benjamini_hochberg([[0.01, np.nan], [0.02, 0.9]])
    np.testing.assert_allclose(found, [[0.03, np.nan], [0.03, 0.9]])
    assert np.isnan(benjamini_hochberg([np.nan])).all()
