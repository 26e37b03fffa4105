"""Arms are read off a table's settings, whatever the order of its rows; names tell them apart."""

import gc

import numpy as np
import pandas as pd
import pytest

from dynbench.report import arms
from dynbench.report.style import uncollected

pytestmark = pytest.mark.quick

SETTINGS = ["dynamics", "beta", "cap", "lr", "temperature"]
ROWS = [
    ("capped", np.nan, 10.0, 0.01, 0.0),
    ("capped", np.nan, 10.0, 0.01, 0.5),
    ("momentum", 0.9, np.nan, 0.01, 0.0),
    ("capped", np.nan, 20.0, 0.01, 0.0),
]


@pytest.mark.parametrize(
    "order", [[0, 0, 1, 2, 2, 3], [0, 1, 0, 2, 1, 3, 2], [2], [], [3, 2, 1, 0] * 3], ids=lambda order: str(len(order))
)
@pytest.mark.parametrize("kind", [str, object, "category"])
def test_arms_in_order_of_appearance(order, kind):
    every = pd.DataFrame([ROWS[k] for k in order], columns=SETTINGS).astype({"dynamics": kind})
    every.insert(2, "x0", np.linspace(0.0, 1.0, len(order)))  # a start is no setting
    table, arm = arms.arms(every.set_index(every.index[::-1]))  # nor does the index matter
    firsts = list(dict.fromkeys(order))
    assert arm.tolist() == [firsts.index(k) for k in order]
    assert list(table.columns) == SETTINGS
    assert list(table.index) == list(range(len(firsts)))
    for row, k in zip(table.itertuples(index=False), firsts, strict=True):
        assert row[0] == ROWS[k][0]
        assert np.array_equal(row[1:], ROWS[k][1:], equal_nan=True)


def test_names_tell_what_differs_within_a_rule():
    table = pd.DataFrame(ROWS, columns=SETTINGS)
    assert arms.varying(table) == ["cap", "temperature"]  # beta has one value beside nan
    assert arms.varying(table[:0]) == []
    assert arms.names(table) == ["capped, cap 10, T 0", "capped, cap 10, T 0.5", "momentum", "capped, cap 20, T 0"]


def test_no_rule_is_left_out_of_a_picture_and_none_is_drawn_twice_before():
    """Himmelblau's picture of targets drew the capped flow twice and left out rules that reached every target."""
    rules = ["sign", "capped", "capped", "capped", "adam", "gradient", "gradient", "rmsprop"]
    caps, temperature = [np.nan, 1.0, 9.0, 90.0, *[np.nan] * 4], [0.0, 0.0, 0.0, 0.0, 0.0, 0.1, 0.9, 0.0]
    table = pd.DataFrame({"dynamics": rules, "cap": caps, "lr": 0.01, "temperature": temperature})
    score = [0.4, 0.1, 1.0, 0.7, 1.0, 0.2, 0.3, 1.0]
    for limit in (1, 4, 5):
        assert arms.few(table, limit, lambda _: np.inf, score) == [2, 6, 4, 7, 0]
    more = arms.few(table, 6, lambda _: np.inf, score)
    assert set(table["dynamics"].iloc[more]) == set(rules)
    assert len(set(more)) == len(more) == 6


@pytest.mark.parametrize("collecting", [True, False])
def test_collection_goes_on_afterwards_as_before(collecting):
    before, during = gc.isenabled(), []
    try:
        (gc.enable if collecting else gc.disable)()
        with pytest.raises(ZeroDivisionError), uncollected():
            during.append(gc.isenabled()) or 1 / 0
        assert during == [False]
        assert gc.isenabled() == collecting
    finally:
        (gc.enable if before else gc.disable)()
