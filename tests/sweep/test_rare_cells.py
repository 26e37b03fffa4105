import json

import pytest

from dynbench.sweep.__main__ import main

ARGV = ["--loss", "quartic", "--dynamics", "gradient", "--x0", "3", "--lr", "0.01", "--steps", "100", "--seeds", "100"]


@pytest.mark.statistics
def test_cells_without_an_escape_are_estimated_by_splitting(tmp_path, capsys):
    """z beyond 5 by chance: alpha 6e-7, seed 0."""
    assert main([*ARGV, "--temperature", "0.1,0.5", "--rare", "--json", "--out", str(tmp_path)]) == 0
    cells = json.loads(capsys.readouterr().out)["cells"]
    rare = cells[0]
    assert rare["escaped"] == 0
    assert rare["p_exact"] == pytest.approx(1.141634726e-9, rel=1e-8)
    assert abs(rare["z"]) < 5
    assert rare["p_escape_se"] < 0.06 * rare["p_escape"]
    assert rare["p_escape_lo"] < rare["p_escape"] < rare["p_escape_hi"]
    assert rare["ancestors"] > 1
    assert rare["steps_spent"] < 1e9
    assert rare["sound"] == 1.0


def test_without_the_flag_it_is_suggested(tmp_path, capsys):
    assert main([*ARGV, "--temperature", "0.1", "--out", str(tmp_path)]) == 0
    assert "add --rare" in capsys.readouterr().out


def test_workers_do_not_matter(tmp_path):
    tables = []
    for workers in ("1", "2"):
        out = tmp_path / workers
        assert main([*ARGV, "--temperature", "0.1", "--rare", "-q", "--out", str(out), "--workers", workers]) == 0
        tables.append(next(out.glob("*/cells.csv")).read_bytes())
    assert tables[0] == tables[1]


def test_a_config_file_says_true_or_false(tmp_path, capsys):
    config = tmp_path / "rare.toml"
    config.write_text('loss = "quartic"\nrare = 3\n')
    assert main(["--config", str(config), "--out", str(tmp_path / "out")]) == 2
    assert "--rare is true or false" in capsys.readouterr().err
