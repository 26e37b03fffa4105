"""Pictures: they show what the tables hold, say it in words, and equal tables give equal bytes."""

import subprocess
import sys

import layout
import numpy as np
import pandas as pd
import pytest
import sweeps

from dynbench import find
from dynbench.outcomes.intervals import interval
from dynbench.report import arms, curves, figures, survival, wells
from dynbench.report.maps import DIVERGED, ELSEWHERE, FLOWN, HOME, REACHED, STAYED, outcome
from dynbench.report.trapped import trapped
from dynbench.store import Run
from dynbench.sweep.grid import Arm
from dynbench.theory.thresholds import critical_cap

QUARTIC = find.loss("quartic")
NAMES = ["rules", "escape_against_cap", "outcome_map", "survival", "sample_paths"]


@pytest.fixture(scope="module")
def pictures(run):
    return figures.draw_all(run)


def test_every_picture_of_the_main_job(pictures):
    assert list(pictures) == NAMES
    for name, picture in pictures.items():
        assert picture.name == name
        assert len(picture.alt) > 40
        assert picture.png.startswith(b"\x89PNG")
        assert b"Software" not in picture.png


def test_equal_tables_give_equal_bytes(run, pictures, tmp_path):
    again = figures.draw_all(Run(run.directory))
    assert {n: p.png for n, p in again.items()} == {n: p.png for n, p in pictures.items()}
    paths = figures.save(again, tmp_path / "new")
    assert [p.name for p in paths] == [f"{n}.png" for n in NAMES]
    assert all(p.read_bytes() == pictures[p.stem].png for p in paths)
    assert len(list((tmp_path / "new").iterdir())) == len(NAMES)


def test_the_readers_own_settings_change_nothing(run, pictures):
    import matplotlib as mpl

    with mpl.rc_context({"font.size": 30, "axes.facecolor": "red", "savefig.bbox": "tight"}):
        picture = figures.escape_against_cap(run.cells, QUARTIC, sweeps.FACTS)
        assert picture.png == pictures["escape_against_cap"].png


