"""Rounding certificates: who is chaotic, from when on, and with which exponent."""

from dataclasses import replace
from math import log
from statistics import mean

import numpy as np
import pytest
from batches import batch

from dynbench import find
from dynbench.backends.cpu import Cpu
from dynbench.outcomes.label import label
from dynbench.outcomes.lyapunov import Exponents, along_orbits, from_divergence
from dynbench.outcomes.rounding import (
    CHAOTIC,
    PARTING,
    REPRODUCIBLE,
    SWITCHING,
    beside,
    certificate,
    median_time,
    predicted_horizon,
)
from dynbench.theory.thresholds import lyapunov

ARTICLE = np.linspace(3.9, 4.1, 2000)
PARABOLA = '''"""Parabola above zero: L = 8/5 + 6 x²."""
from dynbench.losses.base import Loss

def value(x):
    return 1.6 + 6.0 * (x * x)

def grad(x):
    return 12.0 * x

loss = Loss(formula="8/5 + 6 x²", source="test", domain=((-5.0, 5.0),), dim=1, value=value, grad=grad)
'''


def rows(loss, rule, x0, lr=0.01, **more):
    x0 = np.atleast_2d(x0)
    loss, dynamics = find.loss(loss, len(x0)), find.dynamics(rule)
    return loss, dynamics, replace(batch(loss, dynamics, x0, lr, **more), basin=label(loss, x0))


def certified(loss, rule, x0, steps=2500, lr=0.01, **more):
    return certificate(*rows(loss, rule, x0, lr, **more), steps, 2)


@pytest.mark.statistics
def test_the_capped_flow_is_chaotic():
    """n = 2000 starts, no random numbers: the same on every machine.  Over sets of random starts the exponent has mean
    0.1329 and standard deviation 0.0030 (n = 16 sets), so that 10 % would fail for one set in 2e4 (alpha = 5e-5)."""
    found = certified("quartic", "capped", ARTICLE, cap=1000.0)
    assert found.verdict == CHAOTIC == "chaotic: only the ensemble is meaningful"
    assert found.n == 2000
    assert found.lyapunov_exact == lyapunov(0.01) == pytest.approx(0.13196, abs=1e-5)
    assert found.exponents.mean == pytest.approx(0.13196, rel=0.1)
    assert 0.001 < found.exponents.se < 0.008
    assert 500 < found.differ_outcome < found.differ_time
    # the minimum is reached after ln(L0/L*)/h = 213 steps, and ln(1/eps)/0.132 = 273 later all is lost
    assert 213 < found.horizon < 213 + predicted_horizon(0.13196)


def test_gradient_descent_is_reproducible():
    found = certified("quartic", "gradient", ARTICLE)
    assert found.verdict == REPRODUCIBLE
    assert (found.differ_outcome, found.differ_time) == (0, 0)
    assert np.isnan(found.horizon)
    assert np.isnan(found.lyapunov_exact)
    assert found.exponents.mean == pytest.approx(log(1 - 0.01 * 12), rel=1e-4)
    assert predicted_horizon(found.exponents.mean) == np.inf
    noisy = certified("quartic", "gradient", ARTICLE, temperature=0.5)
    assert noisy.verdict == REPRODUCIBLE
    assert noisy.exponents.mean < -0.05


def test_chaos_that_stays_inside_changes_no_outcome():
    found = certified("quartic", "capped", ARTICLE[::2], cap=60.0)
    assert (found.differ_outcome, found.differ_time) == (0, 0)
    assert found.verdict == PARTING
    assert found.horizon > 213
    assert np.isnan(found.lyapunov_exact)
    assert np.isnan(certified("quartic", "capped", ARTICLE[::20], cap=100.0).lyapunov_exact)
    assert certified("quartic", "global_flow", ARTICLE[::20]).lyapunov_exact == lyapunov(0.01)


@pytest.mark.statistics
@pytest.mark.parametrize("lr", [0.01, 0.1, 1.0])
def test_exponent_of_the_boole_map(tmp_path, lr):
    """On a parabola the exact exponent, within 5 of its standard errors (alpha = 6e-7 each), n = 2000, seed 0."""
    path = tmp_path / "parabola.py"
    path.write_text(PARABOLA)
    loss, dynamics, starts = rows(str(path), "global_flow", ARTICLE - 3.0, lr)
    found = along_orbits(loss, dynamics, starts, int(25 / lr), Cpu(2))
    assert found.se < 0.03 * lyapunov(lr)
    assert abs(found.mean - lyapunov(lr)) < 5.0 * found.se
    assert found.is_positive


def test_exponent_in_two_dimensions():
    """Gradient descent at Himmelblau's minimum (3, 2): the slowest direction, 1 - h 25.7157..., rules."""
    loss, dynamics, starts = rows("himmelblau", "gradient", [[3.1] * 4, [2.05] * 4], 0.005)
    found = along_orbits(loss, dynamics, starts, 4000, Cpu(1))
    assert found.mean == pytest.approx(log(1 - 0.005 * 25.7157287525380990239), rel=1e-6)


