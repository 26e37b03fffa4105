"""Settings that differ are never written alike, in the terminal's table and on the page."""

import math

import pandas as pd
import pytest

from dynbench.digits import digits, exact
from dynbench.report import arms
from dynbench.sweep.table import digits_of, label, varying

pytestmark = pytest.mark.quick


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], 6),
        ([1.0, 1.0, math.nan], 6),
        ([71.29, 71.3, 1e6], 6),
        ([71.29394791, 71.29394792], 10),
        ([71.29394791, 71.29394791 + 1e-13], 15),
        ([0.3, 0.30000000000000004], 17),
    ],
)
def test_as_many_digits_as_it_takes(values, expected):
    assert digits(values) == expected


def test_a_single_number_is_written_so_that_it_can_be_read_back():
    assert [exact(v) for v in (0.3, 1e6, 71.29394791, 0.30000000000000004)] == [
        "0.3", "1000000", "71.29394791", "0.30000000000000004"
    ]  # fmt: skip


def test_neighbouring_caps_have_names_of_their_own():
    """Those of another rule keep six digits."""
    cells = pd.DataFrame({
        "loss": "quartic", "dynamics": ["capped", "capped", "sps_max", "sps_max"],
        "cap": [71.29394791, 71.29394792, math.nan, math.nan], "step_cap": [math.nan, math.nan, 1 / 3, 0.5],
        "lr": 0.01, "temperature": 0.0, "gradient_noise": 0.0,
    })  # fmt: skip
    names = varying(cells, ["cap", "step_cap"])
    places = digits_of(cells, names)
    terminal = [label(cell, names[cell["dynamics"]], places[cell["dynamics"]]) for cell in cells.to_dict("records")]
    assert terminal == [
        "capped cap 71.29394791", "capped cap 71.29394792", "sps_max step_cap 0.333333", "sps_max step_cap 0.5"
    ]  # fmt: skip
    assert arms.names(cells) == [
        "capped, cap 71.29394791", "capped, cap 71.29394792", "sps_max, step cap 0.333333", "sps_max, step cap 0.5"
    ]  # fmt: skip


def test_starts_that_differ_have_names_of_their_own():
    cells = pd.DataFrame({"loss": "quartic", "dynamics": "sign", "x0": [0.3, 0.30000000000000004], "lr": 0.01,
                          "temperature": 0.0, "gradient_noise": 0.0})  # fmt: skip
    places = digits_of(cells, {"sign": []})["sign"]
    assert [label(cell, [], places) for cell in cells.to_dict("records")] == [
        "sign from 0.3", "sign from 0.30000000000000004"
    ]  # fmt: skip
