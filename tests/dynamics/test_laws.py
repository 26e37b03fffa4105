"""Parity with the libraries' formulas, and the laws that each rule obeys."""

import math
from itertools import product

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from walks import L_STAR, ON_QUARTIC, QUARTIC, once, quadratic, walk

from dynbench import find

pytestmark = pytest.mark.quick


def torch_rmsprop(x, steps, lr, alpha, eps):
    square_avg = 0.0
    for _ in range(steps):
        g = QUARTIC.grad(x)
        square_avg = alpha * square_avg + (1 - alpha) * g * g
        x -= lr * g / (math.sqrt(square_avg) + eps)
    return x


def keras_rmsprop(x, steps, lr, rho, epsilon):
    velocity = 0.0
    for _ in range(steps):
        g = QUARTIC.grad(x)
        velocity = rho * velocity + (1 - rho) * g * g
        x -= lr * g / math.sqrt(velocity + epsilon)
    return x


def torch_adagrad(x, steps, lr, eps):
    total = 0.0
    for _ in range(steps):
        g = QUARTIC.grad(x)
        total += g * g
        x -= lr * g / (math.sqrt(total) + eps)
    return x


def optax_adagrad(x, steps, lr, initial, eps):
    total = initial
    for _ in range(steps):
        g = QUARTIC.grad(x)
        total += g * g
        x -= lr * g / math.sqrt(total + eps)
    return x


@pytest.mark.parametrize("start", [0.1, 2.5, 4.0])
def test_parity_with_the_libraries_formulas(start):
    rmsprop, adagrad = find.dynamics("rmsprop"), find.dynamics("adagrad")
    for rule, parameters, expected in (
        (rmsprop, {}, torch_rmsprop(start, 1000, 0.01, 0.99, 1e-8)),
        (rmsprop, {"beta": 0.9, "eps": 1e-7, "eps_inside": 1.0}, keras_rmsprop(start, 1000, 0.01, 0.9, 1e-7)),
        (adagrad, {}, torch_adagrad(start, 1000, 0.01, 1e-10)),
        (adagrad, {"s0": 0.1, "eps": 1e-7, "eps_inside": 1.0}, optax_adagrad(start, 1000, 0.01, 0.1, 1e-7)),
    ):
        assert walk(rule, start, 1000, *ON_QUARTIC, **parameters)[-1] == pytest.approx(expected, rel=1e-12)


def test_the_uncapped_rules_are_one_rule():
    for g, value in product((1e-5, 0.3, 7.0), (0.1, 2.0, 50.0)):
        flow = once(find.dynamics("global_flow"), g, value)
        assert once(find.dynamics("capped"), g, value, cap=math.inf) == flow
        assert once(find.dynamics("sps_max"), g, value, step_cap=math.inf) == pytest.approx(flow, rel=1e-15)


def test_gradient_descent_on_a_quadratic():
    for stiffness, lr in ((1.0, 0.1), (3.0, 0.5), (12.0, 0.16), (12.0, 0.17)):
        path = walk("gradient", 0.7, 200, *quadratic(stiffness), lr=lr)
        assert path == pytest.approx([0.7 * (1 - lr * stiffness) ** n for n in range(201)], rel=1e-12)


def test_gradient_descent_at_the_false_minimum():
    path = walk("gradient", 3.0 + 1e-6, 100, *ON_QUARTIC)
    assert (path[60] - 3) / (path[59] - 3) == pytest.approx(0.88, rel=1e-5)
    assert walk("gradient", 4.0, 300, *ON_QUARTIC)[-1] == pytest.approx(3.0, abs=1e-14)
    end = walk("gradient", 3.01, 4000, *ON_QUARTIC, lr=0.18)  # beyond 2/12: a 2-cycle
    assert abs(end[-1] - end[-2]) > 0.05
    assert end[-1] == pytest.approx(end[-3], abs=1e-9)


@pytest.mark.parametrize("power", [1, 2, 4])
def test_global_flow_on_powers(power):
    path = walk(
        "global_flow", -1.7, 300, lambda x: abs(x) ** power, lambda x: power * x * abs(x) ** (power - 2), lr=0.3
    )
    assert path == pytest.approx([-1.7 * (1 - 0.3 / power) ** n for n in range(301)], rel=1e-12)


def test_global_flow_first_passes_the_false_minimum_at_step_215():
    article = find.loss("quartic_article")
    path = walk("global_flow", 4.0, 220, article.value, article.grad)
    assert next(k for k, x in enumerate(path) if x < 3) == 215
    value_at = [article.value(x) for x in walk("global_flow", 4.0, 200, article.value, article.grad)]
    assert value_at[200] == pytest.approx(article.value(4.0) * math.exp(-2), rel=0.02)  # L = L0 e^-t, first order


@pytest.mark.parametrize("name", ["sign", "normalized"])
def test_sign_ends_on_an_exact_cycle(name):
    start, lr, m = 0.734, 0.1, 0.0
    path = walk(name, start, 500, *quadratic(2.0), lr=lr)
    r = (start - m) % lr
    assert sorted(path[-2:]) == pytest.approx([r - lr, r], rel=1e-12)
    assert [path[k] < 0 for k in (7, 8)] == [False, True]  # after ⌊|x0 - m|/lr⌋ steps


