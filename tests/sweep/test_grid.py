import numpy as np
import pytest

from dynbench.sweep.definition import expanded, restored
from dynbench.sweep.grid import Arm, Plan, Sweep, with_axes
from dynbench.sweep.starts import Starts

pytestmark = pytest.mark.quick

THREE = Starts("points", 3, ((2.5,), (3.0,), (4.0,)))
SWEEP = Sweep(
    loss="quartic",
    arms=(Arm("capped", {"cap": (10.0, 100.0)}), Arm("gradient", {"temperature": (0.0, 0.5), "lr": (0.01, 0.02)})),
    starts=THREE,
    seeds=4,
)


def test_a_deterministic_combination_runs_once_from_each_start():
    plan = Plan(SWEEP)
    assert [list(arm.repeats) for arm in plan.arms] == [[1, 1], [1, 4, 1, 4]]
    assert plan.total == 2 * 3 + 2 * 3 + 2 * 12


def test_columns_do_not_depend_on_where_rows_are_cut():
    plan = Plan(SWEEP)
    arm = plan.arms[1]
    every = plan.piece(arm, arm.first, arm.last)
    for first, last in ((arm.first, arm.first + 1), (arm.first + 5, arm.last - 2)):
        part = plan.piece(arm, first, last)
        rows = slice(first - arm.first, last - arm.first)
        for name in ("x0", "parameters", "lr", "temperature", "stream", "basin"):
            np.testing.assert_array_equal(getattr(part.batch, name), getattr(every.batch, name)[..., rows])


def test_all_arms_share_the_noise_of_a_start_and_repeat():
    plan = Plan(
        Sweep(
            "quartic",
            (Arm("gradient", {"temperature": (0.5, 1.0)}), Arm("sign", {"temperature": (0.5,)})),
            THREE,
            seeds=4,
        )
    )
    streams = [plan.piece(arm, arm.first, arm.last).batch.stream.reshape(-1, 12) for arm in plan.arms]
    np.testing.assert_array_equal(streams[0][0], streams[0][1])
    np.testing.assert_array_equal(streams[0][0], streams[1][0])
    assert len(set(streams[0][0].tolist())) == 12


def test_pieces_cover_every_row_once():
    plan = Plan(SWEEP)
    cut = plan.pieces(0, plan.total, 7)
    assert [row for _, a, b in cut for row in range(a, b)] == list(range(plan.total))


@pytest.mark.parametrize(
    ("sweep", "why"),
    [
        (Sweep("quartic", (Arm("capped", {"cop": (1.0,)}),), THREE), "did you mean 'cap'"),
        (Sweep("quartic", (Arm("capped", {"cap": (-1.0,)}),), THREE), "outside its bounds"),
        (Sweep("quartic", (Arm("capped", {"lr": (0.0,)}),), THREE), "above 0"),
        (Sweep("quartic", (Arm("gradient", {"temperature": (-0.1,)}),), THREE), "outside its bounds"),
        (Sweep("quartic", (Arm("gradient"),), THREE, record=("crosings",)), "no quantity called"),
        (Sweep("quartic", (Arm("gradient"),), THREE, record=("t_diverged",)), "always recorded"),
        (
            Sweep("himmelblau", (Arm("gradient"),), Starts("grid", 3), dim=2, record=("crossings",)),
            "not known at every step",
        ),
        (Sweep("quartic", (Arm("gradient"),), THREE, keep="some"), "neither all nor cells"),
    ],
)
def test_a_sweep_that_cannot_run_says_why(sweep, why):
    with pytest.raises(ValueError, match=why):
        Plan(sweep)


def test_an_axis_goes_to_every_arm_that_takes_it():
    changed = with_axes(SWEEP, {"cap": (5.0,), "lr": (0.1,)})
    assert [dict(arm.axes) for arm in changed.arms] == [
        {"cap": (5.0,), "lr": (0.1,)},
        {"temperature": (0.0, 0.5), "lr": (0.1,)},
    ]
    with pytest.raises(ValueError, match="no rule of this sweep has a parameter 'beta'"):
        with_axes(SWEEP, {"beta": (0.5,)})


def test_a_sweep_survives_being_written_out(tmp_path):
    definition = expanded(Plan(SWEEP))
    assert expanded(Plan(restored(definition, tmp_path))) == definition
