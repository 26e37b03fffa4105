"""The article, reproduced: its script's numbers, the ensemble's, and the page that is published."""

import json
from pathlib import Path

import pytest

from dynbench.outcomes.intervals import clopper_pearson
from dynbench.sweep.__main__ import main
from suites.article import CAP, TARGET, Demo, demo, f

pytestmark = pytest.mark.quick

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def path() -> Demo:
    return demo()


def test_the_script_as_written_escapes_at_step_1210(path):
    assert path.escape == 1210
    assert float(path.x[-1]) == 0.4073933876787569
    assert float(f(path.x[-1])) == 2.1544115380578432e-06


def test_its_cap_never_binds(path):
    assert path.bound == 0
    assert path.steepest < 144 < CAP


@pytest.mark.statistics
def test_the_ensemble_agrees_with_20000_runs_of_another_program(tmp_path, capsys):
    """4001 starts against 20000 (science.md, section 2); alpha = 1e-9 each: 6.1 standard errors of the difference."""
    argv = ["--loss", "quartic", "--dynamics", "capped", "--x0", "3.9:4.1:4001", "--lr", "0.01", "--steps", "2500"]
    assert main([*argv, "--cap", "71.2,71.4,1000", "--json", "--out", str(tmp_path)]) == 0
    cells = json.loads(capsys.readouterr().out)["cells"]
    assert cells[0]["escaped"] == 0
    for cell, p in zip(cells[1:], (0.9104, 0.8390), strict=True):
        error = (p * (1 - p) * (1 / 4001 + 1 / 20000)) ** 0.5
        assert abs(cell["p_escape"] - p) < 6.1 * error
        assert cell["p_escape_lo"] < cell["p_escape"] < cell["p_escape_hi"]
    assert cells[0]["p_escape_hi"] == pytest.approx(float(clopper_pearson(0, 4001)[1]))


def test_the_published_page_tells_what_was_found():
    page = (TARGET / "index.html").read_text(encoding="utf-8")
    for words in ("leaves the false minimum at step 1210", "0.4073933876787569", "on 0 of 2500 steps", "= 71.294",
                  "a larger M is worse", "python -m dynbench.sweep --config suites/article.toml"):  # fmt: skip
        assert words in page
    assert {"cells.csv", "manifest.json", "index.html", "escape_against_cap.png"} <= {p.name for p in TARGET.iterdir()}
    assert sum(p.stat().st_size for p in TARGET.iterdir()) < 2e6
