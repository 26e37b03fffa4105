"""NumPy: whole-array steps, in pieces that stay in the cache."""

from collections.abc import Callable

import numpy as np

from suites.peers.arrays import Formulas
from suites.peers.works import Ends, Missing, Work, parts

PIECE = 4096  # trajectories: all arrays of a step within the second-level cache


def ready(work: Work, threads: int) -> Callable[[], Ends]:
    """Raises Missing for more than one thread."""
    if threads > 1:
        raise Missing("NumPy's elementwise loops run on one thread")
    pieces = parts(work, max(1, PIECE // work.dim))

    def run() -> Ends:
        random = np.random.default_rng(work.seed)
        return Ends.joined([walk(piece, random) for piece in pieces])

    return run


def walk(work: Work, random: np.random.Generator) -> Ends:
    """One piece."""
    formulas = Formulas(np, work, np.asarray)
    n, x, target = len(work), work.x0.copy(), work.target
    left, right = (work.left, work.right) if work.separators.size else (x, x)
    t_exit, t_commit, t_hit = (np.full(n, -1) for _ in range(3))
    best, memory = np.full(n, np.inf), formulas.memory(x)
    for k in range(work.steps + 1):
        value, g = formulas.value_grad(x)
        if work.separators.size:
            out = formulas.outside(x, left, right)
            t_exit[out & (t_exit < 0)] = k
            asked = np.flatnonzero(out & (t_commit < 0))
            if asked.size:
                t_commit[asked[formulas.in_core(x[:, asked], value[asked])]] = k
        else:
            out = formulas.other_core(x, work.basin)
            t_commit[out & (t_commit < 0)] = k
        t_hit[(value <= target) & (t_hit < 0)] = k
        np.minimum(best, value, out=best)
        if k < work.steps:
            x, memory = formulas.move(x, value, g, memory, k)
            if work.temperature:
                x += work.amplitude * random.standard_normal(x.shape)
    return Ends(t_exit if work.separators.size else t_commit, t_commit, t_hit, best, value, x)
