"""The obvious loop that a user would write with Numba records what the engine records: speed is compared like for like.

How many times as fast the engine is, `python -m suites.speed_promises` tells.
"""

import numpy as np
from batches import run

from suites.speed_promises import STEPS, quartic, rastrigin


def test_the_loop_records_the_same():
    """Where nothing is chaotic: the same times, and values that differ by rounding only."""
    loss, rule, whole, scalar = rastrigin(64)
    t_exit, t_commit, t_hit, best, last = scalar(64)
    ours = run(loss, rule, whole, STEPS)
    np.testing.assert_array_equal(ours.t_exit, t_exit)
    np.testing.assert_array_equal(ours.t_commit, t_commit)
    np.testing.assert_array_equal(ours.t_hit[0], t_hit)
    np.testing.assert_allclose(ours.best, best, rtol=1e-10)
    np.testing.assert_allclose(ours.x, last, rtol=1e-10)
    loss, rule, whole, scalar = quartic(256)
    t_exit, t_commit, _, best, _ = scalar(256)
    ours = run(loss, rule, whole, STEPS)
    assert abs((ours.t_exit >= 0).mean() - (t_exit >= 0).mean()) < 0.15  # chaotic: alike in distribution only
    left = whole.basin == 0
    np.testing.assert_array_equal(ours.t_exit[left], t_exit[left])
