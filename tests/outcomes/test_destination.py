"""Where the escaped went, by hand and against plain counting."""

import numpy as np
import pandas as pd
import pytest

from dynbench import find
from dynbench.outcomes.destination import destinations, outcomes
from dynbench.outcomes.intervals import interval

pytestmark = pytest.mark.quick


def rows(**columns) -> pd.DataFrame:
    n = len(columns["t_exit"])
    usual = {"id": range(n), "dynamics": "capped", "cap": 7.0, "start_basin": 1, "status": "censored"}
    return pd.DataFrame(usual | columns)


HAND = rows(
    t_exit=[3, 5, 9, 2, -1, -1, 4],
    basin_final=[0, 0, 1, 2, 1, 1, -1],
    crossings=[1, 3, 2, 1, 0, 0, 1],
    status=["censored"] * 6 + ["diverged"],
)


def test_destinations_by_hand():
    table = destinations(HAND)
    assert table["basin_final"].tolist() == [-2, 0, 1, 2]
    assert destinations(HAND.assign(status="censored"))["basin_final"].tolist() == [-1, 0, 1, 2]
    assert table["count"].tolist() == [1, 2, 1, 1]
    assert table["escaped"].tolist() == [5] * 4
    np.testing.assert_array_equal(table["p"], [0.2, 0.4, 0.2, 0.2])
    assert (table["p_lo"][1], table["p_hi"][1]) == interval(2, 5)


def test_outcomes_by_hand():
    cell = outcomes(HAND).iloc[0]
    assert (cell["n"], cell["escaped"], cell["returned"], cell["stayed_out"], cell["at_global"]) == (7, 5, 1, 3, 2)
    assert (cell["p_returned"], cell["p_global"]) == (1 / 5, 2 / 7)
    assert (cell["p_global_lo"], cell["p_global_hi"]) == interval(2, 7)
    assert (cell["crossings"], cell["recrossed"]) == (8, 2)
    assert "crossings" not in outcomes(HAND.drop(columns="crossings"))
    assert cell["left_diverged"] == 1
    himmelblau = outcomes(HAND, loss=find.loss("himmelblau")).iloc[0]  # all its minima are global
    assert (himmelblau["at_global"], himmelblau["p_global"]) == (6, 6 / 7)


def test_ends_that_are_not_known_widen_the_bounds():
    cell = outcomes(HAND.assign(status="censored")).iloc[0]
    assert (cell["left_diverged"], cell["unplaced"], cell["unknown"]) == (0, 1, 1)
    assert np.isnan([cell["p_returned"], cell["p_global"]]).all()
    assert (cell["p_global_lo"], cell["p_global_hi"]) == (interval(2, 7)[0], interval(3, 7)[1])
    assert (cell["p_returned_lo"], cell["p_returned_hi"]) == (interval(1, 5)[0], interval(2, 5)[1])


def test_nobody_escaped():
    stayed = rows(t_exit=[-1, -1], basin_final=[1, 1])
    assert destinations(stayed).empty
    assert list(destinations(stayed)) == list(destinations(HAND))
    cell = outcomes(stayed).iloc[0]
    assert cell["returned"] == 0
    assert np.isnan(cell[["p_returned", "p_returned_lo", "p_returned_hi"]].astype(float)).all()


@pytest.mark.parametrize("by", [["start_basin"], ["dynamics", "cap", "start_basin"]])
def test_cells_of_many_rows(by):
    draw = np.random.default_rng(1)
    n = 2000
    frame = rows(
        t_exit=np.where(draw.random(n) < 0.6, draw.integers(1, 99, n), -1),
        basin_final=draw.integers(-1, 5, n),
        start_basin=draw.integers(0, 3, n),
        dynamics=draw.choice(["capped", "sign"], n),
    )
    frame["cap"] = np.where(frame["dynamics"] == "capped", draw.choice([1.0, 7.0], n), np.nan)
    table, ends = outcomes(frame, by), destinations(frame, by)
    assert table["n"].sum() == n
    assert ends["count"].sum() == table["escaped"].sum() == (frame["t_exit"] >= 0).sum()
    again = ends[ends["basin_final"] == ends["start_basin"]]["count"].sum()
    assert again == table["returned"].sum()
    unknown = ends[ends["basin_final"] == -1]["count"].sum()
    assert (table["stayed_out"] + table["returned"]).sum() == table["escaped"].sum() - unknown
    for values, group in frame[frame["t_exit"] >= 0].groupby([*by, "basin_final"], dropna=False):
        mine = ends[
            (ends[[*by, "basin_final"]].fillna(-9) == pd.Series(values, [*by, "basin_final"]).fillna(-9)).all(axis=1)
        ]
        assert mine["count"].tolist() == [len(group)]
