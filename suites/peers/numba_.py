"""Numba as anyone would write it: `@njit(parallel=True)`, `prange` over trajectories, `np.random` for noise."""

from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from suites.peers import loops
from suites.peers.works import Ends, Missing, Work

compiled = numba.njit(parallel=True, cache=True)


def ready(work: Work, threads: int) -> Callable[[], Ends]:
    """`threads` is NUMBA_NUM_THREADS as well, in the environment."""
    numba.set_num_threads(threads)
    p, common = work.parameters, (work.target, work.steps)
    given: tuple[Any, ...]
    if work.loss.name == "quartic":
        loop = compiled(loops.capped_quartic)
        cap = p.get("cap", np.nan)
        given = (work.x0[0], work.lr, cap, work.temperature, work.separators[0], work.floors, work.margins)
    elif work.name == "capped-himmelblau":
        loop = compiled(loops.capped_himmelblau)
        given = (work.x0, work.lr, p["cap"], work.basin, work.centres, work.hessians, work.margins)
    elif work.name == "adam-rastrigin":
        loop = compiled(loops.adam_rastrigin)
        rule = (work.lr, p["beta1"], p["beta2"], p["eps"])
        given = (work.x0, work.left, work.right, *rule, work.separators, work.floors, work.margins)
    else:
        raise Missing(f"{work.name} is not written for Numba")

    def run() -> Ends:
        t_exit, t_commit, t_hit, best, value, x = loop(*given, *common)
        return Ends(t_exit, t_commit, t_hit, best, value, np.atleast_2d(x))

    return run
