"""Cycles of every period to 64 are called so, with their period; longer ones and chaos are not."""

import numpy as np
import pytest
from batches import assert_equal_endings, batch, rows, run
from reference import assert_same

from dynbench import find
from dynbench.kernels.shape import STATUSES
from dynbench.losses.base import Loss


def value(x):
    return 0.5 * x * x


def grad(x):
    return x


LOSS = Loss("x²/2", "test", ((0.0, 1.0),), 1, (), value, grad, name="half_square")
RECORD = ("cycle_period",)
LOGISTIC = '''"""Logistic map x <- r x (1 - x)."""
from dynbench.dynamics.base import Dynamics

def step(x, g, value, norm, lr, state, r=3.5):
    return r * x * (1.0 - x) - x, state

dynamics = Dynamics(step, source="May 1976")
'''
WHEEL = '''"""x takes the values 0, 1/p, ... (p - 1)/p in turn: exactly the period p, whatever its start."""
from dynbench.dynamics.base import Dynamics

def start(lr, period_length=3.0, pulse=0.0):
    return (0.0,)

def step(x, g, value, norm, lr, state, period_length=3.0, pulse=0.0):
    (k,) = state
    following = k + 1.0 if k + 1.0 < period_length else 0.0
    place = following / period_length
    high = 0.75 if following < 10.0 else 0.25
    return (place if pulse == 0.0 else high) - x, (following,)

dynamics = Dynamics(step, source="test", start=start)
'''
ORBITS = {2: 3.2, 3: 3.83, 4: 3.5, 5: 3.738173, 6: 3.845, 7: 3.7017, 8: 3.55, 16: 3.565, 32: 3.569}  # period -> r
CHAOS = (3.9, 4.0)


@pytest.fixture(scope="module")
def rules(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rules")
    for name, text in (("logistic", LOGISTIC), ("wheel", WHEEL)):
        (folder / f"{name}.py").write_text(text)
    return [find.dynamics(str(folder / f"{name}.py")) for name in ("logistic", "wheel")]


def told(endings):
    """(status, period) of each row."""
    return list(zip((STATUSES[s] for s in endings.status), endings.records["cycle_period"].tolist(), strict=True))


@pytest.mark.parametrize("early", [True, False])
def test_periods_of_the_logistic_map(rules, early):
    """Source of the windows: May (1976), Nature 261; each r lies inside the stable window of its period."""
    whole = batch(LOSS, rules[0], np.linspace(0.2, 0.8, len(ORBITS)), 1.0)
    whole.parameters[:] = list(ORBITS.values())
    endings = run(LOSS, rules[0], whole, 5000, record=RECORD, early=early)
    assert told(endings) == [("cycling", p) for p in ORBITS]
    for n in range(len(ORBITS)):
        assert_equal_endings(run(LOSS, rules[0], rows(whole, [n]), 5000, record=RECORD, early=early), endings, [n])
    wild = batch(LOSS, rules[0], [0.3, 0.31], 1.0)
    wild.parameters[:] = CHAOS
    assert told(run(LOSS, rules[0], wild, 5000, record=RECORD, early=early)) == [("censored", -1)] * 2


@pytest.mark.parametrize("early", [True, False])
def test_every_period_to_64(rules, early):
    """A lane each, all in two blocks; 2 to 64 are told and 65 to 100 are not."""
    periods = np.arange(2, 101)
    whole = batch(LOSS, rules[1], np.full(len(periods), 0.5), 1.0)
    whole.parameters[0] = periods
    for steps in (400, 3001):
        endings = run(LOSS, rules[1], whole, steps, record=RECORD, early=early)
        assert told(endings) == [("cycling", p) if p <= 64 else ("censored", -1) for p in periods]


@pytest.mark.parametrize("period", [3, 33, 64])
def test_blocks_of_one_period_end_early(rules, period):
    """64 lanes of period 64 repeat to the bit, and so need not be followed to the end; 3 and 33 divide nothing."""
    whole = batch(LOSS, rules[1], np.full(64, 0.5), 1.0, period_length=float(period))
    endings = run(LOSS, rules[1], whole, 20_000, record=RECORD)
    assert set(told(endings)) == {("cycling", period)}
    assert (endings.updates < 64 * 500) == (64 % period == 0)


def test_rest_and_pulses(rules):
    """A pulse of 10 steps every 100 is none of 64, though most of the last 100 steps look alike; at rest: period 1."""
    pulse = batch(LOSS, rules[1], [0.5], 1.0, period_length=100.0, pulse=1.0)
    for steps in (1000, 1035, 1050, 1075):
        assert told(run(LOSS, rules[1], pulse, steps, record=RECORD)) == [("censored", -1)]
    still = batch(LOSS, rules[0], [0.0, 0.5], 1.0, r=1.5)
    assert told(run(LOSS, rules[0], still, 1000, record=RECORD)) == [("absorbed", 1), ("stalled", 1)]


@pytest.mark.parametrize("steps", [1, 3, 4, 5, 8, 9, 20, 63, 64, 65, 99, 100, 101, 127, 128, 129, 163, 164, 165, 230])
def test_equal_to_plain_python_at_any_budget(rules, steps):
    logistic, wheel = rules
    mixed = batch(LOSS, logistic, np.linspace(0.2, 0.8, 5), 1.0)
    mixed.parameters[:] = [2.5, 3.2, 3.83, 3.9, 3.5]
    turning = batch(LOSS, wheel, np.full(6, 0.5), 1.0)
    turning.parameters[0] = [2, 3, 7, 31, 64, 65]
    for rule, whole in ((logistic, mixed), (wheel, turning)):
        endings = run(LOSS, rule, whole, steps, record=RECORD)
        assert_same(endings, LOSS, rule, whole, steps, [1e-3])


def test_a_period_must_fit_twice_into_the_budget(rules):
    whole = batch(LOSS, rules[1], [0.0], 1.0, period_length=20.0)
    assert told(run(LOSS, rules[1], whole, 39, record=RECORD)) == [("censored", -1)]
    assert told(run(LOSS, rules[1], whole, 40, record=RECORD)) == [("cycling", 20)]


def test_all_coordinates_must_come_back():
    """In two dimensions, where sign descent goes round: the same as in plain Python, with the period."""
    loss, rule = find.loss("himmelblau"), find.dynamics("sign")
    whole = batch(loss, rule, [[3.1, -2.5, 0.3], [2.2, 3.3, 0.1]], 0.01)
    endings = run(loss, rule, whole, 1000, record=RECORD)
    assert_same(endings, loss, rule, whole, 1000, [1e-3])
    assert {status for status, _ in told(endings)} == {"cycling"}
