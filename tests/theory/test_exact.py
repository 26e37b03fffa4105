"""The exact escape probability of a cell, where there is one; and the predictions of every minimum."""

import math

import numpy as np
import pytest

from dynbench import find
from dynbench.theory import chain, nystrom, passage, thresholds
from dynbench.theory.exact import escape_probability
from dynbench.theory.predictions import predictions

pytestmark = pytest.mark.quick

QUARTIC = find.loss("quartic")
RASTRIGIN = find.loss("rastrigin", 1)
THREE = np.array([3.0])
GRADIENT = find.dynamics("gradient")


def quartic(x0=THREE, dynamics=GRADIENT, temperature=0.5, gradient_noise=0.0, label=1, steps=100, loss=QUARTIC):
    return escape_probability(loss, dynamics, {}, 0.01, temperature, gradient_noise, label, x0, steps)


def test_the_table():
    p, error = quartic()
    assert p == pytest.approx(0.02538597112, rel=5e-10)
    assert error < 1e-12
    p, _ = quartic(np.array([[3.0, 4.0, 4.0, 3.0]]))  # an average over starts
    assert p == pytest.approx((0.02538597112 + 0.02163821582) / 2, rel=5e-10)


def test_noise_in_the_gradient_is_a_temperature():
    """T + h s²/2."""
    alone = quartic(temperature=0.0, gradient_noise=10.0)
    assert alone == pytest.approx(quartic(temperature=0.5), rel=1e-12)
    both = quartic(temperature=0.3, gradient_noise=math.sqrt(0.2 * 2 / 0.01))
    assert both == pytest.approx(quartic(temperature=0.5), rel=1e-9)


def test_none_where_nothing_is_exact():
    assert quartic(dynamics=find.dynamics("sign")) is None
    assert quartic(temperature=0.0) is None
    assert quartic(label=-1) is None
    assert quartic(np.array([3.0, 1.0])) is None
    assert quartic(np.array([[3.0], [3.0]])) is None
    assert quartic(np.array([])) is None
    assert quartic(steps=0) is None
    assert quartic(temperature=1e-3) is None
    assert quartic(loss=find.loss("himmelblau"), x0=np.array([[3.0], [2.0]]), label=0) is None
    bowl = find.loss("quadratic", 1)
    assert escape_probability(bowl, GRADIENT, {"curvature": 2.0}, 0.1, 1.0, 0.0, 0, np.array([0.1]), 5) is None
    assert escape_probability(bowl, GRADIENT, {"curvature": 1.0}, 0.1, 1.0, 0.0, 0, np.array([0.1]), 5) == (0.0, 0.0)
    assert escape_probability(QUARTIC, GRADIENT, {}, 1e-6, 0.05, 0.0, 1, THREE, 5) is None


def test_coordinates_are_independent():
    """Rastrigin in three dimensions: 1 - Π (1 - p_d), averaged over two starts of one basin."""
    three = RASTRIGIN.at(1), find.loss("rastrigin", 3)
    x = np.array([[0.1, 0.0], [1.0, 0.9], [-1.1, -1.0]])
    p, error = escape_probability(three[1], GRADIENT, {}, 0.002, 2.0, 0.0, three[1].basin(x[:, 0]), x, 250)
    each = [
        [chain.p_exit(RASTRIGIN, RASTRIGIN.basin((c,)), c, 0.002, 2.0, (250,))[0][0, 0] for c in start] for start in x.T
    ]
    assert p == pytest.approx(1 - np.prod(1 - np.array(each), axis=1).mean(), rel=1e-10)
    assert error < 1e-10


def test_an_operator_is_shared():
    nystrom.built.cache_clear()
    for x in (2.9, 3.0, 3.1):
        quartic(np.array([x]), steps=50)
    quartic(steps=70, loss=find.loss("quartic"))
    assert nystrom.built.cache_info().misses == 2  # one operator, and the coarser one that tells the error


