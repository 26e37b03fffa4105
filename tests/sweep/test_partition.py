"""Stayed, left, left and diverged, diverged inside: they add up to all at every step, and P(escape) never falls."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from dynbench import Arm, Starts, Sweep, run
from dynbench.outcomes.cells import PARTITION
from dynbench.outcomes.censored import aalen_johansen
from dynbench.outcomes.intervals import interval
from dynbench.outcomes.survival import competing

BUDGETS = (5, 10, 20, 64, 100, 1000)
KEY = ["dynamics", "lr", "temperature", "start_basin"]
LONG = (0.01, 0.1, 0.3, 1.0)  # steps h of which the longer ones make many diverge
SWEEPS = {
    "quartic": (
        Arm("gradient", {"lr": LONG, "temperature": (0.0, 0.5)}),
        Arm("capped", {"lr": LONG, "cap": (1e6,)}),
        Arm("sign", {"lr": (0.3, 5e3)}),  # some reach 1e6 half-widths
    ),
    "himmelblau": (Arm("gradient", {"lr": (0.01, 0.03, 0.1)}),),
    "rastrigin": (Arm("gradient", {"lr": (0.002, 0.1, 1.01)}),),  # at 1.01 |x| grows by 1% a step
}


def runs(loss: str, home, keep: str = "all") -> dict:
    starts = Starts("uniform", 60)
    dim = 1 if loss == "quartic" else 2
    return {
        steps: run(Sweep(loss, SWEEPS[loss], starts, steps=steps, dim=dim, keep=keep), out=home) for steps in BUDGETS
    }


@pytest.fixture(scope="module", params=list(SWEEPS))
def made(request, tmp_path_factory):
    return runs(request.param, tmp_path_factory.mktemp(request.param))


def test_the_four_add_up_and_some_cells_have_all_of_them(made):
    for result in made.values():
        cells = result.cells[result.cells["start_basin"] >= 0]
        np.testing.assert_array_equal(cells[PARTITION].sum(axis=1), cells["n"])
        np.testing.assert_array_equal(cells["escaped"], cells["left"] + cells["left_diverged"])
        np.testing.assert_array_equal(cells["diverged"], cells["left_diverged"] + cells["diverged_inside"])
        known = cells["p_escape"].notna()
        np.testing.assert_array_equal(cells["p_escape"][known], (cells["escaped"] / cells["n"])[known])
    assert (made[1000].cells[["inside", "left", "left_diverged"]].sum() > 0).all()


def test_a_longer_budget_never_takes_an_escape_back(made):
    parts = [result.cells[[*KEY, "escaped", "inside", "diverged", "n"]] for result in made.values()]
    for shorter, longer in pairwise(parts):
        both = shorter.merge(longer, on=KEY, suffixes=("", " later"), validate="one_to_one")
        assert len(both) == len(shorter)
        known = both[both["start_basin"] >= 0]
        assert (known["escaped"] <= known["escaped later"]).all()
        assert (known["inside"] >= known["inside later"]).all()
        assert (both["diverged"] <= both["diverged later"]).all()


def test_a_budget_shows_what_the_longest_run_had_become_by_then(made):
    """The partition of a run of N steps is that of a run of 1000 steps, seen at step N."""
    rows = made[1000].trajectories
    rows = rows[rows["start_basin"] >= 0]
    for key, own in rows.groupby(KEY):
        lost = (own["status"] == "diverged").to_numpy()
        found = competing(own["t_exit"], lost, 1000, BUDGETS, t_diverged=own["t_diverged"])
        for place, result in enumerate(made.values()):
            cell = result.cells[(result.cells[KEY] == pd.Series(key, KEY)).all(axis=1)]
            seen = [getattr(found, name)[0, place] for name in PARTITION]
            assert cell[PARTITION].to_numpy().tolist() == [seen]


def test_curves_add_up_at_every_step_and_never_fall(made):
    rows = made[1000].trajectories
    rows = rows[rows["start_basin"] >= 0]
    for _, own in rows.groupby(KEY):
        lost = (own["status"] == "diverged").to_numpy()
        every = np.arange(1001)
        found = competing(own["t_exit"], lost, 1000, every, t_diverged=own["t_diverged"])
        four = np.stack([getattr(found, name)[0] for name in PARTITION])
        assert (four >= 0).all()
        assert (four.sum(axis=0) == len(own)).all()
        assert (np.diff(found.escaped[0]) >= 0).all()
        escaped, diverged, inside = aalen_johansen(own["t_exit"], own["t_diverged"], 1000)
        np.testing.assert_allclose(escaped.p + diverged.p + inside.p, 1.0, rtol=1e-12)
        np.testing.assert_allclose(escaped.p, found.escaped[0, escaped.t] / len(own), rtol=1e-12, atol=1e-12)


def test_no_exit_is_a_step_of_divergence(made):
    rows = made[1000].trajectories
    np.testing.assert_array_equal(rows["t_diverged"] >= 0, rows["status"] == "diverged")
    both = rows[(rows["t_exit"] >= 0) & (rows["t_diverged"] >= 0)]
    assert (both["t_exit"] < both["t_diverged"]).all()
    assert (rows["basin_final"][rows["t_diverged"] >= 0] == -1).all()


def test_gradient_descent_that_flies_away_from_three(tmp_path):
    """400 starts from 2.9 to 3.1, h = 0.3: 0.575, 0.9075, 0.9975, 1, 1 leave, and nearly all of these diverge."""
    starts = Starts("points", 400, tuple((x,) for x in np.linspace(2.9, 3.1, 400)))
    found = {}
    for steps in (5, 10, 20, 64, 1000):
        sweep = Sweep("quartic", (Arm("gradient", {"lr": (0.3,)}),), starts, steps=steps)
        found[steps] = run(sweep, out=tmp_path).cells.iloc[0]
    assert [cell["p_escape"] for cell in found.values()] == [0.575, 0.9075, 0.9975, 1.0, 1.0]
    last = found[1000]
    assert last["inside"] == 0
    assert last["diverged_inside"] == 0
    assert last["left_diverged"] == last["diverged"] > 390
    for cell in found.values():
        assert (cell["p_escape_lo"], cell["p_escape_hi"]) == tuple(map(float, interval(cell["escaped"], 400)))


def test_aggregates_tell_the_same(tmp_path):
    """--keep cells: every column but for medians, which it gives to a bin's width."""
    rows, sums = runs("quartic", tmp_path), runs("quartic", tmp_path, "cells")
    for steps in (20, 1000):
        other = [c for c in rows[steps].cells if "median" in c]
        pd.testing.assert_frame_equal(
            rows[steps].cells.drop(columns=other), sums[steps].cells.drop(columns=other), check_exact=True
        )


def test_the_exact_probability_counts_the_same_exits(tmp_path):
    """Half of 4000 (seed 0, h = 0.2, T = 0.5) diverge after they left: the chain's P still holds, |z| < 6."""
    arm = Arm("gradient", {"lr": (0.05, 0.2), "temperature": (0.5,)})
    cells = run(Sweep("quartic", (arm,), Starts("points", 1, ((3.0,),)), steps=20, seeds=4000), out=tmp_path).cells
    assert cells["diverged_inside"].tolist() == [0, 0]
    assert cells["left_diverged"].iloc[1] > 1500
    assert cells["p_exact"].notna().all()
    assert (cells["z"].abs() < 6).all()
