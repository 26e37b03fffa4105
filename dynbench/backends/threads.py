"""Threads over slices of a batch: the kernels hold no lock while they run."""

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from typing import TypeVar

from dynbench.batch import Integers
from dynbench.kernels.step import lanes

Work = TypeVar("Work")
UPDATES_A_SLICE = 1e8  # about 0.1 s of one core: short enough for progress, long enough to forget the call


def threads(
    slice_of: Callable[[Work], int],
    ranges: Sequence[Work],
    workers: int,
    stop: Integers,
    progress: Callable[[int], object] | None = None,
    asked: Integers | None = None,
) -> int:
    """Sum of `slice_of(range)` over the ranges, several at once; an interrupt sets stop[0], to end those at work."""
    total = 0
    with ThreadPoolExecutor(workers) as pool:
        pending = {pool.submit(slice_of, rows) for rows in ranges}
        try:
            while pending:
                done, pending = wait(pending, timeout=0.2, return_when=FIRST_COMPLETED)
                finished = sum(future.result() for future in done)
                total += finished
                if progress is not None and finished:
                    progress(finished)
                if asked is not None and asked[0] != 0:
                    raise KeyboardInterrupt
        except BaseException:
            stop[0] = 1
            for future in pending:
                future.cancel()
            raise
    return total


def slices(count: int, steps: int, dim: int, workers: int) -> list[tuple[int, int]]:
    """Row ranges, whole blocks each: several for every worker, none longer than it need be."""
    block = lanes(dim)
    size = max(1, int(min(UPDATES_A_SLICE / (steps * dim * block + 1), count / (4 * workers * block)))) * block
    return [(first, min(first + size, count)) for first in range(0, count, size)]
