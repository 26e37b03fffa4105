"""The capped flow leaves a false minimum of height L* from M = D/(h (L* - f_star)) on: measured to 0.1 %."""

import numpy as np
import pytest
from batches import batch

from dynbench import find
from dynbench.backends.cpu import Cpu
from dynbench.theory.thresholds import critical_cap

pytestmark = pytest.mark.quick

CASES = [
    ("quartic", 1, 0.01, 0.0),
    ("quartic", 1, 0.01, 0.5),
    ("quartic", 1, 0.01, -0.2),
    ("double_well_tilted", 1, 0.01, 0.0),
    ("double_well_tilted", 1, 0.01, 0.1),
    ("rastrigin", 1, 0.002, 0.0),
]


@pytest.mark.parametrize(("name", "label", "lr", "f_star"), CASES)
def test_escapes_begin_within_a_thousandth_of_the_critical_cap(name, label, lr, f_star):
    """4096 starts around the minimum, 5000 steps; below the threshold no escape is possible, so alpha = 0 there."""
    loss, rule = find.loss(name, 1), find.dynamics("capped")
    minimum = loss.minima[label]
    threshold = critical_cap(minimum, lr, f_star)
    x0 = minimum.x[0] + np.linspace(-0.3, 0.3, 4096)[None] * minimum.distance
    escaped = []
    for cap in (0.999 * threshold, 1.001 * threshold):
        endings = Cpu().run(loss, rule, batch(loss, rule, x0, lr=lr, cap=cap, f_star=f_star), 5000)
        escaped.append(int((endings.t_exit >= 0).sum()))
    assert escaped[0] == 0
    assert escaped[1] > 0
