"""The rewritten text means what Python means, nan included."""

import itertools
import math

import pytest

from dynbench.kernels.rewrite import plain

pytestmark = pytest.mark.quick

NUMBERS = (0.0, -0.0, 1.0, -2.5, 3.7, 1e-310, 1e300, math.inf, -math.inf, math.nan)
TRIPLE = tuple(itertools.product(NUMBERS, repeat=3))
HALF = 0.5


def smallest(a, b, c):
    return min(a, b, c)


def largest(a, b, c):
    return max(a, b, c)


def within(a, b, c):
    return 1.0 if a < b <= c else 0.0


def both(a, b, c):
    return 1.0 if a < b and b != c else 0.0


def either(a, b, c):
    return 1.0 if a >= b or not b < c or c == a else 0.0


def nested(a, b, c):
    return max(min(a, b), HALF * c) if abs(a) > 1.0 else -min(c, math.pi)


def same(one: float, other: float) -> bool:
    """Equal bits, but for the payload of nan."""
    return (one != one and other != other) or (one == other and math.copysign(1.0, one) == math.copysign(1.0, other))


@pytest.mark.parametrize("function", [smallest, largest, within, both, either, nested])
def test_branches_become_choices(function):
    for arguments in TRIPLE:
        assert same(plain(function)(*arguments), function(*arguments)), arguments


def cube(x):
    return x**3


def inverse(x):
    return x**-2


def fourth_of_a_sum(x):
    return (x + 1.0) ** 4


def root(x):
    return math.sqrt(abs(x))


@pytest.mark.parametrize(
    ("function", "truth"),
    [
        (cube, lambda x: x * x * x),
        (fourth_of_a_sum, lambda x: (x + 1.0) * (x + 1.0) * (x + 1.0) * (x + 1.0)),
        (root, lambda x: math.sqrt(abs(x))),
    ],
)
def test_powers_become_products(function, truth):
    for x in NUMBERS:
        assert same(plain(function)(x), truth(x))


def test_a_negative_power_is_one_over_the_product():
    for x in (1.0, -2.5, 3.7, 1e100):
        assert plain(inverse)(x) == 1.0 / (x * x)


def test_elementary_functions_take_the_place_of_libm():
    from dynbench.kernels import elementary

    def wave(x):
        return math.sin(x) + math.exp(x) * math.tanh(x) - math.cos(math.log(x))

    for x in (0.1, 1.0, 7.3):
        truth = elementary.sin(x) + elementary.exp(x) * elementary.tanh(x) - elementary.cos(elementary.log(x))
        assert plain(wave)(x) == truth
        assert plain(wave)(x) == pytest.approx(wave(x), rel=1e-14)
