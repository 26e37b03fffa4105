"""The command as a person meets it: mistakes get one sentence and exit code 2, and nothing is left behind."""

import io
import json
import signal
import subprocess
import sys
import time

import pytest
from interrupts import answered

from dynbench import Arm, Starts, Sweep, run
from dynbench.outcomes.aggregate import BINNED
from dynbench.sweep import limits
from dynbench.sweep.__main__ import main, repeat
from dynbench.sweep.table import WIDTH

SMALL = ["--loss", "quartic", "--dynamics", "capped", "--x0", "3.9:4.1:11", "--cap", "60,1000", "--steps", "200"]
RULE = '''"""Half: x <- x - lr g / 2."""


def step(x, g, value, norm, lr, state, half=0.5):
    dx = -lr * half * g
    return dx, state
'''


@pytest.mark.parametrize(
    ("argv", "why"),
    [
        ([], "--loss is needed"),
        (["--loss", "quartc"], "did you mean 'quartic'"),
        (["--loss", "nowhere.py"], "nowhere.py"),
        (["--loss", "quartic", "--dynamics", "caped"], "did you mean 'capped'"),
        (["--loss", "quartic", "--dynamics", ","], "no rule named"),
        (["--loss", "quartic", "--cap", "1:2"], "not an axis"),
        (["--loss", "quartic", "--cap", "nan"], "finite"),
        (["--loss", "quartic", "--x0", "inf"], "finite"),
        (["--loss", "quartic", "--lr", "-1"], "outside its bounds"),
        (["--loss", "quartic", "--copper", "1"], "no rule of this sweep has a parameter 'copper'"),
        (["--loss", "quartic", "--dynamics", "gradient", "--cap", "3"], "no rule of this sweep has a parameter 'cap'"),
        (["--loss", "quartic", "--steps", "0"], "--steps"),
        (["--loss", "quartic", "--steps", "many"], "--steps"),
        (["--loss", "quartic", "--steps", "1" + "0" * 400], "--steps"),
        (["--loss", "quartic", "--x0", "0:5e6:4001"], "half-widths"),
        (["--loss", "rastrigin", "--dim", "10", "--starts", "grid:100"], "1e12"),
        (["--loss", "quartic", "--cap", "1:2:10000000", "--lr", "0.001:0.01:1000"], "combinations"),
        (["--loss", "quartic", "--seeds", "-3"], "--seeds"),
        (["--loss", "quartic", "--seed", "1.5"], "--seed"),
        (["--loss", "quartic", "--until", "1"], "between 0 and 1"),
        (["--loss", "quartic", "--until", "narrow"], "--until"),
        (["--loss", "quartic", "--until", "nan"], "--until"),
        (["--loss", "quartic", "--starts", "sobol:10"], "--starts"),
        (["--loss", "quartic", "--starts", "grid:0"], "--starts"),
        (["--loss", "quartic", "--x0", "1", "--starts", "grid:3"], "both say where to start"),
        (["--loss", "quartic", "--start", "1,2"], "not a point of 1"),
        (["--loss", "himmelblau", "--x0", "1"], "--x0 is for one dimension"),
        (["--loss", "himmelblau", "--starts", "trapped:9"], "no known false minimum"),
        (["--loss", "quartic", "--dim", "3"], "dimension 1"),
        (["--loss", "rastrigin", "--dim", "99"], "1 to 32"),
        (["--loss", "quartic", "--keep", "some"], "--keep"),
        (["--loss", "quartic", "--by", "colour"], "--by"),
        (["--loss", "quartic", "--record", "colour"], "--record"),
        (["--loss", "quartic", "--targets", "-1"], "--targets"),
        (["--loss", "quartic", "--workers", "0"], "--workers"),
        (["--loss", "quartic", "--chunk", "none"], "--chunk"),
        (["--loss", "quartic", "--config", "none.toml"], "--config"),
        (["--loss", "quartic", "loose"], "not a flag"),
        (["--loss", "quartic", "--dynamics", "capped,sign", "--rare"], "--rare: no arm has noise"),
        (
            ["--loss", "quartic", "--temperature", "1", "--seeds", "10000000000"],
            "PB, and the disk of results/runs has",
        ),
        (
            ["--loss", "quartic", "--temperature", "1", "--seeds", "1000000000", "--keep", "cells"],
            "of kernels on this machine and 0 bytes on disk: add --yes to begin it all the same",
        ),
        (["--loss", "quartic", "--cap"], "needs a value"),
        (["--loss"], "expected one argument"),
    ],
)
def test_a_mistake_gets_one_sentence_and_leaves_nothing(argv, why, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    try:
        code = main(argv)
    except SystemExit as stop:
        code = stop.code
    said = capsys.readouterr()
    assert code == 2
    assert why in said.err
    assert said.err.startswith("error: ")
    assert len(said.err.splitlines()) == 1
    assert said.out == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("loss", "start"), [("quartic", ["--x0", "-1:2:4"]), ("himmelblau", ["--start", "-1,2"])])
