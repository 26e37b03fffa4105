"""Saddles and maxima that a loss lists are such points, and are refused in one sentence where not."""

from dataclasses import replace
from pathlib import Path

import pytest

from dynbench import find
from dynbench.losses._critical import check_critical, check_points

pytestmark = pytest.mark.quick

HIMMELBLAU = find.loss("himmelblau")
SADDLE, *OTHERS = HIMMELBLAU.saddles
FILES = ("mueller_brown", "six_hump_camel", "three_hump_camel")


@pytest.mark.parametrize("name", find.losses())
def test_ours_are_right(name):
    loss = find.loss(name)
    check_points("ours", loss)
    check_critical("ours", loss if loss.dim else loss.at(2))


@pytest.mark.parametrize("name", FILES)
def test_files_that_list_theirs_are_read(name):
    loss = find.loss(str(Path(__file__).with_name(f"{name}.py")))
    assert len(loss.minima) - len(loss.saddles) + len(loss.maxima) == 1


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"saddles": ((3.39, 0.07),)}, "the gradient is .*, not 0; there is one near x = .3.3851"),
        ({"saddles": HIMMELBLAU.maxima, "maxima": ()}, "no saddle"),
        ({"maxima": (SADDLE,), "saddles": ()}, "no maximum"),
        ({"saddles": (SADDLE, SADDLE)}, "list each point once"),
        ({"saddles": ((3.0, 2.0),)}, "is the minimum at"),
    ],
)
def test_a_wrong_point_is_refused(change, told):
    with pytest.raises(ValueError, match=told):
        check_critical("loss 'mine'", replace(HIMMELBLAU, **change))


@pytest.mark.parametrize("name", FILES)
def test_a_barrier_is_the_height_of_a_saddle(name):
    """A wrong one hides exits: below it the flow is not asked."""
    loss = find.loss(str(Path(__file__).with_name(f"{name}.py")))
    for label, minimum in enumerate(loss.minima):
        for factor in (0.5, 1.001, 2.0):
            minima = list(loss.minima)
            minima[label] = replace(minimum, barrier=factor * minimum.barrier)
            with pytest.raises(ValueError, match=f"minimum {label}: the barrier is .* no saddle is as high above it"):
                check_critical("loss 'mine'", replace(loss, minima=tuple(minima)))


@pytest.mark.parametrize("points", [((1.0,),), (1.0, 2.0), ((1.0, float("nan")),), None])
def test_what_is_no_list_of_points_is_refused(points):
    with pytest.raises(ValueError, match="`saddles` must be a tuple of points of two numbers"):
        check_points("loss 'mine'", replace(HIMMELBLAU, saddles=points))


def test_they_are_for_two_dimensions():
    with pytest.raises(ValueError, match="in two dimensions that are not separable"):
        check_points("loss 'mine'", replace(find.loss("quartic"), saddles=((1.0, 2.0),)))
