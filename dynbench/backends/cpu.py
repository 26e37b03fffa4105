"""The CPU backend: threads over slices of a batch; the kernels hold no lock while they run."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from dynbench.backends.basins import basins, exact_labels
from dynbench.backends.passage import found_again
from dynbench.backends.tables import home, sphere, tables, tolerances
from dynbench.backends.threads import slices, threads
from dynbench.batch import Batch, Endings, Integers
from dynbench.dynamics.base import Dynamics
from dynbench.kernels.link import link
from dynbench.kernels.step import RECORDS, Variant
from dynbench.losses.base import Loss


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True)
class Cpu:
    """`workers` threads (default: one a core); `progress(updates)` is told as slices end; `stop[0] = 1` interrupts."""

    workers: int = field(default_factory=cores)
    progress: Callable[[int], object] | None = None
    stop: Integers | None = None

    def run(
        self,
        loss: Loss,
        dynamics: Dynamics,
        batch: Batch,
        steps: int,
        targets: Sequence[float] = (1e-3,),
        record: Sequence[str] = (),
        paths: int = 0,
        early: bool = True,
    ) -> Endings:
        """See backends.base.  An interrupt stops every thread within PERIOD steps of a block."""
        assert loss.dim is not None
        known = None if loss.tensor or not loss.minima else basins(loss)  # to be kept while the kernel reads it
        noise = bool(batch.temperature.any()), bool(batch.gradient_noise.any())
        variant = Variant(*noise, tuple(record), bounded=not exact_labels(loss))
        kernel = link(loss, dynamics, variant)
        count, dim = len(batch), loss.dim
        order = np.argsort(targets)[::-1]
        levels = loss.minimum_value + np.array(targets, float)[order]
        kinds = 6 + (len(RECORDS) if record else 0)
        times, reached = np.empty((kinds, count), np.int64), np.empty((len(targets), count), np.int64)
        times[4] = -1  # of rows that an interrupt leaves out, nothing is asked again
        ends, kept = np.empty((2 + dim, count)), np.empty((min(paths, count), steps + 1, dim + 1))
        columns = (
            batch.x0,
            batch.parameters,
            batch.lr,
            batch.temperature,
            batch.gradient_noise,
            batch.stream.view(np.int64),
            batch.basin,
        )
        stop = np.zeros(1, np.int64)
        seed, outputs = int(np.uint64(batch.seed).view(np.int64)), (times, reached, ends)
        arrays = (*tables(loss), home(loss) if known is None else known.numbers)
        bounds = (*sphere(loss), *tolerances(loss))
        slice_of = kernel(columns, steps, seed, levels, arrays, bounds, outputs, kept, int(early), stop)
        ranges = slices(count, steps, dim, self.workers)
        updates = threads(slice_of, ranges, self.workers, stop, self.progress, self.stop)
        lost = np.flatnonzero(times[4] < -1)  # see `ends.lose`
        if lost.size:
            times[4, lost] = -2 - times[4, lost]
            ends[1, lost], ends[2:, lost] = found_again(
                loss, dynamics, variant, batch, lost, times[4, lost], self.workers
            )
        hit = reached if len(targets) == 1 else reached[np.argsort(order)]
        records = dict(zip(RECORDS, times[6:], strict=bool(record)))
        return Endings(
            t_exit=times[0], t_exit_lo=times[0] if known is None else times[5], t_exit_hi=times[0],
            t_diverged=times[4], t_commit=times[1], t_hit=hit, status=times[2], basin=times[3],
            value=ends[0], best=ends[1], x=ends[2:], records={name: records[name] for name in record}, paths=kept,
            updates=updates,
        )  # fmt: skip
