"""Thresholds: the article's numbers, and the rules themselves iterated in plain Python on either side of each limit."""

import math

import numpy as np
import pytest
from scipy.integrate import quad

from dynbench import find
from dynbench.losses.base import Minimum
from dynbench.theory import thresholds

pytestmark = pytest.mark.quick

LR = 0.01
QUARTIC = find.loss("quartic")
FALSE = QUARTIC.minima[1]
ARTICLE = find.loss("quartic_article").minima[1]
capped = find.dynamics("capped").step


def walk(step, minimum, u, count, lr, **parameters):
    """u after each of `count` steps on L = L* + λu²/2."""
    seen = []
    for _ in range(count):
        g = minimum.curvatures[-1] * u
        dx, _ = step(u, g, minimum.value + g * u / 2, abs(g), lr, (), **parameters)
        u += dx
        seen.append(u)
    return seen


def test_the_articles_numbers():
    assert thresholds.critical_cap(ARTICLE, LR) == pytest.approx(71.29394791, abs=5e-9)
    assert thresholds.critical_cap(FALSE, LR) == pytest.approx(71.29397223, abs=5e-9)
    assert thresholds.two_cycle_cap(ARTICLE, LR) == pytest.approx(3.2008, abs=5e-5)
    assert thresholds.hitting_time(13.62276, 1.62276) == pytest.approx(2.12761352, abs=5e-9)
    assert thresholds.step_limit(ARTICLE) == pytest.approx(1 / 6, rel=1e-15)
    assert thresholds.cap_amplitude(ARTICLE, LR, 2.0) == pytest.approx(0.0162434, abs=5e-8)
    assert thresholds.escape_rate(ARTICLE) == pytest.approx(0.07154, abs=5e-6)
    assert thresholds.escape_probability(ARTICLE, 13.62276, 25.0) == pytest.approx(0.8237, abs=5e-5)
    assert thresholds.lyapunov(LR) == pytest.approx(0.13196410, abs=5e-9)
    assert thresholds.lyapunov(1.0) == pytest.approx(math.log(2), rel=1e-15)
    known = find.loss("quartic_article").minima[0]  # its 5.5e-7 make the global minimum one more false one
    assert thresholds.critical_cap(known, LR) == pytest.approx(2.6e8, rel=0.01)
    assert thresholds.two_cycle_cap(known, LR) == pytest.approx(4920, abs=0.5)
    assert thresholds.boole_scale(known) == pytest.approx(2.726e-4, abs=5e-8)


def test_limits():
    zero = find.loss("quartic").minima[0]
    assert thresholds.critical_cap(zero, LR) == math.inf
    assert math.isnan(thresholds.critical_cap(FALSE, LR, f_star=2.0))  # the minimum repels
    assert thresholds.critical_cap(FALSE, LR, f_star=FALSE.value) == math.inf
    assert thresholds.critical_cap(FALSE, LR, f_star=FALSE.value / 2) == pytest.approx(2 * 71.29397223, rel=1e-9)
    assert math.isnan(thresholds.critical_cap(Minimum((0.0,), 1.0, (1.0,), distance=math.nan), LR))
    assert thresholds.two_cycle_cap(zero, LR) == math.inf
    assert thresholds.cap_amplitude(zero, LR, 10.0) == 0.0
    assert math.isnan(thresholds.cap_amplitude(FALSE, LR, 3.3))
    assert thresholds.hitting_time(3.0, 0.0) == math.inf
    assert thresholds.boole_scale(FALSE, 0.0) == 0.0
    assert thresholds.escape_rate(zero) == 0.0
    assert thresholds.escape_probability(FALSE, 13.62, 1.0) == 0.0
    assert thresholds.escape_probability(FALSE, 13.62, 1e4) == 1.0
    assert thresholds.escape_probability(zero, 12.0, 1e4) == 0.0
    flat = Minimum((0.0, 0.0), 1.0, (1.0, 2.0), distance=1.0)
    assert math.isnan(thresholds.escape_rate(flat))
    assert math.isnan(thresholds.escape_probability(flat, 3.0, 9.0))


def test_the_longest_capped_step_crosses_the_wall_just_above_the_critical_cap():
    x = 3.0 + 1e-12
    value, g = QUARTIC.value(x), QUARTIC.grad(x)
    for factor, leaves in ((1 - 1e-9, False), (1 + 1e-9, True)):
        dx, _ = capped(x, g, value, abs(g), LR, (), cap=factor * thresholds.critical_cap(FALSE, LR))
        assert (x + dx < QUARTIC.separators[0]) == leaves


