import math

import pytest

from dynbench.sweep.table import probability

pytestmark = pytest.mark.quick


@pytest.mark.parametrize(
    ("p", "lo", "hi", "text"),
    [
        (0.0, 0.0, 0.0029, "0 [0, 0.0029]"),
        (0.9104, 0.9012, 0.9189, "0.910 [0.901, 0.919]"),
        (1.0, 0.996, 1.0, "1 [0.9960, 1]"),
        (0.0253032, 0.0252056, 0.0254007, "0.02530 [0.02521, 0.02540]"),
        (3.1e-4, 2.1e-4, 4.4e-4, "0.00031 [0.00021, 0.00044]"),
        (1.0, math.nan, math.nan, "1 (nothing random)"),
        (math.nan, math.nan, math.nan, "-"),
    ],
)
def test_a_probability_has_the_digits_that_it_needs(p, lo, hi, text):
    assert probability(p, lo, hi) == text
