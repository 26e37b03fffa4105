"""Comparisons on the page: pairs by hand, one family, nothing said where nothing is random."""

import numpy as np
import pandas as pd
import pytest
import sweeps

from dynbench import find
from dynbench.outcomes.compare import holm, mcnemar, tango
from dynbench.outcomes.intervals import interval
from dynbench.outcomes.outward import DOWN, UP
from dynbench.report import arms, comparisons, further
from dynbench.report.forest import forest
from dynbench.store import Run
from dynbench.sweep.grid import Arm

QUARTIC = find.loss("quartic")


def settings(run: Run, loss=QUARTIC) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(the table of arms, the rows of those that are compared)."""
    table = further.settings(run, loss)
    return table, further.read(run, comparisons.best(table), [1])


def test_the_best_settings_of_every_rule_are_chosen(run):
    table, _ = settings(run)
    best = comparisons.best(table)
    assert best["dynamics"].is_unique
    assert set(best["dynamics"]) == set(table["dynamics"])
    assert best["p_final"].is_monotonic_decreasing
    for rule, rows in table.groupby("dynamics"):
        own = best[best["dynamics"] == rule].iloc[0]
        ties = rows[rows["p_final"] == rows["p_final"].max()]
        assert own["p_final"] == rows["p_final"].max()
        assert own["p_escape"] == ties["p_escape"].max()


def test_each_claim_is_that_of_the_rows_joined_by_start(run):
    table, rows = settings(run)
    best = comparisons.best(table)
    made = comparisons.claims(best, rows)
    assert len(made) == 2 * (len(best) - 1)  # six rules: each against the best
    assert {c.a for c in made} == {best.index[0]}
    whole = run.trajectories
    for claim in made:
        sides = []
        for place in (claim.a, claim.b):
            arm = best.loc[place]
            own = whole[(whole["dynamics"] == arm["dynamics"]) & (whole["start_basin"] == 1)]
            for name in arms.settings(best)[1:]:
                own = own[own[name].isna() if np.isnan(arm[name]) else own[name] == arm[name]]
            good = own["t_exit"] >= 0 if claim.on == "escape" else own["loss_final"] <= 1e-3
            sides.append(good.set_axis(own["x0"]))
        a, b = (s.sort_index().to_numpy() for s in sides)
        alone = np.sum(a & ~b), np.sum(b & ~a)
        found = claim.found
        assert (found.n[0], found.only_a[0], found.only_b[0]) == (26, *alone)
        assert found.difference[0] == pytest.approx(a.mean() - b.mean(), abs=1e-12)
        assert (found.lo[0], found.hi[0]) == tango(*alone, 26)
        assert claim.p == mcnemar(*alone)
    np.testing.assert_array_equal([c.adjusted for c in made], holm([c.p for c in made]))


def test_few_rules_are_compared_pair_by_pair(run):
    table, rows = settings(run)
    best = comparisons.best(table).head(4)
    made = comparisons.claims(best, rows)
    assert len({(c.a, c.b) for c in made}) == 6
    assert forest(made, dict(zip(best.index, arms.names(best), strict=True))).alt.startswith("Differences between")


def test_the_section_says_how_it_chose_and_how_to_confirm(run):
    parts = {s.heading: s for s in further.sections(run, QUARTIC)}
    told = parts["Comparisons"]
    text = " ".join(told.paragraphs)
    assert "chosen on the same data as they are compared on" in text
    assert "as if they had been drawn at random" in text
    assert "adjusted for all 10 claims of these tables" in text
    assert "With several seeds" not in text
    assert told.code.startswith("python -m dynbench.compare RUN --a ")
    assert [t.caption for t in told.tables] == ["P(escape), rule against rule", "P(final), rule against rule"]
    assert len(told.pictures) == 1


def test_without_a_loss_the_same_is_found(run):
    """As for a user's own file, which a report never runs."""
    known, unknown = (next(iter(further.sections(run, loss))) for loss in (QUARTIC, None))
    assert [t.rows for t in known.tables] == [t.rows for t in unknown.tables]


TWO = Arm("sign"), Arm("global_flow")


