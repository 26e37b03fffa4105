"""What the README tells a newcomer to type works."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
FIRST, SECOND = (line for line in README.splitlines() if line.startswith("python3 -m venv"))
SMALLER = {"4711": "47"}  # a run that is shorter
EXAMPLES = [line.partition("#")[::2] for line in README.splitlines() if line.startswith("python -m dynbench.")]


def test_the_two_commands_set_everything_up_and_ci_calls_the_second():
    assert FIRST.endswith("-m dynbench.sweep --loss quartic")
    assert SECOND.endswith("-m pytest")
    assert SECOND in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_the_first_screen_shows_a_picture_that_is_there():
    picture = re.search(r"!\[[^]]+\]\(([^)]+)\)", README)
    assert picture is not None
    assert (ROOT / picture[1]).exists()
    assert README[: picture.start()].count("\n") < 15


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)h][^)]*)\)", README))
def test_links_lead_somewhere(link):
    assert (ROOT / link).exists()


def test_the_examples_run(tmp_path):
    """One after the other, in a folder of their own: the report and the replay are of the run before.

    What a comment gives as a result, a number with a point, is printed.
    """
    assert len(EXAMPLES) == 11
    (tmp_path / "suites").symlink_to(ROOT / "suites")
    numbers = 0
    for example, comment in EXAMPLES:
        for large, small in SMALLER.items():
            example = example.replace(large, small)
        argv = [sys.executable, *example.split()[1:]]
        done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, f"{example}\n{done.stderr}"
        assert done.stderr == ""
        for number in re.findall(r"\d+\.\d+(?:e-?\d+)?", comment):
            assert number in done.stdout, f"{example}: {number}"
            numbers += 1
    assert numbers == 6


def test_a_rule_of_ones_own(tmp_path):
    """The README's file, as it stands there."""
    text = re.search(r'```python\n("""Half.*?)```', README, re.DOTALL)
    assert text is not None
    (tmp_path / "half.py").write_text(text[1])
    argv = shlex.split("-m dynbench.sweep --loss quartic --dynamics half.py --x0 2:4:5 --steps 50 --half 0.25,1")
    done = subprocess.run([sys.executable, *argv], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "half half 0.25" in done.stdout


def test_the_python_interface_does_the_same_as_the_command(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = re.search(r"```python\n(import dynbench.*?)```", README, re.DOTALL)
    assert text is not None
    names: dict = {}
    exec(text[1], names)
    argv = "-m dynbench.sweep --loss quartic --dynamics capped --cap 71.2,71.4 --starts grid:2001 -q --out again"
    subprocess.run([sys.executable, *shlex.split(argv)], check=True, timeout=300)
    here, again = names["result"].directory, next(Path("again").iterdir())
    assert here.name == again.name
    assert (here / "cells.csv").read_bytes() == (again / "cells.csv").read_bytes()


def test_the_rule_and_the_loss_of_contributing(tmp_path):
    """Both examples as they stand there, together: nothing leaves the symmetric well without noise."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for name, first in (("heavy.py", "Heavy ball"), ("tilted.py", "Tilted double well")):
        example = re.search(rf'```python\n("""{first}.*?)```', text, re.DOTALL)
        assert example is not None
        (tmp_path / name).write_text(example[1])
    argv = "-m dynbench.sweep --loss tilted.py --dynamics heavy.py --tilt 0 --starts grid:20 --steps 50 --json"
    done = subprocess.run(
        [sys.executable, *shlex.split(argv)], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    cells = json.loads(done.stdout)["cells"]
    assert [cell["n"] for cell in cells] == [10, 10]
    assert [cell["p_global"] for cell in cells] == [1.0, 1.0]
