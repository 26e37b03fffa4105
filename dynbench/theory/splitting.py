"""Fixed-effort splitting, one stage after the other: p = Π_j P(score passes z_j | it has passed z_{j-1}).

Stage j starts N paths from the states, and at the times, with which the paths of stage j - 1 first passed z_{j-1},
drawn in strata, so that each comes up about as often as the others, and counts those that pass z_j before the budget
is spent.  With levels fixed beforehand the product of the shares is unbiased, whatever the score and N (Garvels 2000;
L'Ecuyer, Demers and Tuffin 2006).

Steps that climb several T at once, h |grad L|² against T, leap over levels (`Stage.leapt`: about a quarter of the
passages at 1 T a step, half at 2, four fifths at 8).  How far beyond a level a path has landed then decides: the chance
to get out grows with it as fast as the landing there becomes rare.  So a few paths of many carry the mean, and a
replicate that lacks them, as most do, reads too low, though nothing is biased.

The score of a tensor loss is the largest excursion of a coordinate, (m - x)/(m - lo) or (x - m)/(hi - m): 0 at the
minimum m of its well and 1 at its walls.  A loss's own `score`, where it has one, goes before.
"""

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from math import inf, isfinite, log, nan

import numpy as np

from dynbench.backends.passage import Limits, first_passages
from dynbench.batch import Batch, Floats, Integers
from dynbench.dynamics.base import Dynamics
from dynbench.kernels.noise import streams, uniforms
from dynbench.kernels.rewrite import plain
from dynbench.losses.base import Loss
from dynbench.theory.nystrom import OutOfReach

MAIN, PILOT = 2.0**900, 2.0**901  # first words of the streams: no trajectory starts there
SHARE, LEAST, MOST = 0.3, 0.1, 0.6  # of a stage's paths that pass: aimed at, and allowed
TRIES = 12  # of a level
SCOUTS = 1000, 8000  # paths of the pilot run, and of a second one if they are too few
SMALLEST, CREEP = 1e-60, 1e-9  # nothing is estimated below such a p, or where levels are as near as that
SCORED = 1000  # starts whose score is looked at
LEAPT = 0.6  # share of passages that leapt over a level before, from which steps are coarse
COARSE = (
    "single steps climb several T (h |grad L|²/T is large on the way out) and leap over levels: take the exact chain "
    "of python -m dynbench.theory where there is one, else ask for a smaller step or for many more paths"
)


@dataclass(frozen=True, eq=False)
class Problem:
    """Whether a noisy rule leaves the basin of its starts within `steps` steps."""

    loss: Loss
    dynamics: Dynamics
    parameters: tuple[float, ...]  # the loss's, then the rule's
    lr: float
    temperature: float
    gradient_noise: float
    starts: Floats  # (dim, m), each as likely as the others
    steps: int
    seed: int
    workers: int
    progress: Callable[[int], object] | None = None  # told of steps as they are made

    @cached_property
    def well(self) -> tuple[Floats, Floats, Floats]:
        """Walls below, minimum, walls above (dim, 1) of the starts' basin; nan where the loss's score is asked."""
        none = np.full((len(self.starts), 1), nan)
        if self.loss.score is not None:
            return none, none, none
        if not self.loss.tensor:
            raise ValueError(f"{self.loss.name} knows no walls of its basins: it needs a `score` (see losses/base.py)")
        walls, order, columns = (-inf, *self.loss.separators, inf), self.loss.wells, []
        for row in self.starts:
            place = bisect_right(self.loss.separators, row[0])
            if not ((row >= walls[place]) & (row < walls[place + 1])).all():
                raise ValueError("the starts lie in several basins")
            columns.append((walls[place], self.loss.minima[order[place]].x[0], walls[place + 1]))
        lo, middle, hi = np.array(columns).T[:, :, None]
        if not (np.isfinite(lo) | np.isfinite(hi)).any():
            raise ValueError(f"there is no way out of this basin of {self.loss.name}")
        return lo, middle, hi

    @property
    def lowest(self) -> float:
        """A score that every start has or exceeds."""
        if self.loss.score is None:
            return 0.0
        score, own = plain(self.loss.score), self.parameters[: len(self.loss.parameters)]
        return min(0.0, *(score(x, *own) for x in self.starts.T[:SCORED].tolist()))

    def limits(self, z: float, budget: Integers) -> Limits:
        """Where a path passes the level z: at 1, exactly where it leaves the basin."""
        lo, middle, hi = self.well
        if z < 1.0:
            lo, hi = middle - z * (middle - lo), middle + z * (hi - middle)
        shape = len(self.starts), len(budget)
        level = None if self.loss.score is None else np.full(len(budget), z)
        below, above = (np.ascontiguousarray(np.broadcast_to(side, shape)) for side in (lo, hi))
        return Limits(below, above, budget, level)


@dataclass(frozen=True)
class Crowd:
    """The paths of a stage that passed, replicate by replicate."""

    replicate: Integers  # (k,), ascending
    ancestor: Integers  # (k,), number of the path that it descends from in the first stage
    time: Integers  # (k,), steps since the start
    x: Floats  # (dim, k)
    memory: Floats  # (state * dim, k)


@dataclass(frozen=True)
class Stage:
    crowd: Crowd
    hits: Integers  # (replicates,)
    spent: int  # steps
    leapt: int  # of the hits, those of paths that were beyond the level already where they passed the one before


