"""Escape in time: hand-made cases, scipy's estimates, and what must agree where budgets are common."""

import numpy as np
import pytest
from scipy import stats

from dynbench.outcomes import histogram
from dynbench.outcomes.censored import aalen_johansen, kaplan_meier, mean_of, median_of
from dynbench.outcomes.hazard import exposure, hazard, late_hazard, log_edges, poisson
from dynbench.outcomes.intervals import interval
from dynbench.outcomes.survival import competing, log_steps, mean_time, median_time

pytestmark = pytest.mark.quick


def drawn(n: int, seed: int = 1, budgets: tuple[int, int] = (60, 200)):
    """(t_exit, t_diverged, until) with ties, both ends, some one after the other, and budgets of many lengths."""
    draw = np.random.default_rng(seed)
    until = draw.integers(*budgets, n)
    escape, lost = draw.geometric(0.01, n), draw.geometric(0.004, n)
    lost = np.where(lost == escape, lost + 1, lost)  # a step that ends in divergence is no exit
    return np.where((escape < lost) & (escape <= until), escape, -1), np.where(lost <= until, lost, -1), until


def test_competing_by_hand():
    t, lost = [2, -1, 5, -1, 5, -1], [False, True, False, False, True, False]
    found = competing(t, lost, 8, at=[0, 2, 4, 5, 8])
    np.testing.assert_array_equal(found.escaped, [[0, 1, 1, 3, 3]])  # an exit counts even if it diverges later
    np.testing.assert_array_equal(found.diverged_inside, [[0, 0, 0, 0, 1]])  # registered at the end
    np.testing.assert_array_equal(found.left_diverged, [[0, 0, 0, 0, 1]])
    np.testing.assert_array_equal(found.inside, [[6, 5, 5, 3, 2]])
    known = competing(t, lost, 8, at=[0, 2, 4, 5, 7, 8], t_diverged=[-1, 3, -1, -1, 7, -1])
    np.testing.assert_array_equal(known.diverged_inside, [[0, 0, 1, 1, 1, 1]])
    np.testing.assert_array_equal(known.left_diverged, [[0, 0, 0, 0, 1, 1]])
    np.testing.assert_array_equal(known.left, [[0, 1, 1, 3, 2, 2]])
    np.testing.assert_array_equal(known.inside, [[6, 5, 4, 2, 2, 2]])
    p, lo, hi = found.share("escaped")
    np.testing.assert_array_equal([p[0, 3], lo[0, 3], hi[0, 3]], [0.5, *interval(3, 6)])


def test_competing_curves_of_cells_sum_to_n():
    t, lost, _ = drawn(5000, budgets=(150, 151))
    codes = np.random.default_rng(2).integers(0, 7, 5000)
    found = competing(t, lost >= 0, 150, codes=codes, count=8, t_diverged=lost)
    np.testing.assert_array_equal(
        found.inside + found.left + found.left_diverged + found.diverged_inside,
        np.tile(found.n[:, None], len(found.at)),
    )
    assert (np.diff(found.inside) <= 0).all()
    assert (np.diff(found.escaped) >= 0).all()
    assert min(found.left.min(), found.left_diverged.min(), found.diverged_inside.min()) >= 0
    assert found.left_diverged.any()
    assert np.isnan(found.share("inside")[0][7]).all()  # an empty cell
    for cell in range(7):
        own = codes == cell
        expected = [np.sum((t[own] >= 0) & (t[own] <= at)) for at in found.at]
        np.testing.assert_array_equal(found.escaped[cell], expected)
        alone = competing(t[own], lost[own] >= 0, 150, t_diverged=lost[own])
        np.testing.assert_array_equal(alone.diverged_inside[0], found.diverged_inside[cell])
        np.testing.assert_array_equal(alone.left_diverged[0], found.left_diverged[cell])


def test_large_steps_need_no_table():
    t = np.array([5, 10**9, -1, 3 * 10**7])
    np.testing.assert_array_equal(competing(t, t < -1, 10**9, at=[4, 5, 10**8, 10**9]).escaped, [[0, 1, 2, 3]])
    curve = kaplan_meier(t, 10**9)
    np.testing.assert_array_equal(curve.t, [5, 3 * 10**7, 10**9])
    np.testing.assert_allclose(curve.p, [0.75, 0.5, 0.25])


