"""--until WIDTH: every noisy cell becomes as narrow as that, without bias; seeds go where the doubt is."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dynbench.outcomes.aggregate import unpacked
from dynbench.outcomes.intervals import interval
from dynbench.sweep import job as jobs
from dynbench.sweep import run as running
from dynbench.sweep import until
from dynbench.sweep.__main__ import main
from dynbench.sweep.chunks import Crew
from dynbench.sweep.grid import Arm, Sweep
from dynbench.sweep.run import run
from dynbench.sweep.starts import Starts

SWEEP = Sweep(
    loss="quartic",
    arms=(Arm("gradient", {"temperature": (0.2, 0.0, 1.0)}), Arm("capped"), Arm("sign", {"temperature": (1.0,)})),
    starts=Starts("points", 3, ((0.1,), (2.9,), (3.1,))),
    steps=300,
    until=0.1,
)
SEEDS = ["seeds_used", "pilot_seeds"]


def contents(folder: Path) -> dict[str, bytes]:
    files = [p for p in sorted(folder.rglob("*")) if p.is_file() and p.name != "run.log"]
    return {str(p.relative_to(folder)): p.read_bytes() for p in files}


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(jobs, "ROWS_A_CHUNK", dict.fromkeys(("all", "cells"), (256, 256)))


@pytest.mark.parametrize("keep", ["all", "cells"])
def test_widths_are_reached_and_effort_goes_where_the_doubt_is(tmp_path, keep):
    result = run(replace(SWEEP, keep=keep), tmp_path)
    cells = result.cells
    false = cells[(cells["start_basin"] == 1) & (cells["randomness"] == "noise")]
    assert list(false["dynamics"]) == ["gradient", "gradient", "sign"]
    assert (false["p_escape_hi"] - false["p_escape_lo"] <= 0.1).all()
    limits = interval(false["escaped"], false["n"])
    np.testing.assert_array_equal(limits, false[["p_escape_lo", "p_escape_hi"]].to_numpy().T)
    assert (false["n"] == 2 * false["seeds_used"]).all()
    cold, hot = false["seeds_used"].iloc[0], false["seeds_used"].iloc[1]
    assert 0.1 < false["p_escape"].iloc[1] < 0.9
    assert hot > 2 * cold
    assert (false["pilot_seeds"] >= 64).all()  # 128 trials from two starts
    still = cells[cells["randomness"] != "noise"]
    assert (still["seeds_used"] == 1).all()
    assert (still["pilot_seeds"] == 0).all()
    assert until.not_reached(cells, running.Plan(SWEEP)) == []


def test_a_run_without_it_has_no_such_columns_and_no_such_key(tmp_path):
    result = run(replace(SWEEP, until=None, seeds=3), tmp_path)
    assert not set(SEEDS) & set(result.cells.columns)
    assert "until" not in result.manifest["sweep"]


@pytest.mark.parametrize("keep", ["all", "cells"])
def test_neither_workers_nor_chunks_nor_an_interruption_change_a_byte(tmp_path, monkeypatch, keep):
    sweep = replace(SWEEP, keep=keep)
    reference = contents(run(sweep, tmp_path / "a", workers=1).directory)
    assert contents(run(sweep, tmp_path / "b", workers=2, chunk=37).directory) == reference
    simulate, done = Crew.simulate, []

    def stopping(*arguments):
        done.append(arguments[2])
        if len(done) % 4 == 0:
            raise KeyboardInterrupt
        return simulate(*arguments)

    monkeypatch.setattr(Crew, "simulate", stopping)
    for _ in range(100):
        try:
            result = run(sweep, tmp_path / "c")
            break
        except KeyboardInterrupt:
            continue
    assert len(done) > 8
    assert contents(result.directory) == reference


def test_ids_go_on_and_no_seed_is_run_twice(tmp_path):
    rows = run(SWEEP, tmp_path).trajectories
    assert list(rows["id"]) == list(range(len(rows)))
    key = ["dynamics", "temperature", "x0"]
    assert not rows.duplicated([*key, "seed"]).any()
    assert (rows.groupby(key)["seed"].max() + 1 == rows.groupby(key).size()).all()


def test_its_rows_are_those_of_a_run_with_so_many_seeds(tmp_path):
    rows = run(SWEEP, tmp_path / "a").trajectories
    one = replace(SWEEP, until=None, arms=(Arm("sign", {"temperature": (1.0,)}),))
    seeds = int(rows.loc[rows["dynamics"] == "sign", "seed"].max()) + 1
    plain = run(replace(one, seeds=seeds), tmp_path / "b").trajectories.drop(columns="id")
    mine = rows[rows["dynamics"] == "sign"].sort_values(["x0", "seed"], ignore_index=True)[plain.columns]
    pd.testing.assert_frame_equal(mine, plain.sort_values(["x0", "seed"], ignore_index=True), check_exact=True)


def test_rounds_and_plain_runs_take_each_others_rows(tmp_path):
    wide, narrow = replace(SWEEP, until=0.2), SWEEP
    alone = run(narrow, tmp_path / "alone")
    run(wide, tmp_path / "both")
    both = run(narrow, tmp_path / "both")
    assert contents(both.directory) == contents(alone.directory)
    assert 0 < both.updates < alone.updates
    assert run(replace(SWEEP, until=None, seeds=40), tmp_path / "both").updates == 0
    run(replace(SWEEP, until=None, seeds=3000), tmp_path / "plain")
    pilot = both.cells.drop_duplicates(["dynamics", "temperature"])["pilot_seeds"].sum()
    assert run(narrow, tmp_path / "plain").updates == pilot * 3 * 300  # pilots are run anew


def test_a_cell_for_every_start_is_narrow_for_every_start(tmp_path):
    cells = run(replace(SWEEP, by_start=True), tmp_path).cells
    false = cells[(cells["start_basin"] == 1) & (cells["temperature"] > 0)]
    assert len(false) == 6
    assert (false["p_escape_hi"] - false["p_escape_lo"] <= 0.1).all()
    assert (false["n"] == false["seeds_used"]).all()


def test_where_no_start_is_in_a_false_basin_the_others_count(tmp_path):
    cells = run(replace(SWEEP, starts=Starts("points", 1, ((1.2,),))), tmp_path).cells
    noisy = cells[cells["temperature"] > 0]
    assert (noisy["start_basin"] == 0).all()
    assert (noisy["p_escape_hi"] - noisy["p_escape_lo"] <= 0.1).all()


@pytest.mark.parametrize(("limit", "value"), [("MOST_SEEDS", 200), ("MOST_UPDATES", 300 * 3 * 700)])
def test_limits_are_kept_and_the_cells_that_did_not_get_there_named(tmp_path, monkeypatch, capsys, limit, value):
    monkeypatch.setattr(until, limit, value)
    argv = ["--loss", "quartic", "--dynamics", "gradient", "--x0", "0.1,2.9,3.1", "--temperature", "0.2,1"]
    argv += ["--steps", "300", "--until", "0.05", "--out", str(tmp_path)]
    assert main([*argv, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    late = [answer["cells"][place] for place in answer["not_reached"]]
    assert [(c["temperature"], c["start_basin"]) for c in late][-1] == (1.0, 1)
    assert all(c["p_escape_hi"] - c["p_escape_lo"] > 0.05 for c in late)
    assert max(c["seeds_used"] for c in answer["cells"]) <= (200 if limit == "MOST_SEEDS" else 700)
    assert sum(c["n"] for c in answer["cells"]) * 300 <= (value if limit == "MOST_UPDATES" else np.inf)
    assert main(argv) == 0
    said = capsys.readouterr().out
    assert "not reached: gradient temperature 1, basin 1: width" in said


def test_the_command_narrows_a_single_start(tmp_path, capsys):
    argv = ["--loss", "quartic", "--dynamics", "gradient", "--x0", "3", "--temperature", "0.2,0.5", "--steps", "500"]
    assert main([*argv, "--until", "0.02", "--out", str(tmp_path), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["not_reached"] == []
    cold, warm = answer["cells"]
    assert all(c["p_escape_hi"] - c["p_escape_lo"] <= 0.02 and c["n"] == c["seeds_used"] for c in (cold, warm))
    assert warm["n"] > 4 * cold["n"]
    assert all(c["p_escape_lo"] <= c["p_exact"] <= c["p_escape_hi"] for c in (cold, warm))  # alpha 0.05 each; seed 0
    assert main([*argv, "--until", "0.02", "--out", str(tmp_path)]) == 0
    assert "2 of 2 noisy cells" in capsys.readouterr().out


def test_a_config_file_may_ask_for_it(tmp_path, capsys):
    config = tmp_path / "a.toml"
    config.write_text('loss = "quartic"\ndynamics = "gradient"\nx0 = 3\ntemperature = 1.0\nsteps = 100\nuntil = 0.1\n')
    assert main(["--config", str(config), "--out", str(tmp_path), "--json"]) == 0
    (cell,) = json.loads(capsys.readouterr().out)["cells"]
    assert cell["p_escape_hi"] - cell["p_escape_lo"] <= 0.1


def test_without_noise_nothing_is_added(tmp_path, capsys):
    argv = ["--loss", "quartic", "--dynamics", "capped", "--x0", "2.9,3", "--steps", "50", "--until", "0.1"]
    assert main([*argv, "--out", str(tmp_path)]) == 0
    assert "more seeds would narrow nothing" in capsys.readouterr().out


def test_smallest_wishes_are_granted_first():
    assert until.affordable(np.array([9, 50, 3, 0]), 26).tolist() == [9, 14, 3, 0]
    assert until.affordable(np.array([9, 50, 3, 0]), -1).tolist() == [0, 0, 0, 0]


def test_a_sweep_with_it_survives_being_written_out(tmp_path):
    from dynbench.sweep.definition import expanded, restored

    definition = expanded(running.Plan(SWEEP))
    assert restored(definition, tmp_path).until == 0.1
    assert expanded(running.Plan(restored(definition, tmp_path))) == definition


def test_a_trajectory_of_the_batch_can_be_replayed(tmp_path, capsys):
    from dynbench.replay import main as replay
    from dynbench.sweep.__main__ import main

    argv = ["--loss", "quartic", "--dynamics", "gradient", "--x0", "3", "--temperature", "1", "--steps", "200"]
    assert main([*argv, "--until", "0.2", "--quiet", "--out", str(tmp_path)]) == 0
    assert replay(["latest", "60", "--root", str(tmp_path)]) == 0
    assert "the same to the bit" in capsys.readouterr().out
    assert replay(["latest", "100000", "--root", str(tmp_path)]) == 2
    assert "which has 0 to" in capsys.readouterr().err


def test_the_pilot_is_kept_apart_and_shares_no_noise_with_the_batch(tmp_path):
    result = run(SWEEP, tmp_path)
    assert result.trajectories["seed"].max() < until.PILOT
    assert result.cells["n"].sum() == len(result.trajectories)
    pilot = pd.concat([unpacked(path).cells for path in result.pilot_chunks()])
    combinations = result.cells.drop_duplicates(["dynamics", "cap", "temperature"])
    assert pilot["#n"].sum() == combinations["pilot_seeds"].sum() * 3
    assert (pilot["temperature"] > 0).all()


def coins(p: float, width: float, runs: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(trials of the pilot, trials and successes of the batch) of many runs of one cell."""
    draw = np.random.default_rng(seed)
    n = np.full(runs, until.FIRST)
    k = draw.binomial(n, p)
    while True:
        wish = until.wished(k, n, width)
        longer = until.pilot_trials(n, wish)
        if (longer == n).all():
            return n, wish, draw.binomial(wish, p)
        k += draw.binomial(longer - n, p)
        n = longer


