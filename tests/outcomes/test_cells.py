"""Cells: small tables with known answers, and the two ways to the same table."""

import numpy as np
import pandas as pd
import pytest
from cell_rows import CONTEXT, mixed, rows

from dynbench.kernels.shape import STATUSES
from dynbench.outcomes import times
from dynbench.outcomes.aggregate import aggregate, estimates, merge, packed
from dynbench.outcomes.cells import PARTITION, Context, cells
from dynbench.outcomes.intervals import clopper_pearson, interval

pytestmark = pytest.mark.quick

TABLE = """
loss dynamics cap beta lr temperature gradient_noise steps start_basin randomness n inside left left_diverged
diverged_inside unknown escaped p_escape p_escape_lo
p_escape_hi t_exit_median t_exit_median_escaped committed p_best p_best_lo p_best_hi p_final p_final_lo p_final_hi
converged absorbed cycling stalled diverged censored p_global p_global_lo p_global_hi loss_median
"""
COLUMNS = [*TABLE.split(), *times.COLUMNS, "returned"]


def one(frame: pd.DataFrame, context: Context = CONTEXT, **given) -> pd.Series:
    table = cells(frame, context, **given)
    assert len(table) == 1
    return table.iloc[0]


def test_columns():
    assert list(cells(rows(3), CONTEXT)) == COLUMNS
    assert list(cells(mixed(), CONTEXT)) == COLUMNS
    with_start = [*COLUMNS[:2], "x0", *COLUMNS[2:]]
    assert list(cells(rows(3), CONTEXT, by_start=True)) == with_start
    frame = mixed()
    assert list(estimates(aggregate(frame, CONTEXT, by_start=True), CONTEXT)) == with_start
    integers = ["steps", "start_basin", "n", "unknown", *STATUSES]
    assert {str(t) for t in cells(frame, CONTEXT)[integers].dtypes} == {"int64"}


def test_one_cell_by_hand():
    cell = one(
        rows(
            8,
            t_exit=[10, 20, -1, 40, 30, -1, 50, -1],
            t_commit=[11, -1, -1, 41, -1, -1, -1, -1],
            status=["converged", "converged", "absorbed", "cycling", "stalled", "diverged", "censored", "censored"],
            loss_best=[0.5, 0.75, 0.76, 9.0, 9.0, 9.0, 9.0, 9.0],
            loss_final=[0.6, 1.0, 2.0, 3.0, 4.0, np.nan, 5.0, 6.0],
            basin_final=[0, 0, 1, 0, 1, -1, 2, 1],
        )
    )
    assert (cell["n"], cell["escaped"], cell["committed"], cell["steps"]) == (8, 5, 2, 100)
    assert cell[PARTITION].tolist() == [2, 5, 0, 1]
    assert (cell["unknown"], cell["returned"]) == (0, 1)
    assert (cell["p_escape"], cell["p_best"], cell["p_final"], cell["p_global"]) == (5 / 8, 2 / 8, 1 / 8, 3 / 8)
    assert (cell["p_escape_lo"], cell["p_escape_hi"]) == tuple(map(float, interval(5, 8)))
    assert (cell["p_global_lo"], cell["p_global_hi"]) == tuple(map(float, interval(3, 8)))
    assert cell["t_exit_median"] == (40 + 50) / 2
    assert cell["t_exit_median_escaped"] == 30
    assert cell["loss_median"] == (3.0 + 4.0) / 2
    assert cell["randomness"] == "uniform starts"
    ends = ("converged", "absorbed", "cycling", "stalled", "diverged", "censored")
    assert [cell[end] for end in ends] == [2, 1, 1, 1, 1, 2]


@pytest.mark.parametrize(
    ("times", "of_all", "of_escaped"),
    [
        ([5], 5, 5),
        ([-1], np.nan, np.nan),
        ([5, -1], 5, 5),  # half have escaped
        ([5, -1, -1], np.nan, 5),
        ([5, 9, -1], 9, 7),
        ([5, 9, -1, -1], 9, 7),
        ([5, 9, 11, -1], 10, 9),
        ([5, 9, 11, 13], 10, 10),
    ],
)
def test_median_escape_times(times, of_all, of_escaped):
    expected = [of_all, of_escaped]
    columns = ["t_exit_median", "t_exit_median_escaped"]
    frame = rows(len(times), t_exit=times[::-1])
    np.testing.assert_array_equal(cells(frame, CONTEXT)[columns].iloc[0], expected)
    np.testing.assert_array_equal(estimates(aggregate(frame, CONTEXT), CONTEXT)[columns].iloc[0], expected)


