"""The summary: what is pooled over the start basins is what their trajectories give together."""

import json

import numpy as np
import pandas as pd
import pytest

from dynbench.outcomes.summary import FALSE, GLOBAL, POOLED, with_cells
from dynbench.store import Run
from dynbench.sweep.__main__ import main
from dynbench.sweep.grid import Arm, Sweep
from dynbench.sweep.run import run
from dynbench.sweep.starts import Starts

ARMS = (Arm("gradient", {"temperature": (0.0, 30.0)}), Arm("capped", {"cap": (1.0, 1e4)}))


def sweep(keep: str = "all", **options) -> Sweep:
    """Sixty starts in dozens of basins."""
    return Sweep(**{"loss": "rastrigin", "arms": ARMS, "starts": Starts("uniform", 60), "dim": 2, "steps": 60,
                    "keep": keep} | options)  # fmt: skip


@pytest.fixture(scope="module")
def pooled(tmp_path_factory):
    return run(sweep(), tmp_path_factory.mktemp("all"), workers=1)


def test_it_has_a_row_a_setting_and_the_medians_of_all_its_trajectories(pooled):
    table, rows = pooled.summary(), pooled.trajectories
    assert len(table) == 4
    assert set(table["start_basin"]) == {POOLED}
    assert set(table["start_kind"]) == {FALSE}
    false = rows[rows["start_basin"].isin(set(rows["start_basin"]) - {0})]
    assert set(table["basins"]) == {false["start_basin"].nunique()}
    keys = ["dynamics", "cap", "temperature"]
    for (_, own), row in zip(false.groupby(keys, sort=False, dropna=False), table.to_dict("records"), strict=True):
        assert row["n"] == len(own)
        assert row["escaped"] == (own["t_exit"] >= 0).sum()
        assert row["loss_median"] == pytest.approx(own["loss_final"].median(), rel=1e-15)
        x = own[["x0_0", "x0_1"]].to_numpy()
        start = 20.0 + (x**2 - 10.0 * np.cos(2.0 * np.pi * x)).sum(axis=1)
        assert row["loss_start_median"] == pytest.approx(np.median(start), rel=1e-12)
        times = own["t_exit"].where(own["t_exit"] >= 0, np.inf)
        if times.median() < np.inf:
            assert row["t_exit_median"] == times.median()


def test_its_columns_are_those_of_the_cells(pooled):
    assert [c for c in pooled.summary() if c not in ("start_kind", "basins")] == list(pooled.cells)


def test_counts_are_the_sums_of_the_cells(pooled):
    cells = pooled.cells[pooled.cells["start_basin"] != 0]
    sums = cells.groupby(["dynamics", "cap", "temperature"], sort=False, dropna=False)
    for name in ("n", "inside", "escaped", "committed", "censored", "diverged"):
        assert sums[name].sum().tolist() == pooled.summary()[name].tolist()


def test_aggregates_give_the_same_but_for_medians(pooled, tmp_path):
    table, other = pooled.summary(), run(sweep("cells"), tmp_path, workers=1).summary()
    binned = ["loss_median", *(c for c in table if c.startswith("t_exit_median"))]
    pd.testing.assert_frame_equal(table.drop(columns=binned), other.drop(columns=binned))
    np.testing.assert_allclose(other["loss_median"], table["loss_median"], rtol=1 / 8)


def test_a_run_without_the_file_gives_the_same_table(pooled, tmp_path):
    again = run(sweep(), tmp_path, workers=2)
    file = again.directory / "summary.csv"
    assert file.read_bytes() == (pooled.directory / "summary.csv").read_bytes()
    table, text = again.summary(), file.read_bytes()
    file.unlink()
    old = Run(again.directory).summary().drop(columns="loss_start_median")  # rows do not tell L at the start
    pd.testing.assert_frame_equal(old, table[list(old)])
    run(sweep(), tmp_path, workers=1)  # a finished run that is shown again gets what it lacks
    assert file.read_bytes() == text


def test_one_false_basin_is_its_cells_and_none_those_of_the_global_one(tmp_path):
    arms = (Arm("gradient"), Arm("capped", {"cap": (1.0,)}))
    both = run(Sweep("quartic", arms, Starts("grid", 21), steps=50), tmp_path, workers=1)
    table = both.summary()
    false = both.cells[both.cells["start_basin"] == 1].reset_index(drop=True)
    pd.testing.assert_frame_equal(table.drop(columns=["start_kind", "basins"]), false)
    alone = run(Sweep("quartic", arms, Starts("points", 1, ((0.5,),)), steps=50), tmp_path, workers=1)
    assert set(alone.summary()["start_kind"]) == {GLOBAL}


