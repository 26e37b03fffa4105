"""JAX: one step of one trajectory, `vmap` over trajectories, `fori_loop` over steps, all within one `jit`, in 64 bits.

Pieces follow one another within a thread (`lax.map`), so that a step's arrays stay in the cache; threads are XLA's
host devices, each with its share of the pieces (`shard_map`).
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax, random
from jax.sharding import Mesh, PartitionSpec

from suites.peers.arrays import Formulas
from suites.peers.works import Ends, Work

PIECE = 4096


def ready(work: Work, threads: int) -> Callable[[], Ends]:
    """`threads` is the number of devices that XLA_FLAGS gives, in the environment."""
    jax.config.update("jax_enable_x64", True)
    n, size = len(work), min(PIECE, -(-len(work) // threads))
    count = -(-n // (size * threads)) * threads  # pieces: as many for every thread
    rows = np.minimum(np.arange(count * size), n - 1)  # spare ones repeat the last

    def pieces(columns: Any) -> Any:
        """(..., n) -> (pieces, size, ...): the trajectory is the axis of vmap."""
        return jnp.asarray(np.moveaxis(columns[..., rows], -1, 0).reshape(count, size, *columns.shape[:-1]))

    walls = (work.left, work.right) if work.separators.size else (work.x0, work.x0)
    keys = random.split(random.key(work.seed), count)
    given = (*(pieces(columns) for columns in (work.x0, *walls, work.basin)), keys)
    mesh = Mesh(np.array(jax.devices()[:threads]), ("thread",))
    spec = PartitionSpec("thread")

    def each(*shares: Any) -> Any:
        return lax.map(lambda piece: walk(work, *piece), shares)

    run_all = jax.jit(jax.shard_map(each, mesh=mesh, in_specs=spec, out_specs=spec, check_vma=False))
    compiled = run_all.lower(*given).compile()

    def run() -> Ends:
        *rest, x = (np.asarray(a).reshape(count * size, *a.shape[2:])[:n] for a in compiled(*given))
        t_exit, t_commit, t_hit, best, value = rest
        return Ends(t_exit, t_commit, t_hit, best, value, np.ascontiguousarray(x.T))

    return run


def walk(work: Work, x0: Any, left: Any, right: Any, start: Any, key: Any) -> Any:
    """One piece: x0 (size, dim).  The six columns of `Ends`."""
    formulas = Formulas(jnp, work, jnp.asarray)
    walled, late = bool(work.separators.size), work.dim > 4  # late: the well is looked up where somebody is out only

    def record(x: Any, lo: Any, hi: Any, basin: Any, seen: Any, k: Any) -> Any:
        t_exit, t_commit, t_hit, best = seen
        value, g = formulas.value_grad(x)
        out = formulas.outside(x, lo, hi) if walled else formulas.other_core(x, basin)
        inside = out if not walled or late else out & formulas.in_core(x, value)
        t_exit = jnp.where(out & (t_exit < 0), k, t_exit)
        asked = inside & (t_commit < 0)
        t_commit = t_commit if late else jnp.where(asked, k, t_commit)
        t_hit = jnp.where((value <= work.target) & (t_hit < 0), k, t_hit)
        return value, g, asked, (t_exit, t_commit, t_hit, jnp.minimum(best, value))

    def look(x: Any, seen: Any, k: Any) -> Any:
        value, g, asked, seen = jax.vmap(record, (0, 0, 0, 0, 0, None))(x, left, right, start, seen, k)
        if not late:
            return value, g, seen
        core = lax.cond(asked.any(), jax.vmap(formulas.in_core), lambda _, value: value < -1.0, x, value)
        return value, g, (seen[0], jnp.where(asked & core, k, seen[1]), *seen[2:])

    def step(k: Any, state: Any) -> Any:
        x, memory, seen = state
        value, g, seen = look(x, seen, k)
        x, memory = jax.vmap(formulas.move, (0, 0, 0, 0, None))(x, value, g, memory, k)
        if work.temperature:
            x = x + work.amplitude * random.normal(random.fold_in(key, k), x.shape)
        return x, memory, seen

    never = jnp.full(x0.shape[0], -1)
    seen = (never, never, never, jnp.full(x0.shape[0], jnp.inf))
    x, _, seen = lax.fori_loop(0, work.steps, step, (x0, formulas.memory(x0), seen))
    value, _, seen = look(x, seen, work.steps)
    return *seen, value, x
