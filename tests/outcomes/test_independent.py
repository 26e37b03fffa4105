"""Two independent samples: published intervals, scipy's tests, plain sums."""

import numpy as np
import pytest
from scipy import stats

from dynbench.outcomes.independent import agreement, fisher, newcombe

pytestmark = pytest.mark.quick


@pytest.mark.parametrize(
    ("counts", "limits"),
    [
        ((56, 70, 48, 80), (0.0524, 0.3339)),
        ((9, 10, 3, 10), (0.1705, 0.8090)),
        ((5, 56, 0, 29), (-0.0381, 0.1926)),
        ((0, 10, 0, 10), (-0.2775, 0.2775)),
        ((10, 10, 0, 10), (0.6075, 1.0)),
    ],
)
def test_newcombes_own_examples(counts, limits):
    """Newcombe (1998), table II, method 10."""
    np.testing.assert_allclose(newcombe(*counts), limits, atol=5e-5)
    lo, hi = newcombe(*counts[2:], *counts[:2])
    np.testing.assert_allclose((-hi, -lo), limits, atol=5e-5)


def test_arrays_and_nothing_tried():
    lo, hi = newcombe([56, 0], [70, 0], 48, 80)
    assert lo[0] == newcombe(56, 70, 48, 80)[0]
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
