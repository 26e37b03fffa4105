"""First passages on the CPU: trajectories that end where they leave a box, or pass a level of the loss's score.

What a `Batch` starts is run as by `backends.cpu`, with the same bits of noise; only when it ends is another matter.
"""

from dataclasses import dataclass

import numpy as np

from dynbench.backends.tables import sphere
from dynbench.backends.threads import slices, threads
from dynbench.batch import Batch, Floats, Integers
from dynbench.dynamics.base import Dynamics
from dynbench.kernels.link import link_passage
from dynbench.kernels.shape import PASSED, STATUSES
from dynbench.kernels.step import Variant
from dynbench.losses.base import Loss

ENDED = (*STATUSES, "passed")
assert ENDED[PASSED] == "passed"


@dataclass(frozen=True)
class Limits:
    """Where each of n trajectories ends: outside [lo, hi), where score(x) > level, or after its budget."""

    lo: Floats  # (dim, n); nan: no wall
    hi: Floats  # (dim, n)
    budget: Integers  # (n,), in steps
    level: Floats | None = None  # (n,) of the loss's `score`; None: it is not asked


@dataclass(frozen=True)
class Passages:
    """How n trajectories ended: x_k is the first to pass, k = 0 included."""

    step: Integers  # (n,), k
    status: Integers  # (n,), place in ENDED: passed, censored (its budget is spent) or diverged
    value: Floats  # (n,), L(x_k)
    best: Floats  # (n,), lowest L on the way, before it diverged; where no score is asked
    x: Floats  # (dim, n)
    memory: Floats  # (state * dim, n), what the rule remembers there

    @property
    def passed(self) -> np.ndarray:
        return self.status == PASSED


def first_passages(
    loss: Loss, dynamics: Dynamics, batch: Batch, limits: Limits, memory: Floats | None = None, workers: int = 1
) -> Passages:
    """Runs each trajectory up to its first passage; `memory`: to go on with, where the rule does not start afresh.

    A leap beyond the sphere (1e6 half-widths), or to where L is not finite, is no passage: it has diverged.
    Raises ValueError for a budget below 0.
    """
    variant = Variant(bool(batch.temperature.any()), bool(batch.gradient_noise.any()), (), limits.level is not None)
    return passages(loss, dynamics, variant, batch, limits, memory, workers)


def passages(
    loss: Loss, dynamics: Dynamics, variant: Variant, batch: Batch, limits: Limits, memory: Floats | None, workers: int
) -> Passages:
    """First passages by the kernel of a variant."""
    assert loss.dim is not None
    if (limits.budget < 0).any():
        raise ValueError("a budget is a number of steps, 0 or more")
    kernel, shape = link_passage(loss, dynamics, variant)
    count, dim = len(batch), loss.dim
    noise = batch.temperature, batch.gradient_noise, batch.stream.view(np.int64)
    columns = (batch.x0, batch.parameters, batch.lr, *noise)
    level = np.full(count, np.nan) if limits.level is None else limits.level
    going_on = np.empty((shape.state * dim, 0)) if memory is None else memory
    limit = (limits.lo, np.nextafter(limits.hi, -np.inf), level, going_on, limits.budget)
    times, ends = np.empty((2, count), np.int64), np.empty((2 + (1 + shape.state) * dim, count))
    times[0] = 0  # of rows that an interrupt leaves out, nothing is asked again
    stop, seed = np.zeros(1, np.int64), int(np.uint64(batch.seed).view(np.int64))
    slice_of = kernel(columns, limit, seed, sphere(loss), (times, ends), stop)
    longest = int(limits.budget.max(initial=0))
    threads(slice_of, slices(count, longest, dim, workers), workers, stop)
    lost = np.flatnonzero(times[0] < 0)  # see `lose` of the kernel
    if lost.size:
        lo, hi = (np.ascontiguousarray(limit[:, lost]) for limit in (limits.lo, limits.hi))
        given = Limits(lo, hi, -2 - times[0, lost], level[lost])
        kept = None if memory is None else np.ascontiguousarray(memory[:, lost])
        again = passages(loss, dynamics, variant, rows_of(batch, lost), given, kept, workers)
        times[:, lost] = again.step, again.status
        ends[:, lost] = np.vstack([again.value, again.best, again.x, again.memory])
    return Passages(times[0], times[1], ends[0], ends[1], ends[2 : 2 + dim], ends[2 + dim :])


def rows_of(batch: Batch, rows: Integers) -> Batch:
    """Some rows of a batch, as a batch."""
    return Batch(
        x0=np.ascontiguousarray(batch.x0[:, rows]),
        parameters=np.ascontiguousarray(batch.parameters[:, rows]),
        lr=batch.lr[rows],
        temperature=batch.temperature[rows],
        gradient_noise=batch.gradient_noise[rows],
        stream=batch.stream[rows],
        basin=batch.basin[rows],
        seed=batch.seed,
    )


def found_again(
    loss: Loss, dynamics: Dynamics, variant: Variant, batch: Batch, rows: Integers, steps: Integers, workers: int
) -> tuple[Floats, Floats]:
    """(lowest L before, x (dim, m)) of those rows that have diverged at those steps, where L is not finite but x is."""
    nowhere = np.full((loss.dim or 1, len(rows)), np.nan)
    found = passages(loss, dynamics, variant, rows_of(batch, rows), Limits(nowhere, nowhere, steps), None, workers)
    return found.best, found.x