@pytest.mark.parametrize("steps", [1, 2, 16, 17, 100, 2500, 10**6])
def test_steps_are_the_ends_of_the_histograms_bins(steps):
    at = log_steps(steps)
    assert (at[0], at[-1]) == (0, steps)
    every = np.arange(min(steps, 3000) + 1)
    ends = every[:-1][np.diff(histogram.bins(every, histogram.TIME)) > 0]
    np.testing.assert_array_equal(at[at < every[-1]], ends)
    edges = log_edges(steps)
    assert (edges[0], edges[-1], (np.diff(edges) > 0).all()) == (0, steps, True)


def test_kaplan_meier_is_scipys():
    t, _, until = drawn(4000)
    theirs = stats.ecdf(stats.CensoredData.right_censored(np.where(t >= 0, t, until), t < 0)).sf
    ours = kaplan_meier(t, until)
    at = np.isin(theirs.quantiles, ours.t)
    limits = theirs.confidence_interval(0.95, method="log-log")
    np.testing.assert_allclose(ours.p, theirs.probabilities[at], rtol=1e-10)
    many = ours.at_risk > 400  # then limits of any kind are near to each other
    for mine, other in ((ours.lo, limits.low), (ours.hi, limits.high)):
        np.testing.assert_allclose(mine[many], other.probabilities[at][many], atol=2e-3)
    assert ours.last == until.max()


def test_kaplan_meier_by_hand():
    curve = kaplan_meier([1, -1, 3, -1, 5], [9, 2, 9, 4, 9])
    np.testing.assert_allclose(curve.p, [4 / 5, 4 / 5 * 2 / 3, 0.0])
    np.testing.assert_array_equal(curve.at_risk, [5, 3, 1])
    np.testing.assert_allclose(curve.variance[:2], [0.8**2 / 20, (8 / 15) ** 2 * (1 / 20 + 1 / 6)])
    assert curve.lo[2] == 0.0
    assert curve.start == (pytest.approx(0.025 ** (1 / 5)), 1.0)
    # Beta(5, 1), Beta(3, 1), Beta(1, 1) above; below, after the second event, one is at risk: Beta(1, 1) more
    draw = np.random.default_rng(6)
    first, second, third = (draw.beta(a, 1, 10**6) for a in (5, 3, 1))
    assert curve.hi[2] == pytest.approx(np.quantile(first * second * third, 0.975), abs=0.02)
    assert curve.lo[1] == pytest.approx(np.quantile(first * second * draw.random(10**6), 0.025), abs=0.02)
    assert median_of(curve)[0] == 5.0
    assert mean_of(curve)[0] == pytest.approx(1 + 2 * 0.8 + 2 * 8 / 15)
    assert len(kaplan_meier([-1, -1], 5).t) == 0
    with pytest.raises(ValueError, match="later than its budget"):
        kaplan_meier([6], 5)


def test_with_a_common_budget_limits_are_clopper_pearsons():
    t, lost, until = drawn(300, budgets=(150, 151))
    for curve in (kaplan_meier(t, until), *aalen_johansen(t, lost, until)):
        lo, hi = interval(np.round(curve.p * 300), 300)
        np.testing.assert_allclose(curve.lo, lo, rtol=1e-6)
        np.testing.assert_allclose(curve.hi, hi, rtol=1e-6)


def test_greenwood_is_the_binomial_variance_with_a_common_budget():
    t, lost, until = drawn(3000, budgets=(150, 151))
    survival = kaplan_meier(t, until)
    curves = aalen_johansen(t, lost, until)
    for curve in (survival, *curves):
        np.testing.assert_allclose(curve.variance, curve.p * (1 - curve.p) / 3000, rtol=1e-10, atol=1e-17)
    counts = competing(t, lost >= 0, 150, at=curves[0].t, t_diverged=lost)
    for curve, name in zip(curves, ("escaped", "diverged_inside", "inside"), strict=True):
        np.testing.assert_allclose(curve.p, counts.share(name)[0][0], rtol=1e-12, atol=1e-12)
    at = np.searchsorted(curves[0].t, survival.t)
    np.testing.assert_allclose(1 - survival.p, curves[0].p[at], rtol=1e-12, atol=1e-12)