def test_values_may_begin_with_a_minus_sign(loss, start, tmp_path, capsys):
    argv = ["--loss", loss, "--dynamics", "gradient", *start, "--lr", "0.001", "--steps", "9", "--json"]
    assert main([*argv, "--out", str(tmp_path)]) == 0
    assert sum(c["n"] for c in json.loads(capsys.readouterr().out)["cells"]) == (4 if loss == "quartic" else 1)


@pytest.mark.parametrize(
    ("toml", "why"),
    [("steps = [1]", "--steps"), ("steps = true", "--steps"), ("dim = {a = 1}", "--dim"), ("start = 'a'", "--start"),
     ("until = true", "--until"), ("until = 0", "between 0 and 1"), ("x0 = true", "x0"),
     ("cap = {}", "cap"), ("arm = 3", "[[arm]]"), ("steps =", "--config")],
)  # fmt: skip
def test_a_config_file_of_wrong_types_says_so(toml, why, tmp_path, capsys):
    config = tmp_path / "wrong.toml"
    config.write_text(f'loss = "quartic"\ndynamics = "capped"\n{toml}\n')
    assert main(["--config", str(config), "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert why in said
    assert len(said.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_a_run_with_files_of_ones_own_can_be_replayed_from_anywhere(tmp_path, monkeypatch, capsys):
    from dynbench.replay import main as replay

    (tmp_path / "half.py").write_text(RULE)
    argv = ["--loss", "quartic", "--dynamics", str(tmp_path / "half.py"), "--x0", "3.9:4.1:5", "--steps", "50"]
    assert main([*argv, "--out", str(tmp_path / "out"), "--quiet"]) == 0
    (tmp_path / "half.py").unlink()
    folder = next((tmp_path / "out").iterdir())
    monkeypatch.chdir(folder)
    assert replay([str(folder), "3"]) == 0
    assert "the same to the bit" in capsys.readouterr().out
    (folder / "manifest.json").write_text("{}")
    assert replay([str(folder), "3"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_rule_in_a_file_runs_and_one_that_does_not_compile_says_where(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "half.py").write_text(RULE)
    argv = ["--loss", "quartic", "--x0", "3.9:4.1:5", "--steps", "50", "--json", "--out", "out"]
    assert main([*argv, "--dynamics", "half.py", "--half", "0.1,0.5"]) == 0
    cells = json.loads(capsys.readouterr().out)["cells"]
    assert [(c["dynamics"], c["half"], c["n"]) for c in cells] == [("half", 0.1, 5), ("half", 0.5, 5)]
    (tmp_path / "bad.py").write_text(
        RULE.replace("dx = -lr * half * g", "if g > 0:\n        lr = 1\n    dx = -lr * half * g")
    )
    assert main([*argv, "--dynamics", "bad.py"]) == 2
    said = capsys.readouterr().err
    assert "bad.py, line 5" in said
    assert "a if condition else b" in said
    (tmp_path / "worse.py").write_text(RULE.replace("dx = -lr * half * g", "dx = -lr * half * gg"))
    assert main([*argv, "--dynamics", "worse.py"]) == 2
    assert "'gg' is not defined" in capsys.readouterr().err
    assert len(list((tmp_path / "out").iterdir())) == 1


def test_the_json_object_has_the_promised_keys(tmp_path, capsys):
    assert main([*SMALL, "--out", str(tmp_path), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert set(answer) == {"schema", "run", "directory", "updates", "kernel_seconds", "cells", "summary"}
    assert answer["updates"] <= 2 * 11 * 200
    assert [c["cap"] for c in answer["cells"]] == [60.0, 1000.0]
    assert answer["cells"][0]["t_exit_median"] is None
    assert answer["cells"][0]["randomness"] == "grid starts"


def test_the_table_is_for_a_person(tmp_path, capsys):
    assert main([*SMALL, "--out", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    for word in (
        "P(escape)",
        "P global",
        "Never seen to leave",
        "results",
        "pictures",
        "again",
        "G updates/s",
        "71.294",
    ):
        assert word in said
    assert main([*SMALL, "--out", str(tmp_path), "--quiet"]) == 0
    assert capsys.readouterr().out == ""


def test_what_is_said_of_binned_medians_is_wrapped(tmp_path, capsys):
    argv = ["--loss", "quartic", "--dynamics", "gradient", "--starts", "grid:21", "--steps", "10", "--keep", "cells"]
    assert main([*argv, "--out", str(tmp_path / "out")]) == 0
    lines = capsys.readouterr().out.splitlines()
    (first,) = [k for k, line in enumerate(lines) if line.startswith("Medians are read off histograms")]
    assert " ".join(lines[first : first + 2]) == BINNED
    assert max(map(len, lines[first : first + 2])) <= WIDTH


def test_a_dry_run_tells_the_work_and_does_none(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["--loss", "quartic", "--dry-run"]) == 0
    assert "trajectories" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_says_what_would_not_begin(capsys):
    argv = ["--loss", "quartic", "--dynamics", "gradient", "--x0", "3", "--temperature", "1", "--dry-run"]
    assert main([*argv, "--seeds", "1000000000000"]) == 0
    assert "and 60 TB on disk. Nothing was run. It would be refused: the disk of" in capsys.readouterr().out
    assert main([*argv, "--seeds", "1e12", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["bytes"], told["needs_yes"]) == (60_000_000_000_000, True)
    assert main([*argv, "--seeds", "1e12", "--keep", "cells"]) == 0
    assert "about 3.96e+04" not in capsys.readouterr().out  # in years, days or hours, not in seconds
    assert main([*argv, "--seeds", "1e3"]) == 0
    assert capsys.readouterr().out.endswith(" 60 kB on disk. Nothing was run.\n")


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_what_is_large_needs_a_yes(monkeypatch, capsys):
    """--yes or an answer on a terminal; in a pipe there is nobody to answer."""
    large, small = limits.Estimate(10, 10, 2e4, 11 * 10**9), limits.Estimate(10, 10, 3599.0, 10**10)
    limits.check_much(small, yes=False, quiet=False)
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    with pytest.raises(ValueError, match=r"^it takes about 5.56 hours of kernels .* and 11 GB on disk: add --yes"):
        limits.check_much(large, yes=False, quiet=False)
    limits.check_much(large, yes=True, quiet=True)
    assert capsys.readouterr().err == ""
    limits.check_much(large, yes=True, quiet=False)
    assert capsys.readouterr().err == "this takes about 5.56 hours of kernels on this machine and 11 GB on disk\n"
    monkeypatch.setattr(sys, "stdin", Terminal("y\n"))
    limits.check_much(large, yes=False, quiet=False)
    for answer in ("n\n", "\n", ""):
        monkeypatch.setattr(sys, "stdin", Terminal(answer))
        with pytest.raises(ValueError, match="not begun"):
            limits.check_much(large, yes=False, quiet=False)
    assert repeat(["--loss", "quartic", "--yes"]) == "python -m dynbench.sweep --loss quartic"


def test_from_python_only_the_disk_sets_a_limit(tmp_path):
    sweep = Sweep("quartic", (Arm("gradient", {"temperature": (1.0,)}),), Starts("grid", 2), seeds=10**12)
    with pytest.raises(ValueError, match=r"take about 120 TB, and the disk of .* free: ask for fewer starts"):
        run(sweep, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("number", "told"),
    [(0, "0 bytes"), (999, "999 bytes"), (2000, "2 kB"), (1.26e6, "1.3 MB"), (7.2e15, "7.2 PB"), (9.97e10, "100 GB")],
)
def test_sizes_have_units(number, told):
    assert limits.size(number) == told


def test_a_disk_that_refuses_is_exit_code_1(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main([*SMALL, "--out", str(tmp_path / "file" / "deeper")]) == 1
    assert capsys.readouterr().err.startswith("error: ")


def test_a_config_file_gives_arms_and_the_command_line_wins(tmp_path, capsys):
    config = tmp_path / "two.toml"
    config.write_text(
        'loss = "quartic"\nx0 = "3.9:4.1:5"\nsteps = 50\n[[arm]]\ndynamics = "capped"\ncap = [10, "70:72:3"]\n'
        '[[arm]]\ndynamics = "gradient"\ntemperature = 0.5\n'
    )
    assert main(["--config", str(config), "--steps", "60", "--out", str(tmp_path), "--json"]) == 0
    cells = json.loads(capsys.readouterr().out)["cells"]
    assert [(c["dynamics"], c["cap"], c["temperature"], c["steps"]) for c in cells] == [
        ("capped", 10.0, 0.0, 60), ("capped", 70.0, 0.0, 60), ("capped", 71.0, 0.0, 60), ("capped", 72.0, 0.0, 60),
        ("gradient", None, 0.5, 60),
    ]  # fmt: skip


def test_what_changes_no_result_is_not_in_the_command_that_repeats_a_run():
    argv = ["--loss", "quartic", "--workers", "2", "--out=x y", "--json", "--cap", "1,2", "--chunk", "9"]
    assert repeat(argv) == "python -m dynbench.sweep --loss quartic --cap 1,2"


def test_help_brings_nothing_heavy_in():
    said = subprocess.run(
        [sys.executable, "-m", "dynbench.sweep", "--help"], capture_output=True, text=True, check=True
    )
    assert said.stdout.startswith("usage: ")
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, dynbench.sweep.arguments as a; a.parser(); print('numpy' in sys.modules)"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert loaded.stdout.strip() == "False"


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_an_interrupt_is_answered_and_can_be_resumed(tmp_path):
    """Asked for: hours.  That it ends at all is the answer; in how long, `suites/speed_promises.py` measures."""
    argv = [
        sys.executable,
        "-m",
        "dynbench.sweep",
        "--loss",
        "quartic",
        "--dynamics",
        "gradient",
        "--temperature",
        "0.5",
    ]
    argv += ["--x0", "3", "--seeds", "100000", "--steps", "1000000", "--out", str(tmp_path), "--quiet"]
    process = subprocess.Popen(argv, stderr=subprocess.PIPE, text=True, preexec_fn=answered)
    try:
        for _ in range(1200):
            if list(tmp_path.glob("*/manifest.json")):
                break
            time.sleep(0.1)
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=60)[1]
    finally:
        process.kill()
    assert process.returncode == 130
    assert "goes on from there" in said
    assert len(said.splitlines()) == 1


def test_pictures_are_all_there_or_none(tmp_path, monkeypatch, capsys):
    from dynbench.report import figures

    def torn(_, directory):
        (directory / "rules.png").write_bytes(b"half of them")
        raise KeyboardInterrupt

    save = figures.save
    monkeypatch.setattr(figures, "save", torn)
    assert main([*SMALL, "--out", str(tmp_path)]) == 130
    assert not list(tmp_path.glob("*/*.png"))
    monkeypatch.setattr(figures, "save", save)
    assert main([*SMALL, "--out", str(tmp_path), "--quiet"]) == 0
    assert len(list(tmp_path.glob("*/*.png"))) > 1
    assert "goes on from there" in capsys.readouterr().err
