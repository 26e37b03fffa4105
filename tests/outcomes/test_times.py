import numpy as np
import pandas as pd
import pytest

from dynbench.outcomes.cells import Context, cells

pytestmark = pytest.mark.quick

CONTEXT = Context(steps=100, minimum_value=0.0, starts="uniform")


def rows(t_exit, t_hit, basin_final, **more):
    n = len(t_exit)
    columns = {"id": range(n), "loss": "l", "dynamics": "d", "lr": 0.1, "temperature": 0.0, "gradient_noise": 0.0}
    columns |= {"start_basin": 1, "status": "censored", "t_exit": t_exit, "t_commit": -1, "t_hit": t_hit}
    return pd.DataFrame(columns | {"loss_final": 1.0, "loss_best": 0.5, "basin_final": basin_final} | more)


def test_one_cell_by_hand():
    table = rows([10, 20, 60, 80, -1, -1, -1, -1, -1, -1], [-1] * 8 + [30, 70], [0, 1, 0, 0] + [1] * 6)
    cell = cells(table, CONTEXT).iloc[0]
    assert cell["t_exit_mean"] == (10 + 20 + 60 + 80 + 6 * 100) / 10
    assert cell["t_exit_mean_lo"] < cell["t_exit_mean"] < cell["t_exit_mean_hi"] <= 100
    assert cell["late_hazard"] == pytest.approx(2 / (10 + 30 + 6 * 50))  # at risk in steps 51 to 100: 8 trajectories
    assert cell["running_time"] == (8 * 100 + 30 + 70) / 2
    assert cell["returned"] == 1
    assert cell["t_exit_median_lo"] == 20
    assert np.isnan(cell["t_exit_median"])


def test_limits_are_blank_where_nothing_is_random():
    table = rows([10], [5], [0], x0=3.0)
    cell = cells(table, Context(steps=100, minimum_value=0.0, starts="point")).iloc[0]
    assert cell["t_exit_mean"] == 10
    assert (
        cell[["t_exit_mean_lo", "t_exit_mean_hi", "late_hazard_hi", "running_time_lo", "t_exit_median_lo"]].isna().all()
    )


def test_nothing_is_said_of_unknown_basins():
    cell = cells(rows([-1, -1], [3, 4], [-1, -1], start_basin=-1), CONTEXT).iloc[0]
    assert cell[["t_exit_mean", "late_hazard", "returned"]].isna().all()
    assert cell["running_time"] == 3.5
