import csv
import json

import numpy as np
import pandas as pd
import pytest

from dynbench.backends.cpu import Cpu
from dynbench.compare import main as compare
from dynbench.explain import main
from dynbench.replay import main as replay
from dynbench.report.__main__ import main as report
from dynbench.report.causes import heading
from dynbench.store import find_run
from dynbench.sweep.__main__ import main as sweep
from dynbench.sweep.definition import restored
from dynbench.sweep.grid import Plan
from dynbench.sweep.table import probability
from dynbench.sweep.trajectories import members, place, values_of


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("runs")
    argv = ["--loss", "quartic", "--dynamics", "capped,gradient", "--starts", "grid:201", "--cap", "60,1000"]
    assert sweep([*argv, "--temperature", "0,0.5", "--steps", "1000", "--quiet", "--out", str(out)]) == 0
    return out


def test_escapes_are_labelled_with_their_evidence(folder, capsys):
    assert main(["latest", "--root", str(folder), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    labels = {(r["dynamics"], r["cap"], r["temperature"]): r["label"] for r in told["mechanism"]}
    assert labels["capped", 1000.0, 0.0] == "step-size"
    assert labels["gradient", None, 0.5] == "noise"
    assert {r["held"] for r in told["halvings"]} >= {"ode", "hM", "noise"}
    proof = next(r for r in told["rounding"] if r["cap"] == 1000.0 and r["temperature"] == 0.0)
    assert proof["verdict"].startswith("chaotic")
    assert {"mechanism.csv", "halvings.csv", "rounding.csv"} <= {p.name for p in next(folder.iterdir()).iterdir()}


def test_it_is_told_to_a_person(folder, capsys):
    assert main(["latest", "--root", str(folder)]) == 0
    said = capsys.readouterr().out
    assert "only the ensemble is meaningful" in said
    assert "step-size" in said
    assert max(map(len, said.splitlines())) <= 100


def test_what_cannot_be_explained_is_a_usage_error(tmp_path, capsys):
    assert main(["nothing", "--root", str(tmp_path)]) == 2
    argv = ["--loss", "quartic", "--dynamics", "sign", "--x0", "3:4:5", "--steps", "50", "--quiet"]
    assert sweep([*argv, "--out", str(tmp_path)]) == 0
    assert main(["latest", "--root", str(tmp_path)]) == 2
    assert all(len(line) for line in capsys.readouterr().err.splitlines())


def test_the_report_takes_it_up(folder):
    from dynbench.report.page import build

    run = find_run("latest", folder)
    assert main(["latest", "--root", str(folder), "--json"]) == 0
    page = build([run])
    assert "Why they escape" in page
    assert "haotic: only the ensemble is meaningful" in page


def test_report_explains_first_where_it_is_asked(tmp_path, capsys):
    argv = ["--loss", "quartic", "--dynamics", "gradient", "--x0", "3", "--seeds", "50", "--steps", "300", "--quiet"]
    for temperature, told in (("1", True), ("0", False)):
        out = tmp_path / temperature
        assert sweep([*argv, "--temperature", temperature, "--out", str(out)]) == 0
        run = find_run("latest", out)
        assert report([str(run.directory), "--quiet"]) == 0
        assert "Why they escape" not in (run.directory / "report.html").read_text()
        capsys.readouterr()
        assert report([str(run.directory), "--explain"]) == 0
        page = (run.directory / "report.html").read_text()
        assert ("Why they escape" in page) == told
        assert (run.directory / "mechanism.csv").exists() == told
        assert ("nothing to explain" in capsys.readouterr().err) != told


def test_json_and_csv_have_the_same_digits(folder, capsys):
    assert main(["latest", "--root", str(folder), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    for name in ("mechanism", "halvings", "rounding"):
        with (find_run("latest", folder).directory / f"{name}.csv").open() as file:
            stored = list(csv.DictReader(file))
        for row, line in zip(told[name], stored, strict=True):
            assert {k: "" if v is None else str(v) for k, v in row.items()} == line


def explained(tmp_path, capsys, *argv):
    """(the run, the tables that explain writes, what it prints)."""
    out = ["--quiet", "--out", str(tmp_path)]
    assert sweep(["--loss", "quartic", "--dynamics", "gradient", *argv, *out]) == 0
    run = find_run("latest", tmp_path)
    capsys.readouterr()
    assert main([str(run.directory), "--all"]) == 0
    names = ("mechanism", "halvings", "rounding")
    return run, [pd.read_csv(run.directory / f"{n}.csv") for n in names], capsys.readouterr().out


def test_all_repeats_of_a_start_are_explained(tmp_path, capsys):
    run, (why, halvings, proof), said = explained(
        tmp_path, capsys, "--x0", "3", "--temperature", "0.5", "--seeds", "1000"
    )
    cell = run.cells.iloc[0]
    assert cell["escaped"] == 592  # of RESULTS: another noise gives another number
    assert why["label"].tolist() == ["noise"]
    for column in ("p_escape", "p_escape_lo", "p_escape_hi", "escaped"):
        assert why[column][0] == cell[column]
    assert (why["cell_n"][0], proof["n"][0]) == (1000, 1000)
    assert halvings[["held", "n", "escaped"]].to_numpy().tolist() == [["noise", 1000, 592], ["ode", 1, 0]]
    limits = probability(0.592, cell["p_escape_lo"], cell["p_escape_hi"])
    assert f"P(escape) {limits}; 592 of 1000 trajectories left." in said
    assert "with noise P = 0.592, without it the start does not escape." in said
    assert "undecided:" not in said.partition("A cell: the trajectories")[0]


def test_each_start_is_explained_by_itself(tmp_path, capsys):
    argv = ["--x0", "3,2.5,1.9", "--by", "start", "--temperature", "0.5", "--seeds", "300", "--steps", "1000"]
    run, (why, halvings, proof), said = explained(tmp_path, capsys, *argv)
    assert sorted(run.cells["x0"]) == [1.9, 2.5, 3.0]
    shares = dict(zip(run.cells["x0"], run.cells["p_escape"], strict=True))
    assert len(set(shares.values())) == 3
    for table in (why, halvings, proof):
        assert sorted(set(table["x0"])) == [1.9, 2.5, 3.0]
    for row in why.itertuples():
        assert row.p_escape == shares[row.x0]
        assert f"P = {shares[row.x0]:.3g}," in row.reason
        assert f"gradient temperature 0.5 from {row.x0:g}\n" in said


@pytest.mark.parametrize("more", [[], ["--until", "0.2"]])
def test_the_trajectories_of_a_cell_are_the_runs(tmp_path, more):
    """All of them, or an even sample: run again, they leave when those on disk do."""
    argv = ["--x0", "3,2.5", "--temperature", "0.5,1", "--seeds", "20", "--steps", "500", "--lr", "0.01,0.02", *more]
    out = ["--quiet", "--out", str(tmp_path)]
    assert sweep(["--loss", "quartic", "--dynamics", "gradient", *argv, *out]) == 0
    run = find_run("latest", tmp_path)
    plan = Plan(restored(run.manifest["sweep"], run.directory))
    every = run.trajectories
    settings = ["lr", "temperature", "start_basin"]
    for _, cell in run.cells.iterrows():
        rows = every[(every[settings] == cell[settings]).all(axis=1)].sort_values(
            ["x0", "seed"], ascending=[False, True]
        )
        assert len(rows) == cell["n"] > (40 if more and cell["temperature"] == 0.5 else 39)
        for most in (10**6, 7):
            own = members(plan, cell, most)
            assert own.total == cell["n"]
            chosen = np.arange(min(most, own.total)) * own.total // min(most, own.total)
            rule = place(plan, "gradient", values_of(plan, cell))[0].dynamics
            ends = Cpu(1).run(plan.loss, rule, own.sample, 500)
            np.testing.assert_array_equal(ends.t_exit, rows["t_exit"].to_numpy()[chosen])
            np.testing.assert_array_equal(ends.x[0], rows["x_final"].to_numpy()[chosen])
        assert (own.every_start, own.starts.x0.tolist()) == (True, [[3.0, 2.5]])


def test_a_sample_is_told(tmp_path, capsys):
    argv = ["--x0", "3", "--temperature", "1", "--seeds", "2500", "--steps", "200"]
    _, (_, _, proof), said = explained(tmp_path, capsys, *argv)
    assert (proof["n"][0], proof["cell_n"][0]) == (2000, 2500)
    assert "of 2000 (of its 2500, evenly spread) trajectories end otherwise" in " ".join(said.split())


def test_divergent_runs_are_explained_without_a_warning(tmp_path, capsys):
    argv = ["--x0", "3,3.5,4,4.5", "--lr", "0.17,0.3", "--temperature", "0,1e6", "--steps", "200"]
    run, (why, _, _), _ = explained(tmp_path, capsys, *argv)
    assert run.cells["diverged"].sum() > 0
    assert len(why) == (run.cells["escaped"] > 0).sum()


@pytest.mark.quick
def test_a_heading_tells_where_its_p_is_from():
    cell = {"label": "noise", "p_escape": 5.38e-8, "p_escape_lo": 4.92e-8, "p_escape_hi": 5.9e-8}
    cell |= {"cell_n": 2000, "escaped": 0, "splitting": True}
    told = heading(pd.Series(cell))
    assert told == "noise: P(escape) 5.38e-8 [4.92e-8, 5.9e-8] by splitting; 0 of 2000 trajectories left."
    bounds = heading(pd.Series(cell | {"p_escape": np.nan, "p_escape_lo": 0.2, "p_escape_hi": 0.3}))
    assert bounds == "noise: P(escape) known between bounds only, [0.200, 0.300]: 2000 trajectories."


def test_a_newcomer_finds_the_run_the_setting_and_what_a_row_is(tmp_path, capsys):
    """Fewer orbits than trajectories are accounted for; one temperature is named even where it does not vary."""
    argv = ["--x0", "3", "--temperature", "0.3", "--seeds", "500"]
    run, (_, _, proof), said = explained(tmp_path, capsys, *argv)
    lines = said.splitlines()
    assert lines[0].startswith(f"{run.name}: why trajectories left")
    assert "gradient temperature 0.3" in lines
    assert lines[lines.index("    Without noise, at the cell's own h:") + 1].split() == [
        "h", "steps", "P(escape)", "[95%]", "starts",
    ]  # fmt: skip
    assert "h is not halved" in " ".join(said.split())
    orbits, gone = proof["orbits"][0], proof["left_too_soon"][0]
    assert 0 < gone < 100
    assert orbits + gone == proof["n"][0] == 500
    flat = " ".join(said.split())
    assert f"of {orbits} orbits (the other {gone} of 500 trajectories left or diverged too soon)" in flat
    assert "Ulp: the step from a number to the next one that a computer has" in flat
    assert "-0.0000" not in said


def test_every_h_that_is_halved_stands_there(tmp_path, capsys):
    out = ["--quiet", "--out", str(tmp_path)]
    argv = ["--loss", "quartic", "--dynamics", "capped", "--starts", "grid:201", "--cap", "1,1000", "--steps", "1000"]
    assert sweep([*argv, *out]) == 0
    capsys.readouterr()
    assert main(["latest", "--out", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "capped cap 1000" in lines  # as in the table of the sweep, though the other cap does not escape
    head = lines.index("    Without noise, a row for each h, the first for the cell's own:")
    shown = [float(line.split()[0]) for line in lines[head + 2 : head + 6]]
    assert shown == pytest.approx([0.01, 0.005, 0.0025, 0.00125], rel=1e-3)
    assert "M: a rule's cap" in " ".join(lines)
    assert lines[head + 1].split().count("starts") == 2  # of the ODE held, and of h M held


def test_a_heading_names_what_varies_in_the_run(tmp_path, capsys):
    """Though all cells explained have one lr: `capped cap 71 f_star 0` was two rows of the run's table."""
    argv = ["--loss", "quartic", "--dynamics", "capped", "--cap", "71,72", "--lr", "0.01,0.02", "--f-star", "0,0.8,2"]
    assert sweep([*argv, "--x0", "4", "--quiet", "--out", str(tmp_path)]) == 0
    capsys.readouterr()
    assert main(["latest", "--root", str(tmp_path)]) == 0
    assert set(pd.read_csv(find_run("latest", tmp_path).directory / "mechanism.csv")["lr"]) == {0.02}
    told = [line for line in capsys.readouterr().out.splitlines() if line.startswith("capped")]
    assert told == ["capped cap 71 f_star 0 lr 0.02", "capped cap 72 f_star 0.8 lr 0.02"]


@pytest.mark.parametrize("flag", ["--root", "--out"])
def test_every_command_that_reads_runs_takes_the_same_flags(folder, tmp_path, capsys, flag):
    """`report`, whose --out is the page, takes --root alone."""
    where = [flag, str(folder)]
    assert replay(["latest", "0", *where]) == 0
    assert compare(["latest", *where, "--a", "capped,cap=1000,temperature=0", "--b", "gradient,temperature=0"]) == 0
    assert main(["nothing", *where]) == 2
    page = tmp_path / "page.html"
    assert report(["latest", "--root", str(folder), "--out", str(page), "--quiet"]) == 0
    assert page.exists()
    capsys.readouterr()