def test_a_row_for_every_start_is_pooled_with_no_other(tmp_path):
    by_start = run(sweep(by_start=True), tmp_path, workers=1)
    table, cells = by_start.summary(), by_start.cells
    assert len(table) == (cells["start_basin"] != 0).sum()
    assert set(table["basins"]) == {1}
    x = table[["x0_0", "x0_1"]].to_numpy()
    start = 20.0 + (x**2 - 10.0 * np.cos(2.0 * np.pi * x)).sum(axis=1)
    np.testing.assert_allclose(table["loss_start_median"], start, rtol=1e-12)


def test_it_stands_in_the_json(tmp_path, capsys):
    line = "--loss quartic --dynamics gradient --x0 2.9:3.1:5 --temperature 0,0.5 --steps 50 --json --out"
    assert main([*line.split(), str(tmp_path)]) == 0
    told = json.loads(capsys.readouterr().out)
    table = Run(next(tmp_path.iterdir())).summary()
    assert [set(row) for row in told["summary"]] == [set(table)] * 2
    assert [row["p_escape"] for row in told["summary"]] == table["p_escape"].tolist()


def cells(**columns) -> pd.DataFrame:
    """Three cells of two settings."""
    given = {"loss": "quartic", "dynamics": "gradient", "lr": 0.01, "temperature": [0.1, 0.1, 0.2],
             "gradient_noise": 0.0, "steps": 10, "start_basin": [1, 2, 1], "n": [10, 30, 20], "escaped": [0, 6, 1],
             "p_escape": [0.0, 0.2, 0.05], "p_escape_lo": [0.0, 0.1, 0.0], "p_escape_hi": [0.3, 0.4, 0.2],
             "p_exact": [0.1, 0.3, np.nan], "p_exact_se": [0.09, 0.08, np.nan], "z": 0.0}  # fmt: skip
    return pd.DataFrame(given | columns)


def rows() -> pd.DataFrame:
    """What the trajectories of these cells give together."""
    return pd.DataFrame({"loss": "quartic", "dynamics": "gradient", "lr": 0.01, "temperature": [0.1, 0.2],
                         "gradient_noise": 0.0, "steps": 10, "start_basin": 1, "n": [40, 20], "escaped": [6, 1],
                         "p_escape": [0.15, 0.05], "p_escape_lo": [0.06, 0.0], "p_escape_hi": [0.3, 0.2]})  # fmt: skip


def test_exact_probabilities_are_averaged_over_the_starts_and_unknown_ones_stay_unknown():
    table = with_cells(rows(), cells())
    assert table["p_exact"].tolist()[0] == pytest.approx((10 * 0.1 + 30 * 0.3) / 40)
    assert table["z"].tolist()[0] == pytest.approx((6 - 10.0) / np.hypot(10 * 0.09, 30 * 0.08))
    assert table["p_exact_se"].tolist()[0] == pytest.approx(np.hypot(10 * 0.09, 30 * 0.08) / 40)
    assert table[["p_exact", "p_exact_se", "z"]].iloc[1].isna().all()
    old = with_cells(rows(), cells().drop(columns="p_exact_se"))  # of an earlier version: its z is not known
    assert old["p_exact"].notna().tolist() == [True, False]
    assert old["z"].isna().all()


def test_a_cell_by_splitting_changes_the_pooled_probability():
    rare = {"p_escape": [1e-4, 0.2, 0.05], "p_escape_lo": [5e-5, 0.1, 0.0], "p_escape_hi": [2e-4, 0.4, 0.2],
            "p_escape_se": [2e-5, np.nan, np.nan], "steps_spent": [1e6, np.nan, np.nan],
            "ancestors": [50.0, np.nan, np.nan], "sound": [0.0, np.nan, np.nan]}  # fmt: skip
    table = with_cells(rows(), cells(**rare))
    first, second = table.to_dict("records")
    assert first["p_escape"] == pytest.approx(0.25e-4 + 0.15)
    assert first["p_escape_lo"] == pytest.approx(0.150025 - np.hypot(0.25 * 5e-5, 0.075))
    assert first["p_escape_hi"] == pytest.approx(0.150025 + np.hypot(0.25 * 1e-4, 0.15))
    assert first["p_escape_se"] == pytest.approx(np.hypot(0.25 * 2e-5, 0.75 * np.sqrt(0.16 / 30)))
    assert (first["steps_spent"], first["ancestors"], first["sound"]) == (1e6, 50.0, 0.0)
    assert (second["p_escape"], second["p_escape_lo"]) == (0.05, 0.0)
    assert np.isnan(second["p_escape_se"])
