"""First passage: the tables of the science page, closed forms, and the symmetric double well."""

import math

import numpy as np
import pytest
from scipy.integrate import quad, solve_bvp

from dynbench import find
from dynbench.losses.base import Loss, Minimum
from dynbench.theory import kramers, passage
from dynbench.theory.coordinate import Coordinate, coordinate, neighbours, walls

pytestmark = pytest.mark.quick

QUARTIC = find.loss("quartic")
A, B = QUARTIC.minima[0].x[0], QUARTIC.separators[0]
SYMMETRIC = Loss(
    formula="(x² - 1)²/4",
    source="textbook",
    domain=((-2.0, 2.0),),
    dim=1,
    value=lambda x: (x * x - 1.0) ** 2 / 4.0,
    grad=lambda x: x * (x * x - 1.0),
    separators=(0.0,),
    minima=(Minimum((-1.0,), 0.0, (2.0,), 0.25, 1.0), Minimum((1.0,), 0.0, (2.0,), 0.25, 1.0)),
)
TABLE = [  # T, to the wall, to the other well, back, mass of the global well, committor at the wall and at 2
    (0.5, 25.57275385, 50.29521211, 1123.9256, 0.9571731524, 0.51740, 0.31091),
    (0.2, 12173.17467, 23929.8879, 7.1121308e7, 0.9996636473, 0.50873, 0.19587),
    (0.1, 3.89888664e8, 7.70867064e8, 7.6895e15, 0.9999998998, 0.50578, 0.10771),
]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"T={row[0]}")
def test_the_quartics_table(row):
    T, wall, other, back, mass, middle, near = row
    assert passage.passage_time(QUARTIC, 1, 3.0, T) == pytest.approx(wall, rel=2e-9)
    assert passage.passage_time_to_other_well(QUARTIC, 1, 3.0, T) == pytest.approx(other, rel=2e-9)
    assert passage.passage_time_to_other_well(QUARTIC, 0, A, T) == pytest.approx(back, rel=5e-5 if T == 0.1 else 5e-8)
    assert passage.boltzmann_masses(QUARTIC, T) == pytest.approx((mass, 1 - mass), abs=1e-10)
    assert passage.committor(QUARTIC, B, 3.0, A, T) == pytest.approx(middle, abs=5e-6)
    assert passage.committor(QUARTIC, 2.0, 3.0, A, T) == pytest.approx(near, abs=5e-6)
    assert passage.committor(QUARTIC, 2.0, A, 3.0, T) == pytest.approx(
        1 - passage.committor(QUARTIC, 2.0, 3.0, A, T), abs=1e-12
    )


def test_the_symmetric_double_well():
    assert passage.passage_time(SYMMETRIC, 1, 1.0, 0.1) == pytest.approx(30.8213024727, rel=1e-11)
    for label, start in ((1, 1.0), (0, -1.0)):
        there = passage.passage_time_to_other_well(SYMMETRIC, label, start, 0.1)
        assert there == pytest.approx(66.2686263649, rel=1e-11)
    assert passage.committor(SYMMETRIC, 0.0, -1.0, 1.0, 0.02) == pytest.approx(0.5, rel=1e-12)
    assert passage.boltzmann_masses(SYMMETRIC, 0.02) == pytest.approx((0.5, 0.5), rel=1e-12)


def test_no_drift_and_constant_drift():
    """L = 0: τ = (x - a)(b - x)/(2T).  L = x, one wall at 0: τ = x, whatever T."""
    flat = Coordinate(lambda _: 0.0, lambda _: 0.0)
    assert passage.mean_time(flat, 0.3, 0.7, 0.0, 1.0) == pytest.approx(0.3 * 0.7 / 1.4, rel=1e-13)
    slope = Coordinate(lambda x: x, lambda _: 1.0)
    for T in (0.1, 1.0, 3.0):
        assert passage.mean_time(slope, 2.0, T, 0.0) == pytest.approx(2.0, rel=1e-12)


def test_the_double_integral_by_another_quadrature():
    def inner(y, T):
        return quad(lambda z: math.exp(-(QUARTIC.value(z) - QUARTIC.value(y)) / T), y, 5.0, epsabs=1e-12)[0]

    whole = quad(lambda y: inner(y, 0.3), B, 3.0, epsabs=1e-10)[0] / 0.3
    assert passage.passage_time(QUARTIC, 1, 3.0, 0.3) == pytest.approx(whole, rel=1e-9)


