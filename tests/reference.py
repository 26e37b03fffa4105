"""The slow and obvious truth: one trajectory at a time, every test at every step, in plain Python.

It runs the same text as the kernels (after `rewrite.plain`) and shares no other code with them.
"""

import math

import numpy as np

from dynbench.batch import Batch, Endings
from dynbench.dynamics.base import Dynamics
from dynbench.kernels import noise
from dynbench.kernels.rewrite import plain
from dynbench.losses.base import Loss
from dynbench.outcomes.label import label as label_of
from dynbench.scale import rise

CENSORED, CONVERGED, ABSORBED, CYCLING, STALLED, DIVERGED = range(6)


def evaluate(loss: Loss, x: list[float], parameters: list[float]) -> tuple[float, list[float]]:
    g = [0.0] * len(x)
    if loss.value_grad is not None:
        return plain(loss.value_grad)(x, g, *parameters), g
    return plain(loss.value)(x[0], *parameters), [plain(loss.grad)(x[0], *parameters)]


def norm_of(g: list[float]) -> float:
    if len(g) == 1:
        return abs(g[0])
    total = 0.0
    for component in g:
        total = total + component * component
    return math.sqrt(total)


def beyond(x: list[float], loss: Loss) -> bool:
    """Whether x is not finite, or more than 1e6 half-widths of the domain from its centre in a coordinate."""
    for c, (lo, hi) in zip(x, loss.box(len(x)), strict=True):
        centre, reach = (lo + hi) / 2.0, 1e6 * ((hi - lo) / 2.0)
        if not centre - reach <= c <= centre + reach:
            return True
    return False


def core_of(loss: Loss, x: list[float], value: float) -> int:
    """Label of the core that holds x, -1 outside all: 0.1 of the lowest barrier above its minimum."""
    if not loss.minima or len(loss.minima) == 1:
        return -1
    if loss.tensor:
        order = loss.wells
        places = [sum(s <= c for s in loss.separators) for c in x]
        floor, margin = 0.0, math.inf
        for place in places:
            floor += loss.minima[order[place]].value
            margin = min(margin, 0.1 * loss.minima[order[place]].barrier)
        return loss.basin(x) if value - floor <= margin else -1
    for label, minimum in enumerate(loss.minima):
        q = 0.0
        for a in range(len(x)):
            for b in range(len(x)):
                q += (x[a] - minimum.x[a]) * minimum.hessian[a][b] * (x[b] - minimum.x[b])
        if q <= 2.0 * (0.1 * minimum.barrier):
            return label
    return -1


def right_of(loss: Loss, c: float) -> float:
    """A coordinate, or the next float where it lies exactly on a wall: on its way it counts to the right."""
    return math.nextafter(c, math.inf) if c in loss.separators else c


def is_global(loss: Loss, x: list[float]) -> bool:
    """Whether every coordinate lies in a well whose minimum is the lowest (those of the losses here differ by more
    than rounding, or not at all)."""
    wells = [loss.minima[loss.wells[sum(s <= c for s in loss.separators)]] for c in x]
    return all(well.value == min(m.value for m in loss.minima) for well in wells)


