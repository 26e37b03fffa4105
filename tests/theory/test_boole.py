"""The Boole-Cauchy law against the map itself, iterated in NumPy."""

import math

import numpy as np
import pytest
from scipy.stats import cauchy, kstest

from dynbench import find
from dynbench.theory import boole, thresholds

FALSE = find.loss("quartic").minima[1]
ALPHA = 1e-9  # of each statistical test below


@pytest.mark.statistics
@pytest.mark.parametrize(("lr", "steps"), [(0.01, 1), (0.01, 5), (0.01, 200), (0.3, 20), (1.5, 7)])
def test_the_law_of_u_n(lr, steps):
    """n = 200 000 starts of Cauchy(0.4, 0.2), seed 17: Kolmogorov-Smirnov at alpha = 1e-9."""
    c, half = lr * FALSE.value / FALSE.curvatures[-1], lr / 2
    u = cauchy.rvs(0.4, 0.2, 200_000, random_state=np.random.default_rng(17))
    for _ in range(steps):
        u = (1 - half) * u - c / u
    z = boole.cauchy_after(0.4 + 0.2j, FALSE, lr, steps)
    assert kstest(u, cauchy(z.real, z.imag).cdf).pvalue > ALPHA


@pytest.mark.statistics
def test_the_global_flow_itself_keeps_the_law():
    """The rule's own text on L* + λu²/2: 20 000 starts of Cauchy(0.1, 0.3), 10 steps, seed 3, alpha = 1e-9."""
    step, curvature = find.dynamics("global_flow").step, FALSE.curvatures[-1]
    ends = []
    for u in cauchy.rvs(0.1, 0.3, 20_000, random_state=np.random.default_rng(3)).tolist():
        for _ in range(10):
            g = curvature * u
            u += step(u, g, FALSE.value + g * u / 2, abs(g), 0.05, ())[0]
        ends.append(u)
    z = boole.cauchy_after(0.1 + 0.3j, FALSE, 0.05, 10)
    assert kstest(ends, cauchy(z.real, z.imag).cdf).pvalue > ALPHA


@pytest.mark.parametrize("lr", [0.01, 0.3, 1.0])
def test_the_stationary_law(lr):
    z = boole.cauchy_after(0.7 + 0.1j, FALSE, lr, 40_000)
    assert z.real == pytest.approx(0.0, abs=1e-9)
    assert z.imag == pytest.approx(thresholds.boole_scale(FALSE), rel=1e-9)


def test_the_loss_decays_in_the_complex_plane():
    """h -> 0: L(iy) falls as e^-s, so y² = γ² + (y_0² - γ²) e^-s; from y_0 near 0 that is `boole_scale(s)`."""
    errors, g = [], thresholds.boole_scale(FALSE)
    for lr in (1e-3, 1e-4, 1e-5):
        z = boole.cauchy_after(0.1j, FALSE, lr, round(0.5 / lr))
        errors.append(abs(z.imag / math.sqrt(g**2 + (0.01 - g**2) * math.exp(-0.5)) - 1))
    assert errors[2] < errors[1] / 8 < errors[0] / 64 < 1e-3
    near = boole.cauchy_after(0.01j, FALSE, 1e-5, 50_000)
    assert near.imag == pytest.approx(thresholds.boole_scale(FALSE, 0.5), rel=1e-3)


@pytest.mark.parametrize("z", [1j, 0.3 + 0.2j, -4 + 1e-3j])
def test_the_probability_of_an_interval(z):
    law = cauchy(z.real, z.imag)
    for lo, hi in ((-1.0, 2.0), (2.0, 3.0), (-5.0, -3.9)):
        assert boole.cauchy_within(z, lo, hi) == pytest.approx(law.cdf(hi) - law.cdf(lo), rel=1e-9, abs=1e-14)
    assert boole.cauchy_within(1j, -1.0, 1.0) == pytest.approx(0.5, rel=1e-15)


def test_corners():
    with pytest.raises(ValueError, match="positive"):
        boole.cauchy_after(1 + 0j, FALSE, 0.1, 3)
    with pytest.raises(ValueError, match="lr <= 2"):
        boole.cauchy_after(1j, FALSE, 2.5, 3)
    assert boole.cauchy_after(0.3 + 1j, FALSE, 0.1, 0) == 0.3 + 1j
    assert math.isclose(boole.cauchy_after(1j, find.loss("quartic").minima[0], 0.1, 2).imag, 0.95**2)
