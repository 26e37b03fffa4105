"""P(the noisy rule leaves its basin within n steps) where that is rare: fixed-effort splitting, in replicates.

p is the mean of R independent replicates, each a product of shares (`splitting`), those that died out counting as 0;
its standard error is theirs.  The levels come from a pilot run and are then frozen, so that p is unbiased.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil, exp, inf, nan, sqrt

import numpy as np
from scipy.stats import t as student

from dynbench.basins import lowest_value
from dynbench.batch import Floats, Integers
from dynbench.dynamics.base import Dynamics
from dynbench.losses.base import Loss
from dynbench.theory.splitting import COARSE, LEAPT, Levels, Problem, levels_of, stage

PATHS = 100_000  # side by side
EFFORT, REPLICATES = 1000, 20  # paths a stage, and replicates to begin with, of `for_cell`
FEWEST = 50, 10  # of both, where steps are short
TAIL = 0.02  # on either side of the interval: with 0.025, replicates being added until it is narrow, it covers 0.934
SPREAD = 0.5  # relative standard deviation of a replicate, above which too few may tell too low a mean


@dataclass(frozen=True)
class RareEstimate:
    """A small probability, how sure it is and what it cost."""

    p: float
    se: float  # standard error; nan where every replicate died out
    interval: tuple[float, float]  # 95%, p exp(±t se/p) with Student's t; (0, 1) where every replicate died out
    levels: tuple[float, ...]  # of the score, the last is 1
    ancestors: int  # distinct first-stage paths that the escapes descend from, over all replicates
    steps_spent: int  # with those of the pilot run, and of replicates put aside
    plain_steps: float  # that plain Monte Carlo would need for the same standard error: steps p(1 - p)/se²
    replicates: int
    extinct: int  # replicates that died out
    effort: int  # paths a stage and replicate
    spread: float  # standard deviation of ln p over the replicates that did not die out
    leapt: float  # share of all passages of a level whose path had leapt over it when it passed the one before
    each: tuple[float, ...]  # p of each replicate

    @property
    def relative(self) -> float:
        """Relative standard error; inf where every replicate died out."""
        return self.se / self.p if self.p > 0.0 else inf

    @property
    def sound(self) -> bool:
        """Whether replicates agree well enough for p and its error to be believed; else p is more likely too low."""
        return self.extinct == 0 and self.relative * sqrt(self.replicates) <= SPREAD

    @property
    def advice(self) -> str:
        """What to make of it where it is not sound, and what to do: one sentence; else nothing."""
        if self.sound:
            return ""
        told = "replicates differ by more than half, so that p and its error are more likely too low than too high"
        return f"{told}; {COARSE if self.leapt > LEAPT else 'ask for more paths'}"


def problem_of(
    loss: Loss,
    dynamics: Dynamics,
    parameters: Mapping[str, float],
    lr: float,
    temperature: float,
    gradient_noise: float,
    starts: Floats,
    steps: int,
    seed: int,
    workers: int,
    progress: Callable[[int], object] | None = None,
) -> Problem:
    """Checks, and fills in defaults.  Raises ValueError, one sentence."""
    points = np.ascontiguousarray(np.atleast_2d(np.asarray(starts, float)))
    if temperature <= 0.0 and gradient_noise <= 0.0:
        raise ValueError("a rule without noise has nothing to be split: give it a temperature or noise in the gradient")
    given = {**loss.parameters, **dynamics.parameters_on(lowest_value(loss))}
    if unknown := set(parameters) - set(given):
        raise ValueError(f"{dynamics.name} on {loss.name} has no parameter {min(unknown)!r}")
    values = tuple(float(v) for v in {**given, **parameters}.values())
    fixed = loss.at(len(points))
    problem = Problem(
        fixed, dynamics, values, lr, temperature, gradient_noise, points, steps, seed, workers, progress
    )  # fmt: skip
    assert problem.well  # raises where there is none
    return problem


def escape(
    loss: Loss,
    dynamics: Dynamics,
    parameters: Mapping[str, float],
    lr: float,
    temperature: float,
    starts: Floats | float,
    steps: int,
    effort: int = 1000,
    replicates: int = 100,
    seed: int = 0,
    workers: int = 1,
    gradient_noise: float = 0.0,
) -> RareEstimate:
    """P(out of the basin within `steps`) from `starts`, a point or equally likely points (dim, m) of one basin.

    In one dimension a number will do.  The result depends on none of the workers.
    """
    problem = problem_of(
        loss, dynamics, parameters, lr, temperature, gradient_noise, np.asarray(starts), steps, seed, workers
    )
    levels = levels_of(problem)
    return estimate(problem, levels, [replicated(problem, levels, effort, range(replicates))], effort)


def for_cell(
    loss: Loss,
    dynamics: Dynamics,
    parameters: Mapping[str, float],
    lr: float,
    temperature: float,
    gradient_noise: float,
    starts: Floats,
    steps: int,
    seed: int = 0,
    workers: int = 1,
    target: float = 0.05,
    most_steps: float = 1e10,
    progress: Callable[[int], object] | None = None,
) -> RareEstimate:
    """The same, replicates being added until the relative standard error is below `target` or `most_steps` are spent.

    First the effort is fitted: where single replicates differ by more than SPREAD, they are put aside and others of
    four times the paths begun.  The limit is one of steps, not of time, so that equal questions get equal answers; the
    last round may end a little beyond it.  That the numbers of paths and replicates depend on the spread makes a bias,
    which is small against the standard error.
    """
    problem = problem_of(
        loss, dynamics, parameters, lr, temperature, gradient_noise, starts, steps, seed, workers, progress
    )
    levels = levels_of(problem)
    room = max((most_steps - levels.spent) / max(levels.each, 1), 0.0)  # paths
    count = int(min(max(room / EFFORT, FEWEST[1]), REPLICATES))
    effort = int(min(max(room / count, FEWEST[0]), EFFORT))
    rounds, begun = [replicated(problem, levels, effort, range(count))], count
    aside = 0  # steps of replicates put aside
    while True:
        found = estimate(problem, levels, rounds, effort, aside)
        each = max((found.steps_spent - levels.spent - aside) / found.replicates, 1.0)
        left = int((most_steps - found.steps_spent) / each)
        if (found.relative <= target and found.sound) or left < 1:
            return found
        if not found.sound and left >= 4 * count:
            aside, effort = found.steps_spent - levels.spent, 4 * effort
            rounds, more = [], count
        else:
            wanted = min(1.1 * (found.relative / target) ** 2, 4.0) * found.replicates
            more = min(max(ceil(wanted) - found.replicates, 1), left)
        rounds.append(replicated(problem, levels, effort, range(begun, begun + more)))
        begun += more


@dataclass(frozen=True)
class Round:
    """Some replicates, from the starts to the end."""

    p: Floats  # (replicates,)
    ancestors: Integers  # (replicates,)
    spent: int
    leapt: int  # passages of a level by paths that had leapt over it before
    passed: int  # all passages of levels


def replicated(problem: Problem, levels: Levels, effort: int, replicates: range) -> Round:
    """Independent replicates: number r gives the same whatever stands beside it."""
    p, ancestors = np.ones(len(replicates)), np.zeros(len(replicates), np.int64)
    spent, leapt, passed = 0, 0, 0
    size = max(PATHS // effort, 1)
    for first in range(0, len(replicates), size):
        some, crowd = replicates[first : first + size], None
        here = slice(first, first + size)
        for number, z in enumerate(levels.z):
            done = stage(problem, z, number, crowd, some, effort)
            crowd, spent = done.crowd, spent + done.spent
            leapt, passed = leapt + done.leapt, passed + int(done.hits.sum())
            p[here] *= done.hits / effort
            if not done.hits.any():
                break
        assert crowd is not None
        families = np.unique(np.stack([crowd.replicate, crowd.ancestor]), axis=1)[0]
        ancestors[here] = np.bincount(families - some.start, minlength=len(some))
    return Round(p, ancestors, spent, leapt, passed)


def limits(each: Floats) -> tuple[float, float]:
    """p exp(±t se/p) of at least two replicates whose mean p is above 0, at most 1."""
    count, p = len(each), float(each.mean())
    relative = float(each.std(ddof=1)) / sqrt(count) / p
    wide = exp(min(float(student.ppf(1.0 - TAIL, count - 1)) * relative, 700.0))
    return p / wide, min(p * wide, 1.0)


def estimate(problem: Problem, levels: Levels, rounds: list[Round], effort: int, aside: int = 0) -> RareEstimate:
    """Mean, standard error and cost of all replicates."""
    each = np.concatenate([r.p for r in rounds])
    count, alive = len(each), each[each > 0.0]
    p, se = float(each.mean()), nan
    interval, plain = (0.0, 1.0), nan
    if p > 0.0 and count > 1:
        se = float(each.std(ddof=1)) / sqrt(count)
        interval, plain = limits(each), problem.steps * p * (1.0 - p) / se**2 if se > 0.0 else inf
    return RareEstimate(
        p=p,
        se=se,
        interval=interval,
        levels=levels.z,
        ancestors=int(sum(r.ancestors.sum() for r in rounds)),
        steps_spent=levels.spent + aside + sum(r.spent for r in rounds),
        plain_steps=plain,
        replicates=count,
        extinct=count - len(alive),
        effort=effort,
        leapt=sum(r.leapt for r in rounds) / max(sum(r.passed for r in rounds), 1),
        spread=float(np.log(alive).std(ddof=1)) if len(alive) > 1 else nan,
        each=tuple(each.tolist()),
    )
