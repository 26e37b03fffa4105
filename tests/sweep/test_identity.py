"""A run's id is of what defines its numbers: an edited definition is another run, an edited text about it is not."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from dynbench import definition
from dynbench.sweep import definition as written_out
from dynbench.sweep import job as jobs
from dynbench.sweep.chunks import Crew
from dynbench.sweep.grid import Arm, Plan, Sweep
from dynbench.sweep.job import Job
from dynbench.sweep.run import run
from dynbench.sweep.starts import Starts

pytestmark = pytest.mark.quick

WELL = '''"""A tilted double well, (x² - 1)² + 0.3 (x + 1)."""
from dynbench import Loss, Minimum

WALL = 0.07542915856974821996

def value(x):
    u = x * x - 1.0
    return u * u + 0.3 * (x + 1.0)

def grad(x):
    return 4.0 * x * (x * x - 1.0) + 0.3

loss = Loss("(x² - 1)² + 0.3 (x + 1)", "mine", ((-2.0, 2.0),), 1, (
    Minimum((-1.035578714088853741,), -0.005428483743915974, (8.869079276887086591,),
        1.316710486459569, 1.111007872658602),
    Minimum((0.9601495555191055215,), 0.5941464810282628462, (7.062646027562430753,),
        0.7171355216873903, 0.8847203969493573)),
    value, grad, separators=(WALL,), quench_lr=0.02)
'''
WIDE = WELL.replace("(-2.0, 2.0)", "(-2.0, 2.2)")  # another declared fact: the domain


def written(folder: Path, text: str = WELL) -> str:
    folder.mkdir(exist_ok=True)
    (folder / "well.py").write_text(text, encoding="utf-8")
    return str(folder / "well.py")


def sweep_of(path: str, **changes) -> Sweep:
    return replace(Sweep(path, (Arm("gradient"),), Starts("grid", 201), steps=200), **changes)


def started(result) -> int:
    """Starts in the false minimum's basin."""
    return int((result.trajectories["start_basin"] == 1).sum())


def test_a_corrected_fact_is_another_run(tmp_path):
    """As a user did: a declared fact is corrected, and the same command given again."""
    early = run(sweep_of(written(tmp_path, WIDE)), tmp_path / "out")
    late = run(sweep_of(written(tmp_path)), tmp_path / "out")
    assert late.fresh
    assert late.name != early.name
    assert (started(early), started(late)) == (102, 97)
    assert (late.directory / "files/losses/well.py").read_text(encoding="utf-8") == WELL


def test_neither_a_docstring_nor_another_folder_is_another_run(tmp_path):
    first = run(sweep_of(written(tmp_path)), tmp_path / "out")
    moved = written(tmp_path / "elsewhere", WELL.replace("A tilted", "The old tilted"))
    again = run(sweep_of(moved), tmp_path / "out")
    assert not again.fresh
    assert again.directory == first.directory


def test_a_half_finished_run_of_other_facts_is_not_gone_on_with(tmp_path, monkeypatch):
    monkeypatch.setattr(jobs, "ROWS_A_CHUNK", dict.fromkeys(("all", "cells"), (64, 64)))
    simulate, done = Crew.simulate, []

    def stopping(crew, stage, number, *rest):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(number)
        return simulate(crew, stage, number, *rest)

    monkeypatch.setattr(Crew, "simulate", stopping)
    with pytest.raises(KeyboardInterrupt):
        run(sweep_of(written(tmp_path, WIDE)), tmp_path / "out", workers=1)
    monkeypatch.setattr(Crew, "simulate", simulate)
    late = run(sweep_of(written(tmp_path)), tmp_path / "out")
    alone = run(sweep_of(written(tmp_path)), tmp_path / "alone")
    assert late.cells.equals(alone.cells)
    assert late.updates == alone.updates


def test_rows_of_another_definition_are_not_taken_for_more_seeds(tmp_path):
    noisy = {"arms": (Arm("gradient", {"temperature": (0.5,)}),), "starts": Starts("grid", 21)}
    run(sweep_of(written(tmp_path, WIDE), **noisy, seeds=2), tmp_path / "out")
    more = run(sweep_of(written(tmp_path), **noisy, seeds=4), tmp_path / "out")
    alone = run(sweep_of(written(tmp_path), **noisy, seeds=4), tmp_path / "alone")
    assert more.updates == alone.updates
    assert more.trajectories.equals(alone.trajectories)


def test_results_that_changed_make_another_run(monkeypatch):
    job = Job(Plan(Sweep("quartic", (Arm("gradient"),), Starts("grid", 5))))
    assert job.definition["results"] == definition.RESULTS
    monkeypatch.setattr(written_out, "RESULTS", definition.RESULTS + 1)
    assert Job(job.plan).id != job.id


def test_kernels_are_told_in_the_manifest_and_name_no_run(tmp_path, monkeypatch):
    sweep = Sweep("quartic", (Arm("gradient"),), Starts("grid", 5), steps=20)
    first = run(sweep, tmp_path / "a")
    assert first.manifest["kernels"] == Job(Plan(sweep)).kernels
    monkeypatch.setattr(Job, "kernels", ["of another machine"])
    second = run(sweep, tmp_path / "b")
    assert second.name == first.name
    assert second.manifest["kernels"] == ["of another machine"]
    known = json.dumps(second.manifest["sweep"])
    assert "kernels" not in known
    assert "rows" not in known
