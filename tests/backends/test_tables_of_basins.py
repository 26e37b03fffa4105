"""Tables of basins in two dimensions against an ODE solver, and when there is none."""

from dataclasses import replace
from pathlib import Path

import judge
import numpy as np
import pytest

from dynbench import find
from dynbench.backends.basins import Basins, basins, marked
from dynbench.kernels import flows

LOSSES = Path(__file__).parents[1] / "losses"
HIMMELBLAU = find.loss("himmelblau")


def beside_boundaries(found: Basins, loss, rng, count: int) -> np.ndarray:
    """Points of parts of cells that the table does not know."""
    parts = marked(found, loss)
    chosen = parts[:, rng.integers(parts.shape[1], size=count)] + rng.uniform(0, 1, (2, count))
    corner, width = (found.floats[place : place + 2, None] for place in (flows.CORNER, flows.WIDTH))
    return corner + chosen * width


@pytest.mark.parametrize(
    "name",
    [
        "himmelblau",
        str(LOSSES / "mueller_brown.py"),
        pytest.param(str(LOSSES / "six_hump_camel.py"), marks=pytest.mark.slow),
        pytest.param(str(LOSSES / "three_hump_camel.py"), marks=pytest.mark.slow),
    ],
)
def test_labels_are_the_solvers(name):
    """300 points of the domain, 300 within 1e-4 of it from a boundary, and 40 off the table."""
    loss, rng = find.loss(name), np.random.default_rng(5)
    found = basins(loss)
    assert found.exact
    lo, hi = np.array(loss.box(2)).T[:, :, None]
    anywhere = rng.uniform(lo, hi, (2, 300))
    outside = rng.uniform(lo - 0.3 * (hi - lo), hi + 0.3 * (hi - lo), (2, 200))
    outside = outside[:, ((outside < lo) | (outside > hi)).any(axis=0)][:, :40]
    x = np.concatenate([anywhere, beside_boundaries(found, loss, rng, 300), outside], axis=1)
    expected = judge.labels(loss, x)
    assert (expected >= 0).all()
    np.testing.assert_array_equal(found.labels(x), expected)


def test_the_table_knows_nearly_the_whole_domain():
    found = basins(HIMMELBLAU)
    parts = marked(found, HIMMELBLAU).shape[1] / 8192**2
    assert 1e-4 < parts < 1e-3
    assert (found.table[: 512 * 512] < 0).mean() < 0.01


@pytest.mark.parametrize(
    "fewer",
    [
        {"saddles": HIMMELBLAU.saddles[:3]},
        {"maxima": ()},
        {"saddles": HIMMELBLAU.saddles[1:], "minima": HIMMELBLAU.minima[:3]},  # counts fit, as the index is 1
        {"saddles": HIMMELBLAU.saddles[:3], "maxima": ()},
        {"domain": ((-2.0, 2.0), (-2.0, 2.0)), "minima": HIMMELBLAU.minima, "quench_lr": 0.0, "saddles": ()},
    ],
)
def test_a_list_that_falls_short_gives_no_table(fewer):
    assert not basins(replace(HIMMELBLAU, **fewer)).exact


def test_a_box_that_the_flow_leaves_is_enlarged():
    """Of the domain [-3.9, 3.9]² the flow leaves through no edge of the box 1.25 times as large."""
    small = replace(HIMMELBLAU, domain=((-3.9, 3.9), (-3.5, 3.5)))
    found = basins(small)
    assert found.exact
    x = np.random.default_rng(6).uniform(-5, 5, (2, 1000))
    np.testing.assert_array_equal(found.labels(x), basins(HIMMELBLAU).labels(x))
