"""The loops that a user would write with Numba, on one core: one trajectory after another, the same things recorded.

The yardstick of suites/speed_promises.py; the first two are those of suites/peers.
"""

import numpy as np
from numba import njit

from suites.peers import loops

quartic, himmelblau = njit(loops.capped_quartic), njit(loops.capped_himmelblau)


def capped_quartic(x0, lr, cap, wall, floors, margins, target, steps):
    t_exit, t_commit, t_hit, best, _, last = quartic(x0, lr, cap, 0.0, wall, floors, margins, target, steps)
    return t_exit, t_commit, t_hit, best, last


def capped_himmelblau(x0, lr, cap, start, centres, hessians, margins, target, steps):
    t_exit, t_commit, t_hit, best, _, last = himmelblau(x0, lr, cap, start, centres, hessians, margins, target, steps)
    return t_exit, t_commit, t_hit, best, last


@njit
def gradient_rastrigin(x0, lr, separators, floors, margins, target, steps):
    """Once a trajectory is out of its start's well, its well is looked up until it has committed."""
    dim, n = x0.shape
    t_exit, t_commit, t_hit = np.full(n, -1), np.full(n, -1), np.full(n, -1)
    best, last = np.full(n, np.inf), np.empty((dim, n))
    x, lo, hi = np.empty(dim), np.empty(dim), np.empty(dim)
    for i in range(n):
        for d in range(dim):
            x[d] = x0[d, i]
            place = np.searchsorted(separators, x[d], side="right")
            lo[d] = separators[place - 1] if place > 0 else -np.inf
            hi[d] = separators[place] if place < separators.size else np.inf
        for k in range(steps + 1):
            value, out = 0.0, False
            for d in range(dim):
                value += x[d] ** 2 + 10.0 - 10.0 * np.cos(2 * np.pi * x[d])
                out = out or x[d] < lo[d] or x[d] >= hi[d]
            if out and t_exit[i] < 0:
                t_exit[i] = k
            if out and t_commit[i] < 0:
                floor, margin = 0.0, np.inf
                for d in range(dim):
                    place = np.searchsorted(separators, x[d], side="right")
                    floor += floors[place]
                    margin = min(margin, margins[place])
                if value - floor <= margin:
                    t_commit[i] = k
            if value <= target and t_hit[i] < 0:
                t_hit[i] = k
            if value < best[i]:
                best[i] = value
            if k < steps:
                for d in range(dim):
                    x[d] -= lr * (2 * x[d] + 20 * np.pi * np.sin(2 * np.pi * x[d]))
        last[:, i] = x
    return t_exit, t_commit, t_hit, best, last
