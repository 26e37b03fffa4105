"""Peak memory of a process, its compiled kernels and libraries included: what is compiled is so before."""

import tempfile

from .common import offered, work
from .tables import sweep


class Memory:
    """A million short trajectories: in a batch, and in a run that keeps only its cells."""

    timeout = 300.0
    version = "2"

    def setup(self):
        work("quartic", "capped")
        offered("dynbench", "run")

    def peakmem_batch(self):
        backend, loss, rule, batch = work("quartic", "capped", count=1_000_000)
        backend.run(loss, rule, batch, 10)

    def peakmem_run(self):
        with tempfile.TemporaryDirectory() as folder:
            offered("dynbench", "run")(sweep(100, 10_000, 10, keep="cells"), folder, workers=1)
