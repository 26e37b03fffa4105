"""Rounding certificate: do single trajectories mean anything, or does one unit in the last place change how they end?

Every trajectory is run again from x0 + 1 ulp and x0 - 1 ulp, with its own noise.  Where an outcome differs, rounding
decides it: another compiler, or another order of the same sum, gives another one, and only the distribution is left.
"""

from dataclasses import dataclass, replace
from math import inf, log, nan

import numpy as np

from dynbench import basins
from dynbench.backends.cpu import Cpu
from dynbench.batch import Batch, Endings, Floats
from dynbench.dynamics.base import Dynamics
from dynbench.kernels.shape import ABSORBED, CONVERGED, DIVERGED
from dynbench.losses.base import Loss
from dynbench.outcomes.halving import spread
from dynbench.outcomes.lyapunov import Exponents, along_orbits, from_divergence, rows
from dynbench.outcomes.probe import is_capped, longest_step
from dynbench.theory import thresholds

CHAOTIC = "chaotic: only the ensemble is meaningful"
PARTING = "chaotic, but no outcome changes: single paths are not reproducible, how they end is"
SWITCHING = "single outcomes are reproducible to rounding, but for some"
ROUNDED = "single outcomes are not reproducible: rounding decides most of these, and chaos is not sure"
REPRODUCIBLE = "single trajectories are reproducible to rounding over this budget"
MEANING = (
    "Ulp: the step from a number to the next one that a computer has (a float). A Lyapunov exponent says how fast two "
    "trajectories that begin side by side part while in the basin of their start: their distance grows as exp(exponent "
    "times steps); below 0 it shrinks. An orbit: a trajectory long enough in there to measure that. Chaotic: more than "
    "half of the orbits have an exponent above 0, at 95% (of fewer than 8 orbits: their mean is above 0); where none "
    "can be measured, an ulp changes how or when most of at least 8 trajectories end. That it changes some alone is no "
    "chaos: a start may lie on a switching point of the rule. Only the ensemble is meaningful: shares of many "
    "trajectories are, single ones are not."
)
MANY = 8  # trajectories of which a majority is told
EPS = 2.0**-52
APART = 0.01  # of the domain's smallest half-width: paths this far apart have parted
FAR = 10.0  # longest step over D, from where on the cap hardly cuts the chaos short
FLOATS = 2e7  # kept of paths


@dataclass(frozen=True)
class Certificate:
    """What a change of x0 by one unit in the last place does to n trajectories."""

    n: int  # trajectories run again
    differ_outcome: int  # of them: status, escaped or not, or the last basin differ; at rest in either way is the same
    differ_time: int  # of them: t_exit differs
    differ: int  # of them: either
    followed: int  # paths that were kept
    horizon: float  # in steps: half of them have parted by then; nan: fewer do
    exponents: Exponents  # a step while in the start's basin, measured
    left_too_soon: int  # trajectories that left, or diverged, too soon to measure theirs; 0: the rule has memory
    lyapunov_exact: float  # of the parabola at a false minimum, nan where not known; near it in other wells

    @property
    def chaotic(self) -> bool:
        """See MEANING."""
        if self.exponents.mean == self.exponents.mean:
            return self.exponents.is_positive
        return self.n >= MANY and 2 * self.differ > self.n

    @property
    def verdict(self) -> str:
        if self.chaotic:
            return CHAOTIC if self.differ else PARTING
        if 2 * self.differ > self.n:
            return ROUNDED
        return SWITCHING if self.differ else REPRODUCIBLE

    def row(self) -> dict[str, float | int | str]:
        """As columns of a table; lyapunov_lo and lyapunov_hi are the mean's limits, p05 and p95 the orbits'."""
        found = self.exponents
        columns: dict[str, float | int | str] = {"n": self.n, "differ_outcome": self.differ_outcome}
        columns |= {"differ_time": self.differ_time, "differ": self.differ}
        columns |= {"followed": self.followed, "horizon": self.horizon, "lyapunov": found.mean}
        columns |= {"lyapunov_se": found.se, "lyapunov_lo": found.lo, "lyapunov_hi": found.hi}
        columns |= {"orbits": len(found.each), "left_too_soon": self.left_too_soon, "positive": found.positive}
        columns |= dict(zip(("positive_lo", "positive_hi"), found.share, strict=True))
        columns |= {"lyapunov_median": found.median}
        columns |= dict(zip(("lyapunov_p05", "lyapunov_p95"), found.spread, strict=True))
        return columns | {"lyapunov_exact": self.lyapunov_exact, "chaotic": self.chaotic, "verdict": self.verdict}


