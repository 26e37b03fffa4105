"""diffrax: Euler steps of the flow (Euler & Maruyama where there is noise), a whole piece being one state.

The unit of time is a step, so that times are exact.  diffrax records paths, so the times and the lowest value are
taken from whole paths afterwards, within the same `jit`.
"""

from collections.abc import Callable
from typing import Any

import diffrax
import jax
import jax.numpy as jnp
import lineax
import numpy as np
from jax import random

from suites.peers.arrays import Formulas
from suites.peers.works import Ends, Missing, Work, parts

PIECE = 512  # trajectories: a path of 2500 steps takes 20 kB a coordinate


def ready(work: Work, threads: int) -> Callable[[], Ends]:
    """Raises Missing for a rule that is no Euler step of a differential equation.

    `threads` is the number of devices that XLA_FLAGS gives; pieces are dealt out among them, and run at once.
    """
    if work.rule.name not in ("capped", "gradient"):
        raise Missing(f"{work.rule.name} is not the Euler step of a differential equation in x")
    jax.config.update("jax_enable_x64", True)
    pieces = parts(work, PIECE)
    keys = random.split(random.key(work.seed), len(pieces))
    walk, devices = jax.jit(lambda key, *piece: solve(work, key, *piece)), jax.devices()[:threads]
    given = [
        jax.device_put((key, *columns(piece)), devices[i % threads])
        for i, (key, piece) in enumerate(zip(keys, pieces, strict=True))
    ]

    def run() -> Ends:
        found = [walk(*piece) for piece in given]
        return Ends.joined([Ends(*(np.asarray(column) for column in piece)) for piece in found])

    return run


def columns(work: Work) -> tuple[np.ndarray, ...]:
    walls = (work.left, work.right) if work.separators.size else (work.x0, work.x0)
    return work.x0, *walls, work.basin


def solve(work: Work, key: Any, x0: Any, left: Any, right: Any, start: Any) -> Any:
    """One piece: x0 (dim, n).  The six columns of `Ends`."""
    formulas = Formulas(jnp, work, jnp.asarray)

    def drift(_: Any, x: Any, __: Any) -> Any:
        value, g = formulas.value_grad(x)
        return formulas.move(x, value, g, (), 0)[0] - x

    terms: Any = diffrax.ODETerm(drift)
    if work.temperature:
        brownian = diffrax.UnsafeBrownianPath(x0.shape, key)
        diagonal = lineax.DiagonalLinearOperator(jnp.full(x0.shape, work.amplitude))
        noise = diffrax.ControlTerm(lambda *_: diagonal, brownian)
        terms = diffrax.MultiTerm(terms, noise)
    path = diffrax.diffeqsolve(
        terms, diffrax.Euler(), 0.0, float(work.steps), 1.0, x0,
        saveat=diffrax.SaveAt(t0=True, steps=True), max_steps=work.steps, adjoint=diffrax.ForwardMode(),
    ).ys  # fmt: skip
    assert path is not None
    value = jax.vmap(lambda x: formulas.value_grad(x)[0])(path)
    if work.separators.size:
        out = jax.vmap(lambda x: formulas.outside(x, left, right))(path)
        inside = out & jax.vmap(formulas.in_core)(path, value)
    else:
        out = inside = jax.vmap(lambda x: formulas.other_core(x, start))(path)
    times = [first(met) for met in (out, inside, value <= work.target)]
    return *times, value.min(0), value[-1], path[-1]


def first(met: Any) -> Any:
    """Place of the first True of each column, -1 where there is none."""
    return jnp.where(met.any(0), jnp.argmax(met, 0), -1)
