"""The first verdict: budgets spent to the last step, a study that repeats, a page that tells what its tables hold."""

import re

import numpy as np
import pandas as pd
import pytest

from dynbench import find
from dynbench.backends.cpu import Cpu
from dynbench.outcomes.compare import mcnemar
from suites.verdict import TARGET, TITLE, publish
from suites.verdict_arms import Study, last_values, shares
from suites.verdict_study import DEFAULT, TUNED, configurations

SMALL = {"starts": "trapped:50", "budgets": [40, 63], "configurations": 3}


@pytest.fixture(scope="module")
def study() -> Study:
    return Study.read(**SMALL)


@pytest.fixture(scope="module")
def results() -> pd.DataFrame:
    return pd.read_csv(TARGET / "results.csv")


@pytest.mark.parametrize("budget", [1, 7, 100, 250, 1000, 2500, 2503])
def test_the_stages_of_an_arm_add_up_to_the_budget(budget):
    for arm in Study.read().arms:
        plan = arm.plan(budget)
        assert sum(steps for steps, _ in plan) == budget
        if arm.parts:
            assert plan[-1] == (round(budget / 10), 0.0)
    assert sum(shares(budget, 35)) == budget


def test_every_arm_spends_its_budget_in_the_kernel(study, monkeypatch):
    spent = []
    run = Cpu.run

    def counted(self, loss, rule, batch, steps, **more):
        spent.append(steps)
        return run(self, loss, rule, batch, steps, **more)

    monkeypatch.setattr(Cpu, "run", counted)
    for arm in study.arms:
        spent.clear()
        last_values(study, arm, [arm.default], 63, 1)
        assert sum(spent) == 63


def test_every_arm_tries_as_many_configurations_inside_its_box():
    study = Study.read()
    for arm in study.arms:
        tried = configurations(arm, study.configurations)
        assert len(tried) == study.configurations
        for name, (lo, hi) in arm.box.items():
            values = [config[name] for config in tried]
            assert lo <= min(values)
            assert max(values) <= hi
            assert name == "restarts" or len(set(values)) == study.configurations


def test_a_chain_without_noise_is_one_run(study):
    """Stages of a plain gradient give the same bits as all steps at once."""
    quiet = next(arm for arm in study.arms if arm.name == "annealed noise")
    plain = next(arm for arm in study.arms if arm.name == "plain gradient")
    chained = last_values(study, quiet, [{"temperature": 0.0, "lr": 0.01}], 63, 5)
    np.testing.assert_array_equal(chained, last_values(study, plain, [{"lr": 0.01}], 63, 5))


def test_stages_draw_different_noise_and_seeds_other_starts(study):
    noisy = next(arm for arm in study.arms if arm.name == "constant noise")
    config = {"temperature": 0.5, "lr": 0.01}
    first, second = last_values(study, noisy, [config, config], 63, 5)
    np.testing.assert_array_equal(first, second)  # the same start and stage: the same noise
    assert not np.isin(last_values(study, noisy, [config], 63, 6), first).any()


def test_the_best_descent_of_restarts_counts(study):
    """More descents from the same first points cannot end higher."""
    arm = next(arm for arm in study.arms if arm.name == "random restarts")
    one, two = (last_values(study, arm, [{"restarts": k, "lr": 0.02}], 40 * k, 3) for k in (1, 2))
    assert (two <= one).all()
    assert (two < one).any()


def test_the_study_is_deterministic(study, tmp_path):
    for name in ("a", "b"):
        publish(study, tmp_path / name)
    names = sorted(p.name for p in (tmp_path / "a").iterdir())
    assert names == ["index.html", "p_final.png", "results.csv", "tuning.csv"]
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_published_numbers_agree_with_each_other(results):
    study = Study.read()
    page = (TARGET / "index.html").read_text(encoding="utf-8")
    assert TITLE in page
    text = re.sub(r"<[^>]+>", " ", page)
    for arm in study.arms:
        for setting in (TUNED, DEFAULT):
            rows = results[(results["arm"] == arm.name) & (results["setting"] == setting)]
            assert tuple(rows["budget"]) == study.budgets
            assert (rows["n"] == study.starts.count).all()
            assert np.allclose(rows["p_final"], rows["successes"] / rows["n"], rtol=1e-5)
            for _, row in rows.iterrows():
                assert f"{row['p_final']:.4f} [{row['p_final_lo']:.4f}, {row['p_final_hi']:.4f}]" in text
            told = [f"{p:.3f}" for p in rows["p_final"]]
            assert f"{', '.join(told[:-1])} and {told[-1]}" in text.partition("How it was measured")[0]


def test_published_claims_follow_from_their_counts(results):
    study = Study.read()
    claims = results[results["p_mcnemar"].notna()]
    assert len(claims) == (len(study.arms) - 1) * len(study.budgets)
    assert np.allclose(claims["p_mcnemar"], mcnemar(claims["only_subject"], claims["only_arm"]), rtol=1e-5, atol=1e-300)
    tuned = results[results["setting"] == TUNED]
    subject = tuned[tuned["arm"] == study.subject].set_index("budget")["successes"]
    others = claims["successes"].to_numpy() + claims["only_subject"] - claims["only_arm"]
    assert (others.to_numpy() == subject[claims["budget"]].to_numpy()).all()
    for arm, rows in claims.groupby("arm"):  # what the page says in words of its own
        clear = rows["p_holm"] < study.alpha
        if arm in ("SPS_max", "random restarts"):
            assert not (clear & (rows["difference"] > 0)).any(), "simpler rules do as well"
        else:
            assert (clear & (rows["difference"] > 0)).all()
    held = tuned[tuned["arm"] == "SPS_max"]["step_cap"].min()
    assert held > 10 * 2 / study.loss.minima[1].curvatures[0]


def test_the_capped_flow_below_its_threshold_stays(results):
    """cap x lr < D/L*: no escape, whatever the budget."""
    false = find.loss("quartic").minima[1]
    capped = results[(results["arm"] == "capped flow") & ~results["setting"].str.startswith("Lmin")]
    below = capped["cap"] * capped["lr"] < 0.99 * false.distance / false.value
    assert below.any()
    assert (capped[below]["successes"] == 0).all()