def test_aalen_johansen_with_budgets_that_differ():
    t, lost, until = drawn(3000)
    escaped, diverged, inside = aalen_johansen(t, lost, until)
    np.testing.assert_allclose(escaped.p + diverged.p + inside.p, 1.0, rtol=1e-12)
    for curve in (escaped, diverged, inside):
        assert (curve.lo <= curve.p).all()
        assert (curve.p <= curve.hi).all()
    first = np.where(t >= 0, t, lost)
    every = kaplan_meier(first, until)
    np.testing.assert_allclose(inside.p, every.p, rtol=1e-12)
    np.testing.assert_allclose(inside.lo, every.lo, rtol=1e-10)
    by_hand = aalen_johansen([1, -1, -1, 3], [-1, 2, -1, -1], [9, 9, 2, 9])  # risk 4, 3, 1
    np.testing.assert_allclose(by_hand[0].p, [0.25, 0.25, 0.25 + 0.5])
    np.testing.assert_allclose(by_hand[1].p, [0.0, 0.25, 0.25])


@pytest.mark.statistics
def test_divergence_is_not_censoring():
    """n = 40000, seed 3; the escape share at 100 is known; alpha = 1e-8 (5.7 standard errors)."""
    t, lost, until = drawn(40_000, seed=3, budgets=(100, 200))
    both = 1 - (1 - 0.01) * (1 - 0.004)
    truth = 0.01 / both * (1 - (1 - both) ** 100)
    for share, variance in (
        (1 - kaplan_meier(t, until).p, kaplan_meier(t, until).variance),
        (aalen_johansen(t, lost, until)[0].p, aalen_johansen(t, lost, until)[0].variance),
    ):
        assert abs(share[99] - truth) < 5.7 * np.sqrt(variance[99])
    censored = kaplan_meier(t, np.where(lost >= 0, lost, until))
    assert 1 - censored.p[99] > truth + 0.05  # the mistake


def test_median_times_by_cell():
    t, _, _ = drawn(3000, budgets=(150, 151))
    codes = np.random.default_rng(4).integers(0, 5, 3000)
    codes[codes == 3] = 4
    middle, lo, hi = median_time(t, 150, codes, 6)
    for cell in (0, 1, 2, 4):
        own = t[codes == cell]
        ordered = np.sort(np.where(own >= 0, own, 10**6))
        rank = int(stats.binom.ppf(0.025, len(own), 0.5))
        assert 0.95 <= 1 - 2 * stats.binom.cdf(rank - 1, len(own), 0.5) < 0.97
        assert middle[cell] == np.median(ordered)
        assert (lo[cell], hi[cell]) == (ordered[rank - 1], ordered[-rank])
        found, low, high = median_of(kaplan_meier(own, 150))
        assert found == middle[cell]
        assert max(abs(low - lo[cell]), abs(high - hi[cell])) <= 6  # log-log limits and order statistics
    assert np.isnan([middle[[3, 5]], lo[[3, 5]], hi[[3, 5]]]).all()


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ([5], (5, 0, np.nan)),
        ([-1], (np.nan, 0, np.nan)),
        ([5, -1], (5, 0, np.nan)),  # half have escaped
        ([5, 9, -1, -1], (9, 0, np.nan)),
        ([1, 2, 3, 4, 5, 6], (3.5, 1, 6)),
        ([1, 2, 3, 4, 5, -1], (3.5, 1, np.nan)),
        ([-1] * 9, (np.nan, np.nan, np.nan)),
    ],
)
def test_median_time_not_reached(times, expected):
    np.testing.assert_array_equal(np.ravel(median_time(times, 10)), expected)


