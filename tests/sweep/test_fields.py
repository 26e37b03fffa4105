"""What Python's users give: every field takes what it can mean, and says in one sentence what it cannot."""

from pathlib import Path

import numpy as np
import pytest

from dynbench import Arm, Starts, Sweep, find, run
from dynbench.sweep.grid import Plan
from dynbench.sweep.job import Job

POINT = Starts("points", 1, ((3.0,),))
GIVEN = {"loss": "quartic", "arms": (Arm("capped", {"cap": (71.2,)}),), "starts": POINT, "steps": 1000}
NAN, INF = float("nan"), float("inf")

NO_NUMBER = (None, "7", NAN, INF, True, np.bool_(True), (7,), [7], {}, np.array([7.0, 8.0]), np.float64("nan"), 1j)
NO_WHOLE = (*NO_NUMBER, 1.5, np.float32(1.5))
NO_NUMBERS = (None, "7", NAN, INF, True, np.bool_(True), {7.0}, {}, (None,), ("7",), (7.0, NAN), [INF], [True],
              [[7.0]], np.array([[7.0]]), np.array(7.0), np.array([NAN]), np.array(["7"]), 1j, len)  # fmt: skip
NO_TRUTH = (None, "start", "true", 0, 1, NAN, (), np.array([True, False]))
NO_NAME = (None, 3, NAN, True, ["quartic"], find.loss("quartic"))
NO_TEXT = (None, 3, NAN, True, ["all"], Path("all"))

WRONG = {
    "loss": ("is not the name of a loss or the path of a .py file", NO_NAME),
    "arms": ("is not a", (None, 3, NAN, True, "capped", {}, ["capped"], (None,), [{"dynamics": "capped"}])),
    "starts": ("is not a Starts", (None, 3, NAN, True, "grid:3", (3.0,), ["grid", 3], np.array([3.0]))),
    "dim": ("is not a whole number", NO_WHOLE),
    "steps": ("is not a whole number", NO_WHOLE),
    "seeds": ("is not a whole number", NO_WHOLE),
    "seed": ("is not a whole number", NO_WHOLE),
    "targets": ("number", NO_NUMBERS),
    "record": ("is not a list of names", (None, 3, NAN, True, [3], (None,), {"limited"}, np.array([3.0]))),
    "keep": ("is not 'all' or 'cells'", NO_TEXT),
    "by_start": ("is neither True nor False", NO_TRUTH),
    "until": ("is not a finite number", tuple(value for value in NO_NUMBER if value is not None)),
    "rare": ("is neither True nor False", NO_TRUTH),
}


def one_sentence(error: ValueError) -> str:
    """The message, which must be one line that begins with the field and does not run on."""
    message = str(error)
    assert "\n" not in message
    assert len(message) < 240
    return message


@pytest.mark.parametrize(
    ("field", "told", "value"),
    [(field, told, value) for field, (told, values) in WRONG.items() for value in values],
    ids=lambda value: repr(value)[:30],
)
def test_a_sweeps_field_of_a_wrong_type_is_told(field, told, value):
    with pytest.raises(ValueError, match=f"^{field}: ") as caught:
        Sweep(**GIVEN | {field: value})
    assert told in one_sentence(caught.value)


@pytest.mark.parametrize("value", NO_NUMBERS, ids=lambda value: repr(value)[:30])
def test_an_axis_of_a_wrong_type_is_told(value):
    with pytest.raises(ValueError, match=r"^the axes of capped: cap: .*number") as caught:
        Arm("capped", {"cap": value})
    one_sentence(caught.value)


@pytest.mark.parametrize("value", [None, 3, NAN, True, ["capped"], len])
def test_a_rules_name_of_a_wrong_type_is_told(value):
    with pytest.raises(
        ValueError, match=r"^dynamics: .* is not the name of a rule or the path of a .py file"
    ) as caught:
        Arm(value)
    one_sentence(caught.value)


@pytest.mark.parametrize("value", [None, 3, NAN, True, "cap=3", ["cap"], {3: 3.0}, (("cap", 3.0),)])
def test_axes_of_a_wrong_type_are_told(value):
    with pytest.raises(
        ValueError, match=r"^the axes of capped: .* does not name parameters with their values"
    ) as caught:
        Arm("capped", value)
    one_sentence(caught.value)


