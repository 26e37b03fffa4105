import math

import pytest

from dynbench.sweep.axes import axis, whole

pytestmark = pytest.mark.quick


def test_pieces_are_joined_in_the_order_written_each_value_once():
    assert axis("3,1:2:3,2", "--cap") == (3.0, 1.0, 1.5, 2.0)


def test_a_logarithmic_piece_has_equal_ratios_and_exact_ends():
    values = axis("1:1e6:7:log", "--cap")
    assert values[0] == 1.0
    assert values[-1] == 1e6
    assert [round(math.log10(v), 12) for v in values] == [0, 1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not a number"),
        ("1:2", "not an axis"),
        ("1:2:3:lin", "not an axis"),
        ("1:2:0", "whole number"),
        ("1:2:2.5", "whole number"),
        ("1:2:1", "write the value itself"),
        ("0:1:5:log", "above 0"),
        ("nan", "finite"),
        ("1,inf", "finite"),
        ("1:inf:3", "finite"),
        ("one", "not a number"),
        ("1,,2", "not a number"),
    ],
)
def test_a_malformed_axis_names_its_flag_and_the_piece(text, why):
    with pytest.raises(ValueError, match=why) as caught:
        axis(text, "--cap")
    assert str(caught.value).startswith("--cap: ")
    assert "\n" not in str(caught.value)


def test_whole_numbers_keep_every_digit():
    assert whole(str(2**64 - 1), "--seed", 0, 2**64 - 1) == 2**64 - 1
    assert whole("1e6", "--seeds", 1, 10**9) == 10**6
