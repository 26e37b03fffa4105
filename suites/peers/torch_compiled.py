"""PyTorch, `torch.compile`: one step becomes one loop of compiled C++; the loop over steps is Python's."""

from collections.abc import Callable
from typing import Any

import torch

from suites.peers.arrays import Formulas
from suites.peers.torch_ import PIECE, put
from suites.peers.works import Ends, Work, parts


def ready(work: Work, threads: int) -> Callable[[], Ends]:
    """`threads` for the compiled loops."""
    torch.set_num_threads(threads)
    pieces = parts(work, max(1, PIECE // work.dim))
    step = torch.compile(stepper(work), dynamic=False)

    def run() -> Ends:
        torch.manual_seed(work.seed)
        with torch.inference_mode():
            return Ends.joined([walk(piece, step) for piece in pieces])

    return run


def stepper(work: Work) -> Callable[..., Any]:
    """x_k, memory and records -> those of k + 1; `k` is a tensor, that another k is not another function."""
    formulas, walled = Formulas(torch, work, put), bool(work.separators.size)
    target, amplitude = work.target, work.amplitude

    def step(x: Any, memory: Any, seen: Any, k: Any, basins: Any) -> Any:
        t_exit, t_commit, t_hit, best = seen
        value, g = formulas.value_grad(x)
        out = formulas.outside(x, *basins) if walled else formulas.other_core(x, *basins)
        inside = out & formulas.in_core(x, value) if walled else out
        t_exit = torch.where(out & (t_exit < 0), k, t_exit)
        t_commit = torch.where(inside & (t_commit < 0), k, t_commit)
        t_hit = torch.where((value <= target) & (t_hit < 0), k, t_hit)
        x, memory = formulas.move(x, value, g, memory, k.double())
        if amplitude:
            x = x + amplitude * torch.randn(x.shape, dtype=torch.float64)
        return x, memory, (t_exit, t_commit, t_hit, torch.minimum(best, value)), value

    return step


def walk(work: Work, step: Callable[..., Any]) -> Ends:
    """One piece; what the last call moves x by is dropped."""
    n, x = len(work), put(work.x0)
    basins = (put(work.left), put(work.right)) if work.separators.size else (put(work.basin),)
    never = torch.full((n,), -1)
    seen = (never, never, never, torch.full((n,), torch.inf, dtype=torch.float64))
    memory = Formulas(torch, work, put).memory(x)
    last, value = x, x
    for k in torch.arange(work.steps + 1).unbind():
        last = x
        x, memory, seen, value = step(x, memory, seen, k, basins)
    return Ends(*(a.numpy() for a in (*seen, value, last)))