def test_predictions_of_the_quartic():
    zero, false = predictions(QUARTIC, 0.01, 0.5, (100, 2500))
    assert (zero["label"], false["label"]) == (0, 1)
    minimum = QUARTIC.minima[1]
    assert false["critical_cap"] == thresholds.critical_cap(minimum, 0.01)
    assert 3.1675 < false["two_cycle_cap"] < 3.1680  # the quadratic well's is 3.2008
    assert false["onset_cap"] == pytest.approx(false["critical_cap"], rel=1e-8)
    assert false["step_limit"] == pytest.approx(1 / 6, rel=1e-15)
    assert false["rmsprop_eps_limit"] == false["sign_eps_limit"] == pytest.approx(0.06, rel=1e-15)
    assert false["rmsprop_eps_inside_limit"] == pytest.approx(0.0036, rel=1e-15)
    assert false["p_escape"] == pytest.approx([0.02538597112, 0.5768297394], rel=5e-10)
    assert false["mean_steps"] == pytest.approx(2903.270408, rel=5e-10)
    assert false["passage_time"] == pytest.approx(25.57275385, rel=5e-10)
    assert false["passage_time_to_other_well"] == pytest.approx(50.29521211, rel=5e-10)
    (law,) = (one for one in false["predictions"] if one.name == "kramers_time")
    assert (law.kind, law.value) == ("about", false["kramers_time"]) == ("about", 45.0)
    assert law.bound == pytest.approx(50.29521211 / 45.0 - 1.0, abs=0.015)
    assert law.holds(50.29521211)
    assert false["kramers_valid"]
    assert zero["critical_cap"] == math.inf
    assert math.isnan(zero["escape_rate"])
    assert zero["p_escape"][1] == pytest.approx(0.0394092233, rel=1e-8)


def test_predictions_from_a_start_and_with_f_star():
    zero, false = predictions(QUARTIC, 0.01, 0.5, (2500,), f_star=0.5, x0=4.0)
    height = QUARTIC.minima[1].value - 0.5
    assert false["p_escape"] == pytest.approx([0.5751988463], rel=5e-10)
    assert (zero["start"], false["start"]) == (QUARTIC.minima[0].x[0], 4.0)
    assert false["critical_cap"] == pytest.approx(QUARTIC.minima[1].distance / 0.01 / height, rel=1e-14)
    assert false["capped_time"] == pytest.approx(1 / false["escape_rate"], rel=0.2)  # and the way down to it
    near = predictions(QUARTIC, 0.01, 0.5, (), x0=2.0)[1]
    assert near["committor"] == pytest.approx(passage.committor(QUARTIC, 2.0, 3.0, QUARTIC.minima[0].x[0], 0.5))
    hidden = predictions(QUARTIC, 0.01, f_star=2.0)[1]
    assert math.isnan(hidden["critical_cap"])  # the minimum repels
    assert hidden["p_escape"] is None


@pytest.mark.parametrize("name", find.losses())
@pytest.mark.parametrize("temperature", [None, 1.0])
def test_every_loss_has_predictions(name, temperature):
    loss = find.loss(name)
    for dim in {loss.dim or loss.dims[0], loss.dim or 3}:
        records = predictions(loss.at(dim), 0.002, temperature, (10, 100), labels=range(min(len(loss.minima), 5)))
        assert len({tuple(r) for r in records}) == 1  # the same names, whatever is known
        for record in records:
            assert record["step_limit"] > 0
            assert len(record["x"]) == dim
            if record["p_escape"] is not None:
                assert 0 <= record["p_escape"][0] <= record["p_escape"][1] <= 1


def test_in_more_dimensions_the_whole_minimum_counts():
    one, three = (predictions(find.loss("rastrigin", d), 0.002, 2.0, (100,), labels=[1])[0] for d in (1, 3))
    assert three["value"] == pytest.approx(3 * one["value"], rel=1e-15)
    assert three["p_escape"][0] == pytest.approx(1 - (1 - one["p_escape"][0]) ** 3, rel=1e-10)
    assert three["kramers_time"] == pytest.approx(one["kramers_time"] / 3, rel=1e-15)
    assert three["critical_cap"] == pytest.approx(one["critical_cap"] / 3, rel=1e-15)
    assert three["label"] == 1 + 63 + 63**2
