"""Reports of noisy arms: none is left out, none is held against a noiseless threshold, exact values stand beside."""

import re
from math import inf

import numpy as np
import pandas as pd
import pytest
import sweeps

from dynbench import find
from dynbench.report import arms, curves, figures, words
from dynbench.report.page import EXACT, build
from dynbench.report.style import WIDTH
from dynbench.report.trapped import POOLED, pooled
from dynbench.sweep.grid import Arm

QUARTIC = find.loss("quartic")


def with_exact(cells: pd.DataFrame) -> pd.DataFrame:
    """Exact values, made up, for noisy cells of capped flow, which has none: a little below what was measured."""
    noisy = cells["temperature"] > 0
    p = (cells["p_escape"] * 0.9).where(noisy)
    error = np.sqrt(p * (1 - p) / cells["n"])
    return cells.assign(p_exact=p, p_exact_se=error, z=(cells["p_escape"] - p) / error)


def at_noise(cells: pd.DataFrame, temperature: float) -> pd.DataFrame:
    return cells[cells["dynamics"] == "capped"].assign(temperature=temperature)


def test_every_noise_of_a_rule_has_its_turn():
    """Two rules at two noises are four lines; a rule at three noises begins with both sides of its threshold."""
    both = ("capped", 1e3), ("gradient", np.nan)
    table = pd.DataFrame([{"dynamics": r, "cap": c, "temperature": t} for r, c in both for t in (0.0, 20.0)])
    assert arms.few(table, 7, lambda _: inf) == [0, 1, 2, 3]
    many = pd.DataFrame(
        [{"dynamics": "capped", "cap": c, "temperature": t} for t in range(3) for c in (1.0, 80.0, 90.0)]
    )
    assert arms.few(many, 4, lambda _: 71.0) == [0, 1, 3, 6]


def test_survival_leaves_no_arm_out():
    kinds = [("gradient", np.nan, 0.0, 0), ("gradient", np.nan, 20.0, 1), ("capped", 1e3, 0.0, 1),
             ("capped", 1e3, 20.0, 1), ("sign", np.nan, 0.0, 0), ("sign", np.nan, 20.0, 1)]  # fmt: skip
    rows = [{"id": n, "loss": "quartic", "dynamics": rule, "x0": 3.0, "cap": cap, "lr": 0.01, "temperature": t,
             "gradient_noise": 0.0, "start_basin": 1, "t_exit": 5 + n if gone else -1}
            for rule, cap, t, gone in kinds for n in range(3)]  # fmt: skip
    picture = figures.survival(pd.DataFrame(rows), 100, QUARTIC)
    for name in ("capped, T 0", "capped, T 20", "gradient, T 20", "sign, T 20"):
        assert f"{name}: 0" in picture.alt
    assert "No escape at all: gradient, T 0; sign, T 0." in picture.alt
    assert "more settings" not in picture.alt


def test_survival_counts_what_it_does_not_draw(run):
    picture = figures.survival(run.trajectories, sweeps.STEPS, QUARTIC)
    false = run.cells.query("start_basin == 1 and escaped > 0")
    drawn = len(picture.figure.axes[0].lines) - 1
    assert f" {len(false) - drawn} more settings with escapes are not drawn." in picture.alt


def test_a_threshold_is_for_arms_without_noise(run):
    for temperature, predicted in ((0.0, True), (0.5, False)):
        cells = at_noise(run.cells, temperature)
        (row, _), *_ = curves.lines(cells[cells["start_basin"] == 1], "cap", QUARTIC, sweeps.FACTS)
        assert (curves.limit_of(row, QUARTIC, sweeps.FACTS) < inf) is predicted
        assert ("Predicted" in " ".join(words.findings(cells, QUARTIC, sweeps.FACTS))) is predicted
        picture = figures.escape_against_cap(cells, QUARTIC, sweeps.FACTS)
        assert ("Predicted" in picture.alt) is predicted
        assert any("D/(hL*)" in t.get_text() for axes in picture.figure.axes for t in axes.texts) is predicted
    both = pd.concat([at_noise(run.cells, 0.5), at_noise(run.cells, 0.0)], ignore_index=True)
    (row, _), *_ = curves.lines(both[both["start_basin"] == 1], "cap", QUARTIC, sweeps.FACTS)
    assert row["temperature"] == 0.0
    gradient_noise = at_noise(run.cells, 0.0).assign(gradient_noise=1.0)
    assert "Predicted" not in " ".join(words.findings(gradient_noise, QUARTIC, sweeps.FACTS))
    trajectories = run.trajectories.query("dynamics == 'capped'")
    assert "threshold" in figures.outcome_map(trajectories, QUARTIC, sweeps.FACTS).alt
    assert "threshold" not in figures.outcome_map(trajectories.assign(temperature=0.5), QUARTIC, sweeps.FACTS).alt


