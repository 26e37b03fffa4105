"""Which rows succeeded, told without knowing the loss; and which rows are those of an arm."""

import numpy as np
import pandas as pd
import pytest

from dynbench.outcomes.success import KINDS, of_arm, succeeded

pytestmark = pytest.mark.quick

LEVEL = 0.25


def rows(n: int = 400, seed: int = 3) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    final = draw.choice([0.0, 0.1, LEVEL, np.nextafter(LEVEL, 1.0), 2.0, np.nan, np.inf], n)
    return pd.DataFrame({
        "start_basin": draw.integers(0, 3, n), "t_exit": draw.integers(-1, 3, n), "t_commit": draw.integers(-1, 2, n),
        "loss_final": final, "loss_best": np.fmin(final, draw.random(n)),
    })  # fmt: skip


def cells(frame: pd.DataFrame) -> pd.DataFrame:
    hits = frame.assign(p_best=frame["loss_best"] <= LEVEL, p_final=frame["loss_final"] <= LEVEL, n=1)
    table = hits.groupby("start_basin").agg({"p_best": "mean", "p_final": "mean", "n": "sum"})
    return table.reset_index()


@pytest.mark.parametrize("on", KINDS)
def test_success_is_what_the_cells_counted(on):
    """Equal values, not-a-numbers and infinities among them; pooled over basins and basin by basin."""
    frame = rows()
    column = {"escape": "t_exit", "commit": "t_commit", "best": "loss_best", "final": "loss_final"}[on]
    expected = frame[column] >= 0 if column.startswith("t_") else frame[column] <= LEVEL
    assert 0 < expected.sum() < len(frame)
    np.testing.assert_array_equal(succeeded(frame, on, cells(frame)), expected)
    for _, part in frame.groupby("start_basin"):
        np.testing.assert_array_equal(succeeded(part, on, cells(part)), expected[part.index])


def test_nobody_succeeded():
    frame = rows().assign(loss_final=9.0)
    assert not succeeded(frame, "final", cells(frame)).any()


def test_what_cannot_be_told():
    frame = rows()
    with pytest.raises(ValueError, match="399 are given"):
        succeeded(frame[1:], "final", cells(frame))
    with pytest.raises(ValueError, match="lowest value of this loss is not known"):
        succeeded(frame, "final", cells(frame).assign(p_final=np.nan))


def test_nan_is_a_value_of_its_own_in_an_arm():
    frame = pd.DataFrame({"dynamics": ["a", "a", "b", "a"], "cap": [1.0, np.nan, np.nan, 2.0]})
    assert of_arm(frame, {"dynamics": "a", "cap": np.nan}).tolist() == [False, True, False, False]
    assert of_arm(frame, {"cap": 2}).tolist() == [False, False, False, True]
