"""A run of the same sweep with other seeds takes the rows that are on disk, and is equal to one that does not."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dynbench.sweep import job as jobs
from dynbench.sweep.grid import Arm, Sweep
from dynbench.sweep.run import run
from dynbench.sweep.starts import Starts

SWEEP = Sweep(
    loss="quartic",
    arms=(Arm("capped", {"cap": (60.0, 1000.0)}), Arm("gradient", {"temperature": (0.0, 0.7, 1.0)}), Arm("sign")),
    starts=Starts("grid", 41),
    steps=200,
    seeds=3,
    record=("crossings",),
    targets=(1e-3, 1.0),
)
MORE = replace(SWEEP, seeds=10)


def contents(folder: Path) -> dict[str, bytes]:
    files = [p for p in sorted(folder.rglob("*")) if p.is_file() and p.name != "run.log"]
    return {str(p.relative_to(folder)): p.read_bytes() for p in files}


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(jobs, "ROWS_A_CHUNK", dict.fromkeys(("all", "cells"), (128, 128)))


@pytest.mark.parametrize("chunk", [2**17, 29])
def test_more_seeds_simulate_the_new_ones_only(tmp_path, chunk):
    alone, old = run(MORE, tmp_path / "alone"), run(SWEEP, tmp_path / "both")
    more = run(MORE, tmp_path / "both", chunk=chunk)
    assert contents(more.directory) == contents(alone.directory)
    assert more.updates == alone.updates - old.updates
    rows = more.trajectories
    assert more.updates == (rows["seed"] >= 3).sum() * 200


@pytest.mark.parametrize("chunk", [2**17, 29])
def test_fewer_seeds_simulate_nothing(tmp_path, chunk):
    alone = run(SWEEP, tmp_path / "alone")
    run(MORE, tmp_path / "both")
    fewer = run(SWEEP, tmp_path / "both", chunk=chunk)
    assert contents(fewer.directory) == contents(alone.directory)
    assert (fewer.updates, fewer.fresh) == (0, True)


def test_chunks_of_an_interrupted_run_and_of_several_runs_are_taken_and_torn_ones_are_not(tmp_path):
    alone = run(MORE, tmp_path / "alone")
    some, many = run(SWEEP, tmp_path / "both"), run(replace(SWEEP, seeds=20), tmp_path / "both")
    for folder in (some.directory, many.directory):
        (folder / "cells.csv").unlink()
    many.chunk(1).unlink()
    many.chunk(2).write_bytes(b"torn")
    more = run(MORE, tmp_path / "both")
    assert contents(more.directory) == contents(alone.directory)
    assert 0 < more.updates < alone.updates - some.updates


@pytest.mark.parametrize(
    "changes",
    [
        {"steps": 201},
        {"seed": 1},
        {"targets": (1e-3,)},
        {"starts": Starts("grid", 42)},
        {"keep": "cells"},
        {"record": ()},
        {"arms": (*SWEEP.arms[:2], Arm("normalized"))},
    ],
)
def test_a_run_that_differs_in_more_is_not_used(tmp_path, changes):
    run(SWEEP, tmp_path / "both")
    other = replace(MORE, **changes)
    alone, beside = run(other, tmp_path / "alone"), run(other, tmp_path / "both")
    assert beside.updates == alone.updates
    assert contents(beside.directory) == contents(alone.directory)


def test_rows_that_are_not_what_was_asked_for_are_simulated(tmp_path):
    """A folder whose manifest tells of another run than its chunks."""
    old = run(SWEEP, tmp_path / "both")
    other = run(
        replace(SWEEP, starts=Starts("points", 41, tuple((float(x),) for x in np.linspace(0, 4, 41)))), tmp_path
    )
    shutil.rmtree(old.directory / "chunks")
    shutil.copytree(other.directory / "chunks", old.directory / "chunks")
    alone, more = run(MORE, tmp_path / "alone"), run(MORE, tmp_path / "both")
    assert contents(more.directory) == contents(alone.directory)
    assert more.updates > alone.updates / 2


def test_folders_that_are_no_runs_do_no_harm(tmp_path):
    for name, text in {"a": "{}", "b": "[]", "c": "torn", "d": json.dumps({"sweep": 3})}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "manifest.json").write_text(text)
    assert run(SWEEP, tmp_path).updates > 0


def test_progress_counts_the_steps_of_rows_that_were_read(tmp_path):
    old = run(SWEEP, tmp_path)
    told: list[int] = []
    more = run(MORE, tmp_path, progress=told.append)
    assert sum(told) >= more.updates + len(old.trajectories) * 200
