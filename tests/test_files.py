"""What a user's file is made of is kept with the run as it was run: its text, modules beside it, files it reads."""

import ast
import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from dynbench import find, replay
from dynbench.definition import digest
from dynbench.kernels.rewrite import tree_of
from dynbench.sweep import __main__ as command
from dynbench.sweep import run as running
from dynbench.sweep.grid import Arm, Sweep
from dynbench.sweep.run import run
from dynbench.sweep.starts import Starts

pytestmark = pytest.mark.quick

RULE = "def step(x, g, value, norm, lr, state):\n    return -{share} * lr * g, state\n"
SWEEP = Sweep("quartic", (Arm("mine"),), Starts("points", 1, ((3.5,),)), steps=20)
READS = {
    "a module beside it": ("from helper import SHARE", {"helper.py": "SHARE = 0.5"}),
    "a function of a module beside it": (
        "import helper\ndef half(g):\n    return helper.share(g)\nSHARE = 0.5",
        {"helper.py": "def share(g):\n    return 0.5 * g"},
    ),
    "a module in a package": (
        "from parts.numbers import SHARE",
        {"parts/__init__.py": "", "parts/numbers.py": "from parts.more import SHARE", "parts/more.py": "SHARE = 0.5"},
    ),
    "a file beside it": (
        "from pathlib import Path\nSHARE = float(Path(__file__).with_name('share.txt').read_text())",
        {"share.txt": "0.5"},
    ),
    "a file in a folder": (
        "import json\nwith open('data/share.json') as file:\n    SHARE = json.load(file)[0]",
        {"data/share.json": "[0.5]"},
    ),
    "an array": (
        "import numpy as np\nSHARE = float(np.loadtxt('share.csv', delimiter=',')[1])",
        {"share.csv": "0.1,0.5"},
    ),
    "a file that a module reads": (
        "from helper import SHARE",
        {"helper.py": "with open('share.txt') as file:\n    SHARE = float(file.read())", "share.txt": "0.5"},
    ),
}


def written(folder: Path, head: str, files: dict[str, str]) -> str:
    for name, text in {**files, "mine.py": head + "\n" + RULE.format(share="SHARE")}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return str(folder / "mine.py")


def sweep_of(path: str) -> Sweep:
    return replace(SWEEP, arms=(Arm(path),))


@pytest.mark.parametrize("what", READS)
def test_a_run_keeps_what_its_rule_is_made_of_and_is_replayed_from_that(tmp_path, monkeypatch, capsys, what):
    monkeypatch.chdir(tmp_path)
    head, files = READS[what]
    path = written(tmp_path, head, files)
    before = set(sys.modules)
    result = run(sweep_of(path), tmp_path / "out")
    assert not {name.partition(".")[0] for name in set(sys.modules) - before} & {"helper", "parts"}
    kept = {f"files/dynamics/mine/{name}" for name in (*files, "mine.py")}
    assert set(result.manifest["files"]) == kept
    assert all((result.directory / name).exists() for name in kept)
    assert result.manifest["files_not_kept"] == []
    for name in (*files, "mine.py"):
        (tmp_path / name).unlink()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert replay.main([str(result.directory), "0"]) == 0
    assert "the same to the bit" in capsys.readouterr().out


@pytest.mark.parametrize("what", READS)
def test_what_it_reads_defines_it(tmp_path, monkeypatch, what):
    """The rule's own text stays the same."""
    monkeypatch.chdir(tmp_path)
    head, files = READS[what]
    path = written(tmp_path, head, files)
    before = find.dynamics(path)
    assert before.step(0.0, 8.0, 0.0, 8.0, 1.0, ()) == (-4.0, ())
    written(tmp_path, head, {name: text.replace("0.5", "0.25") for name, text in files.items()})
    after = find.dynamics(path)
    if what != "a function of a module beside it":  # which this rule does not use
        assert after.step(0.0, 8.0, 0.0, 8.0, 1.0, ()) == (-2.0, ())
        assert digest(after) != digest(before)
    assert after.files != before.files


def test_a_helper_beside_it_is_part_of_the_definition(tmp_path):
    text = "from helper import share\ndef step(x, g, value, norm, lr, state):\n    return -lr * share(g), state\n"
    (tmp_path / "mine.py").write_text(text, encoding="utf-8")
    found = []
    for number in (0.5, 0.25):
        (tmp_path / "helper.py").write_text(f"def share(g):\n    return {number} * g\n", encoding="utf-8")
        found.append(digest(find.dynamics(str(tmp_path / "mine.py"))))
    assert found[0] != found[1]


def test_two_folders_each_have_their_own_module(tmp_path):
    steps = []
    for share in ("0.5", "0.25"):
        path = written(
            tmp_path / share.replace(".", "_"), "from helper import SHARE", {"helper.py": f"SHARE = {share}"}
        )
        steps.append(find.dynamics(path).step(0.0, 1.0, 0.0, 1.0, 1.0, ())[0])
    assert steps == [-0.5, -0.25]


