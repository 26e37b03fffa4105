"""The bound of a number that is about: it holds for what is printed, read as a share of the value or of the truth."""

import math

import numpy as np
import pytest

from dynbench import find
from dynbench.theory import predictions
from dynbench.theory.__main__ import digits, doubt
from dynbench.theory.prediction import ABOUT, EXACT, Prediction, about

LN10 = math.log(10.0)
EXACTLY = {"kramers_time": "passage_time_to_other_well", "passage_time_to_wall_of_chain": "mean_steps"}
pytestmark = pytest.mark.quick


def as_read(one):
    """(ln of the number, the share or the factor that it may be off by), as a reader of the table takes them."""
    text, said = digits(one), doubt(one).split()
    log = LN10 * float(text[3:]) if text.startswith("10^") else math.log(float(text))
    if said[0] == "within":
        return log, float(said[-1]) - 1.0
    return log, float(said[-1].rstrip("%")) / 100.0


def both(log_value, log_truth):
    """|truth/value - 1| and |value/truth - 1|, the larger one."""
    return max(abs(math.expm1(log_truth - log_value)), abs(math.expm1(log_value - log_truth)))


@pytest.mark.parametrize("name", find.losses())
def test_bounds_cover_the_exact_number_of_the_same_screen(name):
    """Every loss of one dimension, its first minima with walls, T from 0.03 of the barrier to three times."""
    loss = find.loss(name) if find.loss(name).dim else find.loss(name, 1)
    known = [k for k, m in enumerate(loss.minima) if 0.0 < m.barrier < math.inf][:3]
    for label in known if loss.tensor and loss.dim == 1 else ():
        minimum = loss.minima[label]
        if not predictions.curved(minimum):
            continue
        for share in (0.03, 0.2, 1.0, 3.0):
            stated, _ = predictions.of_noise(
                loss, label, minimum, 0.1 / minimum.curvatures[-1], share * minimum.barrier, (100,), minimum.x[0]
            )
            by_name = {one.name: one for one in stated}
            for told, exact in EXACTLY.items():
                one, truth = by_name.get(told), by_name[exact]
                if one is None or not one.known or not math.isfinite(truth.log10):
                    continue
                log_truth = LN10 * truth.log10 + (math.log(0.1 / minimum.curvatures[-1]) if "chain" in told else 0.0)
                value, bound = as_read(one)
                assert both(value, log_truth) <= bound, (share, one, truth)
                assert bound == pytest.approx(one.bound, abs=0.1 if one.bound >= 1.0 else 1e-12)  # text = JSON
                if math.isfinite(one.value):
                    assert both(math.log(one.value), log_truth) <= one.bound
                    assert one.holds(math.exp(log_truth))


def test_the_two_of_the_quartic():
    """T = 0.5, h = 0.01: 1040 for 1123.925596 and 45 for 50.29521211 were called good to 7.5% and 11%."""
    loss = find.loss("quartic")
    found = predictions.predictions(loss, 0.01, 0.5)
    for record, exact, old in zip(found, (1123.925596, 50.29521211), (0.075, 0.11), strict=True):
        one = next(o for o in record["predictions"] if o.name == "kramers_time")
        assert abs(exact / one.value - 1.0) > old
        assert abs(exact / one.value - 1.0) <= one.bound < old + 0.025


@pytest.mark.parametrize("absolute", [False, True])
def test_rounding_is_within_the_bound(absolute):
    """Whatever truth the unrounded value allows lies within the bound of the rounded one. 2000 values, seed 1."""
    random = np.random.default_rng(1)
    for value, off in zip(10.0 ** random.uniform(-6, 6, 2000), 10.0 ** random.uniform(-6, -0.1, 2000), strict=True):
        wide = off * value if absolute else off
        one = about("a", "a", float(value), float(wide), absolute=absolute)
        truths = (value - wide, value + wide) if absolute else (value / (1.0 + off), value / (1.0 - off))
        for truth in truths:
            assert one.holds(float(truth)), (value, off, one)
            if not absolute:
                assert both(math.log(one.value), math.log(truth)) <= one.bound
        assert one.bound <= (1.7 * wide if absolute else 1.7 * off / (1.0 - off))  # rounding is up to half of it
        assert digits(one) == f"{one.value:.15g}"
        figures = digits(one).partition("e")[0].replace(".", "").strip("0")
        assert len(figures) <= max(1, math.ceil(-math.log10(off)) + 1)


def test_holds_is_read_either_way():
    one = Prediction("a", "a", 100.0, ABOUT, 0.1)
    assert one.holds(110.0)
    assert one.holds(91.0)
    assert not one.holds(110.1)  # 10.1% of the value
    assert not one.holds(90.9)  # the value is 10.01% more
    assert one.holds(90.9, 0.1)


def test_a_number_known_to_nothing_is_not_stated():
    assert not about("a", "a", 1.0, 1.0).known


@pytest.mark.parametrize(("bound", "text"), [(0.0, "0.1234567891"), (5e-4, "0.1235"), (9e-4, "0.123"), (0.5, "0.1")])
def test_an_exact_number_has_the_digits_that_its_solver_supports(bound, text):
    assert digits(Prediction("a", "a", 0.12345678912, EXACT, bound)) == text


def test_so_has_a_power_of_ten():
    far = Prediction("a", "a", math.nan, EXACT, 1e-4, log10=-450.123456789)
    assert digits(far) == "10^-450.1235"
