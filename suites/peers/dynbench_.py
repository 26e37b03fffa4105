"""dynbench itself: strict IEEE lanes, one thread a slice of the batch."""

from collections.abc import Callable

from dynbench.backends.cpu import Cpu
from suites.peers.works import TARGET, Ends, Work


def ready(work: Work, threads: int) -> Callable[[], Ends]:
    """Compiled; exact early exit is off, so that every peer does the same updates."""
    backend, batch = Cpu(threads), work.batch

    def run() -> Ends:
        e = backend.run(work.loss, work.rule, batch, work.steps, targets=(TARGET,), early=False)
        # the others know no basins but by walls: where there are none, having left is having committed
        t_exit = e.t_exit if work.separators.size else e.t_commit
        return Ends(t_exit, e.t_commit, e.t_hit[0], e.best, e.value, e.x)

    return run