@pytest.mark.parametrize("factor", [0.2, 0.6, 0.99, 0.999])
def test_below_m1_the_cycle_attracts_its_neighbours(factor):
    cap = factor * thresholds.two_cycle_cap(FALSE, LR)
    a = thresholds.cap_amplitude(FALSE, LR, cap)
    assert walk(capped, FALSE, 1.0001 * a, 10_000, LR, cap=cap)[-2:] == pytest.approx([-a, a], rel=3e-6)


@pytest.mark.parametrize("cap", [0.5, 2.0, 3.0])
def test_the_cycle_in_the_quartic_itself(cap):
    a = thresholds.cap_amplitude(FALSE, LR, cap)
    x = 3.0 + a
    ends = []
    for _ in range(10_000):
        value, g = QUARTIC.value(x), QUARTIC.grad(x)
        x += capped(x, g, value, abs(g), LR, (), cap=cap)[0]
        ends.append(x)
    assert abs(ends[-1] - ends[-2]) / 2 == pytest.approx(a, rel=1e-5)
    assert ends[-1] == pytest.approx(ends[-3], abs=1e-6)


def test_from_m1_over_root_two_on_cycle_and_chaos_share_the_well():
    every = 1 / math.sqrt(LR * 12.0 * FALSE.value)
    starts = (1e-4, 0.0123, 0.03, 0.1, 0.3)
    for cap, settle in ((0.99 * every, 5), (0.95 * thresholds.two_cycle_cap(FALSE, LR), 1)):
        ends = [walk(capped, FALSE, u, 4000, LR, cap=cap)[-200:] for u in starts]
        assert sum(float(np.ptp(np.abs(u))) < 1e-6 for u in ends) == settle


def test_above_m1_the_cycle_repels():
    cap = 1.001 * thresholds.two_cycle_cap(FALSE, LR)
    a = thresholds.cap_amplitude(FALSE, LR, cap / 1.001)
    assert np.ptp(np.abs(walk(capped, FALSE, a, 4000, LR, cap=cap))) > 0.04


def test_gradient_descent_settles_below_the_step_limit_only():
    limit = thresholds.step_limit(FALSE)
    step = find.dynamics("gradient").step
    assert abs(walk(step, FALSE, 0.1, 2000, 0.99 * limit)[-1]) < 1e-8
    assert abs(walk(step, FALSE, 0.1, 2000, 1.01 * limit)[-1]) > 1e8


def test_sign_eps_settles_above_the_limit_only():
    step, limit = find.dynamics("sign_eps").step, thresholds.sign_eps_limit(FALSE, LR)
    assert abs(walk(step, FALSE, 0.1, 20000, LR, eps=1.1 * limit)[-1]) < 1e-12
    eps = 0.9 * limit
    assert abs(walk(step, FALSE, 0.1, 20000, LR, eps=eps)[-1]) == pytest.approx(LR / 2 - eps / 12, rel=1e-9)


@pytest.mark.parametrize("lr", [0.003, 0.1, 1.0, 1.7])
def test_the_lyapunov_exponent_is_the_mean_of_log_slope_under_the_cauchy_law(lr):
    alpha = 1 - lr / 2  # slope α + c/u², u = γ tan θ, so c/u² = (1 - α)/tan²θ

    def log_slope(angle):
        return math.log(alpha + (1 - alpha) / math.tan(angle) ** 2)

    mean = quad(log_slope, 0.0, math.pi / 2, epsabs=1e-10)[0] * 2 / math.pi
    assert thresholds.lyapunov(lr) == pytest.approx(mean, abs=1e-8)


def test_the_global_flow_keeps_the_cauchy_law():
    """10 000 quantiles of Cauchy(0, γ) stay Cauchy(0, γ) under the rule: quartiles to 1e-3."""
    u = thresholds.boole_scale(FALSE) * np.tan(np.pi * ((np.arange(10_000) + 0.5) / 10_000 - 0.5))
    step = find.dynamics("global_flow").step
    after = np.array([walk(step, FALSE, float(v), 1, 0.3)[0] for v in u])
    assert np.quantile(after, [0.25, 0.5, 0.75]) / thresholds.boole_scale(FALSE) == pytest.approx([-1, 0, 1], abs=1e-3)