def test_smoothed_sign():
    stiffness, lr = 3.0, 0.1
    for eps in (0.2, 0.3):  # above lr λ/2 = 0.15: stable
        assert abs(walk("sign_eps", 0.4, 2000, *quadratic(stiffness), lr=lr, eps=eps)[-1]) < 1e-12
    for eps in (0.05, 1e-3):
        size = lr / 2 - eps / stiffness
        path = walk("sign_eps", size, 20, *quadratic(stiffness), lr=lr, eps=eps)
        assert list(map(abs, path)) == pytest.approx([size] * 21, rel=1e-12)
        off = walk("sign_eps", size * (1 + 1e-7), 1, *quadratic(stiffness), lr=lr, eps=eps)
        multiplier = (abs(off[1]) - size) / (off[0] - size)
        assert multiplier == pytest.approx(-(1 - 4 * eps / (lr * stiffness)), rel=1e-4)


@pytest.mark.parametrize("beta", [0.9, 0.99])
@pytest.mark.parametrize("inside", [0.0, 1.0])
def test_rmsprop_ends_on_a_cycle(beta, inside):
    stiffness, lr = 3.0, 0.1
    for share in (0.4, 0.01):  # of the ε beyond which the minimum is stable
        eps = share * (lr * stiffness / 2) ** (1 + inside)
        size = math.sqrt(lr**2 / 4 - eps / stiffness**2) if inside else lr / 2 - eps / stiffness
        path = walk("rmsprop", 0.4, 20000, *quadratic(stiffness), lr=lr, beta=beta, eps=eps, eps_inside=inside)
        assert sorted(path[-2:]) == pytest.approx([-size, size], rel=1e-9)
    eps = 1.1 * (lr * stiffness / 2) ** (1 + inside)
    path = walk("rmsprop", 1e-3, 20000, *quadratic(stiffness), lr=lr, beta=beta, eps=eps, eps_inside=inside)
    assert abs(path[-1]) < 1e-12


def test_adagrad_travels_like_the_root_of_the_steps():
    path = walk("adagrad", 0.0, 2500, lambda x: -x, lambda _: -1.0)
    assert path[-1] == pytest.approx(0.01 * sum(k**-0.5 for k in range(1, 2501)), rel=1e-8)
    assert path[-1] == pytest.approx(0.98550, abs=5e-6)
    assert walk("adagrad", 4.0, 2500, *ON_QUARTIC)[-1] == pytest.approx(3.303640193312, abs=1e-11)


@pytest.mark.parametrize("share", [0.4, 0.69, 0.98])
def test_capped_flow_below_its_first_threshold_ends_on_a_cycle(share):
    """Cap = share of M1.  Above M1/√2 other bounded motions live beside the 2-cycle, so that run starts close to it."""
    lr, stiffness, height = 0.01, 12.0, L_STAR
    threshold = math.sqrt((2 - lr / 2) / (lr * stiffness * height))
    cap = share * threshold
    size = (2 - math.sqrt(4 - 2 * stiffness * lr**2 * cap**2 * height)) / (lr * cap * stiffness)
    start = 0.3 if share < math.sqrt(0.5) else 1.01 * size
    path = walk("capped", start, 20000, *quadratic(stiffness, height), lr=lr, cap=cap)
    assert sorted(path[-2:]) == pytest.approx([-size, size], rel=1e-9)
    beyond = walk("capped", start, 2000, *quadratic(stiffness, height), lr=lr, cap=1.01 * threshold)
    assert abs(beyond[-1] - beyond[-3]) > 1e-6


def test_the_critical_cap_of_the_quartic():
    for name, known in (("quartic", 71.293972226), ("quartic_article", 71.293947915)):
        loss = find.loss(name)
        critical = loss.minima[1].distance / (0.01 * loss.minima[1].value)
        assert critical == pytest.approx(known, abs=1e-9)
        for cap, exits in ((0.99999 * critical, False), (1.00001 * critical, True)):
            first = walk("capped", math.nextafter(3.0, 4.0), 1, loss.value, QUARTIC.grad, cap=cap)[-1]
            assert (first < loss.separators[0]) is exits


def test_sps_max_settles_where_the_capped_flow_leaves():
    for start in (2.9, 3.1, 4.0):
        path = walk("sps_max", start, 20000, *ON_QUARTIC, lr=1.0)
        assert min(path) > QUARTIC.separators[0]
        assert path[-1] == pytest.approx(3.0, abs=1e-12)


@pytest.mark.parametrize(
    ("name", "place", "parameters"),
    [
        ("gradient", (2.44946786, 1.35247581), {}),
        ("normalized", (2.44946786, 1.35247581), {}),
        ("global_flow", (2.44946786, 1.35247581), {}),
        ("capped", (2.44946786, 1.35247581), {"cap": 0.05}),
        ("sign", (2.18030118, 1.88030118), {}),
    ],
)
def test_flows_share_one_orbit(name, place, parameters):
    """Himmelblau from (0.5, 0.2) down to L0 e^-2: each but the sign flow takes the path of gradient flow."""
    loss, rule = find.loss("himmelblau"), find.dynamics(name)
    given = tuple({**rule.parameters, **parameters}.values())

    def evaluate(z):
        g = [0.0, 0.0]
        return loss.value_grad(z, g), g

    def velocity(_, z):
        value, g = evaluate(z)
        return [rule.step(z[d], g[d], value, math.hypot(*g), 1.0, (), *given)[0] for d in range(2)]

    def level(_, z):
        return evaluate(z)[0] - target

    level.terminal = True
    target = evaluate((0.5, 0.2))[0] * math.exp(-2)
    found = solve_ivp(velocity, (0, 50), (0.5, 0.2), method="DOP853", rtol=1e-12, atol=1e-12, events=level)
    assert found.y[:, -1] == pytest.approx(np.array(place), abs=2e-8)
    if name == "global_flow":
        assert found.t[-1] == pytest.approx(2.0, abs=1e-9)