def test_growth_of_a_known_divergence():
    k = np.arange(400)
    apart = 2.0**-52 * np.exp(np.outer([0.1, 0.2] * 8, k))
    found = from_divergence(apart, np.full(16, -1), 2.0**-52)
    assert 0.1 < found.mean < 0.2
    same = from_divergence(apart[::2], np.full(8, -1), 2.0**-52)
    assert (same.mean, same.se) == (pytest.approx(0.1), pytest.approx(0.0, abs=1e-12))
    assert np.isnan(from_divergence(apart, np.full(16, 5), 2.0**-52).mean)


def test_a_rule_with_memory_has_its_certificate():
    found = certified("quartic", "rmsprop", ARTICLE[::20])
    assert (found.n, found.verdict) == (100, REPRODUCIBLE)
    assert np.isnan(found.exponents.mean)


def test_the_next_starts_keep_their_noise():
    _, _, starts = rows("quartic", "gradient", [0.0, 1e-20, 3.0, 4.5], temperature=0.5)
    up, down = beside(starts, np.array([2.5]), np.inf), beside(starts, np.array([2.5]), -np.inf)
    assert (up.x0 > starts.x0).all()
    assert (down.x0 < starts.x0).all()
    assert up.x0[0, 2] == np.nextafter(3.0, 4.0)
    assert up.x0[0, 0] == 2.5 * 2.0**-52
    for other in (up, down):
        np.testing.assert_array_equal(other.stream, starts.stream)
        np.testing.assert_array_equal(other.basin, starts.basin)


def test_median_time():
    reached = np.array([[0, 0, 1, 1], [0, 1, 0, 0], [0, 0, 0, 0]], bool)
    assert median_time(reached) == 2.0
    assert np.isnan(median_time(reached[[2, 2, 1]]))
    assert predicted_horizon(np.log(2.0)) == pytest.approx(52.0)
    assert np.isnan(predicted_horizon(np.nan))


def test_one_start_on_a_switching_point_is_no_chaos():
    """Gradient descent at h = 0.08 leaps across the wall from 3.9 to 4.1 and not from 3.5: between lies a float whose
    neighbour does otherwise.  With it among 20 others, that one alone changes."""
    inside, outside = 3.5, 3.9
    loss, dynamics, _ = rows("quartic", "gradient", [3.5])
    cpu = Cpu(1)
    while np.nextafter(inside, 5.0) < outside:
        middle = (inside + outside) / 2.0
        _, _, one = rows("quartic", "gradient", [middle], 0.08)
        leaves = cpu.run(loss, dynamics, one, 100).t_exit[0] >= 0
        inside, outside = (inside, middle) if leaves else (middle, outside)
    found = certified("quartic", "gradient", np.append(np.linspace(3.9, 4.1, 20), inside), 500, 0.08)
    assert (found.n, found.differ, found.chaotic) == (21, 1, False)
    assert found.verdict == SWITCHING
    alone = certified("quartic", "gradient", [inside], 500, 0.08)
    assert (alone.differ, alone.chaotic) == (1, False)


def test_one_orbit_on_a_jump_does_not_make_the_others_chaotic():
    """Its exponent is about 20 a step, for ever, and their mean is far above 0; the others' are -0.1."""
    each = (20.3, *([-0.1] * 20))
    found = Exponents(mean(each), 0.1, mean(each) - 0.2, mean(each) + 0.2, each)
    assert found.mean > 0.5
    assert not found.is_positive
    assert (found.positive, found.median) == (1, -0.1)
    assert Exponents(0.1, 0.01, 0.08, 0.12, (0.1,) * 6).is_positive  # 6 orbits: by the mean
    assert Exponents(0.1, 0.1, -0.1, 0.3, (0.1,) * 8).is_positive  # 8 of 8: at least 0.63 of all
    assert not Exponents(0.1, 0.1, 0.08, 0.12, (*(0.1,) * 7, -0.1)).is_positive  # 7 of 8: at least 0.47


def test_a_single_orbit_has_an_error_too():
    """By blocks of 16 steps; at a stable minimum it is below 0, beyond doubt."""
    found = certified("quartic", "gradient", [4.0]).exponents
    assert found.mean == pytest.approx(log(1 - 0.01 * 12), rel=1e-4)
    assert found.hi < 0.0
    chaos = certified("quartic", "capped", [4.0], cap=60.0).exponents
    assert 0.0 < chaos.lo < chaos.mean < chaos.hi
    assert len(chaos.each) == 1


@pytest.mark.parametrize(
    ("rule", "lr", "temperature"), [("gradient", 0.17, 1e6), ("gradient", 3.0, 0.0), ("global_flow", 3.0, 2.0)]
)
def test_divergence_raises_no_warning(rule, lr, temperature):
    found = certified("quartic", rule, [3.0, 4.0, 4.5, 2.0, 3.2, 1.9], 300, lr, temperature=temperature)
    assert found.n == 6
    assert np.isnan(found.lyapunov_exact)
