import numpy as np
import pytest

from dynbench import find
from dynbench.sweep.arguments import read, sweep_of
from dynbench.sweep.grid import Arm, Plan, Sweep
from dynbench.sweep.starts import Starts

pytestmark = pytest.mark.quick

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


@pytest.mark.parametrize(
    ("text", "points"),
    [
        ("x,y\n1,2\n3,4\n1,2\n", ((1.0, 2.0), (3.0, 4.0), (1.0, 2.0))),
        ('"x","y"\n"1","2"\n"3", 4\n', ((1.0, 2.0), (3.0, 4.0))),
        ('"1","2"\n\n"3","4"\n', ((1.0, 2.0), (3.0, 4.0))),
        ("\n\nx0_0,x0_1\n1,-.5\n", ((1.0, -0.5),)),
    ],
)
def test_a_csv_file_gives_points_with_or_without_a_header(tmp_path, text, points):
    file = tmp_path / "starts.csv"
    file.write_text(text)
    assert Starts.parse(str(file), 2).points == points


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("1,2\n3,oops\n", "line 2: '3,oops' is not 2 numbers"),
        ("1,2,3\n", "line 1: '1,2,3' is not 2 numbers"),
        ("2.9 # a,3\n1,2\n", "line 1: '2.9 # a,3' is not 2 numbers"),
        ("-1.5e,y\n1,2\n", "line 1: "),
        ("x,y\nx,y\n1,2\n", "line 2: 'x,y' is not 2 numbers"),
        ("1;2\n", "line 1: '1;2' is not 2 numbers"),
        ("x;y\n1;2\n", "line 1: 'x;y' is not 2 numbers"),
        ('1,"2\n', "line 1: unexpected end of data"),
        ("1,nan\n", "'1.0,nan' is not a point of 2 finite coordinates"),
        ("x,y\n", "no start at all"),
        (None, "cannot read"),
    ],
)
def test_what_is_wrong_in_a_csv_file_is_named_with_its_line(tmp_path, text, told):
    file = tmp_path / "starts.csv"
    if text is not None:
        file.write_text(text)
    with pytest.raises(ValueError, match=r"^--starts: [^\n]*$") as error:
        Starts.parse(str(file), 2)
    assert told in str(error.value)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("points", 2, (1.0, 2.0)), "starts: `points` must be rows of equal length, one number a coordinate"),
        (("points", 2, ((1.0,), (1.0, 2.0))), "rows of equal length"),
        (("points", 2, 3.0), "rows of equal length"),
        (("points", 1, (("a",),)), "rows of equal length"),
        (("points", 1), "rows of equal length"),
        (("points", 3, ((1.0,), (2.0,))), "starts: 2 points are given, not 3"),
        (("points", 1, ((float("nan"),),)), "starts: [nan] is not a point of finite coordinates"),
        (("grid", 2, ((1.0,), (2.0,))), "starts: points are given, and the law 'grid' takes none"),
        (("gird", 2), "starts: no law called 'gird', did you mean 'grid'? Known: points, grid, uniform, trapped"),
        (("grid", 2.5), "starts: the count: 2.5 is not a whole number"),
        (("uniform", 0), "starts: the count: '0' is not a whole number"),
    ],
)
def test_starts_of_a_wrong_shape_are_refused(arguments, told):
    with pytest.raises(ValueError, match=r"^[^\n]*$") as error:
        Starts(*arguments)
    assert told in str(error.value)


def test_starts_take_arrays_and_fit_the_dimension_of_the_loss():
    assert Starts("points", 2, np.array([[1.0], [2.0]])) == Starts("points", 2, ((1.0,), (2.0,)))
    with pytest.raises(ValueError, match="points of 2 coordinates are given, and 'quartic' has 1"):
        Plan(Sweep("quartic", (Arm("sign"),), Starts("points", 1, ((1.0, 2.0),))))


def test_equal_starts_are_repeats():
    """The kth of m equal points has the noise of its repeat k, and with seeds k, k + m, k + 2m, ..."""
    listed = Starts("points", 5, ((3.0,), (2.0,), (3.0,), (0.0,), (-0.0,)))
    np.testing.assert_array_equal(listed.repeats, [[0, 0, 1, 0, 1], [2, 1, 2, 2, 2]])  # -0 is 0
    arms = Arm("gradient", {"temperature": (0.0, 0.5)}), Arm("sign")
    plan = Plan(Sweep("quartic", arms, listed, steps=5, seeds=3))
    assert plan.total == 5 + 15 + 5  # every start counts, in noiseless arms too
    piece = plan.piece(plan.arms[0], 5, 20)
    rows = sorted(zip(piece.batch.x0[0].tolist(), piece.seed.tolist(), strict=True))
    assert rows == sorted([(x, k) for x in (3.0, 0.0) for k in range(6)] + [(2.0, k) for k in range(3)])
    one = Plan(Sweep("quartic", arms[:1], Starts("points", 1, ((3.0,),)), steps=5, seeds=6))
    six = one.piece(one.arms[0], 1, 7).batch.stream
    assert set(six.tolist()) == set(piece.batch.stream[piece.batch.x0[0] == 3.0].tolist())
    assert len(set(piece.batch.stream.tolist())) == 15
    assert Starts("points", 2, ((3.0,), (3.0,))).kind == "point"


@pytest.mark.parametrize("flags", [["--x0", "3,2,3"], ["--start", "3", "--start", "2", "--start", "3"]])
def test_equal_values_of_x0_and_of_start_are_repeats_too(flags):
    sweep = sweep_of(read(["--loss", "quartic", "--dynamics", "sign", *flags]))
    assert sweep.starts.points == ((3.0,), (2.0,), (3.0,))


def test_starts_far_outside_the_domain_are_refused():
    with pytest.raises(ValueError, match="half-widths"):
        Starts("points", 1, ((1e9,),)).at(QUARTIC, np.arange(1), 0)
