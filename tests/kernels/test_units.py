"""Units change nothing: x scaled by a power of two, and rates and parameters as their dimensions ask."""

from dataclasses import replace
from types import FunctionType

import numpy as np
import pytest
from batches import batch, of, run

from dynbench import find
from dynbench.kernels.shape import STATUSES
from dynbench.losses.base import Loss, Minimum
from dynbench.scale import flat_slopes, half_widths, rise, small_steps

# how a rule's rate and its parameters that have a dimension grow with s, as powers of s
DIMENSIONS = {
    "gradient": (2, {}),
    "sign": (1, {}),
    "sign_eps": (1, {"eps": -1}),
    "normalized": (1, {}),
    "capped": (0, {"cap": 1}),
    "global_flow": (0, {}),
    "sps_max": (0, {"step_cap": 2}),
    "rmsprop": (1, {"eps": -1}),
    "adam": (1, {"eps": -1}),
    "adagrad": (1, {"eps": -1, "s0": -2, "eps_inside": -2}),
}


def value(x, per=1.0):
    y = x * per
    u, v = y - 0.4069296691827464, y - 3.0930703308172536
    return u * u * (v * v + 0.23267582704313394)


def grad(x, per=1.0):
    y = x * per
    return 4.0 * (y - 0.4069296691827464) * ((y - 1.8430703308172536) * (y - 3.0)) * per


def in_units(s: float) -> Loss:
    """The quartic, lengths multiplied by s."""
    known = find.loss("quartic")
    minima = [
        Minimum(tuple(s * c for c in m.x), m.value, tuple(c / s**2 for c in m.curvatures), m.barrier, s * m.distance)
        for m in known.minima
    ]
    per = [FunctionType(f.__code__, globals(), f.__name__, (1.0 / s,)) for f in (value, grad)]
    domain, walls = tuple((s * lo, s * hi) for lo, hi in known.domain), tuple(s * b for b in known.separators)
    return Loss("quartic", "test", domain, 1, tuple(minima), *per, separators=walls, name="quartic_in_units")


def ends(rule: str, s: float, lr: float, steps: int):
    loss, dynamics = in_units(s), find.dynamics(rule)
    rate, powers = DIMENSIONS[rule]
    given = {name: dynamics.parameters[name] * s**power for name, power in powers.items()}
    if rule in ("capped", "sps_max"):
        given = {name: number / 1000.0 if rule == "capped" else number for name, number in given.items()}
    x0 = s * np.linspace(0.05, 4.95, 75)
    return run(loss, dynamics, batch(loss, dynamics, x0, lr * s**rate, per=1.0 / s, **given), steps)


def test_every_rule_has_its_dimensions():
    assert set(find.rules()) == set(DIMENSIONS)


@pytest.mark.parametrize("rule", DIMENSIONS)
def test_scaled_by_powers_of_two(rule):
    for lr in (0.01, 0.125, 1.0):
        one = ends(rule, 1.0, lr, 700)
        for s in (2.0**27, 2.0**-27):
            other = ends(rule, s, lr, 700)
            for column in ("status", "t_exit", "t_commit", "t_hit", "t_diverged", "value", "best"):
                np.testing.assert_array_equal(getattr(other, column), getattr(one, column), err_msg=f"{column} {s}")
            np.testing.assert_array_equal(other.x, s * one.x)


def noisy(s: float, streams=None):
    """4000 paths of the noisy gradient from the false minimum: T stays, as a height; h grows as the square of s."""
    loss, dynamics = in_units(s), find.dynamics("gradient")
    x0 = np.full(4000, s * 3.0)
    given = batch(loss, dynamics, x0, 0.01 * s**2, temperature=0.5, gradient_noise=0.5 / s, seed=11, per=1.0 / s)
    return given, run(loss, dynamics, given if streams is None else replace(given, stream=streams), 600)


def test_noise_scaled_by_powers_of_two():
    """Streams are of x0's bits: with its own each is a sample, |z| < 6 of two proportions (alpha 2e-9 each, n = 4000,
    seed 11); with the same streams all is equal to the bit."""
    given, one = noisy(1.0)
    left = np.count_nonzero(one.t_exit >= 0)
    assert 400 < left < 2000
    for s in (2.0**27, 2.0**-27):
        same = noisy(s, given.stream)[1]
        for column in ("status", "t_exit", "t_commit", "t_hit", "value", "best"):
            np.testing.assert_array_equal(getattr(same, column), getattr(one, column), err_msg=f"{column} {s}")
        np.testing.assert_array_equal(same.x, s * one.x)
        other = noisy(s)[1]
        assert (other.x != same.x).any()
        p = (left + np.count_nonzero(other.t_exit >= 0)) / 8000
        z = (np.count_nonzero(other.t_exit >= 0) - left) / np.sqrt(8000 * p * (1.0 - p))
        assert abs(z) < 6


def statuses(endings) -> set[str]:
    return {STATUSES[code] for code in endings.status}


def test_a_trap_of_1e_8_metres():
    """Lengths in metres instead of units of 1e-8 m: what converged converges."""
    for s in (1.0, 1e-8, 1e8):
        assert statuses(ends("gradient", s, 0.01, 3000)) <= {"converged", "absorbed"}


def test_steps_too_small_to_be_seen_are_no_rest():
    loss = find.loss("quartic")
    minimum = loss.minima[1].x[0]
    endings = of(loss, "gradient", [0.1, 1.0, 2.5, minimum], 300, lr=1e-18)
    assert [STATUSES[code] for code in endings.status] == ["stalled", "stalled", "stalled", "absorbed"]


def test_scales():
    loss = find.loss("quartic")
    assert half_widths(loss) == tuple((hi - lo) / 2.0 for lo, hi in loss.domain)
    x = np.linspace(*loss.domain[0], 100_001)
    assert rise(loss) == pytest.approx(np.ptp([loss.value(c) for c in x]), rel=0.02)
    for s in (2.0**27, 2.0**-27):
        assert rise(in_units(s)) == rise(in_units(1.0))
        assert small_steps(in_units(s))[0] == s * small_steps(loss)[0]
        assert flat_slopes(in_units(s))[0] == flat_slopes(in_units(1.0))[0] / s
    many = find.loss("rastrigin", 32)
    assert rise(many) > 0
    assert len(flat_slopes(many)) == 32


def root(x):
    return 1.0 / (x - 1.0) if x > 0.5 else x


def root_grad(x):  # noqa: ARG001
    return 1.0


def test_points_where_the_loss_is_no_number_are_left_out():
    loss = Loss("pole", "test", ((0.0, 2.0),), 1, (), root, root_grad, name="pole")
    assert np.isfinite(rise(loss))
