"""What goes wrong beside the work costs none of it: letters, pictures, the folder of compiled kernels."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dynbench import doors, find
from dynbench.kernels import cache_folder, native
from dynbench.kernels.compile import compile_all
from dynbench.report import figures, page, paths
from dynbench.report.__main__ import main as report
from dynbench.store import Run
from dynbench.sweep.__main__ import main

SMALL = ["--loss", "quartic", "--dynamics", "gradient", "--x0", "3:3.2:3", "--steps", "10"]
LOGARITHM = '''"""x log x, which is not defined at 0 and below."""

from math import log

from dynbench.losses.base import Loss


def value(x):
    return x * log(x)


def grad(x):
    return log(x) + 1.0


loss = Loss("x log x", "somebody", ((-2.0, 2.0),), 1, (), value, grad)
'''
ROOT = '''"""√x + y², which is not defined below x = 0."""

from math import sqrt

from dynbench.losses.base import Loss


def value_grad(x, g):
    g[0] = 0.5 / sqrt(x[0])
    g[1] = 2.0 * x[1]
    return sqrt(x[0]) + x[1] * x[1]


loss = Loss("√x + y²", "somebody", ((-2.0, 2.0), (-1.0, 1.0)), 2, (), value_grad=value_grad)
'''
NOWHERE = LOGARITHM.replace("x * log(x)", "log(-1.0 - x * x)")


def command(*words: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", *words], env={**os.environ, **environment}, capture_output=True, check=False
    )


@pytest.mark.parametrize(
    ("text", "encoding", "written"),
    [
        ("(165√33 - x²)", "ascii", b"(165sqrt33 - x^2)"),
        ("(165√33 - x²)", "cp1252", b"(165sqrt33 - x\xb2)"),
        ("λ ≤ ±∞ · é", "ascii", b"lambda <= +-inf * e"),
        ("中", "latin-1", rb"\u4e2d"),
        ("a\udcfc.py", "ascii", b"a\xfc.py"),  # a path of another encoding keeps its bytes
        ("a\udcfc.py", "utf-8", b"a\xfc.py"),
    ],
)
def test_letters_that_an_encoding_lacks_are_spelled(text, encoding, written):
    doors.print_every_letter()
    assert text.encode(encoding, doors.ERRORS) == written


@pytest.mark.parametrize(
    ("encoding", "words"),
    [("ascii", ["dynbench.sweep", *SMALL]), ("cp1252", ["dynbench.theory", "--loss", "quartic"])],
)
def test_every_command_prints_in_any_encoding(encoding, words, tmp_path):
    if "dynbench.sweep" in words:
        words = [*words, "--out", str(tmp_path)]
    done = command(*words, PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"165sqrt33" in done.stdout


def test_a_locale_without_letters_is_enough():
    done = command("dynbench.theory", "--loss", "quartic", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"165sqrt33" in done.stdout


def along(dim: int) -> pd.DataFrame:
    """One path of three steps."""
    names = ["x"] if dim == 1 else [f"x_{d}" for d in range(dim)]
    arm = {"id": 0, "dynamics": "gradient", "lr": 0.01, "temperature": 0.0, "gradient_noise": 0.0}
    places = {name: [1.0, 0.5, -0.5] for name in names}
    return pd.DataFrame({**arm, "step": [0, 1, 2], **places, "loss_value": [0.0, -0.3, np.nan]})


@pytest.mark.parametrize(("text", "dim"), [(LOGARITHM, 1), (ROOT, 2), (NOWHERE, 1)])
def test_a_loss_that_is_nan_in_places_is_drawn(tmp_path, text, dim):
    path = tmp_path / "mine.py"
    path.write_text(text, encoding="utf-8")
    picture = paths.sample_paths(along(dim), find.loss(str(path)))
    assert picture is not None
    assert picture.png.startswith(b"\x89PNG")


def broken(*_):
    raise ValueError("Axis limits cannot be NaN or Inf")


def test_a_picture_that_fails_costs_neither_the_table_nor_the_others(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(figures, "rules", broken)
    assert main([*SMALL, "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr()
    assert "P(escape)" in printed.out
    assert "pictures  survival.png, sample_paths.png" in printed.out
    told = "note: the picture rules is missing, as it could not be drawn (ValueError: Axis limits cannot be NaN or Inf)"
    assert printed.err.startswith(told)
    assert printed.err.count("\n") == 1
    run = Run(next(tmp_path.iterdir()))
    assert f"Note: {told.removeprefix('note: ')}" in page.build([run])


def test_no_picture_at_all_leaves_the_json(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(figures, "save", broken)
    assert main([*SMALL, "--out", str(tmp_path), "--json"]) == 0
    printed = capsys.readouterr()
    assert len(json.loads(printed.out)["cells"]) == 1
    assert printed.err == "note: the pictures are missing (ValueError: Axis limits cannot be NaN or Inf)\n"


def test_what_fails_on_the_page_is_told_in_its_place_and_on_stderr(run, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(page.times, "sections", broken)
    monkeypatch.setattr(figures, "rules", broken)
    assert report([str(run.directory), "--out", str(tmp_path / "page.html")]) == 0
    text, told = (tmp_path / "page.html").read_text(encoding="utf-8"), capsys.readouterr().err.splitlines()
    assert [line.partition(",")[0] for line in told] == [
        "note: the picture rules is missing", "note: the part Times of the page is missing"
    ]  # fmt: skip
    assert all(f"<p>{line.replace('note', 'Note', 1)}.</p>" in text for line in told)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    assert main([*SMALL, "--out", str(folder), "--quiet"]) == 0
    return Run(next(folder.iterdir()))


def test_printed_commands_quote_paths(tmp_path, capsys):
    folder = tmp_path / "my runs"
    assert main([*SMALL, "--out", str(folder)]) == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("report "))
    assert shlex.split(line)[1:] == ["python", "-m", "dynbench.report", str(next(folder.iterdir()))]


@pytest.fixture
def unwritable(tmp_path, monkeypatch):
    """A cache directory in which nothing can be written, whoever asks: it lies below a file."""
    file = tmp_path / "file"
    file.write_text("", encoding="utf-8")
    monkeypatch.setenv("DYNBENCH_CACHE", str(file / "cache"))
    monkeypatch.setattr(cache_folder, "PRIVATE", {})
    return file / "cache"


def test_a_cache_that_cannot_be_written_is_replaced_by_a_private_folder(unwritable, capsys):
    code = native.Code("door", (), b"code")
    assert native.kept("x = 1\n") is None
    path = native.write("x = 1\n")
    native.keep("x = 1\n", code)
    native.write("x = 2\n")
    assert native.kept("x = 1\n") == code
    assert native.read(path) == "x = 1\n"
    assert path.parent == cache_folder.writable_directory()
    assert path.parent.stat().st_mode & 0o077 == 0
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert told.startswith(f"note: compiled kernels cannot be stored in {unwritable} (Not a directory)")
    assert "set DYNBENCH_CACHE to a folder that you can write to" in told


def test_a_cache_that_cannot_be_written_is_still_read(tmp_path, monkeypatch):
    """Here as one that has refused a file before."""
    monkeypatch.setenv("DYNBENCH_CACHE", str(tmp_path))
    monkeypatch.setattr(cache_folder, "PRIVATE", {})
    code = native.Code("door", (), b"code")
    native.keep("x = 1\n", code)
    private = cache_folder.use_private(PermissionError(13, "Permission denied"))
    assert native.write("x = 2\n").parent == private
    assert native.kept("x = 1\n") == code


@pytest.mark.usefixtures("unwritable")
def test_the_private_folder_ends_with_the_process():
    code = "from dynbench.kernels import native; print(native.write('x = 1'))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.count("DYNBENCH_CACHE") == 1
    assert not Path(done.stdout.strip()).parent.exists()


@pytest.mark.slow
@pytest.mark.usefixtures("unwritable")
def test_processes_that_compile_share_the_private_folder(capsys):
    text = "from numba import cfunc\n\n\n@cfunc('float64(float64)')\ndef door(x):\n    return x + {}\n"
    texts = [text.format(k) for k in range(4)]
    assert compile_all(texts, 2) == 4
    assert all(native.kept(text) is not None for text in texts)
    assert len(list(cache_folder.writable_directory().glob("*.o"))) == 4
    assert capsys.readouterr().err.count("note:") == 1
