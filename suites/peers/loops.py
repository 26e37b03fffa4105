"""The loops that a user would write with Numba: one trajectory after another, the same things recorded.

Nothing here is clumsy on purpose.  They are plain functions: `numba_` compiles them with `parallel=True`, the tests
without (`prange` is `range` then).
"""

import numpy as np
from numba import njit, prange


def capped_quartic(x0, lr, cap, temperature, wall, floors, margins, target, steps):
    """Without a cap (`cap` is nan) gradient descent, which takes noise: x += sqrt(2 T h) normal."""
    a, b, r, s = 0.406929669182746417, 1.84307033081725358, 3.09307033081725358, 0.232675827043133956
    n = x0.size
    t_exit, t_commit, t_hit = np.full(n, -1), np.full(n, -1), np.full(n, -1)
    best, final, last = np.full(n, np.inf), np.empty(n), np.empty(n)
    capped, amplitude = not np.isnan(cap), np.sqrt(2.0 * temperature * lr)
    for i in prange(n):
        x, value = x0[i], 0.0
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
                if not capped:
                    x -= lr * g
                elif g != 0.0:
                    x -= lr * np.sign(g) * min(1.0 / abs(g), cap) * value
                if amplitude > 0.0:
                    x += amplitude * np.random.standard_normal()  # noqa: NPY002 (what Numba knows)
        final[i], last[i] = value, x
    return t_exit, t_commit, t_hit, best, final, last


@njit(cache=True)
def core(x, y, centres, hessians, margins):
    """The core that holds (x, y), -1 outside all."""
    for j in range(len(centres)):
        u, v = x - centres[j, 0], y - centres[j, 1]
        if hessians[j, 0, 0] * u * u + 2 * hessians[j, 0, 1] * u * v + hessians[j, 1, 1] * v * v <= 2 * margins[j]:
            return j
    return -1


def capped_himmelblau(x0, lr, cap, start, centres, hessians, margins, target, steps):
    """Here a trajectory has left where it has committed."""
    n = x0.shape[1]
    t_commit, t_hit = np.full(n, -1), np.full(n, -1)
    best, final, last = np.full(n, np.inf), np.empty(n), np.empty((2, n))
    for i in prange(n):
        x, y, value = x0[0, i], x0[1, i], 0.0
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
        final[i], last[0, i], last[1, i] = value, x, y
    return t_commit, t_commit, t_hit, best, final, last


def adam_rastrigin(x0, left, right, lr, beta1, beta2, eps, separators, floors, margins, target, steps):
    """Once a trajectory is out of its start's well, its well is looked up until it has committed."""
    dim, n = x0.shape
    t_exit, t_commit, t_hit = np.full(n, -1), np.full(n, -1), np.full(n, -1)
    best, final, last = np.full(n, np.inf), np.empty(n), np.empty((dim, n))
    for i in prange(n):
        x, m, v = x0[:, i].copy(), np.zeros(dim), np.zeros(dim)
        value = 0.0
        for k in range(steps + 1):
            value, out = 0.0, False
            for d in range(dim):
                value += x[d] ** 2 + 10.0 - 10.0 * np.cos(2 * np.pi * x[d])
                out = out or x[d] < left[d, i] or x[d] >= right[d, i]
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
                    g = 2 * x[d] + 20 * np.pi * np.sin(2 * np.pi * x[d])
                    m[d] = beta1 * m[d] + (1 - beta1) * g
                    v[d] = beta2 * v[d] + (1 - beta2) * g**2
                    mean, square = m[d] / (1 - beta1 ** (k + 1)), v[d] / (1 - beta2 ** (k + 1))
                    x[d] -= lr * mean / (np.sqrt(square) + eps)
        final[i], last[:, i] = value, x
    return t_exit, t_commit, t_hit, best, final, last
