"""Who leads and who ties: by the intervals that stand in the table, and by nothing else."""

import math

import pandas as pd
import pytest

from dynbench.sweep.ties import Leader, few, leader

pytestmark = pytest.mark.quick
NAN = math.nan


def rows(*cells: tuple[float, float, float]) -> pd.DataFrame:
    return pd.DataFrame(cells, columns=["p", "p_lo", "p_hi"])


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (rows((0.5, 0.4, 0.6), (0.9, 0.8, 0.95), (0.7, 0.6, 0.8)), Leader(1, (2,))),  # a limit that is reached ties
        (rows((0.5, 0.4, 0.6), (0.9, 0.8, 0.95), (0.7, 0.6, 0.79)), Leader(1, ())),
        (rows((0.9, 0.8, 0.95), (0.9, 0.8, 0.95)), Leader(0, (1,))),
        (rows((0.918, 0.90111, 0.933), (0.883, 0.863, 0.90005)), Leader(0, (1,))),  # both are printed as 0.901
        (rows((0.018, 0.0083, 0.035), (0.0, 0.0, 0.0069)), Leader(0, ())),
        (rows((0.9, 0.8, 0.95), (NAN, 0.2, 0.85)), Leader(0, (1,))),  # bounds alone: it may be as good
        (rows((0.3, 0.2, 0.4), (NAN, 0.5, 0.9)), Leader(0, (1,))),
        (rows((0.3, 0.2, 0.4), (1.0, NAN, NAN)), Leader(0, ())),  # a single trajectory is no probability
        (rows((0.0, NAN, NAN), (1.0, NAN, NAN), (1.0, NAN, NAN)), Leader(1, (2,))),
        (rows((0.0, 0.0, 0.1), (0.0, 0.0, 0.1)), None),
        (rows((NAN, NAN, NAN)), None),
    ],
)
def test_the_leader_and_those_whose_intervals_reach_into_its_own(table, expected):
    assert leader(table, "p") == expected


def test_among_some_rows_places_are_those_of_the_table():
    table = rows((0.99, 0.9, 1.0), (0.5, 0.4, 0.6), (0.6, 0.5, 0.7), (0.1, 0.0, 0.2))
    assert leader(table, "p", [1, 2, 3]) == Leader(2, (1,))


def test_settings_of_the_same_numbers_lead_together():
    table = rows((1.0, 0.99, 1.0), (0.5, 0.4, 0.6), (1.0, 0.99, 1.0), (0.99, 0.98, 1.0))
    first = leader(table, "p")
    assert first == Leader(0, (2, 3))
    assert first.alike(table, "p") == (0, 2)


@pytest.mark.parametrize(("count", "n", "expected"), [(1, 500, True), (5, 500, True), (6, 500, False), (2, 3, False)])
def test_one_of_many_leads_nothing(count, n, expected):
    cell = pd.Series({"p_final": count / n, "p_final_lo": 0.0, "n": n})
    assert few(cell, "p_final") == expected
    split = pd.Series({"p_escape": 5e-8, "p_escape_lo": 4e-8, "p_escape_se": 2e-9, "n": n})
    assert not few(split, "p_escape")
