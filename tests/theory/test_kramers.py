"""Kramers' law: its prefactor, its limit, its flag; and where it meets the capped flow's time."""

import math

import pytest

from dynbench import find
from dynbench.theory import kramers, passage, thresholds

pytestmark = pytest.mark.quick

QUARTIC = find.loss("quartic")
TILTED = find.loss("double_well_tilted")


def test_the_quartics_numbers():
    assert kramers.kramers_prefactor(QUARTIC, 1) == pytest.approx(0.70356995, rel=1e-8)
    for T, time in ((0.5, 45.059932), (0.2, 23094.863), (0.1, 7.58094790e8)):
        assert kramers.kramers_time(QUARTIC, 1, T) == pytest.approx(time, rel=2e-8)
    for T, ratio in ((0.5, 1.1162), (0.2, 1.0362), (0.1, 1.0168)):
        true = passage.passage_time_to_other_well(QUARTIC, 1, 3.0, T)
        assert true / kramers.kramers_time(QUARTIC, 1, T) == pytest.approx(ratio, abs=5e-5)


@pytest.mark.parametrize(("loss", "label"), [(TILTED, 0), (TILTED, 1), (find.loss("rastrigin", 1), 1)])
def test_it_is_the_limit_of_the_first_passage_time(loss, label):
    """The relative error falls in proportion to T."""
    x, barrier = loss.minima[label].x[0], loss.minima[label].barrier
    errors = [
        passage.passage_time_to_other_well(loss, label, x, T) / kramers.kramers_time(loss, label, T) - 1
        for T in (barrier / 20, barrier / 40, barrier / 80)
    ]
    assert errors[0] / errors[1] == pytest.approx(2.0, rel=0.25)
    assert errors[1] / errors[2] == pytest.approx(2.0, rel=0.15)
    assert abs(errors[2]) < 0.02


def test_the_flag():
    false = QUARTIC.minima[1]
    assert kramers.kramers_valid(false, 0.5)
    assert not kramers.kramers_valid(false, 0.53)


def test_the_capped_flows_time_and_the_crossover():
    false = QUARTIC.minima[1]
    assert kramers.capped_time(false) == pytest.approx(1 / thresholds.escape_rate(false), rel=1e-14)
    assert kramers.capped_time(QUARTIC.minima[0]) == math.inf
    for loss in (QUARTIC, TILTED):
        T = kramers.crossover_temperature(loss, 1)
        assert kramers.kramers_time(loss, 1, T) / 2 == pytest.approx(kramers.capped_time(loss.minima[1]), rel=1e-12)
        half = loss.minima[1].value / 2
        assert kramers.crossover_temperature(loss, 1, half) < T  # less height to overshoot with: a longer capped time


def test_corners():
    bowl = find.loss("quadratic", 1)
    assert kramers.kramers_time(bowl, 0, 1.0) == math.inf
    assert math.isnan(kramers.kramers_prefactor(bowl, 0))
    assert math.isnan(kramers.crossover_temperature(bowl, 0))
    assert math.isnan(kramers.crossover_temperature(QUARTIC, 0))
    assert math.isnan(kramers.crossover_temperature(QUARTIC, 1, 2.0))
    assert kramers.kramers_time(QUARTIC, 1, 1e-3) == math.inf  # beyond the largest float; its logarithm is known
    assert kramers.log_kramers_time(QUARTIC, 1, 1e-3) == pytest.approx(903.0889303 * math.log(10), rel=1e-9)
