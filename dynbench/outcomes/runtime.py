"""The effort to a target: expected running time when runs that fail are begun anew, and how many are there by when.

Source: Hansen et al., COCO: performance assessment, arXiv:1605.03560.
Times are in steps; the state after k updates has cost k gradient evaluations.  Seeing that it has hit a target, or
keeping the best loss so far, takes the loss as well, at x0 and after every step: k + 1 evaluations of it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from dynbench.batch import Floats, Integers
from dynbench.outcomes.intervals import FEW, Interval, interval, student
from dynbench.outcomes.survival import cell_of, integers, log_steps, reached

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
    Limits: Fieller's, all θ with |Σ(e - θ s)| <= z √(n Var(e - θ s)), e a run's steps, s = 1 for a success, z Student's
    t of n - 1 degrees: they need no bootstrap and take in that e and s depend on each other.  They cover 92 % of the
    time at n = 20 and 94 to 95 % from n = 100.  Where no more than five succeeded or the set is unbounded: mean effort
    over Clopper-Pearson's limits of the success probability (inf where none succeeded).
    """
    hits = integers(t_hit)
    if hits.ndim == 2:
        each = [running_time(row, until, codes, count, confidence) for row in hits]
        names = ("mean", "lo", "hi", "successes", "n")
        return RunningTime(*(np.stack([getattr(one, name) for one in each]) for name in names))
    cell = cell_of(hits, codes)
    success = hits >= 0
    budget = integers(until)
    effort = np.where(success, hits, budget).astype(float)
    if (hits > budget).any():
        raise ValueError("no run can hit a target later than its budget")
    n, k = np.bincount(cell, minlength=count), np.bincount(cell[success], minlength=count)
    with np.errstate(invalid="ignore", divide="ignore"):
        e = np.bincount(cell, effort, count) / n
    off = effort - e[cell]
    ee, es = np.bincount(cell, off * off, count), np.bincount(cell[success], off[success], count)
    return RunningTime(*effort_a_success(n, k, e, ee, es, confidence), k, n)


def effort_a_success(
    n: Integers, k: Integers, e: Floats, ee: ArrayLike, es: ArrayLike, confidence: float = 0.95
) -> tuple[Floats, Floats, Floats]:
    """(aRT, lo, hi) of n runs, k of them successes, from e, their mean effort, and the sums ee of (effort - e)^2, over
    all, and es of effort - e, over the successes."""
    with np.errstate(invalid="ignore", divide="ignore"):
        s, ee, es = k / n, np.asarray(ee, float), np.asarray(es, float)
        spread = n * (n - 1.0)
        lo, hi = fieller(e, s, ee / spread, es / spread, s * (1.0 - s) / (n - 1), student(n, confidence))
        low, high = interval(k, n, confidence)
        few = (k <= FEW) | ~np.isfinite(hi)
        return e / s, np.where(few, e / high, lo), np.where(few, e / low, hi)


def fieller(e: Floats, s: Floats, ee: Floats, es: Floats, ss: Floats, z: Floats) -> Interval:
    """Limits of E/S from means e, s and their (co)variances: roots of (e - θ s)² = z² (ee - 2 θ es + θ² ss).

    (nan, nan) where the set is not an interval: s is within z standard errors of 0.  Source: Fieller (1954).
    """
    a, b, c = s * s - z * z * ss, e * s - z * z * es, e * e - z * z * ee
    root = np.sqrt(np.maximum(b * b - a * c, 0.0))
    bounded = a > 0
    return np.where(bounded, np.maximum((b - root) / a, 0.0), np.nan), np.where(bounded, (b + root) / a, np.nan)


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
