"""Escape curves of one sample whose trajectories had different budgets: Kaplan-Meier and Aalen-Johansen.

A budget that ends censors: it must not depend on how the trajectory went.  With one common budget both estimates are
counts over n and their variances binomial; `survival` then gives the same curves with better intervals.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from dynbench.batch import Floats, Integers
from dynbench.outcomes.survival import LARGEST_TABLE, integers

ROUNDING = 1e-12  # of sums and products of shares


@dataclass(frozen=True)
class Curve:
    """A step function, constant from each t to the next; 1 (survival) or 0 (incidence) before the first."""

    t: Integers  # (m,), steps where something happened, ascending
    p: Floats  # (m,)
    variance: Floats  # (m,)
    lo: Floats  # (m,)
    hi: Floats  # (m,), pointwise limits
    at_risk: Integers  # (m,), just before t
    events: Integers  # (m,), at t
    last: int  # the longest budget: the curve is not known beyond


def kaplan_meier(t_exit: ArrayLike, until: ArrayLike, confidence: float = 0.95) -> Curve:
    """P(T > t) = Π_{s<=t} (1 - d_s/Y_s), d_s escapes at step s among the Y_s still inside and watched.

    `t_exit` (n,) in steps, -1 for never; `until` (n,) the budgets.  A trajectory that diverged is never to escape and
    stays among the Y_s up to its budget, so that 1 - p is the share of all starts that escape.
    Variance: p² Σ d/(Y (Y - d)) (Greenwood 1926).  Limits p^exp(∓z σ), σ the standard error of log(-log p): they stay
    within [0, 1].  Where p = 0 they are 0 and the limit before.
    """
    steps, risk, events, last = tallied(t_exit, until)
    some = events[0] > 0
    t, at_risk, d = steps[some], risk[some], events[0][some]
    p = np.cumprod(1.0 - d / at_risk)
    with np.errstate(divide="ignore", invalid="ignore"):
        summed = np.cumsum(d / (at_risk * (at_risk - d.astype(float))))
        variance = np.where(p > 0, p * p * summed, 0.0)
        lo, hi = limits(p, variance, confidence)
    gone = p == 0  # the last one, if any
    if gone.any():
        lo[gone], hi[gone] = 0.0, hi[-2] if len(hi) > 1 else 1.0
    return Curve(t, p, variance, lo, hi, at_risk, d, last)


def aalen_johansen(
    t_exit: ArrayLike, t_diverged: ArrayLike, until: ArrayLike, confidence: float = 0.95
) -> tuple[Curve, Curve, Curve]:
    """The curves (escaped, diverged, still inside), at common steps; they sum to one.

    F_k(t) = Σ_{s<=t} S(s-) d_ks/Y_s with S = Π (1 - d_s/Y_s) over both ends.  Variance: the delta method's
    Σ {[F(t) - F(s)]² d/(Y (Y - d)) + S(s-)² (Y - d_k) d_k/Y³ - 2 [F(t) - F(s)] S(s-) d_k/Y²}; limits as of
    `kaplan_meier`.  Source: Aalen and Johansen (1978); variance: Marubini and Valsecchi (1995), (10.12).
    """
    steps, risk, events, last = tallied(t_exit, until, t_diverged)
    some = events.any(axis=0)
    t, at_risk, events = steps[some], risk[some], events[:, some]
    Y, d = at_risk.astype(float), events.sum(axis=0)
    S = np.cumprod(1.0 - d / Y)
    before = np.append(1.0, S[:-1])
    with np.errstate(divide="ignore", invalid="ignore"):
        a = np.where(d < Y, d / (Y * (Y - d)), 0.0)  # where all ended, no F changes afterwards

    def curve(p: Floats, own: Integers, variance: Floats) -> Curve:
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            lo, hi = limits(p, variance, confidence)
        trivial = (p <= ROUNDING) | (p >= 1 - ROUNDING)  # none, or all
        lo, hi = np.where(trivial, p, lo), np.where(trivial, p, hi)
        return Curve(t, p, variance, lo, hi, at_risk, own, last)

    def incidence(own: Integers) -> Curve:
        F = np.cumsum(before * own / Y)
        b, c = before**2 * (Y - own) * own / Y**3, before * own / Y**2
        squares = F**2 * np.cumsum(a) - 2.0 * F * np.cumsum(a * F) + np.cumsum(a * F**2)
        variance = squares + np.cumsum(b) - 2.0 * (F * np.cumsum(c) - np.cumsum(c * F))
        return curve(F, own, np.maximum(variance, 0.0))

    escaped, diverged = incidence(events[0]), incidence(events[1])
    return escaped, diverged, curve(S, d, S**2 * np.cumsum(a))


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
    return middle, first(curve.lo, 0.5 + ROUNDING), first(curve.hi, 0.5 - ROUNDING)


def mean_of(curve: Curve, horizon: int | None = None, confidence: float = 0.95) -> tuple[float, float, float]:
    """(mean, lo, hi) of min(T, τ) in steps from a `kaplan_meier` curve: Σ_{k<τ} P(T > k); τ: the longest budget.

    Variance Σ_i A_i² d_i/(Y_i (Y_i - d_i)), A_i the area under the curve from t_i to τ; nan limits without escapes.
    """
    from scipy.special import ndtri

    end = curve.last if horizon is None else horizon
    keep = curve.t < end
    t, p = curve.t[keep].astype(float), curve.p[keep]
    width = np.diff(np.append(t, end))
    area = np.cumsum((p * width)[::-1])[::-1]
    mean = (t[0] if len(t) else end) + area[:1].sum()
    Y, d = curve.at_risk[keep].astype(float), curve.events[keep]
    terms = area**2 * d / np.where(d < Y, Y * (Y - d), np.inf)  # where all are gone the area is 0
    half = ndtri(0.5 + confidence / 2.0) * np.sqrt(terms.sum()) if len(t) else np.nan
    return float(mean), float(np.maximum(mean - half, 0.0)), float(np.minimum(mean + half, end))


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


def limits(p: Floats, variance: Floats, confidence: float) -> tuple[Floats, Floats]:
    """p^exp(±z σ/|p log p|): symmetric in log(-log p), inside [0, 1]; nan at p = 0 and 1."""
    from scipy.special import ndtri

    stretch = np.exp(ndtri(0.5 + confidence / 2.0) * np.sqrt(variance) / np.abs(p * np.log(p)))
    return p**stretch, p ** (1.0 / stretch)
