"""What goes into a backend, and what comes out: columns, one entry a trajectory."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Batch:
    """n trajectories to start: C-contiguous columns of float64 unless said otherwise."""

    x0: Floats  # (dim, n)
    parameters: Floats  # (p, n), the loss's parameters and then the rule's
    lr: Floats  # (n,), Euler step h
    temperature: Floats  # (n,), T in x += sqrt(2 T h) * normal; 0: none
    gradient_noise: Floats  # (n,), s in g += s * normal, before the norm is taken; 0: none
    stream: NDArray[np.uint64]  # (n,), each trajectory's own random stream
    basin: Integers  # (n,), label of the start's basin, -1 where not known
    seed: int = 0  # master seed of the noise

    def __len__(self) -> int:
        return len(self.lr)


@dataclass(frozen=True)
class Endings:
    """How n trajectories went.  Times are in steps (the state after k updates; x0 is k = 0), -1 for never."""

    t_exit: Integers  # (n,), first step outside the start's basin; where only bounds are known, t_exit_hi
    t_exit_lo: Integers  # (n,), first step that may be outside; t_exit where labels are exact
    t_exit_hi: Integers  # (n,), first step that is certainly outside; t_exit where labels are exact
    t_diverged: Integers  # (n,), first step at which x is not finite or too far out, or L is not finite
    t_commit: Integers  # (n,), first step inside another minimum's core
    t_hit: Integers  # (J, n), first step with L - Lmin <= target j
    status: Integers  # (n,), place in STATUSES
    basin: Integers  # (n,), label at the end; -1 where not known
    value: Floats  # (n,), L at the end
    best: Floats  # (n,), lowest L on the way
    x: Floats  # (dim, n), where it ended
    records: dict[str, Integers]  # (n,) each, the optional quantities asked for
    paths: Floats  # (m, steps + 1, dim + 1), the first m trajectories whole: x, and L last
    updates: int  # steps really simulated, summed over trajectories
