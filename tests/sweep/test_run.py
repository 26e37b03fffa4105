"""The same sweep gives the same bytes, whatever the workers, the chunks, or an interruption."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dynbench.sweep import run as running
from dynbench.sweep.grid import Arm, Sweep
from dynbench.sweep.run import run
from dynbench.sweep.starts import Starts

SWEEP = Sweep(
    loss="quartic",
    arms=(Arm("capped", {"cap": (60.0, 71.4, 1000.0)}), Arm("gradient", {"temperature": (0.0, 0.7)}), Arm("rmsprop")),
    starts=Starts("grid", 101),
    steps=300,
    seeds=3,
    record=("crossings", "limited"),
)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(p.relative_to(folder)): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and p.name != "run.log"
    }


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(running, "ROWS_A_CHUNK", (256, 256))


@pytest.fixture
def reference(tmp_path):
    return contents(run(SWEEP, tmp_path / "reference", workers=1).directory)


@pytest.mark.parametrize("keep", ["all", "cells"])
@pytest.mark.parametrize(("workers", "chunk"), [(2, 2**17), (1, 1), (2, 37)])
def test_neither_workers_nor_chunks_change_a_byte(tmp_path, workers, chunk, keep):
    from dataclasses import replace

    sweep = replace(SWEEP, keep=keep)
    if chunk == 1:
        sweep = replace(sweep, starts=Starts("grid", 11))
    first = run(sweep, tmp_path / "a", workers=1)
    second = run(sweep, tmp_path / "b", workers=workers, chunk=chunk)
    assert contents(first.directory) == contents(second.directory)


def test_an_interrupted_run_goes_on_where_it_stopped(tmp_path, monkeypatch, reference):
    done = []
    simulate = running.simulate

    def stopping(job, number, backend, largest):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(number)
        return simulate(job, number, backend, largest)

    monkeypatch.setattr(running, "simulate", stopping)
    with pytest.raises(KeyboardInterrupt):
        run(SWEEP, tmp_path)
    folder = next(tmp_path.glob("quartic-*"))
    assert len(list(folder.glob("chunks/*.parquet"))) == 2
    (folder / "chunks" / ".torn.part").write_bytes(b"half")
    (folder / "chunks" / "000001.parquet").write_bytes(b"not a chunk")
    done.clear()
    monkeypatch.setattr(running, "simulate", lambda *a: (done.append(a[1]), simulate(*a))[1])
    result = run(SWEEP, tmp_path)
    assert 0 not in done
    assert contents(result.directory) == reference


def test_a_finished_run_is_shown_again(tmp_path, monkeypatch, reference):
    first = run(SWEEP, tmp_path)
    monkeypatch.setattr(running, "simulate", None)
    again = run(SWEEP, tmp_path)
    assert (again.updates, again.fresh) == (0, False)
    pd.testing.assert_frame_equal(again.cells, first.cells)
    assert contents(again.directory) == reference


def test_a_chunk_that_fails_leaves_the_others(tmp_path, monkeypatch):
    simulate = running.simulate

    def failing(job, number, backend, largest):
        if number == 1:
            raise MemoryError("no room")
        return simulate(job, number, backend, largest)

    monkeypatch.setattr(running, "simulate", failing)
    with pytest.raises(running.ChunksFailed, match="1 of"):
        run(SWEEP, tmp_path)
    assert len(list(tmp_path.glob("quartic-*/chunks/*.parquet"))) == 3
    assert not list(tmp_path.glob("quartic-*/cells.csv"))


def test_a_subset_of_the_starts_gives_the_same_rows(tmp_path):
    from dataclasses import replace

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
