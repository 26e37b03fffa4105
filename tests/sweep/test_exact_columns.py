"""The columns p_exact, p_exact_se and z: the noise alone is random, from the very starts of a cell."""

import numpy as np
import pytest

from dynbench import Arm, Starts, Sweep, find, run
from dynbench.theory.chain import p_exit

SEEDS = 2000
SPREAD = tuple((x,) for x in (*np.linspace(1.845, 1.9, 12), *np.linspace(2.4, 3.4, 12)))  # beside the wall, and far


def test_z_has_variance_one_over_seeds(tmp_path):
    """Var of z over 2000 seeds, each with the same 24 starts (seed 0): 1 within 6 of its standard errors, sqrt(2/2000).

    By sqrt(p (1 - p)/n) of the mean p it would be far less, as a start beside the wall leaves nearly surely.
    """
    arm = Arm("gradient", {"temperature": (0.5,)})
    found = run(Sweep("quartic", (arm,), Starts("points", len(SPREAD), SPREAD), steps=100, seeds=SEEDS), out=tmp_path)
    (cell,) = found.cells.to_dict("records")
    each = p_exit(find.loss("quartic"), 1, np.array(SPREAD)[:, 0], cell["lr"], 0.5, (100,))[0][0]
    assert each.min() < 0.05
    assert each.max() > 0.8
    assert cell["n"] == SEEDS * len(SPREAD)
    assert cell["p_exact"] == pytest.approx(each.mean(), rel=1e-12)
    assert cell["p_exact_se"] == pytest.approx(
        np.sqrt(SEEDS * (each * (1.0 - each)).sum()) / (SEEDS * len(SPREAD)), rel=1e-12
    )
    assert cell["z"] == pytest.approx((cell["p_escape"] - cell["p_exact"]) / cell["p_exact_se"], rel=1e-9)
    assert abs(cell["z"]) < 6.0

    share = (found.trajectories["t_exit"] >= 0).groupby(found.trajectories["seed"]).mean().to_numpy()
    assert len(share) == SEEDS
    z = (share - cell["p_exact"]) / (cell["p_exact_se"] * np.sqrt(SEEDS))
    tolerance = 6.0 * np.sqrt(2.0 / SEEDS)
    assert abs(z.var() - 1.0) < tolerance
    binomial = (share - cell["p_exact"]) / np.sqrt(cell["p_exact"] * (1.0 - cell["p_exact"]) / len(SPREAD))
    assert binomial.var() < 1.0 - 2.0 * tolerance


def test_the_summary_pools_the_variances(tmp_path):
    """Two false basins of Rastrigin: the pooled error is the root of the sum of both variances over n."""
    arm = Arm("gradient", {"temperature": (3.0,)})
    starts = Starts("points", 3, ((1.0,), (1.3,), (2.0,)))
    sweep = Sweep("rastrigin", (arm,), starts, dim=1, steps=200, seeds=200)
    found = run(sweep, out=tmp_path)
    cells, (pooled,) = found.cells, found.summary().to_dict("records")
    assert len(cells) == 2
    error = np.sqrt(((cells["n"] * cells["p_exact_se"]) ** 2).sum()) / cells["n"].sum()
    assert pooled["p_exact_se"] == pytest.approx(error, rel=1e-12)
    assert pooled["z"] == pytest.approx((pooled["p_escape"] - pooled["p_exact"]) / error, rel=1e-9)