def test_exact_values_in_pictures_words_and_tables(run, tmp_path):
    """The noisy gradient's, which a sweep works out by itself; a run without noise has none."""
    pictures = figures.draw_all(run)
    cell = run.cells.query("start_basin == 1 and temperature > 0").iloc[0]
    assert 0.0 < cell["p_exact"] < 1.0
    marks = {name: [line for line in pictures[name].figure.axes[0].lines if "exact" in str(line.get_label())]
             for name in ("rules", "survival")}  # fmt: skip
    assert cell["p_exact"] in marks["rules"][0].get_xdata()
    assert marks["survival"][0].get_ydata()[0] == pytest.approx(1.0 - cell["p_exact"], rel=1e-12)
    html = build([run])
    assert f"at most {abs(cell['z']):.1f} standard errors (of the noise alone) away (gradient temperature 0.5: " in html
    assert EXACT in html
    assert f"{arms.share(cell['p_exact'])} ({cell['z']:+.1f})" in html
    assert EXACT not in build([sweeps.made(tmp_path, Arm("gradient"), Arm("sign"))])
    cap = with_exact(at_noise(run.cells, 0.5))
    picture = figures.escape_against_cap(cap, QUARTIC, sweeps.FACTS)
    assert any(line.get_label() == "exact" for line in picture.figure.axes[0].lines)


def test_pooled_exact_values():
    """Sums of independent trials: mean sum n p, variance sum (n se)^2; unknown where one of them is."""
    fixed = {"loss": "q", "dynamics": "sign", "lr": 0.01, "temperature": 1.0, "steps": 9, "randomness": "noise"}
    rows = [fixed | {"start_basin": b, "n": n, "escaped": k, "p_escape": k / n, "p_escape_lo": 0.1, "p_escape_hi": 0.9,
                     "p_exact": p, "p_exact_se": e, "z": 0.0}
            for b, n, k, p, e in ((1, 100, 30, 0.25, 0.04), (2, 50, 10, 0.1, 0.02))]  # fmt: skip
    one = pooled(pd.DataFrame(rows), POOLED).iloc[0]
    assert one["p_exact"] == pytest.approx(30 / 150)
    assert one["z"] == pytest.approx((40 - 30) / np.hypot(100 * 0.04, 50 * 0.02))
    rows[1] |= {"p_exact": np.nan, "p_exact_se": np.nan}
    assert np.isnan(pooled(pd.DataFrame(rows), POOLED).iloc[0][["p_exact", "z"]].astype(float)).all()


def test_words_for_one_smaller_cap_and_for_the_largest(run):
    cells = run.cells.query("start_basin == 1 and dynamics == 'capped'").sort_values("cap")
    rising = cells[cells["cap"].isin((66.0, 74.0))]
    text = words.findings(rising, QUARTIC, sweeps.FACTS)[0]
    assert re.search(r"none at the one smaller cap, 66 \(0 of 26 runs\)", text)
    assert re.search(r"P\(escape\) is highest at the largest cap, 74: 0\.\d+ \[", text)
    picture = figures.escape_against_cap(rising, QUARTIC, sweeps.FACTS)
    assert picture.alt == text


def test_long_labels_and_notes_at_an_edge_stay_inside(run):
    cells = run.cells.assign(
        dynamics=run.cells["dynamics"].replace({"sps_max": "a_rule_with_a_rather_long_name_for_it"})
    )
    wider = pd.concat([cells, cells[cells["step_cap"].notna()].assign(f_star=0.5)], ignore_index=True)
    picture = figures.escape_against_cap(wider[~(wider["step_cap"] > 0.1)], QUARTIC, sweeps.FACTS)
    picture.png  # noqa: B018 - drawing places the ticks
    whole = picture.figure.bbox
    assert picture.figure.get_figwidth() == WIDTH
    boxes = [legend.get_window_extent() for legend in picture.figure.legends]
    boxes += [t.get_window_extent() for axes in picture.figure.axes for t in axes.texts]
    assert any("2/λ" in t.get_text() for axes in picture.figure.axes for t in axes.texts)
    assert all(whole.x0 <= b.x0 and b.x1 <= whole.x1 and whole.y0 <= b.y0 and b.y1 <= whole.y1 for b in boxes)
