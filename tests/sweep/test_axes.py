import math

import pytest

from dynbench.sweep.axes import axis, whole

pytestmark = pytest.mark.quick


def test_pieces_are_joined_in_the_order_written_each_value_once():
    assert axis("3,1:2:3,2", "--cap") == (3.0, 1.0, 1.5, 2.0)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("0.2:0.4:3,0.3", (0.2, 0.3, 0.4)),  # the range alone gives 0.30000000000000004
        ("0.3,0.2:0.4:3", (0.3, 0.2, 0.4)),
        ("0.2:0.4:3,0.3:0.5:3", (0.2, 0.3, 0.4, 0.5)),
        ("2:200000:6:log,20", (2.0, 20.0, 200.00000000000003, 2000.0000000000002, 20000.000000000004, 200000.0)),
        ("0.3,0.30000000000000004", (0.3, 0.30000000000000004)),  # both written out
        ("0.2:0.4:3,0.3,0.30000000000000004", (0.2, 0.30000000000000004, 0.4, 0.3)),
        ("71.29394791,71.29394792,70:72:3", (71.29394791, 71.29394792, 70.0, 71.0, 72.0)),
        ("1:1.0000000000000009:5,1", (1.0, 1.0000000000000002, 1.0000000000000004, 1.0000000000000007,
                                      1.0000000000000009)),  # a range that is meant to be as narrow as that
        ("-1:1:3,1e-12", (-1.0, 0.0, 1.0, 1e-12)),
        ("0,-0.0:1:2", (0.0, 1.0)),
    ],
)  # fmt: skip
def test_a_rounding_of_a_range_is_the_number_it_means(text, values):
    assert list(map(repr, axis(text, "--cap"))) == list(map(repr, values))


def test_a_long_range_beside_a_number_is_no_longer_for_it():
    assert len(axis("0:1:100001,0.3", "--cap")) == 100001


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