def test_parameters_that_a_rule_lacks_are_nan_and_group():
    frame = pd.concat(
        [
            rows(4, id=range(4), cap=[1.0, 7.0, 1.0, 7.0]),
            rows(3, id=range(4, 7), dynamics="rmsprop", cap=np.nan, beta=0.9),
            rows(2, id=range(7, 9), dynamics="gradient", cap=np.nan),
        ]
    )
    table = cells(frame, CONTEXT)
    assert table["dynamics"].tolist() == ["capped", "capped", "rmsprop", "gradient"]
    assert table["n"].tolist() == [2, 2, 3, 2]
    np.testing.assert_array_equal(table["cap"], [1.0, 7.0, np.nan, np.nan])
    np.testing.assert_array_equal(table["beta"], [np.nan, np.nan, 0.9, np.nan])


def test_what_is_random():
    point = Context(100, 0.5, starts="point", parameters=("cap", "beta"))
    grid = Context(100, 0.5, starts="grid", parameters=("cap", "beta"))
    assert one(rows(5), grid)["randomness"] == "grid starts"
    assert one(rows(5, temperature=0.1), grid)["randomness"] == "noise"
    assert one(rows(5, x0=3.0, gradient_noise=0.1), point)["randomness"] == "noise"
    assert np.isfinite(one(rows(5, x0=3.0, gradient_noise=0.1), point)["p_escape_hi"])
    assert one(rows(1), grid)["randomness"] == "none"
    assert one(rows(1))["randomness"] == "uniform starts"
    assert one(rows(2, x0=3.5), by_start=True)["randomness"] == "none"
    assert set(cells(rows(9), CONTEXT, by_start=True)["randomness"]) == {"none"}
    assert one(rows(2), Context(100, starts="uniform starts"))["randomness"] == "uniform starts"


def test_a_deterministic_single_start_has_no_interval():
    cell = one(rows(1, x0=3.5, t_exit=12), Context(100, 0.5, starts="point", parameters=("cap", "beta")))
    assert (cell["randomness"], cell["p_escape"], cell["t_exit_median"]) == ("none", 1.0, 12)
    assert cell.filter(regex="_(lo|hi)$").isna().all()


def test_unknown_basins_and_minima():
    table = cells(rows(4, start_basin=[-1, -1, 1, 1], t_exit=[5, 6, 7, -1], t_commit=[5, -1, 8, -1]), CONTEXT)
    empty = ["escaped", "p_escape", "p_escape_lo", "p_escape_hi", "t_exit_median", "t_exit_median_escaped", "committed"]
    empty += PARTITION
    assert table.loc[0, [*empty, "returned"]].isna().all()
    assert table.loc[1, empty].notna().all()
    assert table.loc[0, ["p_best", "p_global", "loss_median"]].notna().all()
    assert str(cells(rows(4), CONTEXT)["escaped"].dtype) == "int64"
    unknown = cells(rows(4, basin_final=0, loss_final=-3.0), Context(100, parameters=("cap", "beta")))
    assert unknown.filter(regex="^p_(best|final|global)").isna().all(axis=None)
    assert unknown.loc[0, "loss_median"] == -3.0
    assert (unknown.loc[0, "p_escape"], unknown.loc[0, "escaped"]) == (0.0, 0)


def test_ends_that_are_not_known_leave_p_global_between_bounds():
    """An end without a label is unknown; one that diverged is known not to be global."""
    frame = rows(8, basin_final=[0, 0, 0, -1, -1, 1, 1, -1], status=["censored"] * 7 + ["diverged"])
    cell = one(frame)
    assert cell["unknown"] == 2
    assert np.isnan(cell["p_global"])
    assert (cell["p_global_lo"], cell["p_global_hi"]) == (interval(3, 8)[0], interval(5, 8)[1])
    binned = estimates(aggregate(frame, CONTEXT), CONTEXT)
    pd.testing.assert_frame_equal(
        binned.filter(regex="global|unknown"), cells(frame, CONTEXT).filter(regex="global|unk")
    )
    alone = one(rows(1, basin_final=-1), Context(100, 0.5, starts="point", parameters=("cap", "beta")))
    assert np.isnan(alone["p_global"])
    assert (alone["p_global_lo"], alone["p_global_hi"]) == (0.0, 1.0)
    back = one(rows(3, t_exit=[4, 5, 6], basin_final=[1, -1, 0]))
    assert np.isnan(back["returned"])
    assert one(rows(3, t_exit=[4, -1, 6], basin_final=[1, -1, 0]))["returned"] == 1  # it never was outside


