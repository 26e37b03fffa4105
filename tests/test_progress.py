"""Progress on stderr: on a terminal only, of sweeps, of splitting and of explain."""

import io
import sys

import pandas as pd
import pytest

from dynbench import explain, progress
from dynbench.sweep.__main__ import main as sweep

RARE = ["--loss", "quartic", "--dynamics", "gradient", "--x0", "3", "--temperature", "0.25", "--steps", "300",
        "--seeds", "64", "--rare"]  # fmt: skip


class Terminal(io.StringIO):
    def isatty(self):
        return True


def on_terminal(monkeypatch):
    """stderr is a terminal, and nothing waits a second to be shown.  (pytest puts its own back after a fixture.)"""
    terminal = Terminal()
    monkeypatch.setattr(progress, "DELAY", 0.0)
    monkeypatch.setattr(sys, "stderr", terminal)
    return terminal


@pytest.mark.quick
def test_a_bar_is_shown_on_a_terminal_only(monkeypatch):
    terminal = on_terminal(monkeypatch)
    with progress.Bar(10, False, "cells", "more") as bar:
        bar.update(10)
        assert "more" not in terminal.getvalue()
        bar.update(1)
        bar.update(1)
        bar.bar.refresh()
    assert "0.00/10.0" in terminal.getvalue()
    assert "more: 12.0 cells" in terminal.getvalue()
    assert bar.done == 12
    for stream, quiet in ((io.StringIO(), False), (Terminal(), True)):
        monkeypatch.setattr(sys, "stderr", stream)
        with progress.Bar(10, quiet) as bar:
            bar.update(10)
        assert stream.getvalue() == ""


def test_splitting_tells_its_steps(monkeypatch, tmp_path):
    terminal, told = on_terminal(monkeypatch), []
    update = progress.Bar.update
    monkeypatch.setattr(progress.Bar, "update", lambda bar, steps: (told.append(steps), update(bar, steps))[1])
    assert sweep([*RARE, "--out", str(tmp_path)]) == 0
    assert "splitting" in terminal.getvalue()
    cells = pd.read_csv(next(tmp_path.glob("*/cells.csv")))
    assert sum(told) == 64 * 300 + cells["steps_spent"].sum()
    assert len(told) > 10


def test_explain_tells_its_cells(monkeypatch, tmp_path, capsys):
    terminal = on_terminal(monkeypatch)
    argv = ["--loss", "quartic", "--dynamics", "gradient", "--x0", "3", "--temperature", "0.5,1", "--seeds", "64"]
    assert sweep([*argv, "--steps", "300", "--quiet", "--out", str(tmp_path)]) == 0
    assert terminal.getvalue() == ""
    assert explain.main(["latest", "--root", str(tmp_path)]) == 0
    assert "2.00/2.00" in terminal.getvalue()
    shown = len(terminal.getvalue())
    capsys.readouterr()
    assert explain.main(["latest", "--root", str(tmp_path), "--json"]) == 0
    assert len(terminal.getvalue()) == shown
