"""The line "Predicted": the onset of the capped flow at the f_star of the table, or a sentence where it has none."""

import math

import pandas as pd
import pytest

from dynbench import find
from dynbench.losses.base import Loss, Minimum
from dynbench.sweep.table import onset_in_words, predictions

pytestmark = pytest.mark.quick

QUARTIC = find.loss("quartic")


def told(table, loss):
    """The prediction's lines as one."""
    return " ".join(predictions(table, loss))


def cells(**columns):
    return pd.DataFrame({"lr": [0.01], "cap": [100.0], "f_star": [0.0]} | columns)


@pytest.mark.parametrize(("f_star", "cap"), [(0.0, 71.294), (0.8, 140.616), (-0.2, 63.4713)])
def test_the_onset_is_that_of_f_star(f_star, cap):
    line = told(cells(f_star=[f_star]), QUARTIC)
    height = QUARTIC.minima[1].value - f_star
    assert cap == pytest.approx(QUARTIC.minima[1].distance / (0.01 * height), rel=1e-5)
    assert f"f_star = {f_star:g}:" in line
    assert f" up to cap {cap:.6g}, " in line


def test_every_value_of_an_axis_has_a_line():
    two = cells(lr=[0.01] * 2, cap=[9.0] * 2, f_star=[0.0, 0.8])
    text = told(two, QUARTIC)
    assert [part[:6] for part in text.split("up to cap ")[1:]] == ["71.294", "140.61"]


def test_no_infinite_cap_is_printed():
    for f_star, words in ((QUARTIC.minima[1].value, "at any cap"), (2.0, "climbs away"), (5.0, "leave at any cap")):
        line = told(cells(f_star=[f_star]), QUARTIC)
        assert words in line
        assert "inf" not in line
    assert predictions(cells(f_star=[math.nan]), QUARTIC) == []


def test_nothing_is_said_of_equal_minima_or_many():
    well = [Minimum((x,), 0.0, (2.0,), 0.25, 1.0) for x in (-1.0, 1.0)]
    twins = Loss(
        formula="(x² - 1)²/4", source="textbook", domain=((-2.0, 2.0),), dim=1, separators=(0.0,), minima=tuple(well),
        value=lambda x: (x * x - 1.0) ** 2 / 4.0, grad=lambda x: x * (x * x - 1.0),
    )  # fmt: skip
    assert predictions(cells(), twins) == []
    assert predictions(cells(), find.loss("himmelblau")) == []
    assert predictions(cells(), find.loss("rastrigin", 1)) == []
    assert onset_in_words(twins, 1, 0.01, 0.0) == "no start in its basin leaves at any cap."