def test_exits_that_are_known_between_bounds():
    """Escaped counts the certain ones; P lies between the limits of the fewest and of the most; no time is told."""
    lo, hi = np.array([5, 7, -1, 9, 3, -1]), np.array([5, 8, -1, -1, -1, -1])
    frame = rows(6, t_exit=hi, t_exit_lo=lo, t_exit_hi=hi, status=["censored"] * 5 + ["diverged"])
    cell = one(frame)
    assert cell[[*PARTITION, "escaped"]].tolist() == [3, 2, 0, 1, 2]
    assert np.isnan(cell["p_escape"])
    assert (cell["p_escape_lo"], cell["p_escape_hi"]) == (interval(2, 6)[0], interval(4, 6)[1])
    assert cell[["t_exit_median", "t_exit_median_escaped", "t_exit_mean", "late_hazard"]].isna().all()
    binned = estimates(aggregate(frame, CONTEXT), CONTEXT)
    rest = ["loss_median"]  # told to a bin's width
    pd.testing.assert_frame_equal(binned.drop(columns=rest), cells(frame, CONTEXT).drop(columns=rest))
    sure = one(frame.iloc[:3])  # when, is not known; whether, is
    assert (sure["p_escape"], sure["escaped"]) == (2 / 3, 2)
    assert np.isnan(sure["t_exit_mean"])
    exact = one(frame.iloc[[0, 2, 5]])
    assert (exact["p_escape"], exact["t_exit_mean"]) == (1 / 3, (5 + 100 + 100) / 3)


def test_losses_that_are_not_finite_count_as_highest():
    assert one(rows(3, loss_final=[np.nan, 1.0, 2.0]))["loss_median"] == 2.0
    assert one(rows(4, loss_final=[np.nan, 1.0, 2.0, np.inf]))["loss_median"] == 2.0
    assert np.isnan(one(rows(3, loss_final=[np.nan, 1.0, np.inf]))["loss_median"])


def test_no_rows_no_cells():
    nothing = mixed()[:0]
    assert list(cells(nothing, CONTEXT)) == COLUMNS
    assert len(cells([nothing, nothing], CONTEXT)) == 0
    assert len(estimates(aggregate(nothing, CONTEXT), CONTEXT)) == 0
    some = mixed(50)
    parts = [aggregate(nothing, CONTEXT), aggregate(some, CONTEXT)]
    assert packed(merge(parts)) == packed(merge(parts[1:]))
    pd.testing.assert_frame_equal(cells([nothing, some], CONTEXT), cells(some, CONTEXT))


@pytest.mark.parametrize("late", [False, True])
def test_limits_of_means_do_not_cancel(late):
    steps, t = 2**31 - 1, np.random.default_rng(8).poisson(10, 1000)
    t = steps - t if late else t
    cell = one(rows(1000, t_exit=t, t_hit_0=t), Context(steps, 0.5, starts="uniform", parameters=("cap", "beta")))
    half = 1.962 * t.std(ddof=1) / np.sqrt(1000)
    for name in ("t_exit_mean",) if late else ("t_exit_mean", "running_time"):
        assert cell[name] - cell[f"{name}_lo"] == pytest.approx(half, rel=0.01)
        above = half if late else steps * clopper_pearson(0, 1000)[1]  # failures that were not seen last all steps
        assert cell[f"{name}_hi"] - cell[name] == pytest.approx(above, rel=0.02)


def test_moments_do_not_overflow():
    frame = rows(3, t_exit=[1, 2, -1], t_hit_0=[1, 1, -1])
    long = Context(2**31 - 1, 0.5, starts="uniform", parameters=("cap", "beta"))
    cell = one(frame, long)
    assert cell["t_exit_mean"] == pytest.approx((3 + long.steps) / 3, rel=1e-15)
    assert cell["running_time"] == pytest.approx((2 + long.steps) / 2, rel=1e-15)
    longer = one(frame, Context(2**31, 0.5, starts="uniform", parameters=("cap", "beta")))
    assert longer[["t_exit_mean", "running_time"]].notna().all()


def test_many_cells():
    frame = mixed(1000).loc[np.tile(np.arange(1000), 100)].assign(id=range(100_000), lr=np.arange(100_000) // 4 / 1e6)
    table = cells(frame, CONTEXT)
    assert len(table) > 20_000
    assert table["n"].sum() == 100_000
