"""The laws of the compiled engine (plain Python's: tests/dynamics; random runs: test_engine_distributions)."""

from math import exp, sqrt

import numpy as np
import pytest
from batches import of, path, scattered
from raised import RAISED

from dynbench import find
from dynbench.kernels.shape import STATUSES
from dynbench.losses.base import Loss, Minimum

QUARTIC = find.loss("quartic")
QUADRATIC = find.loss("quadratic", 1)
L_STAR = QUARTIC.minima[1].value


@pytest.mark.parametrize("name", ["quartic", "double_well_tilted", "himmelblau", "rastrigin"])
def test_gradient_descent_below_two_over_the_curvature_never_ascends(name):
    loss = find.loss(name)
    loss = loss if loss.dim else loss.at(3)  # its largest curvature within the domain:
    largest = {"quartic": 250.0, "double_well_tilted": 11.0, "himmelblau": 400.0, "rastrigin": 397.0}[name]
    value = path(loss, "gradient", scattered(loss, 40, 1.0), 300, 1.9 / largest)[:, :, -1]
    assert (np.diff(value, axis=1) <= 1e-13 * (1.0 + value[:, :1])).all()


def test_gradient_descent_on_a_quadratic():
    for stiffness, lr in ((1.0, 0.1), (3.0, 0.5), (12.0, 0.16), (12.0, 0.17)):
        x = path(QUADRATIC, "gradient", [0.7], 200, lr, curvature=stiffness)[0, :, 0]
        np.testing.assert_allclose(x, 0.7 * (1.0 - lr * stiffness) ** np.arange(201), rtol=1e-12)


def test_the_global_flow_loses_height_at_the_rate_one():
    """L = L0 exp(-t) before the false minimum's height is reached, to first order in h: halving h halves the error."""
    errors = []
    for lr in (0.04, 0.02, 0.01, 0.005):
        value = of(QUARTIC, "global_flow", [4.0], round(1.0 / lr), lr).value[0]
        errors.append(value / (QUARTIC.value(4.0) * exp(-1.0)) - 1.0)
    ratios = np.array(errors[:-1]) / errors[1:]
    np.testing.assert_allclose(ratios, 2.0, atol=0.06)
    assert abs(ratios[-1] - 2.0) < abs(ratios[0] - 2.0)


def cone(x):
    return abs(x)


def cone_slope(x):
    return 1.0 if x > 0.0 else (-1.0 if x < 0.0 else 0.0)


def square(x):
    return x * x


def square_slope(x):
    return 2.0 * x


def fourth(x):
    return x**4


def fourth_slope(x):
    return 4.0 * x**3


@pytest.mark.parametrize("p", [1, 2, 4])
def test_the_global_flow_on_powers(p):
    """L = |x|^p: x_n = (1 - h/p)^n x_0."""
    value, grad = {1: (cone, cone_slope), 2: (square, square_slope), 4: (fourth, fourth_slope)}[p]
    loss = Loss("|x|^p", "test", ((-2.0, 2.0),), 1, (Minimum((0.0,), 0.0, (1.0,)),), value, grad, name=f"power_{p}")
    x = path(loss, "global_flow", [-1.7, 0.3], 300, 0.3)[:, :, 0]
    np.testing.assert_allclose(x, np.outer([-1.7, 0.3], (1.0 - 0.3 / p) ** np.arange(301)), rtol=1e-12)


@pytest.mark.parametrize("rule", ["sign", "normalized"])
def test_unit_speed_ends_on_a_cycle_of_width_lr(rule):
    endings = of(QUADRATIC, rule, [0.734], 501, 0.1, {"paths": 1}, curvature=2.0)
    r = 0.734 % 0.1
    assert sorted(endings.paths[0, -2:, 0]) == pytest.approx([r - 0.1, r], rel=1e-11)
    assert STATUSES[endings.status[0]] == "cycling"