def stage(
    problem: Problem, z: float, number: int, crowd: Crowd | None, replicates: range, effort: int, tag: float = MAIN
) -> Stage:
    """`effort` paths for each replicate that is left, from the crowd (None: the starts), up to the level z.

    Noise and draws are functions of (seed, tag, stage, replicate, clone) alone.
    """
    left = np.array(replicates) if crowd is None else np.unique(crowd.replicate)
    replicate, clone = np.repeat(left, effort), np.tile(np.arange(effort), len(left))
    words = np.stack([np.full(len(clone), tag), np.full(len(clone), float(number)), replicate.astype(float)])
    stream = streams(words, clone)
    u = uniforms(stream, 0, number, problem.seed)
    memory = None
    if crowd is None:  # stratified: each start is as likely as the others, and comes up as often
        count = problem.starts.shape[1]
        parent = np.minimum(((clone + u) * (count / effort)).astype(np.int64), count - 1)
        x, time, ancestor = problem.starts[:, parent], np.zeros(len(clone), np.int64), clone
    else:
        first, last = (np.searchsorted(crowd.replicate, replicate, side) for side in ("left", "right"))
        parent = np.minimum(first + ((clone + u) * ((last - first) / effort)).astype(np.int64), last - 1)
        x, time, ancestor = crowd.x[:, parent], crowd.time[parent], crowd.ancestor[parent]
        memory = crowd.memory[:, parent]
    order = np.argsort(time, kind="stable")  # like budgets side by side
    back = np.argsort(order, kind="stable")
    n = len(order)
    batch = Batch(
        x0=np.ascontiguousarray(x[:, order]),
        parameters=np.repeat(np.array(problem.parameters, float)[:, None], n, axis=1),
        lr=np.full(n, problem.lr),
        temperature=np.full(n, problem.temperature),
        gradient_noise=np.full(n, problem.gradient_noise),
        stream=stream[order],
        basin=np.zeros(n, np.int64),  # nothing here asks for it
        seed=problem.seed,
    )
    kept = None if memory is None else np.ascontiguousarray(memory[:, order])
    limits = problem.limits(z, problem.steps - time[order])
    ends = first_passages(problem.loss, problem.dynamics, batch, limits, kept, problem.workers)
    through = back[ends.passed[back]]  # places in `order` of those that passed, replicate by replicate again
    which = order[through]
    survivors = Crowd(
        replicate[which],
        ancestor[which],
        time[which] + ends.step[through],
        ends.x[:, through],
        ends.memory[:, through],
    )
    hits = np.bincount(survivors.replicate - replicates.start, minlength=len(replicates))
    if problem.progress is not None:
        problem.progress(int(ends.step.sum()))
    return Stage(survivors, hits, int(ends.step.sum()), int((ends.step[through] == 0).sum()))


@dataclass(frozen=True)
class Levels:
    z: tuple[float, ...]  # ascending, the last is 1: out of the basin
    each: int  # steps that one path a stage takes, over all stages
    spent: int  # steps that it took to find them


class NotReached(OutOfReach):
    """Splitting does not come to the edge of the basin; `spent`: the steps that it took to see that."""

    def __init__(self, message: str, spent: int):
        super().__init__(message)
        self.spent = spent


def levels_of(problem: Problem) -> Levels:
    """Levels from a pilot run, or from a larger one where that comes to a halt.  Raises NotReached where that does."""
    try:
        return pilot(problem, SCOUTS[0])
    except NotReached as error:
        first = error.spent
    try:
        levels = pilot(problem, SCOUTS[1])
    except NotReached as error:
        raise NotReached(str(error), first + error.spent) from None
    return replace(levels, spent=first + levels.spent)


def pilot(problem: Problem, effort: int) -> Levels:
    """Levels that about SHARE of the paths pass, from a run with noise of its own.

    Raises NotReached where p is hopelessly small, or where the paths that come first to the next level come to all
    levels just at the end of their time: then the time left would have to be part of the score.
    """
    z, rise, p = problem.lowest, 0.5, 1.0
    levels: list[float] = []
    crowd: Crowd | None = None
    spent, useful, leapt, passed = 0, 0, 0, 0
    while z < 1.0:
        low, high, found = z, inf, None
        for _ in range(TRIES):
            up = min(z + rise, 1.0)
            tried = stage(problem, up, len(levels), crowd, range(1), effort, PILOT)
            spent += tried.spent
            share = float(tried.hits[0]) / effort
            if share >= LEAST:
                found, low = (up, tried), up
                if share <= MOST or up == 1.0:
                    break
            else:
                high = up
            wanted = log(SHARE) / log(share) if 0.0 < share < 1.0 else 4.0 * share
            rise = min(max(wanted, 0.25), 4.0) * (up - z)
            if not low < z + rise < high:  # the secant has overshot what is known
                rise = (low + high) / 2.0 - z if isfinite(high) else 2.0 * (low - z)
        if found is None or p < SMALLEST or found[0] - z < CREEP:
            told = f"splitting comes to a score of {z:.3g} of 1 only, with a probability of about {p:.1e}"
            raise NotReached(told + f"; {COARSE}" * (leapt > LEAPT * passed), spent)
        rise = found[0] - z
        z, crowd = found[0], found[1].crowd
        levels.append(z)
        useful += found[1].spent
        leapt, passed = leapt + found[1].leapt, passed + int(found[1].hits[0])
        p *= float(found[1].hits[0]) / effort
    return Levels(tuple(levels), useful // effort, spent)
