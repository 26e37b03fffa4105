"""The number of trials that an interval of a given width takes."""

import numpy as np
import pytest

from dynbench.outcomes.intervals import clopper_pearson
from dynbench.outcomes.sample_size import trials

pytestmark = pytest.mark.quick


@pytest.mark.parametrize("width", [0.9, 0.3, 0.02, 0.001])
def test_no_more_and_no_fewer_than_it_takes(width):
    p = np.array([0.0, 0.002, 0.3, 0.5, 0.7, 1.0, 0.3])
    n = trials(p, width)
    lo, hi = clopper_pearson(p * n, n)
    assert (hi - lo <= width).all()
    fewer = n - 1
    lo, hi = clopper_pearson(p * fewer, fewer)
    assert ((hi - lo > width) | (fewer == 0)).all()
    assert n[0] == n[5]
    assert n[2] == n[4] == n[6]


def test_a_width_is_above_0():
    with pytest.raises(ValueError, match="above 0"):
        trials([0.5], 0.0)
