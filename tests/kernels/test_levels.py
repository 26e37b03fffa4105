"""The level below which somebody waits for L, on losses whose cores end near L = 0."""

import numpy as np
import pytest
from batches import batch, run, scattered
from reference import assert_same

from dynbench import Loss, Minimum, find
from dynbench.kernels.events import above, highest


def value(x):
    return 10.0 * (x * x - 1.0) * (x * x - 1.0) - 1.0


def grad(x):
    return 40.0 * x * (x * x - 1.0)


WELLS = tuple(Minimum((m,), -1.0, (80.0,), 10.0, 1.0) for m in (-1.0, 1.0))
DEEP = Loss("10 (x² - 1)² - 1", "made up", ((-2.0, 2.0),), 1, WELLS, value, grad, separators=(0.0,))


@pytest.mark.parametrize("near", [0.0, 1e-300, 1e-17, 1e-9, 1e-3, 0.3, 1.0, 1e9])
def test_the_highest_level(near):
    draw = np.random.default_rng(3)
    for base in [0.0, -1.0, *draw.normal(size=50)]:
        for margin in (abs(base) + near, near, abs(base) * (1.0 - 1e-15)):
            y = highest(base, margin)
            assert y - base <= margin
            assert above(y) - base > margin
    assert highest(1.0, -np.inf) == -np.inf


def test_cores_that_end_at_nought():
    rule = find.dynamics("gradient")
    whole = batch(DEEP, rule, scattered(DEEP, 70, 1.0), temperature=5.0)
    assert_same(run(DEEP, rule, whole, 300, targets=(1e-3,)), DEEP, rule, whole, 300, [1e-3])
