"""pynamicalsys: a custom map for `DiscreteDynamicalSystem.trajectory`, which runs ensembles in parallel by Numba.

The map's state is x and all that is recorded; only the last state of each trajectory is kept (`transient_time`).
"""

from collections.abc import Callable

import numpy as np
from numba import njit, set_num_threads
from pynamicalsys import DiscreteDynamicalSystem

from suites.peers.loops import core
from suites.peers.works import Ends, Missing, Work

A, B, R, S = 0.406929669182746417, 1.84307033081725358, 3.09307033081725358, 0.232675827043133956


@njit
def quartic(state, p):
    """(x, L, left, k, exit, commit, hit, best) and (lr, cap, amplitude, target, floors, margins), last round's L."""
    new = state.copy()
    x, left, k = state[0], state[2] != 0.0, state[3]
    value = (x - A) ** 2 * ((x - R) ** 2 + S)
    if (x < B) != left:
        if state[4] < 0:
            new[4] = k
        well = 0 if x < B else 1
        if state[5] < 0 and value - p[4 + well] <= p[6 + well]:
            new[5] = k
    if value <= p[3] and state[6] < 0:
        new[6] = k
    new[1], new[3], new[7] = value, k + 1, min(state[7], value)
    g = 4.0 * (x - A) * (x - B) * (x - 3.0)
    if np.isnan(p[1]):
        x -= p[0] * g
    elif g != 0.0:
        x -= p[0] * np.sign(g) * min(1.0 / abs(g), p[1]) * value
    if p[2] > 0.0:
        x += p[2] * np.random.standard_normal()  # noqa: NPY002 (what Numba knows)
    new[0] = x
    return new


@njit
def himmelblau(state, p):
    """(x, y, L, start, k, commit, hit, best) and (lr, cap, target, margins, centres, hessians)."""
    new = state.copy()
    x, y, k = state[0], state[1], state[4]
    u, v = x**2 + y - 11, x + y**2 - 7
    value = u**2 + v**2
    if state[5] < 0:
        now = core(x, y, p[7:15].reshape(4, 2), p[15:31].reshape(4, 2, 2), p[3:7])
        if now >= 0 and now != state[3]:
            new[5] = k
    if value <= p[2] and state[6] < 0:
        new[6] = k
    new[2], new[4], new[7] = value, k + 1, min(state[7], value)
    gx, gy = 4 * x * u + 2 * v, 2 * u + 4 * y * v
    norm = np.sqrt(gx**2 + gy**2)
    if norm > 0.0:
        size = p[0] * value * min(1.0 / norm, p[1]) / norm
        new[0] -= size * gx
        new[1] -= size * gy
    return new


def ready(work: Work, threads: int) -> Callable[[], Ends]:
    """Raises Missing for Adam, whose state would be of 50 numbers, copied at every step."""
    set_num_threads(threads)
    never, p, n = np.full(len(work), -1.0), work.parameters, len(work)
    records = [never, never, never, np.full(n, np.inf)]
    if work.loss.name == "quartic":
        left = (work.x0[0] < work.separators[0]).astype(float)
        columns = [work.x0[0], np.zeros(n), left, np.zeros(n), *records]
        rest = [work.lr, p.get("cap", np.nan), work.amplitude, work.target, *work.floors, *work.margins]
        mapping = quartic
    elif work.name == "capped-himmelblau":
        columns = [*work.x0, np.zeros(n), work.basin.astype(float), np.zeros(n), *records[1:]]
        rest = [work.lr, p["cap"], work.target, *work.margins, *work.centres.ravel(), *work.hessians.ravel()]
        mapping = himmelblau
    else:
        raise Missing(f"{work.rule.name}'s memory and walls would have to be part of the map's state")
    start = np.ascontiguousarray(np.stack(columns, axis=1))
    given = np.array(rest)
    system = DiscreteDynamicalSystem(mapping=mapping, system_dimension=start.shape[1], number_of_parameters=given.size)

    def run() -> Ends:
        last = system.trajectory(start, work.steps, parameters=given, transient_time=work.steps - 1)
        seen = np.array([mapping(row, given) for row in last])  # x_steps is recorded, and not moved
        times = [np.rint(column).astype(np.int64) for column in seen[:, -4:-1].T]
        t_exit = times[0] if mapping is quartic else times[1]
        value = seen[:, 1 if mapping is quartic else 2]
        return Ends(t_exit, times[1], times[2], seen[:, -1], value, np.ascontiguousarray(last[:, : work.dim].T))

    return run
