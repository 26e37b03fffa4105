"""Times on the page: curves, hazards and shares of targets hold the table; numbers are those of cells.csv."""

import re

import layout
import numpy as np
import pandas as pd
import pytest
import sweeps

from dynbench import find
from dynbench.outcomes.hazard import late_hazard
from dynbench.outcomes.outward import between
from dynbench.outcomes.runtime import solved
from dynbench.report import arms, figures, times
from dynbench.report.escapes import needed, sample
from dynbench.report.hazards import exact_rate, hazards
from dynbench.report.page import build
from dynbench.report.solved import solved_shares
from dynbench.sweep.grid import Arm
from dynbench.theory.chain import exits

QUARTIC = find.loss("quartic")
STEPS = 1000
TARGETS = (1e-3, 1e-1)
MASTER = 3


def walks(folder, steps=STEPS, seed=MASTER, **options):
    """Noisy descent at two temperatures, ascent that loses most, and a rule that stays: 100 starts, 3 seeds."""
    ascent = sweeps.written(folder, "uphill")
    rules = (
        Arm("gradient", {"temperature": (0.5, 1.0)}),
        Arm(ascent, {"lr": (0.001,), "temperature": (0.05,)}),
        Arm("normalized"),
    )
    starts = sweeps.points(3.0 + 1e-3 * np.arange(100))
    return sweeps.made(folder, *rules, starts=starts, steps=steps, seeds=3, seed=seed, targets=TARGETS, **options)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """One trajectory without noise, from a start of its own, and the walks."""
    folder = tmp_path_factory.mktemp("times")
    one = Arm("capped", {"cap": (99.0,)})
    return sweeps.made(folder, one, starts=sweeps.points(3.05), steps=STEPS, targets=TARGETS), walks(folder)


@pytest.fixture(scope="module")
def table(runs):
    one, many = (run.trajectories for run in runs)
    return pd.concat([one, many.assign(id=many["id"] + len(one))], ignore_index=True)


@pytest.fixture(scope="module")
def found(table):
    return sample(table[needed(table.columns)], QUARTIC)


def named(picture, panel: int = 0) -> dict:
    lines = picture.figure.axes[panel].lines
    return {str(line.get_label()): line for line in lines if not str(line.get_label()).startswith("_")}


def test_three_ends_are_drawn_and_sum_to_one(table):
    picture = figures.survival(table, STEPS, QUARTIC)
    layout.check(picture)
    escaped, diverged, inside = (named(picture, k) for k in range(3))
    assert len(escaped) == 5
    for name in ("gradient, T 0.5", "uphill, T 0.05", "capped"):
        total = sum(panel[name].get_ydata() for panel in (escaped, diverged, inside))
        np.testing.assert_allclose(total, 1.0, atol=1e-12)
    lost = table[table["dynamics"] == "uphill"]
    at = diverged["uphill, T 0.05"].get_xdata()
    share = [((lost["t_diverged"] >= 0) & (lost["t_diverged"] <= t)).mean() for t in at]
    np.testing.assert_allclose(diverged["uphill, T 0.05"].get_ydata(), share)
    assert len(picture.figure.axes[0].collections) == 3  # of the four that move: one start without noise has no band
    assert "Neither happens to normalized" in picture.alt
    assert arms.share((lost["t_exit"] < 0).mean() - share[-1]) in picture.alt


def test_a_divergence_that_is_not_timed_is_a_mark_at_the_end(table):
    picture = figures.survival(table.drop(columns="t_diverged"), STEPS, QUARTIC)
    layout.check(picture)
    lost = (table[table["dynamics"] == "uphill"]["t_diverged"] >= 0).mean()
    (mark,) = [line for line in picture.figure.axes[1].lines if list(line.get_ydata()) == [lost]]
    assert list(mark.get_xdata()) == [STEPS]
    assert "when they diverged was not recorded" in picture.alt


def test_one_panel_with_bands_where_nothing_diverges(table):
    plain = table[table["dynamics"] != "uphill"]
    picture = figures.survival(plain, STEPS, QUARTIC)
    layout.check(picture)
    (axes,) = picture.figure.axes
    rows = plain[plain["temperature"] == 0.5]
    line = named(picture)["gradient, T 0.5"]
    share = [((rows["t_exit"] < 0) | (rows["t_exit"] > t)).mean() for t in line.get_xdata()]
    np.testing.assert_allclose(line.get_ydata(), share)
    assert len(axes.collections) == 2


