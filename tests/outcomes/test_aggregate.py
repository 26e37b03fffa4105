"""Aggregates: any partition, any order, the same table as from rows."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from cell_rows import CONTEXT, mixed, rows

from dynbench.outcomes import histogram
from dynbench.outcomes.aggregate import aggregate, estimates, merge, packed, unpacked
from dynbench.outcomes.cells import Context, cells

pytestmark = pytest.mark.quick


@pytest.mark.parametrize("by_start", [False, True])
def test_neither_order_nor_chunks_matter(by_start):
    frame = mixed()
    table = cells(frame, CONTEXT, by_start)
    whole = aggregate(frame, CONTEXT, by_start)
    draw = np.random.default_rng(6)
    for _ in range(4):
        mixed_up = frame.iloc[draw.permutation(len(frame))]
        cuts = [0, *np.sort(draw.integers(0, len(frame), 6)), len(frame)]
        chunks = [mixed_up.iloc[a:b] for a, b in pairwise(cuts)]
        pd.testing.assert_frame_equal(cells(iter(chunks), CONTEXT, by_start), table, check_exact=True)
        parts = [aggregate(chunk, CONTEXT, by_start) for chunk in chunks]
        assert packed(merge(parts)) == packed(whole)
        assert packed(merge([merge(parts[3:]), merge(parts[:3])])) == packed(whole)
    assert packed(merge([whole])) == packed(whole)
    lowest = frame.groupby([c for c in whole.cells if c != "id" and c[0] != "#"], dropna=False)["id"].min()
    assert whole.cells["id"].tolist() == sorted(lowest)


@pytest.mark.parametrize("minimum_value", [0.5, np.nan])
def test_aggregates_give_the_same_table_but_for_the_medians(minimum_value):
    frame, context = mixed(), Context(100, minimum_value, (0.25,), "uniform", ("cap", "beta"))
    exact, binned = cells(frame, context), estimates(aggregate(frame, context), context)
    times = ["t_exit_median", "t_exit_median_escaped", "t_exit_median_lo", "t_exit_median_hi"]
    other = [*times, "loss_median"]
    pd.testing.assert_frame_equal(exact.drop(columns=other), binned.drop(columns=other), check_exact=True)
    assert exact[times].notna().any().all()
    for name in times:
        np.testing.assert_allclose(binned[name], exact[name], rtol=1 / (8 if name.endswith(("_lo", "_hi")) else 16))
    assert not (binned["t_exit_median_lo"] > exact["t_exit_median_lo"]).any()
    assert not (binned["t_exit_median_hi"] < exact["t_exit_median_hi"]).any()
    assert binned["t_exit_median_hi"].max() <= 100
    base = 0.0 if np.isnan(minimum_value) else minimum_value
    np.testing.assert_allclose(binned["loss_median"] - base, exact["loss_median"] - base, rtol=1 / 8)


@pytest.mark.parametrize("some", [0, 1, 700])
def test_an_aggregate_on_disk(some, tmp_path):
    whole = aggregate(mixed()[:some], CONTEXT)
    (tmp_path / "chunk").write_bytes(packed(whole))
    read = unpacked(tmp_path / "chunk")
    assert packed(read) == packed(whole)
    pd.testing.assert_frame_equal(estimates(read, CONTEXT), estimates(whole, CONTEXT), check_exact=True)


def test_some_cells_of_an_aggregate():
    frame = mixed()
    whole = aggregate(frame, CONTEXT)
    chosen = (whole.cells["start_basin"] == 1).to_numpy()
    assert packed(whole.where(chosen)) == packed(aggregate(frame[frame["start_basin"] == 1], CONTEXT))


def test_many_parts_are_merged_as_few(monkeypatch):
    frame = mixed()
    monkeypatch.setattr("dynbench.outcomes.aggregate.AT_ONCE", 100)
    parts = [aggregate(frame.iloc[a : a + 50], CONTEXT) for a in range(0, len(frame), 50)]
    assert packed(merge(iter(parts))) == packed(aggregate(frame, CONTEXT))


def test_bins_are_ordered_and_their_centres_lie_in_them():
    values = np.array([-1e300, -3.0, -1e-16, 0.0, 5e-324, 1e-16, 1.0, 1.24, 1.25, 7e5, 1e308, np.inf])
    numbers = histogram.bins(values, histogram.LOSS)
    assert (np.diff(numbers) >= 0).all()
    centres = histogram.centres(numbers, histogram.LOSS)
    np.testing.assert_array_equal(histogram.bins(centres[:-2], histogram.LOSS), numbers[:-2])
    assert numbers[6] == numbers[7] != numbers[8]
    times = np.arange(100_000)
    centres = histogram.centres(histogram.bins(times, histogram.TIME), histogram.TIME)
    np.testing.assert_array_equal(centres[:17], [*range(16), 16.5])
    assert np.all(np.abs(centres - times) <= times / 16)


def test_edges_of_bins_hold_what_is_in_them():
    values = np.concatenate([np.random.default_rng(2).normal(0, 3, 2000), [-1e300, -5e-324, 0.0, 5e-324, 1e308]])
    low, high = histogram.edges(histogram.bins(values, histogram.LOSS), histogram.LOSS)
    assert ((low <= values) & (values <= high)).all()
    times = np.arange(100_000)
    low, high = histogram.edges(histogram.bins(times, histogram.TIME), histogram.TIME)
    assert ((low <= times) & (times <= high)).all()
    np.testing.assert_array_equal(low[:18], [*range(17), 16])
    np.testing.assert_array_equal(high[:18], [*range(16), 17, 17])


def test_limits_of_a_binned_median_hold_the_exact_limits():
    """40 cells of 300 times each, seed 8; at least 36 hold the law's median (alpha = 0.05)."""
    draw = np.random.default_rng(8)
    table = draw.geometric(1 / 700, (40, 300))
    frame = pd.concat([cell_of(times, number) for number, times in enumerate(table)], ignore_index=True)
    context = Context(5000, 0.5, (0.25,), "uniform", ("cap", "beta"))
    exact, binned = cells(frame, context), estimates(aggregate(frame, context), context)
    lo, hi = binned["t_exit_median_lo"], binned["t_exit_median_hi"]
    assert (lo <= exact["t_exit_median_lo"]).all()
    assert (exact["t_exit_median_hi"] <= hi).all()
    assert (lo < hi).all()
    assert ((lo <= 485) & (hi >= 485)).sum() >= 36


def cell_of(times: np.ndarray, number: int) -> pd.DataFrame:
    """Rows of one cell, all of which escape."""
    ids = number * len(times) + np.arange(len(times))
    return rows(len(times), id=ids, t_exit=times, cap=float(number))
