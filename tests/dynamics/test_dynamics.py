"""Every rule that is found on odd inputs; then each rule's formula with literal numbers."""

import math
from itertools import product

import pytest
from walks import once

from dynbench import find
from dynbench.dynamics.base import Dynamics

pytestmark = pytest.mark.quick

RULES = find.rules()
every = pytest.mark.parametrize("name", RULES)
NUMBERS = (0.0, 1e-310, 1e-160, 1e-8, 0.7, 1e9, 1e160, 1e300)


def corners(rule: Dynamics):
    """The default parameters, and every combination of the ends of their bounds."""
    ends = [(p, {rule.parameters[p], *rule.bounds.get(p, ())}) for p in rule.parameters]
    kept = [(p, [v for v in values if p != "f_star" or math.isfinite(v)]) for p, values in ends]
    for choice in product(*(values for _, values in kept)):
        yield dict(zip((p for p, _ in kept), choice, strict=True))


@every
def test_zero_gradient_means_no_move(name):
    rule = find.dynamics(name)
    for parameters, g, value in product(corners(rule), (0.0, -0.0), (0.0, 1.0, -1.0, 1e300)):
        assert once(rule, g, value, **parameters) == 0.0


@every
def test_odd_inputs_raise_nothing_and_the_step_is_odd_in_g(name):
    rule = find.dynamics(name)
    for parameters, g, value in product(corners(rule), NUMBERS, (0.0, 1e-310, 1.0, -1.0, 1e300)):
        there, back = once(rule, g, value, **parameters), once(rule, -g, value, **parameters)
        assert there == -back or (math.isnan(there) and math.isnan(back))
    for parameters, norm in product(corners(rule), NUMBERS):  # one coordinate still, the others not
        dx = once(rule, 0.0, 1.0, norm, **parameters)
        assert dx == 0.0
        if rule.limited:
            limit = rule.limited(1.0, 0.0, 1.0, norm, 0.1, (), *parameters.values())
            assert limit in (False, True)


@every
def test_every_rule_goes_downhill(name):
    rule = find.dynamics(name)
    for g in (1e-3, 0.5, 30.0):
        assert once(rule, g) < 0 < once(rule, -g)


@every
def test_every_parameter_has_bounds_that_hold_its_default(name):
    rule = find.dynamics(name)
    assert set(rule.bounds) == set(rule.parameters)
    for parameter, (lo, hi) in rule.bounds.items():
        assert lo <= rule.parameters[parameter] <= hi
    assert rule.formula
    assert rule.source


@pytest.mark.parametrize(
    ("name", "expected", "parameters"),
    [  # g = 0.5 of a gradient of norm 1.25, L = 2, lr = 0.1
        ("gradient", -0.05, {}),
        ("normalized", -0.04, {}),
        ("sign", -0.1, {}),
        ("sign_eps", -0.05, {"eps": 0.5}),
        ("rmsprop", -0.1 * 0.5 / (0.05 + 1e-8), {}),  # √((1 - 0.99) 0.25) = 0.05
        ("rmsprop", -0.1 * 0.5 / 0.13, {"eps": 0.0144, "eps_inside": 1.0}),  # √(0.0025 + 0.0144) = 0.13
        ("rmsprop", -0.1 * 0.5 / 0.35, {"beta": 0.75, "eps": 0.1}),  # 0.25 + 0.1
        ("adam", -0.1 * 0.5 / (0.5 + 1e-8), {}),  # the first averages are g and g² themselves
        ("adam", -0.1 * 0.5 / 0.6, {"beta1": 0.0, "beta2": 0.5, "eps": 0.1}),
        ("adagrad", -0.1 * 0.5 / (0.5 + 1e-10), {}),
        ("adagrad", -0.1 * 0.5 / 0.65, {"s0": 0.1, "eps": 0.0725, "eps_inside": 1.0}),  # √(0.1 + 0.25 + 0.0725)
        ("global_flow", -0.064, {}),  # 0.1 × 2 × 0.5/1.25²
        ("global_flow", -0.048, {"f_star": 0.5}),
        ("capped", -0.064, {}),
        ("capped", -0.04, {"cap": 0.5}),  # 0.1 × 2 × 0.5 × 0.5/1.25
        ("capped", -0.03, {"cap": 0.5, "f_star": 0.5}),
        ("sps_max", -0.05, {}),
        ("sps_max", -0.064, {"step_cap": 1.0}),
        ("sps_max", -0.016, {"c": 4.0}),
    ],
)
def test_one_step(name, expected, parameters):
    assert once(find.dynamics(name), 0.5, 2.0, 1.25, **parameters) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize(("name", "cap"), [("capped", {"cap": 3.0}), ("sps_max", {"step_cap": 0.1, "c": 0.5})])
def test_limited_says_whether_the_cap_binds(name, cap):
    rule = find.dynamics(name)
    given = {**rule.parameters, **cap}
    free = {**given, next(iter(cap)): math.inf}
    for g in (0.0, 0.01, 0.3, 0.34, 1.0, 20.0):
        said = rule.limited(1.0, g, 2.0, g, 0.01, (), *given.values())
        assert said == (abs(once(rule, g, lr=0.01, **given)) < abs(once(rule, g, lr=0.01, **free)))
    assert rule.limited(1.0, 0.01, 2.0, 0.01, 0.01, (), *given.values())
