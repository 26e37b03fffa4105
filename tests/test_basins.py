"""What labels mean: which minima are global and which false, whatever the units, the dimension and the ties."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from dynbench import basins, find
from dynbench.losses.base import Loss, Minimum
from dynbench.outcomes.label import label

pytestmark = pytest.mark.quick

BARRIER = 0.25


def well(*values: float, dim: int | None = None, scale: float = 1.0, barrier: float = BARRIER) -> Loss:
    """A separable loss whose coordinate has minima of these values at 0, 2, 4, ..., walls between them."""
    minima = [Minimum((2.0 * k,), scale * v, (1.0,), scale * barrier, 1.0) for k, v in enumerate(values)]
    walls = tuple(2.0 * k - 1.0 for k in range(1, len(values)))
    return Loss(
        "", "", ((-1.0, 2.0 * len(values)),), dim or 1, tuple(minima), separators=walls, separable=dim is not None
    )


def test_the_built_in_losses():
    assert basins.global_places(find.loss("himmelblau")) == (True, True, True, True)
    assert basins.global_places(find.loss("quartic")) == (True, False)
    assert sum(basins.global_places(find.loss("rastrigin"))) == 1
    assert basins.false_labels(find.loss("himmelblau"), [-1, 0, 1, 2, 3]) == []
    assert basins.global_labels(find.loss("himmelblau"), [-1, 0, 1, 2, 3]) == [0, 1, 2, 3]
    assert basins.false_labels(find.loss("quartic"), [1, 1, -1, 0]) == [1]


@pytest.mark.parametrize("scale", [1.0, 2.0**-80, 2.0**80])
@pytest.mark.parametrize("base", [0.0, 1.0, -1e6])
def test_ties_are_judged_on_the_losses_own_scale(scale, base):
    """As near as rounding is a tie; a difference of 1e-6 of the barrier is none."""
    near = base + np.array([0.0, 1e-11 * BARRIER, 1e-6 * BARRIER if base < 1e3 else 1e-3])
    assert basins.global_places(well(*near, scale=scale)) == (True, True, False)


def test_one_minimum_is_global_and_none_is_unknown():
    assert basins.is_global(well(3.0), 0)
    none = Loss("", "", ((-1.0, 1.0),), 2)
    ends = basins.kinds(none, [-1, 0])
    assert not ends.is_global.any()
    assert not ends.is_false.any()
    assert np.isnan(basins.lowest_value(none))


def test_eight_equal_minima_of_three_coordinates():
    loss = well(0.0, 0.0, dim=3)
    assert basins.kinds(loss, np.arange(8)).is_global.all()
    assert basins.false_labels(loss, np.arange(8)) == []
    assert not basins.kinds(loss, [8]).is_global.any()


@pytest.mark.parametrize("values", [(0.0, 1.0), (1.0, 0.0, 0.0), (0.0, 0.0, 0.0), (2.0, 1.0, 0.0, 0.0)])
@pytest.mark.parametrize("dim", [1, 2, 4])
def test_against_every_label(values, dim):
    loss = well(*values, dim=dim)
    count = len(values)
    found = basins.kinds(loss, np.arange(count**dim))
    for wells in itertools.product(range(count), repeat=dim):
        place = basins.label_of(list(wells), count)
        assert place == loss.basin([2.0 * w for w in wells])
        minimum = basins.minimum(loss, place)
        assert minimum.x == tuple(2.0 * w for w in wells)
        assert found.is_global[place] == (minimum.value == dim * min(values))
        assert found.is_false[place] != found.is_global[place]


def test_labels_that_wrap_around():
    """63^11 > 2^63 > 63^10: coordinates are asked; one label alone is global; where several tie, nothing is said."""
    assert not basins.wraps(find.loss("rastrigin", 10))
    loss = find.loss("rastrigin", 16)
    assert basins.wraps(loss)
    x = np.zeros((16, 4))
    x[3, 1] = x[15, 2] = 1.0
    x[:, 3] = -30.8
    ends = basins.kinds(loss, label(loss, x), x)
    assert ends.is_global.tolist() == [True, False, False, False]
    assert ends.is_false.tolist() == [False, True, True, True]
    alone = basins.kinds(loss, label(loss, x))
    np.testing.assert_array_equal(alone.is_global, ends.is_global)
    tied = well(0.0, 0.0, 1.0, dim=41)
    assert basins.wraps(tied)
    ends = basins.kinds(tied, [0, 5])
    assert not (ends.is_global | ends.is_false).any()
    assert basins.kinds(well(0.0, 0.0, dim=64), [0, 5]).is_global.all()  # nothing else is there
    assert not basins.wraps(well(0.0, 0.0, dim=63))


def test_a_loss_that_is_not_known():
    """Of an old run, say: 0 is taken for the global basin, as losses list a global minimum first."""
    assert basins.false_labels(None, [-1, 0, 3]) == [3]
    assert basins.global_labels(None, [-1, 0, 3]) == [0]


def test_lmin_is_the_lowest_value():
    assert basins.lowest_value(well(1e-12, 0.0, 1.0)) == 0.0
    assert basins.lowest_value(replace(well(0.5, 1.0, dim=3))) == 1.5


DOUBLE = """from dynbench import Loss, Minimum


def value_grad(x, g):
    total = 0.0
    for d in range(len(x)):
        u = x[d] * x[d] - 1.0
        g[d] = x[d] * u
        total = total + 0.25 * (u * u)
    return total


loss = Loss(
    "a double well in each coordinate", "textbook", ((-2.0, 2.0),), None, dims=(1, 64), separable=True,
    value_grad=value_grad, separators=(0.0,),
    minima=(Minimum((-1.0,), 0.0, (2.0,), 0.25, 1.0), Minimum((1.0,), 0.0, (2.0,), 0.25, 1.0)),
)
"""
TINY = """from dynbench import Loss, Minimum


def value(x):
    return 1e-20 * (0.25 * (x * x - 1.0) * (x * x - 1.0) + 0.1 * x)


def grad(x):
    return 1e-20 * (x * (x * x - 1.0) + 0.1)


RIGHT = Minimum((0.9456492739235914,), 9.736055843199014e-22, (1.6827575478166472e-20,), 1.5766496e-21, 0.8446180160)
LEFT = Minimum((-1.0466805318046022,), -1.0238607380003623e-21, (2.2866204e-20,), 3.5741158e-21, 1.14771179)
loss = Loss(
    "a tilted well", "in small units", ((-2.0, 2.0),), 1, (RIGHT, LEFT), value, grad, separators=(0.101031257881,)
)
"""


def test_more_basins_than_labels_are_refused_where_coordinates_would_be_missed(tmp_path):
    """2^63 mod 2^63 = 0: an exit along coordinate 63 of two wells each would not be seen.  Odd numbers miss none."""
    (tmp_path / "double.py").write_text(DOUBLE)
    assert find.loss(str(tmp_path / "double.py"), 63).basin([1.0] * 62 + [-1.0]) == 2**62 - 1
    with pytest.raises(ValueError, match="take at most 63 dimensions"):
        find.loss(str(tmp_path / "double.py"), 64)
    wide = find.loss("rastrigin", 32)
    for d in range(32):
        assert wide.basin([float(d == k) for k in range(32)]) not in (0, -1)


def test_the_first_minimum_must_be_global_whatever_the_units(tmp_path):
    (tmp_path / "tiny.py").write_text(TINY)
    with pytest.raises(ValueError, match="minimum 1 lies below minimum 0, which must be a global one: put it first"):
        find.loss(str(tmp_path / "tiny.py"))
