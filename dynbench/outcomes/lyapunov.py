"""Lyapunov exponents, λ = lim (1/k) ln |δx_k|/|δx_0| a step, measured while trajectories stay in their start's basin.

A mean, not a median: beside a false minimum of the capped flow most steps shrink a distance by a little (the median
factor is near 1) and few blow it up a thousandfold, and the exponent is the balance of the two.
"""

from dataclasses import replace
from math import nan

import numpy as np

from dynbench.backends.cpu import Cpu
from dynbench.batch import Batch, Floats, Integers
from dynbench.dynamics.base import Dynamics
from dynbench.losses.base import Loss

Measured = tuple[float, float]  # an exponent a step, and its standard error; nan where it could not be measured

ROUNDS, SETTLING = 96, 32  # single steps of the pairs, and the first of them, in which they find their direction
FEW = 64  # pairs that make a mean
DELTA = 1e-8  # of the domain's smallest half-width: the distance to which pairs are set back
FLOOR, CEILING = 2.0**8, 2.0**30  # in units of the smallest distance: where a divergence is neither rounding nor over


def along_orbits(loss: Loss, dynamics: Dynamics, batch: Batch, steps: int, cpu: Cpu) -> Measured:
    """Mean of ln |δx_{k+1}|/|δx_k| along orbits, the pair being set back to a small distance after every step.

    The orbits begin where trajectories that are still in their start's basin stand after half of the steps (or a
    quarter, an eighth, where too few are): then the passage to the minimum is over.  The step that leaves counts, and
    is the last.  For rules without memory.  Source: Benettin, Galgani, Giorgilli and Strelcyn (1980), Meccanica 15.
    """
    delta = DELTA * min((hi - lo) / 2.0 for lo, hi in loss.box(len(batch.x0)))
    here, part = trapped(loss, dynamics, batch, steps, cpu)
    n = len(part)
    if n == 0:
        return nan, nan
    pairs = rows(batch, np.concatenate([part, part]))
    ray = np.random.default_rng(0).standard_normal(here.shape)
    alive, growth, count = np.ones(n, bool), np.zeros(n), np.zeros(n)
    for k in range(ROUNDS):
        there = here + delta * (ray / np.linalg.norm(ray, axis=0))
        starts = np.concatenate([here, there], axis=1)
        ends = cpu.run(loss, dynamics, replace(pairs, x0=starts, seed=batch.seed + 1 + k), 1)
        x = ends.x[:, :n]
        before, ray = np.linalg.norm(there - here, axis=0), ends.x[:, n:] - x
        after = np.maximum(np.linalg.norm(ray, axis=0), np.spacing(np.abs(here).max(axis=0)))
        alive &= np.isfinite(after) & (before > 0.0)
        if k >= SETTLING or len(here) == 1:
            growth[alive] += np.log(after[alive] / before[alive])
            count[alive] += 1.0
        alive &= ends.t_exit[:n] < 0
        ray = np.where(np.isfinite(ray).all(axis=0) & ray.any(axis=0), ray, there - here)
        here = np.where(alive, x, here)
    return ratio(growth, count) if count.sum() >= FEW else (nan, nan)


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


def ratio(growth: Floats, count: Floats) -> Measured:
    """Sum of growth over sum of count, and its standard error from the orbits' own deviations (Cochran 1977, 6.4)."""
    value = float(growth.sum() / count.sum())
    return value, float(np.sqrt(((growth - value * count) ** 2).sum()) / count.sum())


def from_divergence(apart: Floats, t_exit: Integers, unit: float) -> Measured:
    """Sum of ln d_b/d_a over sum of b - a: the growth of the distance d (m, steps + 1) between paths and their twins.

    a and b are the first steps with d >= 2^8 and d >= 2^30 units (so the ratio of sums is unbiased, by Wald's identity,
    where a mean of ratios is not), both before `t_exit`; nan where fewer than eight paths get so far.  For rules with
    memory, whose pairs cannot be set back.  It is the exponent of the first divergence, and may exceed the later one.
    """
    low, high = apart >= FLOOR * unit, apart >= CEILING * unit
    a, b = low.argmax(axis=1), high.argmax(axis=1)
    until = np.where(t_exit < 0, apart.shape[1], t_exit)
    good = np.flatnonzero(high.any(axis=1) & (b > a) & (b < until))
    if len(good) < 8:
        return nan, nan
    growth = np.log(apart[good, b[good]] / apart[good, a[good]])
    return ratio(growth, (b[good] - a[good]).astype(float))