def test_no_pyplot_is_left_behind(run):
    code = (
        "import sys, pathlib; from dynbench.report import figures; from dynbench.store import Run;"
        f"figures.draw_all(Run(pathlib.Path({str(run.directory)!r}))); assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_nothing_stands_outside_a_picture_or_on_top_of_other_text(pictures):
    for picture in pictures.values():
        layout.check(picture)


def test_the_threshold_is_drawn_where_theory_puts_it(pictures):
    expected = critical_cap(QUARTIC.minima[1], 0.01)
    assert f"{expected:.7g}" in pictures["escape_against_cap"].alt
    lines = [line for line in pictures["escape_against_cap"].figure.axes[0].lines if len(set(line.get_xdata())) == 1]
    assert expected in [line.get_xdata()[0] for line in lines]


def test_curves_hold_the_table(run):
    false, places = trapped(run.cells, QUARTIC)
    assert places == {1: "x = 3"}
    (row, rows), *rest = curves.lines(false, "cap", QUARTIC, sweeps.FACTS)
    assert not rest
    assert row["dynamics"] == "capped"
    assert tuple(rows["cap"]) == sweeps.CAPS
    last, first = curves.onset(rows)
    assert (last, first) == (71.2, 71.4)
    assert last < curves.limit_of(row, QUARTIC, sweeps.FACTS) < first


def test_outcomes_by_hand():
    rows = pd.DataFrame(
        [
            (1, -1, 1, "censored", STAYED),
            (1, 10, 0, "converged", REACHED),
            (1, 10, 1, "censored", ELSEWHERE),
            (1, 10, 2, "censored", ELSEWHERE),
            (0, -1, 0, "absorbed", HOME),
            (0, 10, 0, "absorbed", HOME),
            (0, 10, 1, "absorbed", ELSEWHERE),
            (1, 10, -1, "diverged", FLOWN),
            (1, -1, -1, "diverged", DIVERGED),
            (0, -1, -1, "diverged", DIVERGED),
        ],
        columns=["start_basin", "t_exit", "basin_final", "status", "expected"],
    )
    assert outcome(rows, QUARTIC).tolist() == rows["expected"].tolist()
    every = outcome(rows, find.loss("himmelblau"))  # all of its minima are global
    assert set(every.tolist()) == {HOME, FLOWN, DIVERGED}


def test_the_map_shows_every_trajectory_in_its_place(run):
    table = run.trajectories
    image = figures.outcome_map(table, QUARTIC).figure.axes[0].images[0].get_array()
    assert image.shape == (len(sweeps.CAPS), 41)
    capped = table[table["dynamics"] == "capped"]
    x0, caps = np.unique(capped["x0"]), np.unique(capped["cap"])
    for place in (3, 200, 444, len(capped) - 1):
        row = capped.iloc[[place]]
        at = np.searchsorted(caps, row["cap"].item()), np.searchsorted(x0, row["x0"].item())
        assert image[at] == outcome(row, QUARTIC)[0] + 1


def test_survival_ends_at_the_share_that_never_left(run):
    picture = figures.survival(run.trajectories, sweeps.STEPS, QUARTIC)
    table = run.trajectories.query("start_basin == 1")
    for line in picture.figure.axes[0].lines:
        name = str(line.get_label())
        if name == "gradient, T 0.5":
            rows = table[(table["dynamics"] == "gradient") & (table["temperature"] == 0.5)]
            assert line.get_ydata()[-1] == pytest.approx((rows["t_exit"] < 0).mean())
            break
    else:
        pytest.fail("no line for noisy gradient descent")
    assert len(picture.figure.axes[0].lines) <= 8


def test_what_makes_no_sense_is_left_out(tmp_path):
    """No cap: no picture over caps; no minimum known: only paths; no trajectory kept: neither map nor curve."""
    plain = sweeps.made(tmp_path, Arm("gradient", {"temperature": (0.0, 0.5)}))
    assert list(figures.draw_all(plain)) == ["rules", "survival", "sample_paths"]
    unknown = sweeps.made(
        tmp_path, Arm("capped", {"cap": (1.0, 100.0), "f_star": (0.0,)}), loss=sweeps.written(tmp_path, "bowl")
    )
    assert set(unknown.cells["start_basin"]) == {-1}
    assert list(figures.draw_all(unknown)) == ["sample_paths"]
    counted = sweeps.made(tmp_path, keep="cells")
    assert list(figures.draw_all(counted)) == ["rules", "escape_against_cap", "sample_paths"]
    (counted.directory / "paths.parquet").unlink()
    assert list(figures.draw_all(counted)) == ["rules", "escape_against_cap"]


@pytest.mark.parametrize(("name", "dim"), [("himmelblau", 2), ("rastrigin", 2), ("rastrigin", 3), ("quadratic", 1)])
def test_paths_in_every_dimension(name, dim):
    loss, steps = find.loss(name, dim), np.arange(50)
    walk = np.linspace(loss.box(dim)[0][1] * 0.9, 0.1, 50)
    columns = {"x": walk} if dim == 1 else {f"x_{d}": walk * (1 + 0.1 * d) for d in range(dim)}
    fixed = {"lr": 0.01, "temperature": 0.0, "gradient_noise": 0.0}
    paths = pd.DataFrame({"id": 1, "dynamics": "sign"} | fixed | {"step": steps} | columns | {"loss_value": walk**2})
    picture = figures.sample_paths(paths, loss)
    assert picture.png
    assert "sign: L = 0.01" in picture.alt


def test_many_basins_are_pooled(hot):
    loss, whole = find.loss("rastrigin", 2), hot.trajectories.query("start_basin != 0")
    false, places = trapped(hot.cells, loss)
    assert list(places.values()) == [f"any of {whole['start_basin'].nunique()} false minima"]
    assert len(false) == 2
    for (_, cell), (_, rows) in zip(false.iterrows(), whole.groupby("temperature"), strict=True):
        assert cell["n"] == len(rows)
        assert 0 < cell["escaped"] == (rows["t_exit"] >= 0).sum() < len(rows)
        assert cell["p_escape"] == pytest.approx(cell["escaped"] / len(rows))
        lo, hi = interval(cell["escaped"], len(rows))
        assert cell["p_escape_lo"] == pytest.approx(lo)
        assert cell["p_escape_hi"] == pytest.approx(hi)


def test_labels_of_separable_losses_are_read_back():
    loss = find.loss("rastrigin", 3)
    x = [loss.minima[k].x[0] for k in (0, 1, 4)]
    found = wells.minimum(loss, loss.basin(x))
    assert list(found.x) == x
    assert found.value == pytest.approx(sum(loss.minima[k].value for k in (0, 1, 4)))
    assert wells.is_false(loss, loss.basin(x))
    assert not wells.is_false(find.loss("himmelblau"), 2)


def test_few_gives_every_rule_its_turn():
    caps = [{"dynamics": "capped", "cap": cap} for cap in (1.0, 10.0, 70.0, 72.0, 100.0, 1e6)]
    table = pd.DataFrame([*caps, *({"dynamics": "gradient", "cap": np.nan, "temperature": t} for t in range(5))])
    assert arms.few(table, 6, lambda _: 71.0) == [2, 3, 5, 6, 8, 10]
    assert arms.few(table, 8, lambda _: 71.0) == [0, 2, 3, 5, 6, 7, 8, 10]  # filled up
    assert arms.few(table, 99, lambda _: 71.0) == list(range(11))
    assert arms.few(table, 6, lambda _: 71.0, [0, 0, 0, 1, 3, 2, 0, 0, 0, 0, 0])[:3] == [2, 4, 5]
    assert arms.few(table, 3, lambda _: 71.0) == [2, 3, 6]


@pytest.mark.parametrize(
    ("p", "text"), [(0, "0"), (1, "1"), (0.83, "0.830"), (4e-5, "4.0e-5"), (0.99996, ">0.9999"), (np.nan, "–")]
)
def test_shares(p, text):
    assert arms.share(p) == text


def test_a_large_table_is_drawn():
    """4e5 trajectories; `suites/speed` has how long pictures take."""
    x0, caps = np.linspace(0, 5, 2001), np.geomspace(1, 1e6, 200)
    grid = pd.DataFrame({"x0": np.tile(x0, 200), "cap": np.repeat(caps, 2001)})
    left = (grid["cap"] > 71.3) & (grid["x0"] > 1.85)
    columns = {"lr": 0.01, "temperature": 0.0, "gradient_noise": 0.0, "seed": 0, "status": "censored"}
    grid = grid.assign(dynamics="capped", **columns, start_basin=(grid["x0"] > 1.85).astype(int))
    grid = grid[["dynamics", "x0", "cap", *columns, "start_basin"]]
    grid["t_exit"] = np.where(left, 1 + np.arange(len(grid)) % 2500, -1)
    grid["basin_final"] = np.where(left, 0, grid["start_basin"])
    pictures = [figures.outcome_map(grid, QUARTIC), figures.survival(grid, 2500, QUARTIC)]
    assert all(p.png for p in pictures)


def test_up_to_a_cap_nothing_escapes_only_where_that_is_so_of_all_settings():
    """`No escape at all: capped up to cap 190` stood beside escapes from cap 60 on, with another f_star."""
    table = pd.DataFrame(
        {"dynamics": ["capped"] * 4, "cap": [60.0, 60.0, 190.0, 190.0], "f_star": [0.0, 1.0, 0.0, 1.0]}
    )
    names = ["a", "b", "c", "d"]
    assert survival.rules(table, names, [0, 1]) == "capped up to cap 60"
    assert survival.rules(table, names, [0, 3]) == "capped (2 settings)"
    assert survival.rules(table, names, [3]) == "d"
