"""Lyapunov exponents, λ = lim (1/k) ln |δx_k|/|δx_0| a step, measured while trajectories stay in their start's basin.

A mean, not a median: beside a false minimum of the capped flow most steps shrink a distance by a little (the median
factor is near 1) and few blow it up a thousandfold, and the exponent is the balance of the two.
"""

from dataclasses import dataclass, replace
from math import nan

import numpy as np
from scipy.special import stdtrit

from dynbench.backends.cpu import Cpu
from dynbench.batch import Batch, Floats, Integers
from dynbench.dynamics.base import Dynamics
from dynbench.losses.base import Loss
from dynbench.outcomes.intervals import interval

ROUNDS, SETTLING = 256, 32  # single steps of the pairs, and the first of them, in which they find their direction
LONGEST, WANTED = 1024, 4096  # steps of a pair where there are few, and steps of all pairs together that are aimed at
FEW = 64  # steps of pairs that make a mean
ORBITS, BLOCK = 8, 16  # fewer orbits than that are cut into blocks of so many steps, to know the error of their mean
DELTA = 1e-8  # of the domain's smallest half-width: the distance to which pairs are set back
FLOOR, CEILING = 2.0**8, 2.0**30  # in units of the smallest distance: where a divergence is neither rounding nor over
TAIL = 0.05  # of the orbits below the lower end, and above the upper end, of the spread


@dataclass(frozen=True)
class Exponents:
    """Lyapunov exponents a step of some orbits: their mean, how sure it is, and how far the orbits differ."""

    mean: float = nan  # over all steps of all orbits; nan where it could not be measured
    se: float = nan  # its standard error
    lo: float = nan  # its 95 % limits, by Student's t
    hi: float = nan
    each: tuple[float, ...] = ()  # of each orbit; nan where its pair never parted, so that its exponent is not above 0

    @property
    def positive(self) -> int:
        """Orbits whose own exponent is above 0."""
        return sum(value > 0.0 for value in self.each)

    @property
    def median(self) -> float:
        """Of the orbits; nan where it is that of a pair that never parted."""
        return self.quantile(0.5)

    @property
    def spread(self) -> tuple[float, float]:
        """Between which the middle 90 % of the orbits lie; nan where an end is a pair that never parted."""
        return self.quantile(TAIL), self.quantile(1.0 - TAIL)

    def quantile(self, share: float) -> float:
        known = np.sort(np.where(np.isnan(self.each), -np.inf, self.each))  # they come first
        value = known[min(int(share * len(known)), len(known) - 1)] if len(known) else nan
        return float(value) if np.isfinite(value) else nan

    @property
    def share(self) -> tuple[float, float]:
        """The 95 % limits of the share of orbits whose own exponent is above 0."""
        lo, hi = interval(self.positive, len(self.each))
        return float(lo), float(hi)

    @property
    def is_positive(self) -> bool:
        """Whether most orbits' exponents are above 0, at 95 %; of fewer than ORBITS orbits, whether their mean is.

        Not the mean of many: one orbit that stands on a point where the rule jumps would make it positive.
        """
        return self.share[0] > 0.5 if len(self.each) >= ORBITS else self.lo > 0.0


