"""Where L is certain to be finite, a step need not look; where it is not, it must."""

import ast
from math import inf

import pytest

from dynbench import find
from dynbench.kernels.helpers import Helpers
from dynbench.kernels.sizes import always_finite, size
from dynbench.kernels.step import Step, Variant


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-x * x + 2.0", 6.0),
        ("x - 3 * x", 8.0),
        ("x if x > 0.0 else 5.0", 5.0),
        ("1.0 / x", inf),
        ("sin(x)", inf),
        ("x * y", inf),
        ("1e200 * x * 1e200", inf),
        ("1e200 * x * 1e200 * 0.0", inf),
        ("1e400", inf),
    ],
)
def test_sizes(text, expected):
    assert size(ast.parse(text, mode="eval").body, {"x": 2.0}) == expected


def test_a_result_that_nothing_is_known_of():
    assert always_finite(ast.parse("a = x * x\nv = a + 1.0").body, {"x": 2.0}, "v")
    assert not always_finite(ast.parse("a, v = f(x)").body, {"x": 2.0}, "v")
    assert not always_finite(ast.parse("v = x\nfor i in range(3):\n    v = v * v").body, {"x": 2.0}, "v")
    assert not always_finite([], {"x": 2.0}, "v")


@pytest.mark.parametrize(
    ("name", "dim", "certain"),
    [("quartic", 1, True), ("himmelblau", 2, True), ("quadratic", 2, False), ("rastrigin", 2, False)],
)
def test_losses(name, dim, certain):
    loss = find.loss(name, dim)
    step = Step(loss, find.dynamics("gradient"), Variant(), Helpers())
    assert step.finite(step.value_and_gradient()) == certain
