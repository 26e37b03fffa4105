"""Who is compared: one module a peer, with `ready(work, threads)`, compiled and set up outside of the timed call."""

import importlib
from dataclasses import dataclass

from suites.peers.works import Ready


@dataclass(frozen=True)
class Peer:
    """`share` of a work's trajectories, for the slow: the rate is of updates, so it may be measured on fewer."""

    title: str
    module: str
    share: float = 1.0
    function: str = "ready"
    single: bool = False  # whether it knows one thread only

    def load(self) -> Ready:
        """Raises ImportError where an optional library is not installed."""
        found: Ready = getattr(importlib.import_module(f"suites.peers.{self.module}"), self.function)
        return found


PEERS = {
    "dynbench": Peer("dynbench", "dynbench_"),
    "c": Peer("C, strict", "c"),
    "c-intrinsics": Peer("C, strict, AVX-512 intrinsics", "c", function="ready_intrinsics"),
    "c-fast": Peer("C, -ffast-math", "c", function="ready_fast"),
    "numba": Peer("Numba, scalar loop", "numba_", 1 / 8),
    "jax": Peer("JAX, jit + vmap + fori_loop", "jax_", 1 / 8),
    "torch": Peer("PyTorch, eager", "torch_", 1 / 8),
    "torch-compile": Peer("PyTorch, torch.compile", "torch_compiled", 1 / 8),
    "numpy": Peer("NumPy", "numpy_", 1 / 8, single=True),
    "diffrax": Peer("diffrax", "diffrax_", 1 / 64),
    "pynamicalsys": Peer("pynamicalsys", "pynamicalsys_", 1 / 64),
}
