"""Files and runs are looked for where a person means them: TOML paths, `latest`, modules of the current folder."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dynbench import current_folder
from dynbench.replay import main as replay
from dynbench.store import find_run
from dynbench.sweep.__main__ import main as sweep
from dynbench.sweep.arguments import read, sweep_of
from dynbench.sweep.grid import Plan
from dynbench.sweep.job import Job

SMALL = ["--loss", "quartic", "--dynamics", "gradient", "--steps", "10", "--quiet"]
RULE = '''"""Half: x <- x - lr g / 2."""


def step(x, g, value, norm, lr, state):
    return -0.5 * lr * g, state
'''
LOSS = '''"""A parabola."""

from dynbench.losses.base import Loss


def value(x):
    return x * x


def grad(x):
    return 2.0 * x


loss = Loss("x²", "somebody", ((-1.0, 1.0),), 1, (), value, grad)
'''
CONFIG = """
loss = "mine.py"
starts = "starts.csv"
steps = 10
[[arm]]
dynamics = "rules/half.py"
[[arm]]
dynamics = "gradient"
"""


@pytest.fixture
def study(tmp_path):
    """A TOML file with the files that it names, in a folder of its own."""
    folder = tmp_path / "study"
    (folder / "rules").mkdir(parents=True)
    (folder / "mine.py").write_text(LOSS, encoding="utf-8")
    (folder / "rules" / "half.py").write_text(RULE, encoding="utf-8")
    (folder / "starts.csv").write_text("0.25\n0.5\n", encoding="utf-8")
    (folder / "study.toml").write_text(CONFIG, encoding="utf-8")
    return folder


def asked(*words: object):
    return sweep_of(read([str(word) for word in words]))


def test_paths_in_a_toml_file_are_taken_from_its_folder(study, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = asked("--config", "study/study.toml")
    assert given.loss == str(Path("study/mine.py"))
    assert [arm.dynamics for arm in given.arms] == [str(Path("study/rules/half.py")), "gradient"]
    assert given.starts.points == ((0.25,), (0.5,))
    monkeypatch.chdir(study)
    assert Job(Plan(asked("--config", "study.toml"))).id == Job(Plan(asked("--config", study / "study.toml"))).id


def test_a_toml_file_may_list_its_rules(study):
    text = CONFIG.partition("[[arm]]")[0] + 'dynamics = ["rules/half.py", "sign"]\n'
    (study / "study.toml").write_text(text, encoding="utf-8")
    rules = [arm.dynamics for arm in asked("--config", study / "study.toml").arms]
    assert rules == [str(study / "rules" / "half.py"), "sign"]


def test_the_command_lines_own_paths_are_taken_from_the_current_folder(study, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(study / "mine.py", tmp_path / "other.py")
    assert asked("--config", "study/study.toml", "--loss", "other.py").loss == "other.py"


@pytest.mark.parametrize(
    ("missing", "key"), [("mine.py", "loss"), ("starts.csv", "starts"), ("rules/half.py", "dynamics")]
)
def test_a_file_that_is_not_beside_the_toml_file_is_told(study, tmp_path, monkeypatch, capsys, missing, key):
    monkeypatch.chdir(tmp_path)
    (tmp_path / missing).parent.mkdir(exist_ok=True)
    (study / missing).rename(tmp_path / missing)
    assert sweep(["--config", "study/study.toml"]) == 2
    assert capsys.readouterr().err == (
        f"error: --config study/study.toml: {key}: there is no {Path('study') / missing}: paths in a TOML file are"
        " taken from its own folder; the one in the current folder is not meant\n"
    )


def test_latest_is_the_run_shown_last(tmp_path, capsys):
    first, second = ([*SMALL, "--x0", x0, "--out", str(tmp_path)] for x0 in ("3", "3.5"))
    for argv in (first, second):
        assert sweep(argv) == 0
    newest = find_run("latest", tmp_path)
    assert sweep(first) == 0
    shown = find_run("latest", tmp_path)
    assert shown.name != newest.name
    assert replay(["latest", "0", "--root", str(tmp_path)]) == 0
    assert capsys.readouterr().out.startswith(f"{shown.name}, trajectory 0")


@pytest.mark.parametrize(
    ("count", "told"),
    [
        (0, "there is no run yet"),
        (1, "there is run-0"),
        (2, "there are run-1, run-0"),
        (37, "there are 37 runs, and the newest are run-36, run-35, run-34, run-33, run-32"),
    ],
)
def test_an_unknown_run_is_answered_with_how_many_there_are(tmp_path, count, told):
    for k in range(count):
        (tmp_path / f"run-{k}").mkdir()
        manifest = tmp_path / f"run-{k}" / "manifest.json"
        manifest.write_text("{}", encoding="utf-8")
        os.utime(manifest, (k, k))
    with pytest.raises(ValueError, match="no run called 'nothing'") as caught:
        find_run("nothing", tmp_path)
    assert f": {told}; give its folder, its id or" in str(caught.value)


@pytest.mark.parametrize(
    ("words", "ours"),
    [
        (["python", "-m", "dynbench.sweep", "--loss", "quartic"], True),
        (["python", "-W", "error", "-m", "dynbench"], True),
        (["python", "-mdynbench.list"], True),
        (["python", "-m", "pytest", "-m", "dynbench"], False),
        (["python", "-m", "dynbenchmark"], False),
        (["python", "script.py"], False),
        (["dynbench", "sweep"], False),
        (["python", "-m"], False),
    ],
)
def test_only_our_own_commands_leave_the_current_folder_out(words, ours):
    assert current_folder.is_command(words) is ours


def test_files_that_are_called_like_modules_stand_in_for_none(tmp_path):
    """Neither for Python's own nor for a library's; but a rule finds the module that it imports from this folder."""
    early = {"collections", "contextlib", "functools", "importlib", "keyword", "operator", "reprlib", "types"}
    names = {*sys.stdlib_module_names, "numpy", "pandas", "scipy", "llvmlite", "bottleneck"} - early - {"warnings"}
    for name in names:
        (tmp_path / f"{name}.py").write_text(f"raise RuntimeError('{name} was imported')\n", encoding="utf-8")
    (tmp_path / "helper.py").write_text("HALF = 0.5\n", encoding="utf-8")
    (tmp_path / "rules").mkdir()
    rule = "from helper import HALF\n\n" + RULE.partition("\n\n\n")[2].replace("0.5", "HALF")
    (tmp_path / "rules" / "half.py").write_text(rule, encoding="utf-8")
    words = ["dynbench.sweep", *SMALL, "--dynamics", "gradient,rules/half.py", "--x0", "3", "--dry-run", "--json"]
    home = str(Path(current_folder.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": home}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert '"trajectories": 2' in done.stdout
