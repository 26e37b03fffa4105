"""Runs of different budgets together: the curve is Kaplan and Meier's of the pooled rows, each trajectory once."""

import layout
import numpy as np
import pandas as pd
import pytest
import sweeps
from test_times_page import walks

from dynbench.outcomes.censored import aalen_johansen, kaplan_meier, mean_of, median_of
from dynbench.outcomes.intervals import interval
from dynbench.report import budgets
from dynbench.report.page import build
from dynbench.store import Run
from dynbench.sweep.grid import Arm

NOISY = Arm("gradient", {"temperature": (1.0,)})


def escapes(folder, steps: int, seed: int = 0, arms=(NOISY,)) -> Run:
    """Three hundred noisy trajectories from the false well."""
    starts = sweeps.points(3.0 + 1e-3 * np.arange(100))
    return sweeps.made(folder, *arms, starts=starts, steps=steps, seeds=3, seed=seed)


def renamed(run: Run, folder, **manifest) -> Run:
    """The run of another loss, or of another name."""
    return sweeps.changed(run, folder, manifest)


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """Runs of 200 and of 1000 steps with different noise."""
    folder = tmp_path_factory.mktemp("budgets")
    return escapes(folder, 200, seed=1), escapes(folder, 1000, seed=2)


def line_of(picture, name, panel=0):
    return next(line for line in picture.figure.axes[panel].lines if line.get_label() == name)


def test_kaplan_meier_of_the_pooled_rows(two):
    runs, (short, long) = list(two), (run.trajectories for run in two)
    (section,) = budgets.sections(runs, 300)
    t_exit = np.concatenate([short["t_exit"], long["t_exit"]])
    known = kaplan_meier(t_exit, np.repeat([200, 1000], 300))
    (picture,) = section.pictures
    layout.check(picture)
    line = line_of(picture, "gradient, T 1")
    place = np.searchsorted(known.t, line.get_xdata(), side="right")
    np.testing.assert_allclose(line.get_ydata(), np.append(1.0, known.p)[place])
    assert line.get_xdata()[-1] == 1000
    row = dict(zip(section.tables[0].columns, section.tables[0].rows[0], strict=True))
    assert row["n"] == "600"
    assert row["median escape [95%]"].startswith(f"{median_of(known)[0]:.4g} [")
    assert row["restricted mean [95%]"].startswith(f"{mean_of(known)[0]:.4g} [")
    assert "300 trajectories of 200 steps" in section.paragraphs[0]
    assert "count once" not in section.paragraphs[0]


def test_a_trajectory_of_two_runs_counts_once_and_at_its_longest(tmp_path):
    """With noise the same start, repeat and master seed; without, the same start."""
    kinds = NOISY, Arm("sign")
    runs = [escapes(tmp_path, steps, seed, kinds) for steps, seed in ((200, 0), (1000, 0), (500, 9))]
    (section,) = budgets.sections(runs, 300)
    table = {row[0]: row[1] for row in section.tables[0].rows}
    assert table == {"gradient, T 1": "600", "sign": "100"}  # another master seed is other noise
    assert "500 of these are in another run" in section.paragraphs[0]
    assert np.sum(budgets.longest(budgets.together([budgets.read(r) for r in runs[:2]]))[budgets.BUDGET] != 1000) == 0


def test_divergence_competes(tmp_path):
    runs = [walks(tmp_path, 200, seed=1), walks(tmp_path, 1000, seed=2)]
    (section,) = budgets.sections(runs, 300)
    (picture,) = section.pictures
    layout.check(picture)
    both = [run.trajectories.query("dynamics == 'uphill'") for run in runs]
    budget = np.repeat([200, 1000], [len(part) for part in both])
    both = pd.concat(both)
    lost = both["t_diverged"].where(both["t_exit"] < 0, -1)
    known = aalen_johansen(both["t_exit"], lost, budget)
    for panel, curve in enumerate(known):
        line = line_of(picture, "uphill, T 0.05", panel)
        place = np.searchsorted(curve.t, line.get_xdata(), side="right")
        np.testing.assert_allclose(line.get_ydata(), np.append(float(panel == 2), curve.p)[place], atol=1e-12)
    assert "Aalen" in section.paragraphs[1]


def test_old_runs_do_not_know_when_they_diverged(tmp_path):
    runs = [walks(tmp_path, 200, seed=1), walks(tmp_path, 1000, seed=2)]
    runs[0] = sweeps.changed(runs[0], tmp_path / "old", rows=lambda table: table.drop(columns="t_diverged"))
    (section,) = budgets.sections(runs, 300)
    assert "Not all of these runs recorded when they diverged" in section.paragraphs[1]
    assert len(section.pictures[0].figure.axes) == 1


def test_only_runs_of_one_loss_and_of_different_budgets(two, tmp_path):
    short, long = two
    same = escapes(tmp_path, 200, seed=7)
    assert budgets.sections([short, same], 300) == []
    sweep, another = long.manifest["sweep"], "0" * 64
    told = sweep["definitions"]
    for place, definitions in (
        ("a", told | {"loss": another}),
        ("b", told | {"dynamics": told["dynamics"] | {"gradient": another}}),
    ):
        other = renamed(long, tmp_path / place, sweep=sweep | {"definitions": definitions})
        assert budgets.sections([short, other], 300) == []
        assert len(budgets.sections([short, other, long], 300)) == 1


def test_it_stands_at_the_top_of_the_page_and_is_escaped(two, tmp_path):
    evil = "<b>loss</b>"
    told = {"name": evil, "formula": "x", "source": "", "dim": 1}
    page = build([renamed(run, tmp_path / run.name, loss=told) for run in two])
    assert page.index("runs of different budgets together") < page.index("What was run")
    assert evil not in page
    assert "dynbench report: 2 runs" in page
    assert page.count("Pooled:") == 1


def test_limits_of_none_and_of_all_are_those_of_shares():
    t = np.array([3, 5, 7])
    escaped, *_ = aalen_johansen(t, np.full(3, -1), 9)
    value, lo, hi = budgets.drawn_at(escaped, np.array([1, 3, 8]), 0.0)
    assert value == pytest.approx([0.0, 1 / 3, 1.0])
    assert lo[2] == pytest.approx(interval(3, 3)[0])
    assert (lo[0], hi[0]) == (0.0, pytest.approx(interval(0, 3)[1]))
