"""PyTorch, eager: whole-tensor steps in 64 bits, without autograd (the gradient is given, as to all)."""

from collections.abc import Callable

import numpy as np
import torch

from suites.peers.arrays import Formulas
from suites.peers.works import Ends, Work, parts

PIECE = 16384  # trajectories: more make an operation's own cost small, fewer stay in the cache


def ready(work: Work, threads: int) -> Callable[[], Ends]:
    """`threads` for PyTorch's own loops over elements."""
    torch.set_num_threads(threads)
    pieces = parts(work, max(1, PIECE // work.dim))

    def run() -> Ends:
        torch.manual_seed(work.seed)
        with torch.inference_mode():
            return Ends.joined([walk(piece) for piece in pieces])

    return run


def put(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(array))


def walk(work: Work) -> Ends:
    """One piece."""
    formulas = Formulas(torch, work, put)
    walled, x, n = bool(work.separators.size), put(work.x0), len(work)
    left, right = (put(work.left), put(work.right)) if walled else (x, x)
    start = put(work.basin)
    t_exit, t_commit, t_hit = (torch.full((n,), -1) for _ in range(3))
    best, memory = torch.full((n,), torch.inf, dtype=torch.float64), formulas.memory(x)
    for k in range(work.steps + 1):
        value, g = formulas.value_grad(x)
        out = formulas.outside(x, left, right) if walled else formulas.other_core(x, start)
        t_exit.masked_fill_(out & (t_exit < 0), k)
        if not walled:
            t_commit = t_exit
        elif work.dim == 1:
            t_commit.masked_fill_(out & (t_commit < 0) & formulas.in_core(x, value), k)
        else:
            asked = torch.nonzero(out & (t_commit < 0))[:, 0]
            if len(asked):
                t_commit[asked[formulas.in_core(x[:, asked], value[asked])]] = k
        t_hit.masked_fill_((value <= work.target) & (t_hit < 0), k)
        best = torch.minimum(best, value)
        if k < work.steps:
            x, memory = formulas.move(x, value, g, memory, k)
            if work.temperature:
                x += work.amplitude * torch.randn(x.shape, dtype=torch.float64)
    return Ends(*(a.numpy() for a in (t_exit, t_commit, t_hit, best, value, x)))
