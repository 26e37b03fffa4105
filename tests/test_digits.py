"""Settings that differ are never written alike, in the terminal's table and on the page."""

import math

import pandas as pd
import pytest

from dynbench.digits import digits, exact
from dynbench.report import arms, curves
from dynbench.sweep import headline
from dynbench.sweep.side import nearby
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


def test_sentences_about_neighbouring_caps_tell_them_apart():
    """With six digits the first cap with an escape would be written like the last one without."""
    rows = pd.DataFrame({
        "loss": "quartic", "dynamics": "capped", "cap": [71.29394791, 71.29394792], "lr": 0.01, "temperature": 0.0,
        "gradient_noise": 0.0, "start_basin": 1, "n": 100, "escaped": [0, 3], "p_escape": [0.0, 0.03],
        "p_escape_lo": [0.0, 0.01], "p_escape_hi": [0.009, 0.08],
    })  # fmt: skip
    told = curves.told(rows.iloc[0].to_dict(), rows, [], math.inf, {1: "x = 3"})
    assert "the first escapes are at cap 71.29394792 (3 of 100 runs)" in told
    assert "none at the one smaller cap, 71.29394791" in told
    names = varying(rows, ["cap"])
    assert headline.named(rows, rows.iloc[1], names) == "capped cap 71.29394792"
    assert headline.listed(rows, [0, 1], names, best=[]) == "capped (2 settings, cap 71.29394791 to 71.29394792)"


def test_a_value_that_may_be_each_of_two_settings_is_asked_for_in_full():
    """As is one that is near to none; -0.0 and 0.0 are one."""
    table = pd.DataFrame({"cap": [71.29394791, 71.29394792, 80.0, 0.0]})
    assert nearby(table, "cap", 71.29394792, "--a")["cap"].tolist() == [71.29394792]
    assert nearby(table, "cap", 80.0000001, "--a")["cap"].tolist() == [80.0]
    assert nearby(table, "cap", -0.0, "--a")["cap"].tolist() == [0.0]
    with pytest.raises(ValueError, match=r"--a: cap = 71.2939 may be each of 71.29394791, 71.29394792; write it out"):
        nearby(table, "cap", 71.2939, "--a")
    with pytest.raises(ValueError, match=r"--a: no arm has cap = 71; there are 0, 71.29394791, 71.29394792, 80"):
        nearby(table, "cap", 71.0, "--a")
