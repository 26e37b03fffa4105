"""How escape goes on in time, cell by cell, where all trajectories had the same budget of N steps.

T is the first step outside the start's basin.  It is infinite for a trajectory that diverges before it escapes:
divergence is a competing end and not censoring, which would pretend that it could still have escaped and overstate
escape (Satagopan et al. 2004).  An escape counts even if the trajectory diverges later.  Then P(T <= t), t <= N, is a
binomial probability that never falls, and its estimate a count over n: nothing needs to be modelled.  Budgets that
differ are the matter of `censored`.

`codes` (n,) is the cell of each trajectory and `count` the number of cells; left out, all are one cell.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dynbench.batch import Floats, Integers
from dynbench.outcomes.attempts import Attempts
from dynbench.outcomes.intervals import interval

LARGEST_TABLE = 2**22  # steps up to which a table tells the bin of every step
Estimate = tuple[Floats, Floats, Floats]  # (value, lo, hi), shapes alike


@dataclass(frozen=True)
class Competing:
    """What had become of n trajectories by each step, (cells, m) integers.

    The partition of `cells` at every step: inside + left + left_diverged + diverged_inside = n.
    """

    at: Integers  # (m,), in steps
    n: Integers  # (cells,)
    escaped: Integers  # t_exit <= at, whatever came later
    diverged_inside: Integers  # diverged by then, without having escaped before
    left_diverged: Integers  # escaped and, by then, diverged

    @property
    def inside(self) -> Integers:
        return self.n[:, None] - self.escaped - self.diverged_inside

    @property
    def left(self) -> Integers:
        return self.escaped - self.left_diverged

    def share(self, name: str, confidence: float = 0.95) -> Estimate:
        """(p, lo, hi), (cells, m) each, of one of these numbers by its name: count/n, `interval` at each step."""
        k, n = getattr(self, name), np.broadcast_to(self.n[:, None], self.escaped.shape)
        with np.errstate(invalid="ignore"):
            return k / n, *interval(k, n, confidence)


def competing(
    t_exit: ArrayLike,
    diverged: ArrayLike,
    steps: int,
    at: ArrayLike | None = None,
    codes: Integers | None = None,
    count: int = 1,
    t_diverged: ArrayLike | None = None,
) -> Competing:
    """The partition of n trajectories at the steps `at` (ascending; default: `log_steps`).

    `t_exit` (n,) in steps, -1 for never; `diverged` (n,) the ending.  `t_diverged` (n,): when it diverged; left out, a
    divergence is registered at step N, where its ending was told.
    """
    time, lost = integers(t_exit), np.asarray(diverged, bool)
    at = log_steps(steps) if at is None else integers(at)
    when = np.full(len(time), steps) if t_diverged is None else integers(t_diverged)
    n = np.array([len(time)]) if codes is None else np.bincount(codes, minlength=count)

    def lost_by(chosen: NDArray[np.bool_]) -> Integers:
        return reached(when[chosen], at, None if codes is None else codes[chosen], count)

    out = time >= 0
    return Competing(at, n, reached(time, at, codes, count), lost_by(lost & ~out), lost_by(lost & out))


def median_time(
    t_exit: ArrayLike, steps: int, codes: Integers | None = None, count: int = 1, confidence: float = 0.95
) -> Estimate:
    """(median, lo, hi) of T in steps, (cells,) each; nan: not reached within the budget.

    The middle time, or the mean of the two middle ones, the lower one where the upper is infinite.  The limits are the
    l-th lowest and l-th highest time, l the lowest with P(Bin(n, 1/2) <= l) >= (1 - confidence)/2: they cover at
    least so often whatever the law of T.  With fewer than six (at 95 %) there are no such two: 0 and nan.
    """
    time = integers(t_exit)
    cell = cell_of(time, codes)
    n = np.bincount(cell, minlength=count)
    never, first = steps + 1, np.cumsum(n) - n
    ordered = np.append(np.sort(cell * (never + 1) + np.where(time >= 0, time, never)), 0)

    def place(rank: Integers) -> Floats:  # the time of that rank, counted from 0
        found = ordered[np.where(n > 0, first + rank, -1)] - np.arange(count) * (never + 1)
        return np.where((n > 0) & (found < never), found, np.nan)

    low, high = place((n - 1) // 2), place(n // 2)
    rank = median_ranks(n, confidence)
    lo = np.where((rank > 0) | (n == 0), place(np.maximum(rank - 1, 0)), 0.0)
    hi = np.where(rank > 0, place(n - np.maximum(rank, 1)), np.nan)
    return np.where(np.isnan(high), low, (low + high) / 2.0), lo, hi


def median_ranks(n: Integers, confidence: float = 0.95) -> Integers:
    """The l of `median_time` for each n: the limits are the l-th lowest and l-th highest; 0 where there are none."""
    from scipy.special import bdtr, bdtrik

    sizes, where = np.unique(n, return_inverse=True)
    tail = (1.0 - confidence) / 2.0
    above = np.ceil(np.where(sizes > 0, bdtrik(tail, np.maximum(sizes, 1), 0.5), 0.0))
    below = np.maximum(above - 1.0, 0.0)  # rounding may have lifted it by one
    rank: Integers = np.where(bdtr(below, sizes, 0.5) >= tail, below, above).astype(np.int64)[where]
    return rank


def mean_time(
    t_exit: ArrayLike, steps: int, codes: Integers | None = None, count: int = 1, confidence: float = 0.95
) -> Estimate:
    """(mean, lo, hi) of min(T, N) in steps, (cells,) each: the restricted mean escape time.

    Limits: `Attempts`.
    """
    time = integers(t_exit)
    return attempts(time, np.full(len(time), steps), codes, count).restricted_mean(confidence)


def attempts(time: Integers, budget: Integers, codes: Integers | None = None, count: int = 1) -> Attempts:
    """Of each cell, from times (n,), -1 for never, and budgets (n,).  A failure's budget is their mean over failures,
    or over all where none failed."""
    cell, success = cell_of(time, codes), time >= 0
    n, k = np.bincount(cell, minlength=count), np.bincount(cell[success], minlength=count)
    longest = np.zeros(count)
    np.maximum.at(longest, cell, budget)
    total, every = np.bincount(cell[success], time[success], count), np.bincount(cell, budget, count)
    with np.errstate(invalid="ignore", divide="ignore"):
        failed = np.bincount(cell[~success], budget[~success], count) / (n - k)
        off = time[success] - (total / k)[cell[success]]
        lasting = np.where(n > k, failed, every / n)
    squares = np.bincount(cell[success], off * off, count).astype(float)
    return Attempts(n, k, total.astype(float), squares, lasting, longest)


def log_steps(steps: int) -> Integers:
    """0, 1, ... 16 and then eight steps an octave, N last: the last step of each bin of `histogram`."""
    octaves = 2.0 ** np.arange(np.log2(max(steps, 1)) // 1 + 1)
    ends = np.ceil(octaves[:, None] * (1.0 + np.arange(8) / 8.0)).astype(np.int64).ravel() - 1
    return np.unique(np.append(ends[ends <= steps], steps))


def reached(time: Integers, at: Integers, codes: Integers | None, count: int) -> Integers:
    """Number of each cell's times in 0..at, (cells, m); -1 for never."""
    bins = bin_of(time, at)
    width = len(at) + 1
    counts = np.bincount(bins if codes is None else codes * width + bins, minlength=count * width)
    return counts.reshape(count, width)[:, :-1].cumsum(axis=1)


def bin_of(time: Integers, at: Integers) -> Integers:
    """The first place in `at` (ascending) that is no earlier than each time; len(at) for later times and -1."""
    last = int(at[-1])
    if last > LARGEST_TABLE:
        return np.where(time < 0, len(at), np.searchsorted(at, time))
    table = np.searchsorted(at, np.arange(last + 2))
    return table[np.minimum(time, last + 1)]  # -1 reads the last entry, as later times do


def cell_of(time: Integers, codes: Integers | None) -> Integers:
    return np.zeros(len(time), np.int64) if codes is None else codes


def integers(values: ArrayLike) -> NDArray[np.int64]:
    return np.asarray(values, np.int64)