def trajectory(loss: Loss, dynamics: Dynamics, batch: Batch, n: int, steps: int, targets: list[float]) -> dict:
    dim = len(batch.x0)
    x = [float(v) for v in batch.x0[:, n]]
    every = [float(v) for v in batch.parameters[:, n]]
    of_loss, of_rule = every[: len(loss.parameters)], every[len(loss.parameters) :]
    lr, temperature, s = float(batch.lr[n]), float(batch.temperature[n]), float(batch.gradient_noise[n])
    amplitude = math.sqrt(2.0 * temperature * lr)
    stream, seed = int(batch.stream.view(np.int64)[n]), int(np.uint64(batch.seed).view(np.int64))
    start = int(batch.basin[n])
    memory = plain(dynamics.start)(lr, *of_rule) if dynamics.start else ()
    states = [tuple(memory) for _ in range(dim)]
    step = plain(dynamics.step)
    history, gradients, path = [list(x)], [], [list(x)]
    out = {"t_exit": -1, "t_commit": -1, "t_hit": [-1] * len(targets), "status": None, "best": math.inf}
    out |= {"crossings": 0, "last_crossing": -1, "global_steps": 0, "t_best": 0, "limited": 0, "t_diverged": -1}
    label = start
    for k in range(steps + 1):
        value, g = evaluate(loss, x, of_loss)
        if beyond(x, loss) or not math.isfinite(value):
            out["status"], out["t_diverged"] = DIVERGED, k
            break
        now = loss.basin([right_of(loss, c) for c in x]) if loss.tensor else label
        label = now if start < 0 and k == 0 else label
        if now != label:
            out["crossings"] += 1
            out["last_crossing"] = k
            label = now
        if now != start and start >= 0 and out["t_exit"] < 0:
            out["t_exit"] = k
        core = core_of(loss, x, value)
        if core >= 0 and core != start and out["t_commit"] < 0:
            out["t_commit"] = k
        out["global_steps"] += loss.tensor and is_global(loss, x)
        for j, target in enumerate(targets):
            if out["t_hit"][j] < 0 and value <= loss.minimum_value + target:
                out["t_hit"][j] = k
        if value < out["best"]:
            out["t_best"] = k
        out["best"] = value if value < out["best"] else out["best"]
        if k == steps:
            break
        gradients.append(list(g))
        if s != 0.0:
            for d in range(dim):
                g[d] = g[d] + s * noise.normals(k // 2, d | 0x80000000, stream, seed)[k % 2]
        norm = norm_of(g)
        if dynamics.limited is not None:
            out["limited"] += bool(plain(dynamics.limited)(x[0], g[0], value, norm, lr, states[0], *of_rule))
        moved = []
        for d in range(dim):
            dx, states[d] = step(x[d], g[d], value, norm, lr, states[d], *of_rule)
            y = x[d] + dx
            if amplitude != 0.0:
                y = y + amplitude * noise.normals(k // 2, d, stream, seed)[k % 2]
            moved.append(y)
        x = moved
        history.append(list(x))
    path = history
    out["cycle_period"] = -1
    if out["status"] is None:
        out["status"], out["cycle_period"] = status(loss, path, gradients, steps)
    final = loss.basin(x) if loss.tensor else label
    if loss.minima and not loss.tensor:  # as `label` has it, which tests/judge.py holds against an ODE solver
        labels = label_of(loss, np.array(path).T)
        outside = np.flatnonzero(labels != start) if start >= 0 else []
        last = math.inf if out["t_diverged"] < 0 else out["t_diverged"]
        out["t_exit"] = int(outside[0]) if len(outside) and outside[0] < last else -1
        final = int(labels[-1])
    final = -1 if out["status"] == DIVERGED else final
    return out | {"basin": final, "value": value, "x": x, "path": path}


def status(loss: Loss, path: list[list[float]], gradients: list[list[float]], steps: int) -> tuple[int, int]:
    """(status, period).  A small step: |dx_d| <= 1e-10 half-widths of the domain; a small gradient: |g_d| <= 1e-8 rise
    / half-width.  A period p: all x_k of the last 100 steps are as near to x_(k-p)."""
    first = max(steps - 100, 0)
    kept = max(first - 64, 0)
    half = [(hi - lo) / 2.0 for lo, hi in loss.box(len(path[0]))]
    window = range(first + 1, steps + 1)

    def near(k: int, j: int) -> bool:
        return all(abs(a - b) <= 1e-10 * h for a, b, h in zip(path[k], path[j], half, strict=True))

    close = []
    for k in window:
        flat = all(abs(g) <= 1e-8 * rise(loss) / h for g, h in zip(gradients[k - 1], half, strict=True))
        close.append((path[k] == path[k - 1], near(k, k - 1), flat))
    still, small, flat = (all(c) for c in zip(*close, strict=True))
    if still and flat:
        return ABSORBED, 1
    if small:
        return CONVERGED if flat else STALLED, 1
    for p in range(2, min(64, steps // 2) + 1):
        if all(near(k, k - p) for k in window if k - p >= kept):
            return CYCLING, p
    return CENSORED, -1


def assert_same(
    endings: Endings, loss: Loss, dynamics: Dynamics, batch: Batch, steps: int, targets: list[float]
) -> None:
    """Every column equal to the last bit."""
    with np.errstate(all="ignore"):
        truth = [trajectory(loss, dynamics, batch, n, steps, targets) for n in range(len(batch))]
    for name in ("t_exit", "t_diverged", "t_commit", "status", "basin", "value", "best"):
        np.testing.assert_array_equal(getattr(endings, name), [t[name] for t in truth], err_msg=name)
    np.testing.assert_array_equal(endings.t_hit.T, [t["t_hit"] for t in truth])
    np.testing.assert_array_equal(endings.x.T, [t["x"] for t in truth])
    for name, column in endings.records.items():
        np.testing.assert_array_equal(column, [t[name] for t in truth], err_msg=name)
    for n in range(len(endings.paths)):
        got = endings.paths[n, :, :-1]
        np.testing.assert_array_equal(got[: len(truth[n]["path"])], truth[n]["path"])
