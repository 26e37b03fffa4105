import json

import pytest

from dynbench.explain import main
from dynbench.sweep.__main__ import main as sweep


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


def test_what_cannot_be_explained_is_a_usage_error(tmp_path, capsys):
    assert main(["nothing", "--root", str(tmp_path)]) == 2
    argv = ["--loss", "quartic", "--dynamics", "sign", "--x0", "3:4:5", "--steps", "50", "--quiet"]
    assert sweep([*argv, "--out", str(tmp_path)]) == 0
    assert main(["latest", "--root", str(tmp_path)]) == 2
    assert all(len(line) for line in capsys.readouterr().err.splitlines())


def test_the_report_takes_it_up(folder):
    from dynbench.report.page import build
    from dynbench.store import find_run

    run = find_run("latest", folder)
    assert main(["latest", "--root", str(folder), "--json"]) == 0
    page = build([run])
    assert "Why they escape" in page
    assert "chaotic: only the ensemble is meaningful" in page
