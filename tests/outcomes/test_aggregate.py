"""Aggregates: any partition, any order, the same table as from rows."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from cell_rows import CONTEXT, mixed

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
        np.testing.assert_allclose(binned[name], exact[name], rtol=1 / 16)
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