@pytest.mark.parametrize(("label", "T"), [(0, 5.0), (1, 5.0), (2, 8.0), (5, 4.0)])
def test_two_walls_solve_the_boundary_value_problem(label, T):
    """T u'' - L' u' = -1 with u = 0 at both walls of a Rastrigin well."""
    loss = find.loss("rastrigin", 1)
    curve, (a, b) = coordinate(loss), walls(loss, label)
    found = solve_bvp(
        lambda x, u: np.array([u[1], (curve.slopes(x) * u[1] - 1) / T]),
        lambda left, right: np.array([left[0], right[0]]),
        np.linspace(a, b, 401), np.zeros((2, 401)), tol=1e-8, max_nodes=20000,
    )  # fmt: skip
    assert found.success
    for x in (loss.minima[label].x[0], a + 0.2 * (b - a)):
        assert passage.passage_time(loss, label, x, T) == pytest.approx(found.sol(x)[0], rel=1e-6)


def test_a_small_temperature_keeps_its_digits():
    """Doubling the panels changes nothing at ΔL/T = 40, and the two walls of a well add up."""
    loss = find.loss("rastrigin", 1)
    x, T = loss.minima[1].x[0], 0.5
    once = math.exp(passage.log_mean_time_on(coordinate(loss), x, T, *walls(loss, 1), True, 64))
    assert passage.passage_time(loss, 1, x, T) == pytest.approx(once, rel=1e-12)
    assert passage.passage_time(QUARTIC, 1, 3.0, 0.003) == math.inf or passage.passage_time(QUARTIC, 1, 3.0, 0.003) > 0
    tilted = find.loss("double_well_tilted")
    long = passage.passage_time(tilted, 1, tilted.minima[1].x[0], 0.005)
    assert long == pytest.approx(0.5 * 4.9966 * math.exp(tilted.minima[1].barrier / 0.005), rel=0.02)


def test_corners():
    assert passage.passage_time(QUARTIC, 1, B - 0.1, 0.5) == 0.0
    assert passage.mean_time(coordinate(QUARTIC), 3.0, 0.5) == math.inf
    assert passage.committor(QUARTIC, 3.0, 3.0, A, 0.5) == 0.0
    assert passage.committor(QUARTIC, A, 3.0, A, 0.5) == 1.0
    assert passage.committor(QUARTIC, 4.0, 3.0, A, 0.5) == 0.0
    assert passage.committor(QUARTIC, 0.0, 3.0, A, 0.5) == 1.0
    assert neighbours(QUARTIC, 1) == (0, None)
    assert coordinate(QUARTIC).curvature(B) == pytest.approx(-6.64605496225880, rel=1e-11)
    with pytest.raises(ValueError, match="no one-dimensional curve"):
        coordinate(find.loss("himmelblau"))


@pytest.mark.parametrize("T", [0.005, 0.002, 1e-4, 1e-5])
def test_times_beyond_the_largest_float_keep_their_logarithm(T):
    """Kramers' law falls short of the exact time by 0.1591 T (1 + O(T)) on the quartic, at every T."""
    log = passage.log_passage_time_to_other_well(QUARTIC, 1, 3.0, T)
    assert log - kramers.log_kramers_time(QUARTIC, 1, T) == pytest.approx(0.1591 * T, rel=3e-3)
    half = passage.log_passage_time(QUARTIC, 1, 3.0, T) - log
    assert math.exp(half) == pytest.approx(0.5 + 0.0173 * math.sqrt(T), abs=1.5e-5)  # the wall is half the way
    assert passage.passage_time(QUARTIC, 1, 3.0, T) == (math.exp(log + half) if T == 0.005 else math.inf)


def test_the_logarithms_of_the_issue():
    assert kramers.log_kramers_time(QUARTIC, 1, 0.005) / math.log(10) == pytest.approx(180.496, abs=5e-4)
    assert passage.log_boltzmann_masses(QUARTIC, 1e-3)[1] == pytest.approx(
        -1622.759447 + 0.5 * math.log(14.8960549622588 / 12), abs=0.01
    )
    assert passage.log_committor(QUARTIC, 2.5, 3.0, A, 1e-4) == pytest.approx(
        (QUARTIC.value(2.5) - QUARTIC.value(B)) / 1e-4, rel=1e-3
    )


def test_a_start_above_the_wall_is_no_matter_how_high():
    """From 4.9, where L = 61 is higher than the wall by 58, the SDE first falls into the well."""
    for T in (0.05, 0.005):
        from_above, inside = (passage.log_passage_time(QUARTIC, 1, x, T) for x in (4.9, 3.0))
        assert from_above == pytest.approx(inside, abs=1e-12)


def test_too_small_a_temperature_is_not_known():
    assert math.isnan(passage.log_committor(QUARTIC, 2.5, 3.0, A, 1e-7))