@pytest.mark.statistics
@pytest.mark.parametrize("p", [0.25, 0.05, 0.005, 0.001])
def test_neither_bias_nor_loss_of_coverage_under_optional_stopping(p):
    """20000 runs of coins, seed 1: the mean within 4 standard errors (alpha = 6e-5 each), the coverage of what is
    printed at least .9425 of .95, more than 99 in 100 as narrow as asked for."""
    pilot, n, k = coins(p, 0.03, 20_000, 1)
    estimate = k / n
    assert abs(estimate.mean() - p) < 4 * estimate.std() / np.sqrt(len(n))
    lo, hi = interval(k, n)
    assert ((lo <= p) & (p <= hi)).mean() >= 0.9425
    assert (hi - lo <= 0.03).mean() > 0.99
    assert (pilot <= np.maximum(0.6 * n, 2 * until.FIRST)).all()


@pytest.mark.statistics
def test_a_rare_escape_is_not_underestimated(tmp_path):
    """20 runs at T = 0.22, seeds 0 to 19, against the exact chain: |z| < 4 (alpha = 6e-5)."""
    arms = (Arm("gradient", {"temperature": (0.22,)}),)
    sweep = Sweep("quartic", arms, Starts("points", 1, ((3.0,),)), steps=1500, until=0.03)
    cells = [run(replace(sweep, seed=seed), tmp_path).cells.iloc[0] for seed in range(20)]
    exact = cells[0]["p_exact"]
    assert exact == pytest.approx(0.0027, abs=5e-5)
    n = np.array([cell["n"] for cell in cells])
    z = sum(cell["p_escape"] - exact for cell in cells) / np.sqrt((exact * (1 - exact) / n).sum())
    assert abs(z) < 4
    assert sum(cell["p_escape_lo"] <= exact <= cell["p_escape_hi"] for cell in cells) >= 16
