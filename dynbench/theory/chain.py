"""The noisy gradient chain x' ~ N(x - h L'(x), 2Th) killed outside a well: when it leaves, exactly.

With r(x) the chance to leave in one step and k(x, y) the density of a step that stays inside,

    p_0 = 0,  p_{n+1}(x) = r(x) + ∫ k(x, y) p_n(y) dy    (left within n + 1 steps),
    S_0 = 1,  S_{n+1}(x) = ∫ k(x, y) S_n(y) dy           (still inside after n + 1),

and ∫ is a sum over Gauss-Legendre nodes.  All terms are positive, so that p = 1e-17 keeps its digits as well as
p = 0.5.  Once the hazard d_n/S_n, d_n = p_{n+1} - p_n, is the same from everywhere it stays so for ever and the
rest is geometric: a budget of 1e9 steps, and the mean Σ S_n, cost no more than the first relaxation.  Two steps of
the chain are one of the chain with the kernel K², which leaves with chance r + K r: half as many to take.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from math import inf, nan, sqrt

import numpy as np

from dynbench.batch import Floats
from dynbench.losses.base import Loss
from dynbench.theory.coordinate import coordinate, walls
from dynbench.theory.nystrom import COARSE, FINE, REMEMBERED, Chain, OutOfReach, chain

MOST_WORK = 5e9  # steps times nodes squared of one pass: some seconds; twice that for the whole course
DOUBLED = 500  # nodes up to which K², as much work as half so many steps, is worth it
BLOCK = 2000  # starts at once
SETTLED = 1e-13  # relative spread of the hazard at which it is constant
LOOKS = 8  # steps from one look at the hazard to the next, which costs as much as a step
ROUNDING = 1e-13  # relative error allowed to the sums
GONE = 1e-200  # S from which no hazard is told


@dataclass(frozen=True)
class Course:
    """How the chain goes on from each node, by the times asked for and at last."""

    escaped: Floats  # (times, m), p_n
    inside: Floats  # (times, m), S_n
    mean: Floats  # (m,), expected step of the exit; nan where that was not asked for
    hazard: float  # late probability of leaving, a step; nan likewise


@dataclass(frozen=True)
class Exits:
    """When the chain leaves, for each start; an error is what a coarser and shorter grid changes, and rounding."""

    p: Floats  # (steps, starts), left within n steps
    p_error: Floats
    mean: Floats  # (starts,), in steps; nan where not asked for
    mean_error: Floats
    hazard: float  # late, a step


@lru_cache(maxsize=REMEMBERED)
def course(of: Chain, times: tuple[int, ...], whole: bool = False) -> Course:
    """p_n and S_n at the nodes for `times`, ascending; `whole`: until the hazard settles.  Raises OutOfReach."""
    size = len(of.nodes)
    if size > DOUBLED or (max(times, default=0) <= 2 * size and not whole):
        return stepped(of, times, whole)
    kernel, r = of.kernel, of.leaving
    square = np.vecdot(kernel[:, None], np.ascontiguousarray(kernel.T))  # vecdot: see `stepped`
    pairs, place = np.unique(np.array(times, np.int64) // 2, return_inverse=True)
    twice = stepped(replace(of, kernel=square, leaving=r + np.vecdot(kernel, r)), tuple(pairs.tolist()), whole)
    escaped, inside = twice.escaped[place], twice.inside[place]
    odd = np.array(times, np.int64) % 2 == 1
    escaped[odd] = r + np.vecdot(kernel, escaped[odd, None])
    inside[odd] = np.vecdot(kernel, inside[odd, None])
    mean = twice.mean + np.vecdot(kernel, twice.mean)
    return Course(escaped, inside, mean, twice.hazard / (1.0 + sqrt(1.0 - twice.hazard)))


def stepped(of: Chain, times: tuple[int, ...], whole: bool) -> Course:
    """The course step by step."""
    size = len(of.nodes)
    limit, last = int((1 + whole) * MOST_WORK / size**2), max(times, default=0)
    escaped, inside = np.zeros((len(times), size)), np.ones((len(times), size))
    p, d, s, total = np.zeros(size), of.leaving, np.ones(size), np.zeros(size)
    place, n, rate = 0, 0, nan
    while True:
        while place < len(times) and times[place] == n:
            escaped[place], inside[place] = p, s
            place += 1
        if n >= last and not whole:
            return Course(escaped, inside, np.full(size, nan), nan)
        if n % LOOKS == 0:
            told = s > GONE
            hazard = d[told] / s[told]
            if not told.any() or np.ptp(hazard) <= SETTLED * hazard.max():
                rate = float(np.median(hazard)) if told.any() else 1.0
                break
        if n >= limit:
            raise OutOfReach(f"the exact chain needs more than {limit} steps of {size} nodes")
        total = total + s
        p, d, s = p + d, np.vecdot(of.kernel, d), np.vecdot(of.kernel, s)  # vecdot: one thread, whatever BLAS there is
        n += 1
    for k in range(place, len(times)):
        gone = -np.expm1((times[k] - n) * np.log1p(-rate)) if rate < 1.0 else 1.0
        escaped[k], inside[k] = p + s * gone, s * (1.0 - gone)
    return Course(escaped, inside, total + s / rate, rate)


def exits(
    loss: Loss, label: int, x0: float | Floats, lr: float, temperature: float, steps: Iterable[int], whole: bool = True
) -> Exits:
    """All of it at once: within n steps for every n of `steps`, and with `whole` the mean and the late hazard."""
    asked, start = np.array(list(steps), np.int64), np.atleast_1d(np.asarray(x0, float))
    if walls(loss, label) == (-inf, inf):
        never, ever = np.zeros((len(asked), len(start))), np.full(len(start), inf)
        return Exits(never, never, ever, np.zeros(len(start)), 0.0)
    ahead = start - lr * coordinate(loss).slopes(start)
    (p, mean, lost, hazard), (rough, rough_mean, _, _) = (
        seen(chain(loss, label, lr, temperature, grid), ahead, asked, whole) for grid in (FINE, COARSE)
    )
    mean_error = np.abs(mean - rough_mean) + (10.0 * ROUNDING + lost) * mean
    return Exits(p, np.abs(p - rough) + ROUNDING * p + lost, mean, mean_error, hazard)


def seen(of: Chain, ahead: Floats, asked: np.ndarray, whole: bool) -> tuple[Floats, Floats, Floats, float]:
    """p (steps, starts), mean (starts,), mass lost beyond an open end (starts,), hazard; `ahead`: x0 - h L'(x0).

    The first step from any start is taken by the formula, the rest by the nodes.
    """
    before, place = np.unique(np.maximum(asked - 1, 0), return_inverse=True)
    nodes = course(of, tuple(before.tolist()), whole)
    count = len(ahead)
    p, mean, lost = np.empty((len(asked), count)), np.empty(count), np.empty(count)
    for first in range(0, count, BLOCK):
        block = slice(first, first + BLOCK)
        out, kernel = of.rows(ahead[block])
        p[:, block] = out + np.vecdot(kernel, nodes.escaped[:, None])[place]
        mean[block] = 1.0 + np.vecdot(kernel, nodes.mean)
        lost[block] = 1.0 - out - kernel.sum(axis=1)
    lost[lost < 100.0 * ROUNDING] = 0.0  # rounding; starts far outside the domain may land beyond the end
    return np.minimum(np.where(asked[:, None] > 0, p, 0.0), 1.0), mean, lost, nodes.hazard


def p_exit(
    loss: Loss, label: int, x0: float | Floats, lr: float, temperature: float, steps: Iterable[int]
) -> tuple[Floats, Floats]:
    """P(left the well of `label` within n steps) for every n of `steps` and each x0: (p, error), (steps, starts).

    Average over the starts for a law of x0.  Raises OutOfReach where it would take too long.
    """
    found = exits(loss, label, x0, lr, temperature, steps, whole=False)
    return found.p, found.p_error


def mean_steps(loss: Loss, label: int, x0: float | Floats, lr: float, temperature: float) -> tuple[Floats, Floats]:
    """Expected step of the exit from each x0: (mean, error), (starts,); inf where there is no way out.

    The solution of m = 1 + K m, as Σ S_n with its geometric tail: no digits are lost where K is nearly singular.
    """
    found = exits(loss, label, x0, lr, temperature, ())
    return found.mean, found.mean_error


def variance(curvature: float, lr: float, temperature: float, steps: float = inf, start: float = 0.0) -> float:
    """V_n = 2Th (1 - ρ^2n)/(1 - ρ²) + ρ^2n V_0, ρ = 1 - hλ: the noisy gradient on λx²/2 is an AR(1) process.

    For ever: T/(λ(1 - hλ/2)), where the continuous process has T/λ; inf unless 0 < hλ < 2.
    """
    rho = 1.0 - lr * curvature
    if steps == inf:
        return temperature / (curvature * (1.0 - lr * curvature / 2.0)) if abs(rho) < 1.0 else inf
    if rho * rho == 1.0:
        return 2.0 * temperature * lr * steps + start
    return 2.0 * temperature * lr * (1.0 - rho ** (2 * steps)) / (1.0 - rho * rho) + rho ** (2 * steps) * start