def test_restricted_mean():
    t, _, until = drawn(3000, budgets=(150, 151))
    spent = np.where(t >= 0, t, 150)
    mean, lo, hi = np.ravel(mean_time(t, 150))
    curve = mean_of(kaplan_meier(t, until))
    assert mean == pytest.approx(spent.mean(), rel=1e-12)
    assert curve[0] == pytest.approx(mean, rel=1e-12)
    wald = stats.t.ppf(0.975, 2999) * spent.std(ddof=1) / np.sqrt(3000)  # near to it with so many
    assert [mean - lo, hi - mean] == pytest.approx([wald, wald], rel=0.05)
    assert curve[1:] == pytest.approx((lo, hi), rel=2e-3)
    assert mean_of(kaplan_meier(t, until), 40)[0] == pytest.approx(np.minimum(spent, 40).mean(), rel=1e-12)
    few = [np.ravel(mean_time([-1] * 99 + [-1 if k == 0 else 7], 50)) for k in (0, 1)]
    for k, (value, low, high) in enumerate(few):
        assert value == pytest.approx(50 - k * 0.43)
        most = interval(k, 100)[1]
        below = np.hypot(43 * (most - 0.01), 0.01 * 7) if k else 50 * most
        assert (low, high) == (pytest.approx(value - below), 50)
    two = mean_time([1, 3, -1], 10, np.array([0, 0, 2]), 4)
    np.testing.assert_array_equal(two[0], [2, np.nan, 10, np.nan])
    empty = kaplan_meier([-1, -1], 5)
    assert mean_of(empty)[0] == 5
    assert mean_of(empty)[1:] == (pytest.approx(5 * (1 - interval(0, 2)[1])), 5.0)
    np.testing.assert_array_equal(median_of(empty), [np.nan, 0.0, np.nan])  # too few for limits


def test_hazard_by_hand():
    found = exposure([0, 1, 3, 8, -1, -1], [10, 10, 10, 10, 10, 6], [0, 2, 8, 10])
    np.testing.assert_array_equal(found.events, [[1, 2, 0]])
    np.testing.assert_array_equal(found.at_risk, [[1 + 2 * 4, 1 + 6 + 6 + 4, 2]])
    value, lo, hi = hazard(found)
    np.testing.assert_allclose(value, [[1 / 9, 2 / 17, 0]])
    np.testing.assert_allclose(hi[0, 2], min(1.0, -np.log(0.025) / 2))
    assert lo[0, 2] == 0
    late = late_hazard([0, 1, 3, 8, -1, -1], [10, 10, 10, 10, 10, 6])
    np.testing.assert_allclose(late[0], [1 / (3 + 5 + 1)])
    with pytest.raises(ValueError, match="later than it was watched"):
        exposure([11], 10, [0, 10])


def test_hazard_of_cells_counts_every_step():
    t, lost, until = drawn(2000)
    until = np.where(lost >= 0, lost, until)
    codes = np.random.default_rng(5).integers(0, 4, 2000)
    edges = log_edges(300, 2)
    found = exposure(t, until, edges, codes, 5)
    end = np.where(t >= 0, t, until)
    for cell in range(4):
        own = end[codes == cell]
        at_risk = [np.sum(own >= k) for k in range(1, 301)]
        np.testing.assert_array_equal(found.at_risk[cell], np.add.reduceat(at_risk, edges[:-1]))
        np.testing.assert_array_equal(found.events[cell], np.histogram(t[codes == cell], edges + 0.5)[0])
    assert np.isnan(hazard(found)[0][4]).all()


def test_poisson_limits():
    k = np.array([[0, 1, 5], [100, 10**6, 3]])
    lo, hi = poisson(k)
    np.testing.assert_allclose(stats.poisson.cdf(k, hi), 0.025, rtol=1e-8)
    np.testing.assert_allclose(stats.poisson.sf(k[k > 0] - 1, lo[k > 0]), 0.025, rtol=1e-8)
    assert lo[0, 0] == 0
    for mean in (0.5, 3.0, 40.0):
        counts = np.arange(200)
        low, high = poisson(counts)
        assert stats.poisson.pmf(counts, mean)[(low <= mean) & (mean <= high)].sum() >= 0.95
