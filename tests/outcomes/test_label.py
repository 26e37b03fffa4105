"""Labels: exact ones against `loss.basin`, quenched ones against symmetry, geometry and the minima themselves."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from dynbench import find
from dynbench.losses.base import Loss
from dynbench.outcomes.label import label

pytestmark = pytest.mark.quick

HIMMELBLAU = find.loss("himmelblau")
SADDLES = [(0.0866775045, 2.8842547011), (-3.0730257549, -0.0813530443), (3.3851541838, 0.0738518815)]


def critical(x, y):
    """The critical point of Himmelblau's function nearest (x, y), by Newton's method."""
    z = np.array([x, y])
    for _ in range(20):
        g = np.zeros(2)
        HIMMELBLAU.value_grad(z, g)
        cross = 4 * (z[0] + z[1])
        H = [[12 * z[0] ** 2 + 4 * z[1] - 42, cross], [cross, 12 * z[1] ** 2 + 4 * z[0] - 26]]
        z = z - np.linalg.solve(H, g)
    return z


@pytest.mark.parametrize("name", [n for n in find.losses() if find.loss(n).separable or find.loss(n).dim == 1])
@pytest.mark.parametrize("dim", [1, 3, 32])
def test_products_of_intervals_are_labelled_as_basin_does(name, dim):
    loss = find.loss(name)
    if loss.dim is not None:
        dim = loss.dim
    loss = loss.at(dim)
    lo, hi = np.array(loss.box(dim)).T
    x = np.random.default_rng(1).uniform(1.5 * lo, 1.5 * hi, (400, dim)).T
    walls = [np.nextafter(s, toward) for s in loss.separators for toward in (-9.0, s, 9.0)]
    rim = np.array([*walls, -np.inf, np.inf, 0.0, -0.0])
    x = np.concatenate([x, np.broadcast_to(rim, (dim, len(rim)))], axis=1)
    found = label(loss, x)
    assert found.dtype == np.int64
    assert found.tolist() == [loss.basin(column) for column in x.T]


def test_a_point_on_a_wall_is_in_no_basin():
    loss = find.loss("quartic")
    wall = loss.separators[0]
    x = np.array([[np.nextafter(wall, 0), wall, np.nextafter(wall, 9)]])
    assert label(loss, x).tolist() == [0, -1, 1]
    rastrigin = find.loss("rastrigin", 3)
    x = np.array([[0.1, rastrigin.separators[30], 0.1], [0.0, 0.0, rastrigin.separators[0]], [2.0, 2.0, 2.0]])
    assert label(rastrigin, x)[1:].tolist() == [-1, -1]
    assert [rastrigin.basin(column) for column in x.T] == label(rastrigin, x).tolist()


def test_without_minima_nothing_is_known():
    loss = Loss("unknown", "none", ((-1.0, 1.0),), 2, value_grad=HIMMELBLAU.value_grad)
    assert label(loss, np.zeros((2, 3))).tolist() == [-1, -1, -1]


def test_the_dimension_is_the_losss():
    with pytest.raises(ValueError, match="has dimension 2, not 3"):
        label(HIMMELBLAU, np.zeros((3, 1)))


def test_minima_label_themselves_and_critical_points_have_no_label():
    minima = np.array([m.x for m in HIMMELBLAU.minima]).T
    assert label(HIMMELBLAU, minima).tolist() == [0, 1, 2, 3]
    top = critical(-0.27, -0.92)
    assert label(HIMMELBLAU, np.array([*(critical(*s) for s in SADDLES), top]).T).tolist() == [-1] * 4
    assert label(HIMMELBLAU, np.array([[np.nan, 1e9, np.inf], [0.0, 1e9, 1.0]])).tolist() == [-1] * 3
    assert label(HIMMELBLAU, np.empty((2, 0))).shape == (0,)


def test_either_side_of_a_saddle_runs_to_its_own_minimum():
    """The saddle of height 13.31 joins minima 0 and 3, the one of 67.72 joins 0 and 1."""
    upper, right = critical(*SADDLES[0]), critical(*SADDLES[2])
    across, along = np.eye(2) * 1e-6
    x = np.array([upper - across, upper + across, right + along, right - along]).T
    assert label(HIMMELBLAU, x).tolist() == [1, 0, 0, 3]


def test_quadrants_far_from_the_walls():
    x = np.array([(4, 4), (-4, 4), (-4, -4), (4, -4), (3, 1), (15, 15), (-40, -60)], float).T
    assert label(HIMMELBLAU, x).tolist() == [0, 1, 2, 3, 0, 0, 2]


def test_the_quench_agrees_with_the_gradient_flow():
    """40 points against an integration of dx/dt = -grad L to 1e-9 (none of them lies within O(lr) of a wall)."""
    x = np.random.default_rng(3).uniform(-5, 5, (2, 40))
    centres = np.array([m.x for m in HIMMELBLAU.minima])

    def flow(_, z):
        g = np.zeros(2)
        HIMMELBLAU.value_grad(z, g)
        return -g

    ends = [solve_ivp(flow, (0, 1.0), start, method="DOP853", rtol=1e-9, atol=1e-9).y[:, -1] for start in x.T]
    nearest = [int(np.argmin(np.linalg.norm(centres - end, axis=1))) for end in ends]
    np.testing.assert_array_equal(label(HIMMELBLAU, x), nearest)


def test_labels_do_not_depend_on_company():
    x = np.random.default_rng(4).uniform(-6, 6, (2, 300))
    whole = label(HIMMELBLAU, x)
    np.testing.assert_array_equal(label(HIMMELBLAU, x[:, ::-1])[::-1], whole)
    np.testing.assert_array_equal(label(HIMMELBLAU, x[:, 7:8]), whole[7:8])
