import json

import pandas as pd
import pytest

from dynbench.sweep.__main__ import main

ARGV = ["--loss", "quartic", "--dynamics", "gradient", "--x0", "3", "--lr", "0.01", "--steps", "100", "--seeds", "100"]


@pytest.mark.statistics
def test_cells_without_an_escape_are_estimated_by_splitting(tmp_path, capsys):
    """z beyond 5 by chance: alpha 6e-7, seed 0."""
    assert main([*ARGV, "--temperature", "0.1,0.5", "--rare", "--json", "--out", str(tmp_path)]) == 0
    told = json.loads(capsys.readouterr().out)
    rare = told["cells"][0]
    split = sum(cell["steps_spent"] or 0 for cell in told["cells"])
    assert told["updates"] == 2 * 100 * 100 + split  # of two cells' trajectories and of splitting
    (log,) = tmp_path.rglob("run.log")
    assert f" updates={told['updates']} " in log.read_text(encoding="utf-8")
    assert rare["escaped"] == 0
    assert rare["p_exact"] == pytest.approx(1.141634726e-9, rel=1e-8)
    assert abs(rare["z"]) < 5
    assert rare["p_escape_se"] < 0.06 * rare["p_escape"]
    assert rare["p_escape_lo"] < rare["p_escape"] < rare["p_escape_hi"]
    assert rare["ancestors"] > 1
    assert rare["steps_spent"] < 1e9
    assert rare["sound"] == 1.0


def test_what_splitting_spends_in_vain_is_counted_and_told(tmp_path, capsys):
    """P is below 1e-60: two pilot runs see that, and the cell stays as it was counted."""
    assert main([*ARGV, "--temperature", "0.001", "--rare", "--out", str(tmp_path)]) == 0
    (table,) = tmp_path.rglob("cells.csv")
    cell = pd.read_csv(table).iloc[0]
    assert cell["steps_spent"] > 100 * 1000
    assert cell["p_escape"] == 0.0
    assert pd.isna(cell["p_escape_se"])
    told = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("speed"))
    assert told.split()[1:5] == [f"{cell['steps_spent'] + 10000:.3g}", "updates", f"({cell['steps_spent']:.3g}", "of"]


def test_without_the_flag_it_is_suggested_where_the_probability_is_not_known(tmp_path, capsys):
    """Of gradient descent it is, exactly, and stands in the row."""
    assert main([*ARGV, "--temperature", "0.1", "--out", str(tmp_path)]) == 0
    assert "add --rare" not in capsys.readouterr().out
    other = ["capped" if word == "gradient" else word for word in ARGV]
    assert main([*other, "--cap", "1", "--temperature", "0.001", "--out", str(tmp_path)]) == 0
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