def test_a_module_of_the_process_with_the_same_name_stays(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "helper_of_mine.py").write_text("SHARE = 1.0\n", encoding="utf-8")
    import helper_of_mine  # type: ignore[import-not-found]

    (tmp_path / "helper_of_mine.py").write_text("SHARE = 0.5 # another\n", encoding="utf-8")
    path = written(tmp_path, "from helper_of_mine import SHARE", {})
    assert find.dynamics(path).step(0.0, 1.0, 0.0, 1.0, 1.0, ())[0] == -0.5
    assert sys.modules["helper_of_mine"] is helper_of_mine
    assert helper_of_mine.SHARE == 1.0


def test_a_module_that_lies_elsewhere_is_told(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "helper_elsewhere.py").write_text("SHARE = 0.5\n", encoding="utf-8")
    path = written(tmp_path / "rules", "import math\nimport numpy as np\nfrom helper_elsewhere import SHARE", {})
    for _ in range(2):
        assert find.dynamics(path).files[str(tmp_path / "helper_elsewhere.py")] is None
    assert len(find.dynamics(path).files) == 2


def test_a_file_that_is_written_is_not_one_that_is_read(tmp_path):
    head = (
        "import os\nplace = os.path.dirname(__file__) + '/new.txt'\nopened = os.open(place, os.O_WRONLY | os.O_CREAT)"
    )
    path = written(
        tmp_path, head + "\nos.close(opened)\nwith open(place, 'w') as file:\n    file.write('1')\nSHARE = 1", {}
    )
    assert set(find.dynamics(path).files) == {"mine.py"}


def test_what_libraries_read_is_not_the_users(tmp_path):
    head = (
        "import numpy.polynomial.hermite_e\nimport tomllib\nimport linecache\nlinecache.getlines(__file__)\nSHARE = 1"
    )
    path = written(tmp_path, head, {})
    assert set(find.dynamics(path).files) == {"mine.py"}


@pytest.mark.parametrize("large", [True, False])
def test_a_file_that_cannot_be_kept_is_told(tmp_path, monkeypatch, capsys, large):
    folder = tmp_path / "rules"
    data = (folder if large else tmp_path) / "share.txt"
    path = written(folder, f"from pathlib import Path\nSHARE = float(Path({str(data)!r}).read_text()[:3])", {})
    data.write_text("0.5" + " " * (11_000_000 if large else 0), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    argv = ["--loss", "quartic", "--dynamics", path, "--x0", "3.5", "--steps", "20", "--out", str(tmp_path / "out")]
    assert command.main(argv) == 0
    told = capsys.readouterr().out
    assert f"not kept  {data}" in told
    folder = next((tmp_path / "out").iterdir())
    assert running.Run(folder).manifest["files_not_kept"] == [str(data)]
    data.write_text("0.25", encoding="utf-8")
    assert replay.main([str(folder), "0"]) == 1
    told = capsys.readouterr().out
    assert "NOT the same" in told
    assert f"not kept  {data}" in told


def test_the_text_that_is_stored_is_the_one_that_ran(tmp_path, monkeypatch):
    """The rule is edited while its kernel compiles."""
    path = tmp_path / "mine.py"
    path.write_text(RULE.format(share=0.5), encoding="utf-8")
    compile_all = running.compile_all

    def edited(texts, workers):
        path.write_text(RULE.format(share=0.25), encoding="utf-8")
        return compile_all(texts, workers)

    monkeypatch.setattr(running, "compile_all", edited)
    result = run(sweep_of(str(path)), tmp_path / "out")
    assert (result.directory / "files/dynamics/mine.py").read_text(encoding="utf-8") == RULE.format(share=0.5)
    monkeypatch.setattr(running, "compile_all", compile_all)
    other = run(sweep_of(str(path)), tmp_path / "out")
    assert other.name != result.name
    ends = [r.trajectories["x_final"].iloc[0] for r in (result, other)]
    assert ends[0] < ends[1]  # half steps go farther down than quarter steps


def test_an_older_text_is_still_seen_when_the_file_was_edited(tmp_path):
    """A definition that was read before the edit is compiled from the text that was run then."""
    path = tmp_path / "mine.py"
    path.write_text(RULE.format(share=0.5), encoding="utf-8")
    first = find.dynamics(str(path))
    before = digest(first)
    path.write_text(RULE.format(share=0.25), encoding="utf-8")
    os.utime(path)
    second = find.dynamics(str(path))
    assert digest(first) == before != digest(second)
    assert "0.5" in ast.unparse(tree_of(first.step))


def test_a_file_that_stops_leaves_nothing_behind(tmp_path):
    path = written(tmp_path, "import helper\nraise ValueError('no')", {"helper.py": ""})
    finders = list(sys.meta_path)
    with pytest.raises(ValueError, match="stops while it is read: ValueError: no"):
        find.dynamics(path)
    assert sys.meta_path == finders
    assert "helper" not in sys.modules
    shutil.rmtree(tmp_path)