def test_hazards_hold_the_table(found):
    picture = hazards(found, STEPS, sweeps.FACTS)
    layout.check(picture)
    (axes,) = picture.figure.axes
    name = found.names.index("gradient, T 0.5")
    t = found.t_exit[found.arm == name]
    value, lo, hi = (float(v[0]) for v in late_hazard(t, STEPS))
    levels = [line for line in axes.lines if list(line.get_ydata()) == [value] * 2]
    assert [list(line.get_xdata()) for line in levels] == [[STEPS // 2, STEPS]]
    assert f"gradient, T 0.5: {value:.2g} {between(lo, hi, '.2g')}" in picture.alt
    spent = np.clip(np.where(t >= 0, t, STEPS), 64, 128) - 64  # steps at risk in the bin from 64 to 128
    seen = np.sum((t > 64) & (t <= 128)) / spent.sum()
    assert any(np.isclose(line.get_ydata(), seen, rtol=1e-12).any() for line in axes.lines if len(line.get_ydata()))


def test_the_exact_late_hazard_stands_where_it_is_known(found):
    exact = exits(QUARTIC, 1, 3.0, 0.01, 1.0, ()).hazard
    assert exact_rate(found, found.names.index("gradient, T 1"), sweeps.FACTS) == pytest.approx(exact, rel=1e-9)
    assert "exact, in the long run" in named(hazards(found, STEPS, sweeps.FACTS))
    assert np.isnan(exact_rate(found, found.names.index("uphill, T 0.05"), sweeps.FACTS))
    lost = sample(found.rows.assign(status="diverged", t_exit=-1), QUARTIC)
    assert np.isnan(exact_rate(lost, lost.names.index("gradient, T 1"), sweeps.FACTS))
    assert np.isnan(exact_rate(sample(found.rows, None), 1, sweeps.FACTS))


def test_runs_that_are_lost_are_at_risk_up_to_there(found):
    """Divergence shortens what is at risk; without its times the hazard of all starts is told."""
    place, untimed = found.names.index("uphill, T 0.05"), sample(found.rows.drop(columns="t_diverged"), QUARTIC)
    known, whole = (times.measured(s, STEPS).iloc[place]["late_hazard"] for s in (found, untimed))
    t, d = found.t_exit[found.arm == place], found.t_diverged[found.arm == place]
    late, half = (t > STEPS // 2).sum(), STEPS // 2
    end = np.where(t >= 0, t, np.where(d >= 0, d, STEPS))
    assert known == pytest.approx(late / np.clip(end - half, 0, None).sum())
    assert whole == pytest.approx(late / np.clip(np.where(t >= 0, t, STEPS) - half, 0, None).sum())
    assert whole < known
    everything = sample(found.rows.assign(status="diverged", t_exit=-1, t_diverged=3), QUARTIC)
    assert np.isnan(times.measured(everything, STEPS)["late_hazard"]).all()  # nobody is left to escape


def test_shares_of_targets_hold_the_table(found, table):
    picture = solved_shares(found, STEPS, (1e-3, 1e-1))
    layout.check(picture)
    line = named(picture)["gradient, T 0.5"]
    own = table[table["temperature"] == 0.5]
    given = solved(own[["t_hit_0", "t_hit_1"]].to_numpy().T, STEPS, line.get_xdata())
    np.testing.assert_allclose(line.get_ydata(), given.p[0])
    assert "L - Lmin ≤ 0.001, 0.1" in picture.alt
    never = sum(not (rows["t_hit_0"] >= 0).any() for _, rows in table.groupby(["dynamics", "temperature"]))
    assert f"Never there: {never} of 5 settings." in picture.alt
    assert len(picture.figure.axes[0].collections) == len(named(picture)) - 1  # all but the one without randomness
    assert solved_shares(sample(found.rows.assign(t_hit_0=-1, t_hit_1=-1), QUARTIC), STEPS) is None


def test_the_table_has_the_numbers_of_cells_csv(found, runs):
    made = times.measured(found, STEPS)
    told = pd.concat([run.cells for run in runs])
    assert set(told["start_basin"]) == {1}
    for column in times.COLUMNS:
        finite = made[[column, f"{column}_lo", f"{column}_hi"]].replace(np.inf, np.nan).to_numpy(float)
        theirs = told[[column, f"{column}_lo", f"{column}_hi"]].to_numpy(float)
        np.testing.assert_allclose(finite, theirs, rtol=1e-9, err_msg=column)
        assert np.isnan(finite[told["n"] == 1, 1:]).all()


def test_texts_of_the_table(found, table):
    steps, ode = times.tables(times.measured(found, STEPS), found.names, "here", 300)
    body = {row[0]: row[1:] for row in steps.rows}
    assert body["normalized"][1] == "not reached"
    assert body["normalized"][4].startswith("not reached [≥ ")
    out, hit = (int(table[column].iloc[0]) for column in ("t_exit", "t_hit_0"))
    assert 0 < out < hit
    assert body["capped"] == ["1", str(out), str(out), "nobody left", str(hit)]
    assert ode.folded
    same = {row[0]: row[1:] for row in ode.rows}
    assert same["capped"][1:] == [f"{0.01 * out:g}", f"{0.01 * out:g}", "nobody left", f"{0.01 * hit:g}"]
    for column, factor in ((1, 0.01), (2, 0.01), (3, 100.0), (4, 0.01)):
        numbers = [re.findall(r"[\d.e-]+", told["gradient, T 1"][column]) for told in (body, same)]
        np.testing.assert_allclose(np.array(numbers[1], float), factor * np.array(numbers[0], float), rtol=1e-3)
    assert len(times.tables(times.measured(found, STEPS), found.names, "here", 2)[0].rows) == 2


def test_a_run_that_knows_nothing_of_times_has_no_section(tmp_path):
    run = sweeps.made(tmp_path, Arm("capped", {"f_star": (0.0,)}), loss=sweeps.written(tmp_path, "bowl"))
    assert times.sections(run, None, 300) == []


def test_aggregates_tell_what_cells_csv_has(tmp_path):
    run = walks(tmp_path, keep="cells")
    (section,) = times.sections(run, QUARTIC, 300)
    assert not section.pictures
    assert [row[0] for row in section.tables[0].rows] == arms.names(run.cells)
    assert ">Times<" in build([run])