def test_nothing_is_tested_where_nothing_is_random(run, tmp_path):
    """Two rules from one start, of which one leaves."""
    gone = run.trajectories.query("dynamics == 'global_flow' and start_basin == 1 and t_exit >= 0")
    alone = sweeps.made(tmp_path, *TWO, starts=sweeps.points(gone["x0"].iloc[0]))
    assert alone.cells["n"].tolist() == [1, 1]
    assert alone.cells["escaped"].tolist() == [0, 1]
    told = further.sections(alone, QUARTIC)[0]
    assert told.heading == "Comparisons"
    assert "nothing is random there" in " ".join(told.paragraphs)
    assert all(row[-2:] == [comparisons.NOTHING, "–"] for table in told.tables for row in table.rows)
    assert not any("[" in row[5] for table in told.tables for row in table.rows)
    assert not told.pictures
    assert not told.code


def test_seeds_from_one_start_are_pairs(tmp_path):
    noisy = [Arm(arm.dynamics, {"temperature": (0.1,)}) for arm in TWO]
    run = sweeps.made(tmp_path, *noisy, starts=sweeps.points(3.0), seeds=26)
    told = further.sections(run, QUARTIC)[0]
    assert "With several seeds from each start, what is said holds for these starts." in told.paragraphs[0]
    assert "as if they had been drawn at random" not in told.paragraphs[0]
    assert told.tables[0].rows[0][2] == "26"


def test_one_rule_or_no_success_is_no_comparison(tmp_path):
    alone, stuck = sweeps.made(tmp_path, sweeps.CAPPED), sweeps.made(tmp_path, Arm("sign"), Arm("sign_eps"))
    assert "Comparisons" not in {s.heading for s in further.sections(alone, QUARTIC)}
    assert not (stuck.trajectories.query("start_basin == 1")["t_exit"] >= 0).any()
    assert further.sections(stuck, QUARTIC) == []
    cells = alone.cells.assign(p_exact=0.5)
    (told,) = comparisons.alone(cells)
    assert told.items == comparisons.exactly(cells)


def test_nothing_without_trajectories_or_false_minima(tmp_path):
    cells = sweeps.made(tmp_path, sweeps.CAPPED, *TWO, keep="cells")
    home = sweeps.made(tmp_path, sweeps.CAPPED, *TWO, starts=sweeps.points(np.linspace(0.05, 1.8, 15)))
    assert set(home.cells["start_basin"]) == {0}
    assert further.sections(cells, QUARTIC) == []
    assert further.sections(home, QUARTIC) == []


def test_exact_probabilities_are_held_against_counts():
    p = np.array([0.3, 0.5, 0.7, np.nan])
    table = pd.DataFrame({"n": 200, "escaped": [60, 100, 190, 3], "p_exact": p})
    (text,) = comparisons.exactly(table)
    assert text.startswith("Simulation against the exact chain: 1 of 3 escape counts disagree")
    assert comparisons.exactly(table.drop(columns="p_exact")) == []
    assert comparisons.exactly(table.assign(p_exact=np.nan)) == []


def test_where_they_went_agrees_with_the_cells(run):
    told = {s.heading: s for s in further.sections(run, QUARTIC)}["Where they went"]
    table = further.settings(run, QUARTIC)
    names = arms.names(table)
    became, basins = told.tables
    assert 1 < len(became.rows) <= 12
    for row, ends in zip(became.rows, basins.rows, strict=True):
        cell = table.iloc[names.index(row[0])]
        assert row[1:3] == [str(cell["n"]), str(cell["escaped"])]
        assert row[6].startswith(arms.share(cell["p_global"]))
        lo, hi = interval(int(row[3]), cell["escaped"])
        assert row[4] == f"{arms.share(int(row[3]) / cell['escaped'])} [{arms.share(lo, DOWN)}, {arms.share(hi, UP)}]"
        assert int(row[3]) + int(row[5]) <= cell["escaped"]
        assert sum(int(c.split()[0]) for c in ends[2:]) == cell["escaped"]
    assert basins.columns[2:] == ["global: x = 0.4069", "x = 3"]


def test_many_basins_are_counted_and_not_listed(hot):
    became, basins = further.sections(hot, None)[-1].tables
    assert basins.columns[:2] == ["rule", "escaped"]
    assert basins.columns[-2:] == ["different basins", "the most frequent"]
    assert became.columns[-1] == "changed basin more than once"
    for row, ends, (_, own) in zip(became.rows, basins.rows, hot.trajectories.groupby("temperature"), strict=True):
        gone = own[(own["t_exit"] >= 0) & (own["start_basin"] != 0)]
        assert row[2] == ends[1] == str(len(gone))
        assert row[-1] == str((gone["crossings"] > 1).sum())
        assert int(ends[-2]) == gone["basin_final"].nunique() > 8
        assert int(ends[-1].split()[0]) == gone["basin_final"].value_counts().max()
