"""Limits as text: what is printed holds what was worked out."""

import math
from decimal import Decimal

import numpy as np
import pytest

from dynbench.outcomes.outward import DOWN, UP, written
from dynbench.report import arms
from dynbench.report.numbers import difference
from dynbench.sweep.table import probability

pytestmark = pytest.mark.quick


@pytest.mark.parametrize("form", [".0f", ".3f", "+.3f", ".2g", ".4g", ".1e"])
def test_down_is_below_and_up_above_by_less_than_a_last_digit(form):
    random = np.random.default_rng(3)
    scales = 10.0 ** random.uniform(-12, 9, 300)
    values = np.concatenate([random.uniform(-2, 2, 300), scales, [0.0, 1.0, 1e22]])
    for value in values.tolist():
        low, high = (Decimal(written(value, form, way)) for way in (DOWN, UP))
        assert low <= Decimal(repr(value)) <= high
        near = Decimal(written(value, form))
        assert near in (low, high)


def test_a_number_that_fits_stays():
    assert [written(0.62, ".3f", way) for way in (DOWN, 0, UP)] == ["0.620"] * 3
    assert [written(890.0, ".4g", way) for way in (DOWN, UP)] == ["890"] * 2
    assert written(-0.0001, "+.3f", UP) == "+0.000"
    assert written(math.inf, ".3f", UP) == "inf"
    assert written(math.nan, ".3f", DOWN) == "nan"


def test_table_and_page_print_limits_outward():
    assert probability(0.9104, 0.90199, 0.91801) == "0.910 [0.901, 0.919]"
    assert probability(0.0, 0.0, 1.8442e-4) == "0 [0, 0.00019]"
    assert difference(0.12, 0.1009, 0.1401) == "+0.120 [+0.100, +0.141]"
    assert [arms.share(0.90199, DOWN), arms.share(0.91801, UP)] == ["0.901", "0.919"]
    assert [arms.share(0.99999, DOWN), arms.share(0.99999), arms.share(0.99999, UP)] == ["0.9999", ">0.9999", "1"]
    assert arms.share(1.8442e-4, UP) == "1.9e-4"