def certificate(
    loss: Loss,
    dynamics: Dynamics,
    batch: Batch,
    steps: int,
    workers: int | None = None,
    most: int = 2000,
    paths: int = 200,
) -> Certificate:
    """Runs at most `most` trajectories of one cell, evenly spread, from x0 and from one ulp beside it, on either side.

    All coordinates move by an ulp, up and then down; those nearer to 0 than 2^-52 half-widths of the domain by that.
    Streams and basins stay the original's.  `paths` of the trajectories are followed to find the horizon, which is
    about ln(1/eps)/lyapunov steps once the chaos has begun.  `batch`: rows of equal parameters, lr and noise.
    """
    loss = loss.at(len(batch.x0))
    cpu = Cpu() if workers is None else Cpu(workers)
    chosen = spread(len(batch), most)
    followed = spread(len(chosen), max(1, min(paths, int(FLOATS / ((steps + 1) * (len(batch.x0) + 1))))))
    order = np.concatenate([followed, np.setdiff1d(np.arange(len(chosen)), followed)])
    own = rows(batch, chosen[order])
    half = np.array([(hi - lo) / 2.0 for lo, hi in loss.box(len(own.x0))])
    one, up = (cpu.run(loss, dynamics, b, steps, paths=len(followed)) for b in (own, beside(own, half, inf)))
    down = cpu.run(loss, dynamics, beside(own, half, -inf), steps)
    outcome = differs(one, up) | differs(one, down)
    time = (one.t_exit != up.t_exit) | (one.t_exit != down.t_exit)
    with np.errstate(all="ignore"):  # of those that diverge
        apart = np.linalg.norm(one.paths[:, :, :-1] - up.paths[:, :, :-1], axis=2)  # (m, steps + 1)
    apart = np.where(np.isnan(apart), inf, apart)
    apart = np.where(gone(one, len(apart), steps) & gone(up, len(apart), steps), 0.0, apart)
    if dynamics.start is None:
        exponents = along_orbits(loss, dynamics, own, steps, cpu)
    else:
        exponents = from_divergence(apart, one.t_exit[: len(apart)], EPS * half.min())
    return Certificate(
        n=len(own),
        differ_outcome=int(outcome.sum()),
        differ_time=int(time.sum()),
        differ=int((outcome | time).sum()),
        followed=len(followed),
        horizon=median_time(apart > APART * half.min()),
        exponents=exponents,
        left_too_soon=len(own) - len(exponents.each) if dynamics.start is None else 0,
        lyapunov_exact=exact(loss, dynamics, own),
    )


def gone(ends: Endings, count: int, steps: int) -> np.ndarray:
    """(count, steps + 1): where the paths of the first trajectories have diverged: there nothing can part any more."""
    when = ends.t_diverged[:count, None]
    return (when >= 0) & (np.arange(steps + 1) >= when)


def beside(batch: Batch, half: Floats, direction: float) -> Batch:
    """The same trajectories, noise and all, from the next x0 in that direction."""
    least = EPS * half[:, None]
    next_one = np.nextafter(batch.x0, direction)
    x0 = np.where(np.abs(batch.x0) < least, batch.x0 + np.copysign(least, direction), next_one)
    return replace(batch, x0=np.ascontiguousarray(x0))


def differs(one: Endings, other: Endings) -> np.ndarray:
    """Whether status, escape or the last basin differ.  Whether a minimum is met exactly is no difference."""
    a, b = (np.where(e.status == ABSORBED, CONVERGED, e.status) for e in (one, other))
    lost = (a == DIVERGED) & (b == DIVERGED)
    return (a != b) | ((one.t_exit >= 0) != (other.t_exit >= 0)) | ((one.basin != other.basin) & ~lost)


def median_time(reached: np.ndarray) -> float:
    """Step by which half of the rows (m, steps + 1) have been True once; nan where fewer have."""
    first = np.sort(np.where(reached.any(axis=1), reached.argmax(axis=1), reached.shape[1]))
    middle = first[(len(first) - 1) // 2]
    return float(middle) if middle < reached.shape[1] else nan


def predicted_horizon(exponent: float, distance: float = EPS) -> float:
    """ln(1/distance)/λ: steps in which a distance grows to 1 at the exponent λ a step; inf where λ <= 0."""
    return log(1.0 / distance) / exponent if exponent > 0.0 else (nan if np.isnan(exponent) else inf)


def exact(loss: Loss, dynamics: Dynamics, batch: Batch) -> float:
    """`thresholds.lyapunov`: one dimension, no noise, false minima, global flow or capped flow with M >= 10 M_c.

    Nearer to the threshold the cap cuts the long excursions off, and with them the steps that shrink a distance: on
    the quartic 0.177 is measured at M = 1.01 M_c, 0.148 at 2.8 M_c, 0.133 at 14 M_c (standard errors 0.001).
    """
    if len(batch.x0) > 1 or batch.temperature.any() or batch.gradient_noise.any() or len(set(batch.lr)) != 1:
        return nan
    if not 0.0 < batch.lr[0] < 2.0:  # no map of Boole's family then: see `thresholds.lyapunov`
        return nan
    count = len(loss.parameters)
    given = dict(zip(dynamics.parameters, (float(v) for v in batch.parameters[count:, 0]), strict=True))
    lr, f_star = float(batch.lr[0]), given.get("f_star", 0.0)
    for label in np.unique(batch.basin):
        minimum = basins.minimum(loss, int(label))
        if minimum is None or minimum.value <= f_star:
            return nan
        size = longest_step(dynamics, given, lr, minimum.value)
        known = size == inf or is_capped(dynamics, given, lr, minimum.value)
        if dynamics.start is not None or not known or size < FAR * minimum.distance:
            return nan
    return thresholds.lyapunov(lr)
