import math

import pandas as pd
import pytest

from dynbench.store import context_of
from dynbench.sweep.grid import Arm, Sweep
from dynbench.sweep.run import run
from dynbench.sweep.starts import Starts
from dynbench.sweep.table import begun, groups, probability, share, shown, varying

pytestmark = pytest.mark.quick


@pytest.mark.parametrize(
    ("p", "lo", "hi", "text"),
    [
        (0.0, 0.0, 0.0029, "0 [0, 0.0029]"),
        (0.9104, 0.9012, 0.9189, "0.910 [0.901, 0.919]"),
        (1.0, 0.996, 1.0, "1 [0.996, 1]"),
        (0.99921, 0.99559, 0.99998, "0.999 [0.995, 1.000]"),
        (1 / 2025, 1.2503e-5, 2.7485e-3, "4.9e-4 [1.2e-5, 2.8e-3]"),  # one notation for all three
        (1 / 500, 5.0635e-5, 1.10916e-2, "0.0020 [0.00005, 0.0111]"),
        (5.38e-8, 4.911e-8, 5.892e-8, "5.38e-8 [4.91e-8, 5.9e-8]"),
        (0.0253032, 0.0252056, 0.0254007, "0.02530 [0.02520, 0.02541]"),
        (3.1e-4, 2.1e-4, 4.4e-4, "0.00031 [0.00021, 0.00044]"),
        (1.0, math.nan, math.nan, "1 (nothing random)"),
        (math.nan, math.nan, math.nan, "-"),
    ],
)
def test_a_probability_has_the_digits_that_it_needs(p, lo, hi, text):
    assert probability(p, lo, hi) == text


def cell(**changes) -> dict:
    """A cell of a rule of which nothing escaped."""
    shares = {"p_escape": 0.0, "p_escape_lo": 0.0, "p_escape_hi": 0.5, "p_final": 0.0, "loss_median": 1.0}
    ends = dict.fromkeys(("converged", "absorbed", "stalled", "cycling", "censored", "diverged"), 0)
    fates = {"inside": 2, "left": 0, "left_diverged": 0, "diverged_inside": 0, "escaped": 0, "t_exit_median": math.nan}
    given = {
        "dynamics": "gradient",
        "lr": 0.01,
        "temperature": 0.5,
        "gradient_noise": 0.0,
        "randomness": "noise",
        "n": 2,
    }
    return given | fates | shares | ends | changes


def texts(*cells: dict) -> list[str]:
    table = pd.DataFrame(cells)
    return [text for text, _ in groups(table, varying(table, ()))]


def test_neighbours_from_which_nothing_escaped_are_one_row():
    assert texts(cell(), cell(temperature=0.6), cell(temperature=0.7)) == ["gradient temperature 0.5..0.7 (3)"]


def test_neighbours_are_no_one_row_where_their_exact_p_differs():
    """The row had the exact P of its first value: 5.5e-9 for temperatures up to 0.4, where it is 0.03."""
    assert len(texts(cell(p_exact=5.5e-9), cell(temperature=0.6, p_exact=0.0327))) == 2
    assert len(texts(cell(p_exact=5.5e-9), cell(temperature=0.6, p_exact=5.5e-9))) == 1


def test_a_row_without_noise_is_none_of_rows_with_it():
    assert len(texts(cell(temperature=0.0, randomness="grid starts"), cell())) == 2


def test_trajectories_of_a_setting_are_those_of_all_basins():
    """2001 starts, of which 1263 lie in the basin of the false minimum."""
    both = pd.DataFrame({"dynamics": ["sign"] * 2, "start_basin": [0, 1], "n": [738, 1263]})
    assert begun(both) == 2001
    assert begun(pd.concat([both, both.assign(dynamics="adam", n=[1, 2])])) == 0
    both.insert(1, "x0", [0.5, 3.0])
    assert begun(both) == 0


def test_neighbours_of_the_same_numbers_are_one_row():
    """Caps that no trajectory meets: 0.837 from 17782.8 to 1e+06."""
    left = {"n": 4, "escaped": 2, "left": 2, "p_escape": 0.5, "p_escape_lo": 0.06, "p_escape_hi": 0.94, "censored": 4}
    same = [cell(temperature=t, t_exit_median=9.0, left_diverged=0, **left) for t in (0.5, 0.6, 0.7)]
    assert texts(*same) == ["gradient temperature 0.5..0.7 (3)"]
    assert len(texts(same[0], same[1] | {"t_exit_median": 8.0}, same[2])) == 3
    assert len(texts(same[0], same[1] | {"loss_median": 2.0}, same[2])) == 3


def test_neighbours_that_end_otherwise_are_rows_of_their_own():
    """Where there is nothing to escape from, P(final) is what tells the settings apart."""
    assert len(texts(cell(), cell(temperature=0.6, p_final=0.5), cell(temperature=0.7))) == 3


def test_cells_of_other_starts_or_numbers_of_trajectories_are_rows_of_their_own():
    assert len(texts(cell(), cell(temperature=0.6, n=4), cell(temperature=0.7))) == 3
    assert texts(cell(x0=2.9), cell(x0=3.0), cell(temperature=0.0, x0=3.0)) == [
        "gradient temperature 0.5 from 2.9", "gradient temperature 0.5 from 3", "gradient temperature 0 from 3",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("p", "text"),
    [(0.0, "0"), (3.2e-4, "3.2e-4"), (0.0025, "0.0025"), (0.0055, "0.0055"),
     (5.4e-8, "5.4e-8"), (0.0321, "0.032"), (0.99921, "0.999"), (0.99971, "0.99971"),
     (1.0, "1"), (1.0 - 1e-9, ">0.999999"), (math.nan, "-")],
)  # fmt: skip
def test_a_share_never_looks_like_0_or_1_where_it_is_not(p, text):
    assert share(p) == text


def test_exits_between_bounds_are_of_those_that_certainly_left(tmp_path):
    result = run(Sweep("quartic", (Arm("gradient"),), Starts("grid", 3), steps=10), tmp_path)
    table = result.summary().assign(p_escape=math.nan)
    about = [column.about for column in shown(table, context_of(result)).columns if column.head.startswith("P(escape)")]
    assert about[0].startswith("share that certainly left its start's basin within 10 steps")
