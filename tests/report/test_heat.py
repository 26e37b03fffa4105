"""The map over two settings: which one, what it is held against, what is marked."""

import numpy as np
import pandas as pd
import pytest
import sweeps

from dynbench import find
from dynbench.outcomes.compare import benjamini_hochberg, mcnemar
from dynbench.outcomes.intervals import interval
from dynbench.report import further, heat
from dynbench.sweep.grid import Arm

CAPS, TEMPERATURES = (1.0, 10.0, 100.0), (0.0, 0.5, 1.0)
STARTS, SEEDS = 30, 5


def arms_of(caps=CAPS, temperatures=TEMPERATURES, rule: str = "capped") -> pd.DataFrame:
    return pd.DataFrame(
        [{"loss": "quartic", "dynamics": rule, "cap": c, "lr": 0.01, "temperature": t, "gradient_noise": 0.0}
         for c in caps for t in temperatures]
    )  # fmt: skip


def rows_of(table: pd.DataFrame, seed: int = 8, starts: int = STARTS) -> pd.DataFrame:
    """Escapes with a probability that rises with T at cap 10, falls at cap 100, and is the same at cap 1."""
    draw = np.random.default_rng(seed)
    parts = []
    for arm, row in table.iterrows():
        seeds = np.arange(SEEDS if row["temperature"] > 0 else 1)
        x0, repeat = (g.ravel() for g in np.meshgrid(np.linspace(2, 4, starts), seeds, indexing="ij"))
        p = 0.5 + {10.0: 0.45, 100.0: -0.45}.get(row["cap"], 0.0) * row["temperature"]
        gone = draw.random(len(x0)) < p if row["temperature"] > 0 else np.arange(len(x0)) % 2 == 0
        parts.append(pd.DataFrame(
            {"x0": x0, "seed": repeat, "t_exit": np.where(gone, 5, -1), "arm": arm}
            | {name: row[name] for name in ("temperature", "gradient_noise")}
        ))  # fmt: skip
    return pd.concat(parts).sample(frac=1.0, random_state=1).reset_index(drop=True)


def with_shares(table: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    each = rows.assign(gone=rows["t_exit"] >= 0).groupby("arm")["gone"]
    lo, hi = interval(each.sum(), each.count())
    return table.assign(p_escape=each.mean(), p_escape_lo=lo, p_escape_hi=hi)


@pytest.fixture(scope="module")
def case():
    rows = rows_of(arms_of())
    return heat.square(with_shares(arms_of(), rows)), rows


def test_every_cell_is_held_against_its_column_without_noise(case):
    """Pair by pair: a noiseless run is the partner of all seeds of its start."""
    square, rows = case
    assert (square.x, square.y) == ("cap", "temperature")
    found = heat.tested(square, rows)
    p = np.full((3, 3), np.nan)
    for k in range(3):
        base = rows[rows["arm"] == 3 * k].set_index("x0")["t_exit"] >= 0
        for r in (1, 2):
            own = rows[rows["arm"] == 3 * k + r]
            gone, without = own["t_exit"].to_numpy() >= 0, base.loc[own["x0"]].to_numpy()
            p[r, k] = mcnemar(np.sum(gone & ~without), np.sum(~gone & without))
            assert found.difference[r, k] == pytest.approx(gone.mean() - without.mean(), abs=1e-12)
            assert found.p[r, k] == gone.mean()
    np.testing.assert_array_equal(found.adjusted, benjamini_hochberg(p))
    assert np.isnan(found.adjusted[0]).all()


def test_what_differs_is_marked_and_counted(case):
    """n = 150 pairs a cell, seed 8: at T = 1 the difference is 0.45, some ten standard errors."""
    square, rows = case
    found = heat.tested(square, rows)
    assert (found.adjusted[2, 1:] < 1e-6).all()
    assert found.adjusted[1:, 0].min() > heat.RATE
    (section,) = heat.sections(square, rows)
    marked = int((found.adjusted <= heat.RATE).sum())
    assert section.heading == "P(escape) over cap and T"
    assert f"{marked} of 6 differ at a false discovery rate of 0.05" in section.paragraphs[0]
    assert f"{marked} cells differ from T 0" in section.pictures[0].alt
    drawn = [line for line in section.pictures[0].figure.axes[0].lines if line.get_marker() in "^v"]
    assert sum(len(line.get_xdata()) for line in drawn) == marked
    for line in drawn:
        for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True):
            assert (found.difference[y, x] > 0) == (line.get_marker() == "^")
    assert section.pictures[0].png == section.pictures[0].png


def test_a_sweep_over_two_settings_has_its_map(tmp_path):
    """Each place holds the cell's share; the row without noise is what the others are held against."""
    walk = Arm("capped", {"cap": CAPS, "temperature": TEMPERATURES})
    run = sweeps.made(tmp_path, walk, starts=sweeps.points(np.linspace(2.0, 4.0, STARTS)), seeds=SEEDS, steps=200)
    loss = find.loss("quartic")
    table = further.settings(run, loss)
    square = heat.square(table)
    found = heat.tested(square, further.read(run, square.table, [1]))
    cells = run.cells.query("start_basin == 1").pivot(index="temperature", columns="cap", values="p_escape")
    np.testing.assert_allclose(found.p[1:], cells.to_numpy()[1:])
    np.testing.assert_array_equal(np.isnan(found.adjusted), [[True] * 3, [False] * 3, [False] * 3])
    assert "P(escape) over cap and T" in {s.heading for s in further.sections(run, loss)}


def test_noise_on_both_sides_pairs_seeds_too():
    table = arms_of(temperatures=(0.5, 1.0))
    rows = rows_of(table)
    square = heat.square(with_shares(table, rows))
    shifted = rows.assign(seed=rows["seed"] + (rows["temperature"] > 0.5) * 1)  # one seed in five has no partner
    assert np.isfinite(heat.tested(square, shifted).adjusted[1]).all()
    apart = rows.assign(seed=rows["seed"] + (rows["temperature"] > 0.5) * SEEDS)
    assert np.isnan(heat.tested(square, apart).adjusted).all()
    assert np.isnan(heat.tested(square, apart).difference).all()


def test_nothing_is_tested_from_one_start_without_noise():
    table = arms_of().assign(temperature=0.0, lr=np.tile([0.01, 0.02, 0.03], 3))
    rows = rows_of(table, starts=1)
    square = heat.square(with_shares(table, rows))
    assert (square.x, square.y) == ("cap", "lr")
    (section,) = heat.sections(square, rows)
    assert "Nothing is random here" in section.paragraphs[0]
    assert np.isnan(heat.tested(square, rows).adjusted).all()


def test_which_map_is_drawn():
    """The largest one; noise is the second setting; a third setting is held at its lowest value."""
    small, large = arms_of(temperatures=(0.0, 1.0), rule="sps_max"), arms_of()
    both = pd.concat([small, large], ignore_index=True)
    square = heat.square(both)
    assert square.fixed == "capped"
    assert square.table.index.tolist() == list(range(6, 15))
    third = pd.concat([large, large.assign(lr=0.02)], ignore_index=True)
    square = heat.square(third)
    assert (square.x, square.y, square.fixed) == ("cap", "temperature", "capped, lr 0.01")
    assert square.table["lr"].unique().tolist() == [0.01]
    assert heat.square(arms_of(caps=(1.0,))) is None
    assert heat.square(arms_of(caps=(1.0, 2.0), temperatures=(0.0, 1.0))) is None