@pytest.mark.parametrize(
    ("law", "count", "points", "told"),
    [
        *((value, 3, (), "starts: no law called ") for value in (None, 3, NAN, True, "gird", ["grid"])),
        *(("grid", value, (), "starts: the count: ") for value in NO_WHOLE),
        *(("grid", 3, value, "the law 'grid' takes none") for value in (None, 3.0, "3", ((3.0,),), np.ones((1, 1)))),
        *(("points", 1, value, "`points` must be rows of equal length") for value in (
            (3.0,), 3.0, None, "3", NAN, True, (), ((),), (("3",),), ((None,),), ((True,),), {}, [[[3.0]]], ((1j,),),
        )),
        ("points", 1, ((NAN,),), "is not a point of finite coordinates"),
        ("points", 1, ((INF,),), "is not a point of finite coordinates"),
        ("points", 2, ((3.0,),), "1 points are given, not 2"),
    ],
    ids=lambda value: repr(value)[:30],
)  # fmt: skip
def test_starts_of_a_wrong_type_are_told(law, count, points, told):
    with pytest.raises(ValueError, match=r"^starts: ") as caught:
        Starts(law, count, points)
    assert told in one_sentence(caught.value)


@pytest.mark.parametrize(
    ("argument", "value", "told"),
    [
        *(("sweep", value, "run: .* is not a Sweep") for value in (None, "quartic", 3, GIVEN)),
        *(("out", value, "out: .* is not the path of a folder") for value in (None, 3, True, ["runs"])),
        *(("workers", value, "workers: .* is not a whole number") for value in NO_WHOLE if value is not None),
        ("workers", 0, "workers: '0' is not a whole number from 1 to 4096"),
        *(("chunk", value, "chunk: .* is not a whole number") for value in NO_WHOLE),
        ("chunk", 0, "chunk: '0' is not a whole number from 1 to 1000000000"),
        *(("progress", value, "progress: .* is not a function") for value in (3, "bar", True)),
        *(("command", value, "command: .* is not a text") for value in (3, True, ["python"])),
        *(("self_check", value, "self_check: .* is neither True nor False") for value in NO_TRUTH),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_an_argument_of_run_of_a_wrong_type_is_told(tmp_path, argument, value, told):
    with pytest.raises(ValueError, match=told) as caught:
        run(**{"sweep": Sweep(**GIVEN), "out": tmp_path} | {argument: value})
    one_sentence(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"loss": "quartic", "arms": [Arm("capped", {"cap": [71.2]})]},
        {"arms": Arm("capped", {"cap": 71.2})},
        {"arms": Arm("capped", {"cap": np.float64(71.2)})},
        {"arms": Arm("capped", {"cap": np.array([71.2])})},
        {"starts": Starts("points", 1.0, [[3]])},
        {"starts": Starts("points", np.int32(1), np.array([[3.0]]))},
        {"steps": 1e3},
        {"steps": np.int64(1000)},
        {"steps": np.float32(1000.0)},
        {"dim": np.int8(1), "seeds": 1.0, "seed": np.uint64(0), "targets": 1e-3, "record": []},
        {"targets": np.array([1e-3]), "by_start": np.bool_(False), "rare": np.bool_(False)},
        {"targets": [np.float64(1e-3)]},
    ],
)
def test_what_means_the_same_is_the_same_sweep(changes):
    plain, other = Sweep(**GIVEN), Sweep(**GIVEN | changes)
    assert other == plain
    assert Job(Plan(other)).id == Job(Plan(plain)).id


def test_a_single_name_is_a_list_of_one():
    assert Sweep(**GIVEN | {"record": "limited"}) == Sweep(**GIVEN | {"record": ("limited",)})


def test_whole_axes_are_floats_and_ranges_are_axes():
    axes = Arm("capped", {"cap": range(1, 4), "lr": np.float32(0.5)}).axes
    assert axes == {"cap": (1.0, 2.0, 3.0), "lr": (0.5,)}
    assert {type(value) for values in axes.values() for value in values} == {float}


@pytest.mark.parametrize(
    ("loss", "starts", "told"),
    [
        ("himmelblau", Starts("grid", 3), "loss 'himmelblau' has dimension 2, not 1: give dim=2"),
        ("himmelblau", Starts("points", 1, ((1.0, 2.0),)), "loss 'himmelblau' has dimension 2, not 1: give dim=2"),
        ("rastrigin", Starts("points", 1, ((1.0, 2.0),)),
         "and 'rastrigin' has 1: give dim=2 if it leaves its dimension free"),
    ],
)  # fmt: skip
def test_a_missing_dimension_is_told_with_the_one_to_give(tmp_path, loss, starts, told):
    with pytest.raises(ValueError, match=told):
        run(Sweep(loss, (Arm("gradient"),), starts), tmp_path)
