"""python -m dynbench.compare: pairs within a run and between runs, independent samples, mistakes in one sentence."""

import json
import re
import shlex
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from dynbench import find
from dynbench.__main__ import main as dynbench
from dynbench.compare import content, main
from dynbench.compare import told as printed
from dynbench.outcomes.compare import log_rank, mcnemar, tango
from dynbench.outcomes.independent import fisher, score
from dynbench.report.page import build
from dynbench.store import Run
from dynbench.sweep.__main__ import main as sweep
from dynbench.sweep.contest import contest
from dynbench.sweep.side import Side

NOISY = ["--loss", "quartic", "--dynamics", "capped,gradient", "--x0", "0.5:4:8", "--cap", "60,1000"]
NOISY += ["--temperature", "0,0.5", "--seeds", "12", "--steps", "400", "--quiet"]
QUIET = [
    "--loss",
    "quartic",
    "--dynamics",
    "capped,sign",
    "--starts",
    "grid:41",
    "--cap",
    "1000",
    "--steps",
    "400",
    "--quiet",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


def ran(folder, *argv: str) -> Run:
    before = set(folder.iterdir())
    assert sweep([*argv, "--out", str(folder)]) == 0
    (made,) = set(folder.iterdir()) - before
    return Run(made)


@pytest.fixture(scope="module")
def noisy(folder):
    return ran(folder, *NOISY)


@pytest.fixture(scope="module")
def other(folder):
    return ran(folder, *NOISY, "--seed", "1")


@pytest.fixture(scope="module")
def quiet(folder):
    return ran(folder, *QUIET)


def told(capsys, *argv: str) -> dict:
    assert main([*argv, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def arm(run: Run, rule: str, **settings: float):
    rows = run.trajectories
    rows = rows[rows["dynamics"] == rule]
    for name, value in settings.items():
        rows = rows[rows[name] == value]
    return rows


def test_pairs_have_equal_start_and_seed(noisy, capsys):
    found = told(
        capsys, str(noisy.directory), "--a", "capped,cap=1000,temperature=0.5", "--b", "gradient,temperature=0.5"
    )
    assert found["paired"]
    assert found["a"] == {"run": noisy.name, "dynamics": "capped", "cap": 1000.0, "f_star": 0.0, "lr": 0.01,
                          "temperature": 0.5, "gradient_noise": 0.0}  # fmt: skip
    a, b = arm(noisy, "capped", cap=1000.0, temperature=0.5), arm(noisy, "gradient", temperature=0.5)
    pairs = a.merge(b, on=["x0", "seed"])
    assert len(pairs) == len(a) == len(b)
    for row in found["comparisons"]:
        own = pairs[pairs["start_basin_x"] == row["start_basin"]]
        first, second = own["t_exit_x"] >= 0, own["t_exit_y"] >= 0
        alone = int(np.sum(first & ~second)), int(np.sum(second & ~first))
        assert (row["n_a"], row["n_b"], row["only_a"], row["only_b"]) == (len(own), len(own), *alone)
        assert [row["lo"], row["hi"]] == pytest.approx([float(v) for v in tango(*alone, len(own))])
        assert row["p"] == pytest.approx(float(mcnemar(*alone)))
        assert row["log_rank_p"] is None
    assert [row["start_basin"] for row in found["comparisons"]] == [0, 1]
    adjusted = sorted((row["p"], row["p_holm"]) for row in found["comparisons"])
    assert adjusted[0][1] == pytest.approx(min(1.0, 2 * adjusted[0][0]))


@pytest.mark.parametrize("on", ["escape", "commit", "best", "final"])
def test_success_is_that_of_the_cells(noisy, capsys, on):
    found = told(
        capsys,
        str(noisy.directory),
        "--a",
        "capped,cap=1e3,temperature=0.5",
        "--b",
        "capped,cap=60,temperature=0.5",
        "--on",
        on,
    )
    for row in found["comparisons"]:
        if row["pooled"]:
            assert row["pooled"] == "all starts together"
            continue
        for side, cap in (("a", 1000.0), ("b", 60.0)):
            cell = noisy.cells[(noisy.cells["cap"] == cap) & (noisy.cells["temperature"] == 0.5)]
            cell = cell[cell["start_basin"] == row["start_basin"]].iloc[0]
            share = cell["committed"] / cell["n"] if on == "commit" else cell[f"p_{on}"]
            assert row[f"p_{side}"] == pytest.approx(share, abs=1e-12)
    assert len(found["comparisons"]) == (3 if on in ("best", "final") else 2)


def test_a_rule_without_noise_is_the_partner_of_every_seed(noisy, capsys):
    found = told(
        capsys, str(noisy.directory), "--a", "capped,cap=1000,temperature=0", "--b", "gradient,temperature=0.5"
    )
    false = next(row for row in found["comparisons"] if row["start_basin"] == 1)
    assert false["n_a"] == 12 * len(arm(noisy, "capped", cap=1000.0, temperature=0.0).query("start_basin == 1"))
    assert "With several seeds from each start, what is said holds for these starts." in found["notes"]


def test_other_seeds_are_independent_samples(noisy, other, capsys):
    argv = ["--with", str(other.directory), "--a", "capped,cap=1000,temperature=0.5", "--b", "gradient,temperature=0.5"]
    found = told(capsys, str(noisy.directory), *argv)
    assert not found["paired"]
    assert "Independent samples (master seeds 0 and 1)" in found["notes"][0]
    row = next(row for row in found["comparisons"] if row["start_basin"] == 1)
    a = arm(noisy, "capped", cap=1000.0, temperature=0.5).query("start_basin == 1")["t_exit"]
    b = arm(other, "gradient", temperature=0.5).query("start_basin == 1")["t_exit"]
    counts = int((a >= 0).sum()), len(a), int((b >= 0).sum()), len(b)
    assert [row["lo"], row["hi"]] == pytest.approx([float(v) for v in score(*counts)])
    assert row["p"] == pytest.approx(fisher(*counts)[0])
    assert (row["log_rank_z"], row["log_rank_p"]) == pytest.approx(log_rank(a, [400] * len(a), b, [400] * len(b)))
    assert row["only_a"] is None
    assert main([str(noisy.directory), *argv]) == 0
    assert "Fisher p" in capsys.readouterr().out


def test_without_noise_the_master_seed_does_not_matter(noisy, other, capsys):
    text = "capped,cap=1000,temperature=0"
    found = told(capsys, str(noisy.directory), "--with", str(other.directory), "--a", text, "--b", text)
    assert found["paired"]
    assert all(row["difference"] == 0.0 and row["only_a"] == row["only_b"] == 0 for row in found["comparisons"])


def test_between_runs_of_one_seed_the_common_starts_are_pairs(noisy, quiet, capsys):
    found = told(
        capsys,
        str(noisy.directory),
        "--with",
        str(quiet.directory),
        "--a",
        "capped,cap=60,temperature=0",
        "--b",
        "sign",
    )
    common = np.intersect1d(arm(noisy, "capped")["x0"], arm(quiet, "sign")["x0"])
    assert found["paired"]
    assert sum(row["n_a"] for row in found["comparisons"]) == len(common) > 1
    assert f"Of 8 runs of a and 41 of b, {len(common)} have a partner." in found["notes"]


def test_nothing_is_tested_where_nothing_is_random(folder, capsys):
    run = ran(folder, *QUIET[:4], "--x0", "3.5", "--steps", "400", "--quiet")
    found = told(capsys, str(run.directory), "--a", "sign", "--b", "capped")
    (row,) = found["comparisons"]
    assert row["p"] is row["lo"] is None
    assert any("nothing is random" in note for note in found["notes"])
    assert main([str(run.directory), "--a", "sign", "--b", "capped"]) == 0
    assert "nothing random" in capsys.readouterr().out


def test_a_person_reads_a_table(noisy, capsys):
    assert (
        dynbench(
            ["compare", str(noisy.directory), "--a", "capped,cap=60,temperature=0", "--b", "gradient,temperature=0.5"]
        )
        == 0
    )
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"a: capped, cap 60, temperature 0, {noisy.name}"
    assert lines[2] == "on escape: it left its start's basin"
    assert re.search(r"from x = 3 +\d+ +\d+ .*\[[+-]0\.\d+, [+-]0\.\d+\]", "\n".join(lines))


def test_the_command_on_the_page_works(noisy, capsys):
    page = build([noisy])
    command = shlex.split(re.search(r"python -m dynbench\.compare RUN ([^<]+)</code>", page)[1])
    assert main([str(noisy.directory), *command]) == 0
    assert "McNemar p" in capsys.readouterr().out
    assert "Where they went" in page


def test_mistakes_are_one_sentence(noisy, folder, tmp_path, capsys):
    cells = ran(tmp_path, *QUIET, "--keep", "cells")
    bowl = ran(tmp_path, "--loss", "quadratic", "--dynamics", "sign", "--x0", "1,2", "--steps", "9", "--quiet")
    run, good = str(noisy.directory), ["--b", "gradient,temperature=0.5"]
    cases = [
        ([run, "--a", "cappd", *good], "no rule 'cappd', did you mean 'capped'?"),
        ([run, "--a", "capped,cap=60", *good], "2 settings of capped fit; give also temperature (0, 0.5)"),
        ([run, "--a", "capped,cap=61,temperature=0", *good], "no arm has cap = 61; there are 60, 1000"),
        ([run, "--a", "capped,cap=x", *good], "--a cap: 'x' is not a number"),
        ([run, "--a", "capped,60", *good], "'60' is not name=value"),
        ([run, "--a", "gradient,temperature=0.5", *good], "name the same settings of the same run"),
        ([run, "--a", "gradient,temperature=0", *good, "--on", "exit"], "--on: 'exit' is none of escape, commit"),
        ([run, "--a", "gradient,temperature=0", "--b", "sign", "--with", str(bowl.directory)], "different losses"),
        ([str(cells.directory), "--a", "sign", "--b", "capped"], "--keep cells"),
        (["nothing", "--root", str(folder), "--a", "sign", "--b", "capped"], "no run called 'nothing'"),
    ]
    for argv, words in cases:
        assert main(argv) == 2
        captured = capsys.readouterr()
        assert re.fullmatch(r"error: [^\n]+\n", captured.err)
        assert words in captured.err
        assert captured.out == ""


def test_labels_beyond_2_to_the_53rd_stay_two_basins(tmp_path):
    """As floats both would be 9007199254740992."""
    loss = find.loss("rastrigin", 10)
    labels = 2**53, 2**53 + 1
    manifest = {"sweep": {"steps": 10, "seed": 0, "targets": ["0x1p-10"], "definitions": {"loss": "one"}}}
    sides = []
    for name in ("capped", "gradient"):
        run = SimpleNamespace(directory=tmp_path / name, name=name, manifest=manifest)
        rows = pd.DataFrame({"start_basin": labels, "x0_0": [1.0, 2.0], "temperature": 0.1, "gradient_noise": 0.0})
        rows = rows.assign(seed=0, t_exit=[3, -1] if name == "capped" else -1, success=[name == "capped", False])
        sides.append(Side(run, {"dynamics": name, "temperature": 0.1, "gradient_noise": 0.0}, (), rows))
    found = contest(*sides, "escape", loss)
    text, written = printed(*sides, "escape", found, loss), content(*sides, "escape", found)
    assert [line.split()[:3] for line in text.splitlines() if line.startswith("from")] == [
        ["from", "minimum", str(label)] for label in labels
    ]
    assert [(row["start_basin"], row["only_a"]) for row in written["comparisons"]] == [
        (labels[0], 1), (labels[1], 0), (None, 1)
    ]  # fmt: skip
    assert json.loads(json.dumps(written)) == written
