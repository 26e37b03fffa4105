import numpy as np
import pytest

from dynbench import find
from dynbench.sweep.starts import Starts

QUARTIC = find.loss("quartic", 1)
RASTRIGIN = find.loss("rastrigin", 3)
LAWS = [
    ("grid:5", QUARTIC),
    ("uniform:40", QUARTIC),
    ("trapped:40", QUARTIC),
    ("grid:3", RASTRIGIN),
    ("trapped:40", RASTRIGIN),
]


@pytest.mark.parametrize(("text", "loss"), LAWS)
def test_a_start_is_a_function_of_its_number_alone(text, loss):
    starts = Starts.parse(text, loss.dim)
    size = starts.size(loss.dim)
    every = starts.at(loss, np.arange(size), 7)
    some = np.random.default_rng(0).permutation(size)[: size // 2]
    np.testing.assert_array_equal(starts.at(loss, some, 7), every[:, some])
    if starts.law != "grid":
        assert (starts.at(loss, np.arange(size), 8) != every).any()


def test_a_grid_covers_the_domain_with_its_ends():
    x = Starts("grid", 2001).at(QUARTIC, np.arange(2001), 0)[0]
    np.testing.assert_array_equal(x, np.linspace(0, 5, 2001))
    box = Starts("grid", 3).at(RASTRIGIN, np.arange(27), 0)
    assert {tuple(p) for p in box.T} == {
        (a, b, c) for a in (-5.12, 0, 5.12) for b in (-5.12, 0, 5.12) for c in (-5.12, 0, 5.12)
    }


def test_trapped_starts_lie_close_to_a_false_minimum_in_its_basin():
    x = Starts("trapped", 500).at(QUARTIC, np.arange(500), 1)[0]
    false = QUARTIC.minima[1]
    assert (np.abs(x - 3.0) <= 0.05 * false.distance).all()
    assert np.ptp(x) > 0.09 * false.distance
    y = Starts("trapped", 500).at(RASTRIGIN, np.arange(500), 1)
    assert all(RASTRIGIN.basin(p) != 0 for p in y.T)


def test_trapped_needs_a_false_minimum():
    with pytest.raises(ValueError, match="no known false minimum"):
        Starts("trapped", 3).at(find.loss("himmelblau", 2), np.arange(3), 0)


def test_a_csv_file_gives_points_with_or_without_a_header(tmp_path):
    file = tmp_path / "starts.csv"
    file.write_text("x,y\n1,2\n3,4\n1,2\n")
    assert Starts.parse(str(file), 2).points == ((1.0, 2.0), (3.0, 4.0))
    file.write_text("1,2\n3,oops\n")
    with pytest.raises(ValueError, match="line 2"):
        Starts.parse(str(file), 2)
    file.write_text("1,2,3\n")
    with pytest.raises(ValueError, match="2 finite coordinates"):
        Starts.parse(str(file), 2)
    with pytest.raises(ValueError, match="cannot read"):
        Starts.parse(str(tmp_path / "none.csv"), 2)


def test_starts_far_outside_the_domain_are_refused():
    with pytest.raises(ValueError, match="half-widths"):
        Starts("points", 1, ((1e9,),)).at(QUARTIC, np.arange(1), 0)
