"""Tables of basins in two dimensions against an ODE solver, and when there is none."""

from dataclasses import replace
from pathlib import Path

import judge
import numpy as np
import pytest

from dynbench import find
from dynbench.backends.basins import Basins, basins, distances, marked
from dynbench.kernels import flows
from dynbench.sweep.starts import Starts

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


def test_distances_to_boundaries_that_are_not_declared_are_those_of_the_traces():
    bare = replace(HIMMELBLAU, minima=tuple(replace(m, distance=np.nan) for m in HIMMELBLAU.minima))
    np.testing.assert_allclose(distances(bare), [m.distance for m in HIMMELBLAU.minima], rtol=1e-8)
    assert np.isnan(distances(replace(bare, saddles=()))).all()


def test_trapped_starts_lie_around_false_minima():
    loss = find.loss(str(LOSSES / "mueller_brown.py"))
    x = Starts.parse("trapped:200", 2).at(loss, np.arange(200), 0)
    near = distances(loss)
    found = basins(loss).labels(x)
    assert set(found) == {1, 2}
    centres = np.array([m.x for m in loss.minima]).T[:, found]
    assert (np.abs(x - centres) <= 0.05 * near[found]).all()


def test_trapped_starts_need_a_distance():
    loss = replace(find.loss(str(LOSSES / "mueller_brown.py")), saddles=())
    with pytest.raises(ValueError, match=r"the distance from the minimum .* list the loss's saddles"):
        Starts.parse("trapped:5", 2).at(loss, np.arange(5), 0)