def test_sign_descent_ends_on_a_cycle_in_every_coordinate():
    loss, x0 = find.loss("quadratic", 5), np.array([[0.734], [-0.21], [0.555], [0.05], [0.87]])
    x = path(loss, "sign", x0, 101, 0.1, condition=10.0)[0, -2:, :-1]
    for d in range(5):
        r = x0[d, 0] % 0.1
        assert sorted(x[:, d]) == pytest.approx([r - 0.1, r], abs=1e-12)


@pytest.mark.parametrize("share", [0.01, 0.4])
@pytest.mark.parametrize("inside", [0.0, 1.0])
@pytest.mark.parametrize("beta", [0.9, 0.99])
def test_rmsprop_ends_on_its_cycle(beta, inside, share):
    """|x| = h/2 - eps/lambda (eps outside the root) or sqrt(h^2/4 - eps/lambda^2) (inside), for small eps."""
    stiffness, lr = 3.0, 0.1
    eps = share * (lr * stiffness / 2) ** (1 + inside)
    size = sqrt(lr**2 / 4 - eps / stiffness**2) if inside else lr / 2 - eps / stiffness
    given = {"curvature": stiffness, "beta": beta, "eps": eps, "eps_inside": inside}
    x = path(QUADRATIC, "rmsprop", [0.4], 20001, lr, **given)[0, -2:, 0]
    assert sorted(x) == pytest.approx([-size, size], rel=1e-9)
    given["eps"] = 1.1 * (lr * stiffness / 2) ** (1 + inside)
    assert abs(of(QUADRATIC, "rmsprop", [1e-3], 20000, lr, **given).x[0, 0]) < 1e-12


@pytest.mark.parametrize("eps", [0.05, 0.2])
def test_smoothed_sign(eps):
    """On 3x^2/2, h = 0.1: a 2-cycle |x| = h/2 - eps/lambda where eps < h lambda/2 = 0.15, else convergence."""
    x = path(QUADRATIC, "sign_eps", [0.4], 2001, 0.1, curvature=3.0, eps=eps)[0, -2:, 0]
    size = max(0.1 / 2 - eps / 3.0, 0.0)
    assert sorted(x) == pytest.approx([-size, size], abs=1e-12)


def test_adagrad_stops_early():
    endings = of(QUARTIC, "adagrad", [4.0], 2500)
    assert endings.x[0, 0] == pytest.approx(3.303640193312, abs=1e-11)
    assert of(QUARTIC, "adagrad", [4.0], 2500, 1.0).x[0, 0] == pytest.approx(3.0, abs=1e-12)


def test_the_capped_flow_below_its_first_threshold():
    """A 2-cycle of amplitude (2 - sqrt(4 - 2 lambda h^2 M^2 L*))/(h M lambda); below M1/sqrt 2 every start joins it."""
    lr, stiffness = 0.01, 12.0
    threshold = sqrt((2 - lr / 2) / (lr * stiffness * L_STAR))
    for share in (0.4, 0.69, 0.98):
        cap = share * threshold
        size = (2 - sqrt(4 - 2 * stiffness * lr**2 * cap**2 * L_STAR)) / (lr * cap * stiffness)
        starts = np.linspace(-0.9, 0.9, 64) if share < sqrt(0.5) else np.array([1.01 * size, -0.99 * size])
        x = path(RAISED, "capped", starts, 20001, lr, cap=cap)[:, -2:, 0]
        np.testing.assert_allclose(np.sort(x, axis=1), [[-size, size]] * len(starts), rtol=1e-8)
    beyond = path(RAISED, "capped", starts, 2001, lr, cap=1.02 * threshold)[0, :, 0]
    assert abs(beyond[-1] - beyond[-3]) > 1e-6


def test_sps_max_stays_where_the_capped_flow_leaves():
    x0 = np.linspace(2.9, 4.1, 4096)
    held = of(QUARTIC, "sps_max", x0, 20000, 1.0)
    assert (held.t_exit == -1).all()
    np.testing.assert_allclose(held.x[0], 3.0, atol=1e-12)
    assert (of(QUARTIC, "capped", x0, 2500).t_exit >= 0).mean() > 0.8
