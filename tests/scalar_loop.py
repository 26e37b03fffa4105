"""The loop that a user would write with Numba: one trajectory after another, the same things recorded.

The yardstick of tests/kernels/test_speed.py.  Nothing here is clumsy on purpose.
"""

import numpy as np
from numba import njit


@njit
def capped_quartic(x0, lr, cap, wall, floors, margins, target, steps):
    a, b, r, s = 0.406929669182746417, 1.84307033081725358, 3.09307033081725358, 0.232675827043133956
    n = x0.size
    t_exit, t_commit, t_hit = np.full(n, -1), np.full(n, -1), np.full(n, -1)
    best, last = np.full(n, np.inf), np.empty(n)
    for i in range(n):
        x = x0[i]
        left = x < wall
        for k in range(steps + 1):
            value = (x - a) ** 2 * ((x - r) ** 2 + s)
            if (x < wall) != left:
                if t_exit[i] < 0:
                    t_exit[i] = k
                well = 0 if x < wall else 1
                if t_commit[i] < 0 and value - floors[well] <= margins[well]:
                    t_commit[i] = k
            if value <= target and t_hit[i] < 0:
                t_hit[i] = k
            if value < best[i]:
                best[i] = value
            if k < steps:
                g = 4.0 * (x - a) * (x - b) * (x - 3.0)
                if g != 0.0:
                    x -= lr * np.sign(g) * min(1.0 / abs(g), cap) * value
        last[i] = x
    return t_exit, t_commit, t_hit, best, last


@njit
def core(x, y, centres, hessians, margins):
    for j in range(len(centres)):
        u, v = x - centres[j, 0], y - centres[j, 1]
        if hessians[j, 0, 0] * u * u + 2 * hessians[j, 0, 1] * u * v + hessians[j, 1, 1] * v * v <= 2 * margins[j]:
            return j
    return -1


@njit
def capped_himmelblau(x0, lr, cap, start, centres, hessians, margins, target, steps):
    n = x0.shape[1]
    t_commit, t_hit = np.full(n, -1), np.full(n, -1)
    best, last = np.full(n, np.inf), np.empty((2, n))
    for i in range(n):
        x, y = x0[0, i], x0[1, i]
        for k in range(steps + 1):
            u, v = x**2 + y - 11, x + y**2 - 7
            value = u**2 + v**2
            if t_commit[i] < 0:
                now = core(x, y, centres, hessians, margins)
                if now >= 0 and now != start[i]:
                    t_commit[i] = k
            if value <= target and t_hit[i] < 0:
                t_hit[i] = k
            if value < best[i]:
                best[i] = value
            if k < steps:
                gx, gy = 4 * x * u + 2 * v, 2 * u + 4 * y * v
                norm = np.sqrt(gx**2 + gy**2)
                if norm > 0.0:
                    size = lr * value * min(1.0 / norm, cap) / norm
                    x -= size * gx
                    y -= size * gy
        last[0, i], last[1, i] = x, y
    return t_commit, t_commit, t_hit, best, last


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
