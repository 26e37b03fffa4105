"""The same sweep gives the same bytes, whatever the workers, the chunks, or an interruption."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dynbench.backends import cpu
from dynbench.sweep import job as jobs
from dynbench.sweep import run as running
from dynbench.sweep.chunks import Crew
from dynbench.sweep.grid import Arm, Sweep
from dynbench.sweep.run import run
from dynbench.sweep.starts import Starts

pytestmark = pytest.mark.quick

SWEEP = Sweep(
    loss="quartic",
    arms=(Arm("capped", {"cap": (60.0, 71.4, 1000.0)}), Arm("gradient", {"temperature": (0.0, 0.7)}), Arm("rmsprop")),
    starts=Starts("grid", 101),
    steps=300,
    seeds=3,
    record=("crossings", "limited"),
)

NOISY = Arm("sign", {"temperature": (1.0,)})


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(p.relative_to(folder)): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and p.name != "run.log"
    }


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(jobs, "ROWS_A_CHUNK", dict.fromkeys(("all", "cells"), (256, 256)))


@pytest.fixture
def reference(tmp_path):
    return contents(run(SWEEP, tmp_path / "reference", workers=1).directory)


@pytest.mark.parametrize("keep", ["all", "cells"])
@pytest.mark.parametrize(("workers", "chunk"), [(2, 2**17), (1, 1), (2, 37)])
def test_neither_workers_nor_chunks_change_a_byte(tmp_path, workers, chunk, keep):
    sweep = replace(SWEEP, keep=keep)
    if chunk == 1:
        sweep = replace(sweep, starts=Starts("grid", 11))
    first = run(sweep, tmp_path / "a", workers=1)
    second = run(sweep, tmp_path / "b", workers=workers, chunk=chunk)
    assert contents(first.directory) == contents(second.directory)


def test_an_interrupted_run_goes_on_where_it_stopped(tmp_path, monkeypatch, reference):
    done = []
    simulate = Crew.simulate

    def stopping(crew, stage, number, *rest):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(number)
        return simulate(crew, stage, number, *rest)

    monkeypatch.setattr(Crew, "simulate", stopping)
    with pytest.raises(KeyboardInterrupt):
        run(SWEEP, tmp_path, workers=1)
    folder = next(tmp_path.glob("quartic-*"))
    assert len(list(folder.glob("chunks/*.parquet"))) == 2
    (folder / "chunks" / ".torn.part").write_bytes(b"half")
    os.utime(folder / "chunks" / ".torn.part", (0, 0))
    (folder / "chunks" / "000001.parquet").write_bytes(b"not a chunk")
    done.clear()
    monkeypatch.setattr(Crew, "simulate", lambda *a: (done.append(a[2]), simulate(*a))[1])
    result = run(SWEEP, tmp_path)
    assert 0 not in done
    assert contents(result.directory) == reference


def test_a_finished_run_is_shown_again(tmp_path, monkeypatch, reference):
    first = run(SWEEP, tmp_path)
    monkeypatch.setattr(Crew, "simulate", None)
    again = run(SWEEP, tmp_path)
    assert (again.updates, again.fresh) == (0, False)
    pd.testing.assert_frame_equal(again.cells, first.cells)
    assert contents(again.directory) == reference


def test_a_chunk_that_fails_leaves_the_others(tmp_path, monkeypatch):
    simulate = Crew.simulate

    def failing(crew, stage, number, *rest):
        if number == 1:
            raise MemoryError("no room")
        return simulate(crew, stage, number, *rest)

    monkeypatch.setattr(Crew, "simulate", failing)
    with pytest.raises(running.ChunksFailed, match="1 of"):
        run(SWEEP, tmp_path)
    assert len(list(tmp_path.glob("quartic-*/chunks/*.parquet"))) == 3
    assert not list(tmp_path.glob("quartic-*/cells.csv"))


@pytest.mark.parametrize("workers", [1, 2])
def test_a_kernel_that_fails_is_no_interrupt(tmp_path, monkeypatch, workers):
    linked, calls = cpu.link, []

    def failing(*given):
        calls.append(given)
        if len(calls) == 1:
            raise MemoryError("no room")
        return linked(*given)

    monkeypatch.setattr(cpu, "link", failing)
    with pytest.raises(running.ChunksFailed, match=r"1 of .* chunks failed .*no room"):
        run(SWEEP, tmp_path, workers=workers)
    assert len(list(tmp_path.glob("quartic-*/chunks/*.parquet"))) == 3


def test_the_size_of_chunks_names_no_run_and_chunks_of_another_size_are_not_mixed(tmp_path, monkeypatch, reference):
    monkeypatch.setattr(jobs, "ROWS_A_CHUNK", dict.fromkeys(("all", "cells"), (128, 128)))
    other = run(SWEEP, tmp_path)
    (other.directory / "cells.csv").unlink()  # as if it had not been finished
    monkeypatch.setattr(jobs, "ROWS_A_CHUNK", dict.fromkeys(("all", "cells"), (256, 256)))
    again = run(SWEEP, tmp_path)
    assert again.directory == other.directory
    assert again.updates == other.updates > 0
    assert contents(again.directory) == reference


def test_a_subset_of_the_starts_gives_the_same_rows(tmp_path):
    whole = run(SWEEP, tmp_path).trajectories
    points = tuple((float(x),) for x in np.linspace(0, 5, 101)[[3, 50, 71]])
    part = run(replace(SWEEP, starts=Starts("points", 3, points)), tmp_path).trajectories
    inside = whole[whole["x0"].isin([p[0] for p in points])].reset_index(drop=True)
    pd.testing.assert_frame_equal(part.drop(columns="id"), inside.drop(columns="id"), check_exact=True)


def test_what_is_stored_is_what_was_asked(tmp_path):
    result = run(SWEEP, tmp_path)
    rows = result.trajectories
    assert list(rows["id"]) == list(range(len(rows)))
    assert len(rows) == 101 * (3 + 1 + 3 + 1)
    assert result.cells["n"].sum() == len(rows)
    assert set(rows["status"]) <= {"censored", "converged", "absorbed", "cycling", "stalled", "diverged"}
    assert rows.loc[rows["dynamics"] == "gradient", "cap"].isna().all()
    assert {"crossings", "limited"} <= set(rows.columns)
    longest = result.paths.groupby("id")["step"].agg(["min", "max", "size"])
    assert (longest == [0, 300, 301]).all().all()


def test_nothing_is_counted_twice(tmp_path):
    """The same combination in two arms runs once."""
    capped = (Arm("capped", {"cap": (10.0, 100.0)}), Arm("capped", {"cap": (100.0, 1000.0)}))
    twice = Sweep("quartic", (*capped, Arm("sign"), Arm("sign")), Starts("grid", 5), steps=50)
    cells = run(twice, tmp_path).cells
    assert cells.groupby(["dynamics", "cap"], dropna=False)["n"].sum().to_list() == [5, 5, 5, 5]
    assert (
        run(Sweep("quartic", (Arm("sign"), Arm("sign")), Starts("grid", 5), steps=50), tmp_path).cells["n"].sum() == 5
    )


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"steps": 0}, "--steps"),
        ({"seeds": 0}, "--seeds"),
        ({"seed": -1}, "--seed"),
        ({"arms": ()}, "needs an arm"),
        ({"arms": (Arm("capped", {"cap": ()}),)}, "every axis"),
        ({"starts": Starts("points", 1, ((3.0, 4.0),))}, "points of 2 coordinates are given"),
        ({"starts": Starts("points", 2, ((3.0,), (4e9,)))}, "half-widths"),
        ({"targets": ()}, "--targets"),
        ({"arms": (Arm("capped"), Arm("capped.py"))}, "would both be called 'capped'"),
        (
            {"seeds": 10**12, "starts": Starts("uniform", 10**12), "arms": (Arm("sign", {"temperature": (1.0,)}),)},
            "more than",
        ),
    ],
)
def test_a_sweep_from_python_is_checked_as_the_command_is(tmp_path, changes, why):
    with pytest.raises(ValueError, match=why):
        run(replace(SWEEP, **changes), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_rows_of_a_run_that_kept_none_are_refused(tmp_path):
    result = run(replace(SWEEP, keep="cells", starts=Starts("grid", 5)), tmp_path)
    with pytest.raises(ValueError, match="no trajectory was kept"):
        result.trajectories  # noqa: B018


def test_the_first_target_is_the_first_one_given(tmp_path):
    a, b = (run(replace(SWEEP, targets=t), tmp_path).cells for t in ((1e-6, 1.0), (1.0, 1e-6)))
    assert (a["p_best"] <= b["p_best"]).all()
    assert (a["p_best"] < b["p_best"]).any()
