"""What a backend is: anything that can run a batch of trajectories."""

from collections.abc import Sequence
from typing import Protocol

from dynbench.batch import Batch, Endings
from dynbench.dynamics.base import Dynamics
from dynbench.losses.base import Loss


class Backend(Protocol):
    """Runs a batch.  The same batch gives the same bits on every backend, whatever its workers and slices."""

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
        """`targets` of L - Lmin; `record`: optional quantities; `paths`: how many to keep; `early`: exact exit."""
        ...
