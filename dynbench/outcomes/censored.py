"""Escape curves of one sample whose trajectories had different budgets: Kaplan-Meier and Aalen-Johansen.

A budget that ends censors: it must not depend on how the trajectory went.  With one common budget both estimates are
counts over n, their variances binomial and their limits Clopper and Pearson's, as in `survival`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaincinv

from dynbench.batch import Floats, Integers
from dynbench.outcomes.attempts import Attempts
from dynbench.outcomes.intervals import Interval, clopper_pearson
from dynbench.outcomes.survival import LARGEST_TABLE, integers

ROUNDING = 1e-12  # of sums and products of shares


@dataclass(frozen=True)
class Curve:
    """A step function, constant from each t to the next; 1 (survival) or 0 (incidence) before the first."""

    t: Integers  # (m,), steps where something happened, ascending
    p: Floats  # (m,)
    variance: Floats  # (m,)
    lo: Floats  # (m,)
    hi: Floats  # (m,), pointwise limits, each until the next step
    start: tuple[float, float]  # limits before the first step
    at_risk: Integers  # (m,), just before t
    events: Integers  # (m,), at t
    last: int  # the longest budget: the curve is not known beyond
    budgets: Integers  # (n,), ascending

    @property
    def n(self) -> int:
        return len(self.budgets)

    def watched(self, step: int) -> int:
        """How many had a budget of that step at least."""
        return int(self.n - np.searchsorted(self.budgets, step))


def kaplan_meier(t_exit: ArrayLike, until: ArrayLike, confidence: float = 0.95) -> Curve:
    """P(T > t) = Π_{s<=t} (1 - d_s/Y_s), d_s escapes at step s among the Y_s still inside and watched.

    `t_exit` (n,) in steps, -1 for never; `until` (n,) the budgets.  A trajectory that diverged is never to escape and
    stays among the Y_s up to its budget, so that 1 - p is the share of all starts that escape.
    Variance: p² Σ d/(Y (Y - d)) (Greenwood 1926).  Limits: `staying`.
    """
    steps, risk, events, _ = tallied(t_exit, until)
    return staying(steps, risk, events[0], budgets_of(t_exit, until), confidence)


def budgets_of(t_exit: ArrayLike, until: ArrayLike) -> Integers:
    """(n,), ascending."""
    return np.sort(np.broadcast_to(integers(until), np.shape(t_exit)))


def staying(steps: Integers, risk: Integers, ends: Integers, budgets: Integers, confidence: float) -> Curve:
    """The curve of P(no end by t) from the events and those at risk at each step.

    Limits: the beta product confidence procedure.  1 - (a step's chance to end) has the law Beta(Y - d + 1, d) above;
    below, one more end is about to be seen among the Y at risk next, and nothing is known where there are none.  The
    product is taken for a beta variable of the same mean and variance, which without censoring is exact.
    Source: Fay, Brittain and Proschan (2013).
    """
    some, last = ends > 0, int(budgets[-1])
    t, at_risk, d = steps[some], risk[some], ends[some]
    p = cumulated(1.0 - d / at_risk)
    with np.errstate(divide="ignore", invalid="ignore"):
        summed = np.cumsum(d / (at_risk * (at_risk - d.astype(float))))
        variance = np.where(p > 0, p * p * summed, 0.0)
    alive = 0
    if len(steps) and steps[-1] == last:
        alive = int(risk[-1] - ends[-1])  # at the longest budget
    following = np.append(at_risk[1:], alive).astype(float)
    first, second = moments((at_risk - d + 1).astype(float), d.astype(float))
    tail = (1.0 - confidence) / 2.0
    hi = quantile(first, second, 1.0 - tail)
    lo = quantile(first * following / (following + 1.0), second * following / (following + 2.0), tail)
    begun = float(at_risk[0]) if len(t) else float(alive)
    start = tail ** (1.0 / begun) if begun > 0 else 0.0
    return Curve(t, p, variance, lo, hi, (start, 1.0), at_risk, d, last, budgets)


def moments(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """E and E of the square of the products of independent Beta(a, b), up to each."""
    mean = a / (a + b)
    return cumulated(mean), cumulated(mean * (a + 1.0) / (a + b + 1.0))


def cumulated(factors: Floats) -> Floats:
    return np.asarray(np.cumprod(factors), float)


def quantile(first: Floats, second: Floats, share: float) -> Floats:
    """Of the beta variables with these moments; 0 where they are."""
    with np.errstate(divide="ignore", invalid="ignore"):
        size = (first - second) / (second - first * first)
        found = betaincinv(first * size, (1.0 - first) * size, share)
    return np.where(first > 0, found, 0.0)


def aalen_johansen(
    t_exit: ArrayLike, t_diverged: ArrayLike, until: ArrayLike, confidence: float = 0.95
) -> tuple[Curve, Curve, Curve]:
    """The curves (escaped, diverged, still inside), at common steps; they sum to one.

    F_k(t) = Σ_{s<=t} S(s-) d_ks/Y_s with S = Π (1 - d_s/Y_s) over both ends.  Variance: the delta method's
    Σ {[F(t) - F(s)]² d/(Y (Y - d)) + S(s-)² (Y - d_k) d_k/Y³ - 2 [F(t) - F(s)] S(s-) d_k/Y²}; limits: Clopper and
    Pearson's for as many trajectories as have that variance, and no fewer than were watched so long (Cutler and Ederer
    1958, Korn and Graubard 1998); of those still inside, `staying`.
    Source: Aalen and Johansen (1978); variance: Marubini and Valsecchi (1995), (10.12).
    """
    steps, risk, events, last = tallied(t_exit, until, t_diverged)
    every = events.sum(axis=0)
    some = every > 0
    t, at_risk, events = steps[some], risk[some], events[:, some]
    Y, d = at_risk.astype(float), events.sum(axis=0)
    S = np.cumprod(1.0 - d / Y)
    before = np.append(1.0, S[:-1])
    with np.errstate(divide="ignore", invalid="ignore"):
        a = np.where(d < Y, d / (Y * (Y - d)), 0.0)  # where all ended, no F changes afterwards

    budgets = budgets_of(t_exit, until)
    watched = len(budgets) - np.searchsorted(budgets, np.append(t, last))  # at least so long, to the next step

    def incidence(own: Integers) -> Curve:
        F = np.cumsum(before * own / Y)
        b, c = before**2 * (Y - own) * own / Y**3, before * own / Y**2
        squares = F**2 * np.cumsum(a) - 2.0 * F * np.cumsum(a * F) + np.cumsum(a * F**2)
        variance = squares + np.cumsum(b) - 2.0 * (F * np.cumsum(c) - np.cumsum(c * F))
        variance = np.maximum(variance, 0.0)
        lo, hi = effective(F, variance, watched[1:], len(budgets), confidence)
        none = clopper_pearson(0, int(watched[0]), confidence)
        return Curve(t, F, variance, lo, hi, (0.0, float(none[1])), at_risk, own, last, budgets)

    return incidence(events[0]), incidence(events[1]), staying(steps, risk, every, budgets, confidence)


def median_of(curve: Curve) -> tuple[float, float, float]:
    """(median, lo, hi) of T in steps from a `kaplan_meier` curve; nan: not reached.

    The first t with p < 1/2, or the middle of the steps where p = 1/2; the limits are where the curve's limits pass
    1/2.  Source: Brookmeyer and Crowley (1982).
    """

    def first(values: Floats, bound: float) -> float:
        below = np.flatnonzero(values < bound)
        return float(curve.t[below[0]]) if len(below) else np.nan

    low, high = first(curve.p, 0.5 + ROUNDING), first(curve.p, 0.5 - ROUNDING)
    middle = low if np.isnan(high) else (low + high) / 2.0
    lo = 0.0 if curve.start[0] < 0.5 else first(curve.lo, 0.5 + ROUNDING)
    return middle, lo, first(curve.hi, 0.5 - ROUNDING)


def mean_of(curve: Curve, horizon: int | None = None, confidence: float = 0.95) -> tuple[float, float, float]:
    """(mean, lo, hi) of min(T, τ) in steps from a `kaplan_meier` curve: Σ_{k<τ} P(T > k); τ: the longest budget.

    Variance Σ_i A_i² d_i/(Y_i (Y_i - d_i)), A_i the area under the curve from t_i to τ.  Limits: those of `Attempts`
    that have this variance, as many as P(T > τ) is as well known from.
    """
    end = curve.last if horizon is None else horizon
    keep = curve.t < end
    t, p = curve.t[keep].astype(float), curve.p[keep]
    width = np.diff(np.append(t, end))
    area = np.cumsum((p * width)[::-1])[::-1]
    mean = float((t[0] if len(t) else end) + area[:1].sum())
    Y, d = curve.at_risk[keep].astype(float), curve.events[keep]
    variance = float((area**2 * d / np.where(d < Y, Y * (Y - d), np.inf)).sum())  # where all are gone the area is 0
    stay = float(p[-1]) if len(t) else 1.0
    size = float(curve.watched(end))
    if ROUNDING < stay < 1.0 - ROUNDING:
        size = float(np.clip(stay * (1.0 - stay) / curve.variance[keep][-1], size, curve.n))
    k = size * (1.0 - stay)
    took = (mean - end * stay) / (1.0 - stay) if stay < 1.0 - ROUNDING else 0.0
    own = variance - (end - took) ** 2 * stay * (1.0 - stay) / size if size > 0 else variance
    squares = max(own, 0.0) / max(1.0 - stay, ROUNDING) ** 2 * k * max(k - 1.0, 0.0)
    columns = (np.array([float(v)]) for v in (size, k, k * took, squares, end, end))
    _, lo, hi = Attempts(*columns).restricted_mean(confidence)
    return mean, float(lo[0]), float(hi[0])


def tallied(t_exit: ArrayLike, until: ArrayLike, *others: ArrayLike) -> tuple[Integers, Integers, Integers, int]:
    """(steps (m,), those at risk just before each (m,), events at each by kind (kinds, m), the longest budget).

    `others`: times of other ends, -1 for never; an escape no later than them comes first.
    """
    time = integers(t_exit)
    until = np.broadcast_to(integers(until), time.shape)
    first, kind = np.where(time >= 0, time, until + 1), np.where(time >= 0, 0, -1)
    for number, other in enumerate(map(integers, others), 1):
        earlier = (other >= 0) & (other < first)
        first, kind = np.where(earlier, other, first), np.where(earlier, number, kind)
    watched = np.where(kind >= 0, first, until)
    if len(time) == 0 or (watched > until).any():
        raise ValueError("a curve needs trajectories, none of which ends later than its budget")
    if watched.max() < LARGEST_TABLE:
        steps = np.arange(watched.max() + 1)
    else:
        steps, watched = np.unique(watched, return_inverse=True)
    size = len(steps)
    left = np.bincount(watched, minlength=size)
    risk = len(time) - (np.cumsum(left) - left)
    events = np.stack([np.bincount(watched[kind == k], minlength=size) for k in range(len(others) + 1)])
    return steps, risk, events, int(until.max())


def effective(p: Floats, variance: Floats, least: Integers, most: int, confidence: float) -> Interval:
    """Clopper and Pearson's limits of shares p for the numbers of trials p (1 - p)/variance, from `least` to `most`."""
    with np.errstate(divide="ignore", invalid="ignore"):
        size = p * (1.0 - p) / variance
    inner = (p > ROUNDING) & (p < 1.0 - ROUNDING) & np.isfinite(size)
    size = np.where(inner, np.clip(size, least, most), least)
    return clopper_pearson(np.clip(p, 0.0, 1.0) * size, size, confidence)
