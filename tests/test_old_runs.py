"""A stored run of other definitions than today's is labelled as such by every command, before anything else."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from dynbench import compare, explain, replay
from dynbench.definition import RESULTS
from dynbench.report import __main__ as report
from dynbench.store import Run, canonical, old_tables
from dynbench.sweep.grid import Arm, Sweep
from dynbench.sweep.run import run
from dynbench.sweep.starts import Starts

pytestmark = pytest.mark.quick

LABEL = f"was made under older definitions (results 1; now {RESULTS}): its numbers may mean something else"
SWEEP = Sweep("quartic", (Arm("capped", {"cap": (60.0, 1000.0)}),), Starts("grid", 41), steps=200, record=())
COMMANDS = {
    "replay": (replay.main, ["0"]),
    "compare": (compare.main, ["--a", "capped,cap=60", "--b", "capped,cap=1000"]),
    "explain": (explain.main, ["--workers", "1"]),
}


@pytest.fixture(scope="module")
def today(tmp_path_factory):
    return run(SWEEP, tmp_path_factory.mktemp("today")).directory


def of_schema_1(today: Path, folder: Path, results: int | None = None) -> Path:
    """A run as it was stored before its manifest told of definitions; or with another number of results."""
    shutil.copytree(today, folder)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    if results is None:
        manifest["schema"] = 1
        manifest["sweep"] |= {"kernels": manifest.pop("kernels"), "rows": manifest.pop("rows")}
        for name in ("definitions", "results"):
            del manifest["sweep"][name]
    else:
        manifest["sweep"]["results"] = results
    (folder / "manifest.json").write_bytes(canonical(manifest))
    return folder


def without(folder: Path, *columns: str) -> None:
    """As the tables of then had fewer columns."""
    cells = pd.read_csv(folder / "cells.csv")
    cells.drop(columns=[c for c in columns if c in cells]).to_csv(folder / "cells.csv", index=False)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_begins_with_the_label(today, tmp_path, capsys, command):
    folder = of_schema_1(today, tmp_path / "old")
    main, more = COMMANDS[command]
    assert main([str(folder), *more]) == 0
    told = capsys.readouterr().out
    assert LABEL in told.partition("\n")[0]
    assert main([str(folder), *more, "--json"]) == 0
    assert LABEL in json.loads(capsys.readouterr().out)["outdated"][0]
    assert main([str(today), *more, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["outdated"] == []


def test_no_row_of_then_is_said_to_be_the_same_to_the_bit(today, tmp_path, capsys):
    folder = of_schema_1(today, tmp_path / "old")
    assert replay.main([str(folder), "3"]) == 0
    told = capsys.readouterr().out
    assert "not compared: the stored row may mean something else" in told
    assert "to the bit" not in told
    assert replay.main([str(today), "3"]) == 0
    assert "the same to the bit" in capsys.readouterr().out


def test_a_newer_run_is_labelled_as_well(today, tmp_path):
    folder = of_schema_1(today, tmp_path / "new", results=RESULTS + 1)
    assert f"newer definitions (results {RESULTS + 1}; now {RESULTS})" in Run(folder).outdated
    assert Run(today).outdated == ""


@pytest.mark.parametrize("command", ["compare", "explain"])
def test_what_fails_for_want_of_a_column_says_why(today, tmp_path, capsys, command):
    folder = of_schema_1(today, tmp_path / "old")
    without(folder, "escaped", "start_basin", "lr")
    main, more = COMMANDS[command]
    assert main([str(folder), *more]) == 2
    told = capsys.readouterr().err
    assert LABEL in told
    assert told.count("\n") == 1


def test_mistakes_about_a_run_of_today_stay_what_they_are(today):
    with pytest.raises(KeyError), old_tables(Run(today)):
        raise KeyError("column")


@pytest.mark.parametrize("fewer", [(), ("escaped", "inside", "lr", "p_escape", "randomness")])
def test_the_page_shows_the_table_of_then_under_its_label(today, tmp_path, capsys, fewer):
    folder = of_schema_1(today, tmp_path / "old")
    without(folder, *fewer)
    assert report.main([str(folder), str(today), "--out", str(tmp_path / "page.html")]) == 0
    assert LABEL in capsys.readouterr().err
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert LABEL in page
    old = page.index("Older definitions")
    new = page.index(f"run {Run(today).manifest['run']}", old)
    table = page[old:new]
    assert "basin_final" not in table
    assert all(f">{column}<" in table for column in pd.read_csv(folder / "cells.csv").columns)
    assert "Findings" not in table
    assert "Findings" in page[new:]
