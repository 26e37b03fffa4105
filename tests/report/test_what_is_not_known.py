"""What is not known stands on the page as not known: basins of starts and ends, exits between bounds, empty fields."""

import numpy as np
import pandas as pd
import pytest
import sweeps

from dynbench import find
from dynbench.outcomes.cells import Context, cells
from dynbench.outcomes.summary import summary
from dynbench.report import budgets, further, paths, times, words
from dynbench.report.escapes import sample
from dynbench.report.maps import ELSEWHERE, STAYED, UNPLACED, finding, outcome
from dynbench.report.page import of_old_run, tables
from dynbench.report.trapped import MANY, trapped
from dynbench.sweep.grid import Arm
from dynbench.sweep.headline import sentences
from dynbench.sweep.no_escape import nothing_to_escape
from dynbench.sweep.table import NO_BASIN

QUARTIC = find.loss("quartic")
WALL = QUARTIC.separators[0]
STEPS = 100


def rows(lo, hi, start=1, dynamics="gradient", **columns) -> pd.DataFrame:
    """Trajectories from the false well whose exits lie between these steps."""
    n = len(lo)
    return pd.DataFrame(
        {"id": range(n), "loss": "quartic", "dynamics": dynamics, "x0": 3.0 + 1e-3 * np.arange(n), "lr": 0.01,
         "temperature": 0.5, "gradient_noise": 0.0, "seed": 0, "start_basin": start, "status": "censored",
         "t_exit": hi, "t_exit_lo": lo, "t_exit_hi": hi, "t_diverged": -1, "t_commit": -1, "t_hit": -1,
         "loss_final": 1.0, "loss_best": 1.0, "basin_final": start, "x_final": 3.0} | columns
    )  # fmt: skip


EXACT = rows([5, 9, -1], [5, 9, -1], dynamics="sign")
DOUBTFUL = rows([5, 7, -1], [5, -1, -1])


def test_exits_between_bounds_are_not_told_as_no_false_minimum():
    table = cells(DOUBTFUL, Context(STEPS, 0.0))
    assert words.findings(table, QUARTIC) == [words.BOUNDED]
    (shown,) = tables(table, QUARTIC)
    row = dict(zip(shown.columns, shown.rows[0], strict=True))
    assert (row["stayed"], row["escaped"]) == ("2", "1")
    assert row["P(escape) [95%]"].startswith("[")
    both = cells(pd.concat([EXACT, DOUBTFUL], ignore_index=True), Context(STEPS, 0.0))
    told = " ".join(words.findings(both, QUARTIC))
    pooled = summary(both, QUARTIC, lambda _: both)
    assert "Leaves most often: sign" in sentences(pooled, Context(STEPS, 0.0))[0]
    assert "Of 1 more cells P(escape) is known between bounds only" in told


def test_one_doubtful_cell_makes_the_whole_of_an_arm_doubtful():
    """Pooled over many basins: the sum of those that happen to be exact would be another probability."""
    loss = find.loss("rastrigin", 2)
    parts = [rows([5, -1], [5, -1], start=label) for label in range(1, MANY + 2)]
    parts.append(rows([5, 7], [5, -1], start=MANY + 2))
    table = cells(pd.concat(parts, ignore_index=True), Context(STEPS, 0.0))
    assert table["p_escape"].isna().sum() == 1
    assert not len(trapped(table, loss)[0])
    (pooled,) = trapped(table, loss, bounded=True)[0].to_dict("records")
    assert (pooled["n"], pooled["escaped"]) == (2 * (MANY + 2), MANY + 2)
    assert np.isnan(pooled["p_escape"])


def test_times_of_doubtful_exits_are_not_known():
    """Neither `not reached` nor `nobody left`, beside an arm whose times are exact; of one budget and of several."""
    both = pd.concat([EXACT, DOUBTFUL], ignore_index=True)
    found = sample(both, QUARTIC)
    pooled = sample(both.assign(**{budgets.BUDGET: [50, 50, STEPS] * 2}), QUARTIC)
    for made in (times.measured(found, STEPS), budgets.measured(pooled)):
        lines = {row[0]: row[2:5] for row in times.tables(made, found.names, "", 9)[0].rows}
        assert lines["gradient, T 0.5"] == ["not known"] * 3
        assert "not known" not in lines["sign, T 0.5"]


def test_comparisons_leave_doubtful_arms_out(tmp_path):
    """Their rows count certain exits only."""
    run = sweeps.made(tmp_path, Arm("gradient"), Arm("sign"), starts=sweeps.points(np.linspace(2.0, 4.0, 9)), steps=50)
    table = further.settings(run, QUARTIC)
    assert sorted(table["dynamics"]) == ["gradient", "sign"]
    doubted = sweeps.changed(
        run, tmp_path / "doubted",
        cells=lambda told: told.assign(p_escape=told["p_escape"].where(told["dynamics"] != "sign")),
    )  # fmt: skip
    assert further.settings(doubted, QUARTIC)["dynamics"].tolist() == ["gradient"]


def test_starts_in_no_known_basin(tmp_path):
    on_wall = sweeps.made(tmp_path, Arm("gradient"), starts=sweeps.points([WALL]), steps=5)
    assert words.findings(on_wall.cells, QUARTIC) == [NO_BASIN]
    home = sweeps.made(tmp_path, Arm("gradient"), starts=sweeps.points([WALL, 1.0]), steps=5)
    assert words.findings(home.cells, QUARTIC) == [nothing_to_escape(QUARTIC)]
    assert "all starts whose basin is known" in sample(home.trajectories, QUARTIC).where
    assert "quartic: all starts;" in sample(on_wall.trajectories, QUARTIC).where


def test_the_map_has_a_colour_for_what_is_not_known():
    table = rows([-1, 5, -1, 5], [-1, 5, -1, 5], cap=[1.0, 1.0, 9.0, 9.0])
    table = table.assign(start_basin=[-1, 1, 1, 0], basin_final=[-1, -1, 1, 1])
    image = outcome(table, QUARTIC)
    assert image.tolist() == [UNPLACED, UNPLACED, STAYED, ELSEWHERE]
    told = finding(image, table, 5.0, QUARTIC)
    assert "0.500 started or ended in no known basin" in told
    assert told.endswith("1 of the starts in that basin leave it; above it, 0.")  # two are of others


@pytest.mark.parametrize("text", ["", "0.1000"])
def test_an_old_table_is_shown_as_it_was_written(tmp_path, text):
    run = sweeps.made(tmp_path, Arm("gradient"), starts=sweeps.points([3.0]), steps=5)
    (run.directory / "cells.csv").write_text(f"loss,n,p_escape\nquartic,7,{text}\n")
    (table,) = of_old_run(run).sections[1].tables
    assert table.rows == [["quartic", "7", text]]


def test_a_flat_loss_has_an_axis_of_some_length():
    """Matplotlib warned of identical limits, on stderr of a sweep."""
    high, low = paths.extent(np.ones(5), find.loss("quadratic", 1))
    assert low < 1.0 < high