def along_orbits(loss: Loss, dynamics: Dynamics, batch: Batch, steps: int, cpu: Cpu) -> Exponents:
    """Mean of ln |δx_{k+1}|/|δx_k| along orbits, the pair being set back to a small distance after every step.

    The orbits begin where trajectories that are still in their start's basin stand after half of the steps (or a
    quarter, an eighth, where too few are): then the passage to the minimum is over.  The step that leaves counts, and
    is the last.  For rules without memory.  Source: Benettin, Galgani, Giorgilli and Strelcyn (1980), Meccanica 15.
    """
    delta = DELTA * min((hi - lo) / 2.0 for lo, hi in loss.box(len(batch.x0)))
    here, part = trapped(loss, dynamics, batch, steps, cpu)
    n = len(part)
    if n == 0:
        return Exponents()
    pairs = rows(batch, np.concatenate([part, part]))
    ray = np.random.default_rng(0).standard_normal(here.shape)
    alive, growths = np.ones(n, bool), []
    for k in range(min(max(ROUNDS, -(-WANTED // n)), LONGEST)):
        if not alive.any():
            break
        with np.errstate(all="ignore"):  # pairs that diverge are no longer alive
            there = here + delta * (ray / np.linalg.norm(ray, axis=0))
            starts = np.concatenate([here, there], axis=1)
            ends = cpu.run(loss, dynamics, replace(pairs, x0=starts, seed=batch.seed + 1 + k), 1)
            x = ends.x[:, :n]
            before, ray = np.linalg.norm(there - here, axis=0), ends.x[:, n:] - x
            after = np.maximum(np.linalg.norm(ray, axis=0), np.spacing(np.abs(here).max(axis=0)))
            alive &= np.isfinite(after) & (before > 0.0)
            if k >= SETTLING or len(here) == 1:
                growths.append(np.where(alive, np.log(after / before), nan))
        alive &= ends.t_exit[:n] < 0
        ray = np.where(np.isfinite(ray).all(axis=0) & ray.any(axis=0), ray, there - here)
        here = np.where(alive, x, here)
    growth = np.array(growths).reshape(-1, n)
    if np.isfinite(growth).sum() < FEW:
        return Exponents()
    own = per_orbit(growth, 1)
    pieces = own if n >= ORBITS else per_orbit(growth, -(-len(growth) // BLOCK))
    each = own[0] / np.maximum(own[1], 1.0)
    long = own[1] >= min(BLOCK, len(growth))  # of an orbit that leaves at once little is known
    return measured(*pieces, tuple(each[long if long.any() else slice(None)].tolist()))


def per_orbit(growth: Floats, blocks: int) -> tuple[Floats, Floats]:
    """Sums and numbers of the steps (steps, n) of each orbit, cut into blocks, those without a step left out."""
    cut = [(np.nansum(part, axis=0), np.isfinite(part).sum(axis=0)) for part in np.array_split(growth, blocks)]
    sums, counts = (np.concatenate(column).astype(float) for column in zip(*cut, strict=True))
    return sums[counts > 0], counts[counts > 0]


def trapped(loss: Loss, dynamics: Dynamics, batch: Batch, steps: int, cpu: Cpu) -> tuple[Floats, Integers]:
    """x (dim, m) of the m trajectories that are in their start's basin after steps/2, or /4 ..., and their rows."""
    best: tuple[Floats, Integers] = (batch.x0[:, :0], np.empty(0, np.int64))
    for share in (2, 4, 8, 16):
        if steps // share == 0:
            break
        ends = cpu.run(loss, dynamics, batch, steps // share)
        stay = np.flatnonzero((ends.t_exit < 0) & np.isfinite(ends.x).all(axis=0))
        if len(stay) > len(best[1]):
            best = ends.x[:, stay], stay
        if len(stay) >= FEW:
            break
    return best


def rows(batch: Batch, part: Integers) -> Batch:
    """These rows of a batch."""
    return Batch(
        x0=np.ascontiguousarray(batch.x0[:, part]),
        parameters=np.ascontiguousarray(batch.parameters[:, part]),
        lr=batch.lr[part],
        temperature=batch.temperature[part],
        gradient_noise=batch.gradient_noise[part],
        stream=batch.stream[part],
        basin=batch.basin[part],
        seed=batch.seed,
    )


def measured(growth: Floats, count: Floats, each: tuple[float, ...]) -> Exponents:
    """Sum of growth over sum of count, its error from the pieces' own deviations (Cochran 1977, 6.4)."""
    value, n = float(growth.sum() / count.sum()), len(growth)
    if n < 2:
        return Exponents(value, each=each)
    spread = ((growth - value * count) ** 2).sum() * n / (n - 1)
    error = float(np.sqrt(spread) / count.sum())
    half = float(stdtrit(n - 1, 0.975)) * error
    return Exponents(value, error, value - half, value + half, each)


def from_divergence(apart: Floats, t_exit: Integers, unit: float) -> Exponents:
    """Sum of ln d_b/d_a over sum of b - a: the growth of the distance d (m, steps + 1) between paths and their twins.

    a and b are the first steps with d >= 2^8 and d >= 2^30 units (so the ratio of sums is unbiased, by Wald's identity,
    where a mean of ratios is not), both before `t_exit`; nan where fewer than eight paths get so far.  For rules with
    memory, whose pairs cannot be set back.  It is the exponent of the first divergence, and may exceed the later one.
    """
    low, high = apart >= FLOOR * unit, apart >= CEILING * unit
    a, b = low.argmax(axis=1), high.argmax(axis=1)
    until = np.where(t_exit < 0, apart.shape[1], t_exit)
    good = np.flatnonzero(high.any(axis=1) & (b > a) & (b < until))
    if len(good) < ORBITS:
        return Exponents()
    growth = np.log(apart[good, b[good]] / apart[good, a[good]])
    count, each = (b[good] - a[good]).astype(float), np.full(len(apart), nan)
    each[good] = growth / count
    return measured(growth, count, tuple(each.tolist()))
