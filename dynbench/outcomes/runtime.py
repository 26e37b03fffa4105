"""The effort to a target: expected running time when runs that fail are begun anew, and how many are there by when.

Source: Hansen et al., COCO: performance assessment, arXiv:1605.03560.
Times are in steps; the state after k updates has cost k gradient evaluations.  Seeing that it has hit a target, or
keeping the best loss so far, takes the loss as well, at x0 and after every step: k + 1 evaluations of it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from dynbench.batch import Floats, Integers
from dynbench.outcomes.hazard import poisson
from dynbench.outcomes.intervals import interval
from dynbench.outcomes.survival import attempts, cell_of, integers, log_steps, reached

UNITS = ("steps", "gradients", "losses", "time")


@dataclass(frozen=True)
class RunningTime:
    """Shapes are (cells,), or (J, cells) for J targets."""

    mean: Floats  # in steps; inf: never reached
    lo: Floats
    hi: Floats
    successes: Integers
    n: Integers


@dataclass(frozen=True)
class Solved:
    """Share of (run, target) pairs that are solved by each step."""

    at: Integers  # (m,), in steps
    p: Floats  # (cells, m)
    lo: Floats
    hi: Floats


def running_time(
    t_hit: ArrayLike,
    until: ArrayLike,
    codes: Integers | None = None,
    count: int = 1,
    confidence: float = 0.95,
) -> RunningTime:
    """aRT = Σ steps of all runs / successes: the mean effort to a success, failures run to their own budget, restarted.

    `t_hit` (n,) or (J, n), -1 for never; `until`: the budgets, one or (n,).  For a law with a constant hazard it is
    the maximum-likelihood mean from censored times, 1/hazard.
    Limits: `Attempts`.  Where budgets differ, what fails is a mixture of them: then also those of a constant hazard,
    the running time over Garwood's, whichever lie further out.
    """
    hits = integers(t_hit)
    if hits.ndim == 2:
        each = [running_time(row, until, codes, count, confidence) for row in hits]
        names = ("mean", "lo", "hi", "successes", "n")
        return RunningTime(*(np.stack([getattr(one, name) for one in each]) for name in names))
    budget = np.broadcast_to(integers(until), hits.shape)
    if (hits > budget).any():
        raise ValueError("no run can hit a target later than its budget")
    given = attempts(hits, budget, codes, count)
    value, lo, hi = given.effort(confidence)
    least, most = poisson(given.k, confidence)
    with np.errstate(invalid="ignore", divide="ignore"):
        mixed = given.several & (given.n > 0)
        lo = np.where(mixed, np.fmin(lo, given.spent / most), lo)
        hi = np.where(mixed, np.fmax(hi, given.spent / least), hi)
    return RunningTime(value, lo, hi, given.k, given.n)


def solved(
    t_hit: ArrayLike,
    steps: int,
    at: ArrayLike | None = None,
    codes: Integers | None = None,
    count: int = 1,
    confidence: float = 0.95,
) -> Solved:
    """The empirical distribution of running times over targets: share of (run, target) pairs hit by each step.

    `t_hit` (n,) or (J, n), -1 for never within `steps`.  Runs are independent and one run's targets are not: limits
    are those of n trials, exact for one target and else too wide rather than too narrow (a share in [0, 1] of mean p
    varies by no more than p (1 - p)).
    """
    hits = np.atleast_2d(integers(t_hit))
    at = log_steps(steps) if at is None else integers(at)
    n = np.bincount(cell_of(hits[0], codes), minlength=count)[:, None]
    k = np.mean([reached(row, at, codes, count) for row in hits], axis=0)
    with np.errstate(invalid="ignore"):
        return Solved(at, k / n, *interval(k, np.broadcast_to(n, k.shape), confidence))


def converted(t: ArrayLike, unit: str, lr: ArrayLike = np.nan) -> Floats:
    """Times in steps in another unit: `steps`, `gradients` (one a step), `losses` (one more), `time` (lr · steps).

    Negative ones (never) become nan; nan and inf stay.
    """
    if unit not in UNITS:
        raise ValueError(f"no unit of time is called {unit!r}; there are: {', '.join(UNITS)}")
    steps = np.asarray(t, float)
    steps = np.where(steps < 0, np.nan, steps)
    if unit == "time":
        return steps * np.asarray(lr, float)
    return steps + 1.0 if unit == "losses" else steps
