"""Runs of different budgets together: the curve is Kaplan and Meier's of the pooled rows, each trajectory once."""

import layout
import numpy as np
import pandas as pd
import pytest
import synthetic
from test_times_page import ARMS, rows

from dynbench.outcomes.censored import aalen_johansen, kaplan_meier, mean_of, median_of
from dynbench.report import budgets
from dynbench.report.page import build
from dynbench.store import Run

NOISY = ("gradient", 0.5, 300, 0.003, 0.0)
NO_PATHS = pd.DataFrame({"id": pd.Series(dtype="int64")})


def write(folder, steps, table, master=0, **changes) -> Run:
    sweep = synthetic.manifest()["sweep"] | {"steps": steps, "seed": master}
    return synthetic.write(folder, table, NO_PATHS, synthetic.manifest(sweep=sweep, run=folder.name) | changes)


def cut(table: pd.DataFrame, steps: int) -> pd.DataFrame:
    """The same trajectories, watched for fewer steps."""
    late = {c: table[c].where(table[c] <= steps, -1) for c in ("t_exit", "t_hit_0", "t_hit_1", "t_diverged")}
    made = table.assign(**late)
    return made.assign(status=np.where(made["t_diverged"] >= 0, "diverged", "censored"))


def line_of(picture, name, panel=0):
    return next(line for line in picture.figure.axes[panel].lines if line.get_label() == name)


def test_kaplan_meier_of_the_pooled_rows(tmp_path):
    short, long = rows(200, [NOISY], seed=5), rows(1000, [NOISY], seed=6)
    runs = [write(tmp_path / "short", 200, short, master=1), write(tmp_path / "long", 1000, long, master=2)]
    (section,) = budgets.sections(runs, 300)
    t_exit = np.concatenate([short["t_exit"], long["t_exit"]])
    known = kaplan_meier(t_exit, np.repeat([200, 1000], 300))
    (picture,) = section.pictures
    layout.check(picture)
    line = line_of(picture, "gradient, T 0.5")
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
    kinds = [NOISY, ("sign", 0.0, 100, 0.003, 0.0)]
    long = rows(1000, kinds)
    runs = [write(tmp_path / name, steps, cut(long, steps), master) for name, steps, master in
            (("a", 200, 0), ("b", 1000, 0), ("c", 500, 9))]  # fmt: skip
    (section,) = budgets.sections(runs, 300)
    table = {row[0]: row[1] for row in section.tables[0].rows}
    assert table == {"gradient, T 0.5": "600", "sign": "100"}  # another master seed is other noise
    assert "500 of these are in another run" in section.paragraphs[0]
    assert np.sum(budgets.longest(budgets.together([budgets.read(r) for r in runs[:2]]))[budgets.BUDGET] != 1000) == 0


def test_divergence_competes_where_its_times_are_known(tmp_path):
    kinds = [("sign", 0.5, 300, 0.002, 0.002)]
    short, long = rows(200, kinds, seed=5), rows(1000, kinds, seed=6)
    runs = [write(tmp_path / "a", 200, short, 1), write(tmp_path / "b", 1000, long, 2)]
    (section,) = budgets.sections(runs, 300)
    (picture,) = section.pictures
    layout.check(picture)
    both = pd.concat([short, long])
    known = aalen_johansen(both["t_exit"], both["t_diverged"], np.repeat([200, 1000], 300))
    for panel, curve in enumerate(known):
        line = line_of(picture, "sign, T 0.5", panel)
        place = np.searchsorted(curve.t, line.get_xdata(), side="right")
        np.testing.assert_allclose(line.get_ydata(), np.append(float(panel == 2), curve.p)[place], atol=1e-12)
    assert "Aalen" in section.paragraphs[1]
    runs[0] = write(tmp_path / "c", 200, short.drop(columns="t_diverged"), 1)
    (section,) = budgets.sections(runs, 300)
    assert "Not all of these runs recorded when they diverged" in section.paragraphs[1]
    assert len(section.pictures[0].figure.axes) == 1


def test_only_runs_of_one_loss_and_of_different_budgets(tmp_path):
    table = rows(200, [NOISY])
    a, same = write(tmp_path / "a", 200, table), write(tmp_path / "b", 200, table, 1)
    assert budgets.sections([a, same], 300) == []
    other = write(tmp_path / "c", 300, table, loss={"name": "other", "dim": 1})
    assert budgets.sections([a, other], 300) == []
    long = write(tmp_path / "d", 300, table)
    assert len(budgets.sections([a, other, long], 300)) == 1
    (long.directory / "files" / "losses").mkdir(parents=True)
    (long.directory / "files" / "losses" / "quartic.py").write_text("# another text of the same name\n")
    assert budgets.sections([a, long], 300) == []


def test_it_stands_at_the_top_of_the_page_and_is_escaped(tmp_path):
    evil = "<b>loss</b>"
    told = {"name": evil, "formula": "x", "source": "", "dim": 1}
    runs = [write(tmp_path / str(n), n, rows(n, ARMS[:2], seed=n), n, loss=told) for n in (200, 300)]
    page = build(runs)
    assert page.index("runs of different budgets together") < page.index("What was run")
    assert evil not in page
    assert "dynbench report: 2 runs" in page
    assert page.count("Pooled:") == 1


def test_sums_that_round_have_no_limits_everywhere():
    t = np.array([3, 5, 7])
    escaped, *_ = aalen_johansen(t, np.full(3, -1), 9)
    value, lo, hi = budgets.drawn_at(escaped, np.array([1, 3, 8]), 0.0)
    assert value == pytest.approx([0.0, 1 / 3, 1.0])
    assert lo[2] == pytest.approx(1.0)
    assert hi[0] == pytest.approx(0.0)
