"""Labels and exits by an ODE solver of the gradient flow (scipy's DOP853), which shares no code with the engine's own.

A point's flow dx/dt = -grad L is followed until it is near a minimum that the loss lists.  Points go in batches, as one
system of differential equations; the gradient is plain NumPy over the loss's own text.
"""

from functools import cache
from types import FunctionType

import numpy as np
from scipy.integrate import solve_ivp

from dynbench.losses.base import Loss

BATCH = 400
TOLERANCE = 1e-11
NEAR = 1e-2  # times the domain's half-widths: so near a minimum that no boundary is nearer (the losses here)
LOST = -1


@cache
def vectorised(function):
    """The function with NumPy's exp for math's, so that it takes arrays."""
    return FunctionType(function.__code__, {**function.__globals__, "math": np}, None, function.__defaults__)


def gradient(loss: Loss, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """L (n,) and grad L (dim, n) at the columns of x."""
    g = np.empty_like(x)
    return vectorised(loss.value_grad)(x, g, *loss.parameters.values()), g


def labels(loss: Loss, x: np.ndarray, tolerance: float = TOLERANCE) -> np.ndarray:
    """The minimum to which the flow from each column of x (dim, n) leads; LOST if to none of those listed."""
    found = np.full(x.shape[1], LOST)
    _, g = gradient(loss, x)
    order = np.argsort(np.linalg.norm(g, axis=0))  # those of a batch take steps of about the same length
    for first in range(0, len(order), BATCH):
        chosen = order[first : first + BATCH]
        found[chosen] = batch_labels(loss, x[:, chosen], tolerance)
    return found


def batch_labels(loss: Loss, x: np.ndarray, tolerance: float) -> np.ndarray:
    half = np.diff(np.array(loss.box(loss.dim)))[:, 0] / 2.0
    minima = np.array([m.x for m in loss.minima])
    rate = min(min(m.curvatures) for m in loss.minima)
    found, going = np.full(x.shape[1], LOST), np.arange(x.shape[1])
    for _ in range(40):  # until the last, in ever fewer
        shape = x.shape

        def slope(_, z, shape=shape):
            return -gradient(loss, z.reshape(shape))[1].ravel()

        with np.errstate(over="ignore", invalid="ignore"):  # of a step that is tried and then shortened
            ended = solve_ivp(slope, (0.0, 3.0 / rate), x.ravel(), method="DOP853", rtol=tolerance, atol=tolerance)
        assert ended.success, ended.message
        x = ended.y[:, -1].reshape(shape)
        away = np.abs((x.T[:, None, :] - minima[None]) / half).max(axis=2)
        arrived = away.min(axis=1) < NEAR
        found[going[arrived]] = away.argmin(axis=1)[arrived]
        x, going = x[:, ~arrived], going[~arrived]
        if not len(going):
            break
    return found


def floor_of(loss: Loss) -> float:
    """Well below the lowest pass: there every connected set of points holds one minimum."""
    return min(m.value + 0.8 * m.barrier for m in loss.minima)


def asked(loss: Loss, path: np.ndarray, floor: float) -> np.ndarray:
    """The steps of a path (steps + 1, dim) at which the label may differ from the one before: those above the floor,
    and those that were reached from the step before across it."""
    value, _ = gradient(loss, path.T)
    high = ~(value < floor)
    u = np.linspace(0.0, 1.0, 12)[1:-1]
    between = path[:-1, :, None] + np.diff(path, axis=0)[:, :, None] * u
    crossed = np.zeros(len(path), bool)
    crossed[1:] = (
        (gradient(loss, between.transpose(1, 0, 2).reshape(path.shape[1], -1))[0] >= floor)
        .reshape(-1, len(u))
        .any(axis=1)
    )
    after = np.zeros(len(path), bool)
    after[1:] = high[:-1]  # down again: from here on the label stays until it is high
    return high | crossed | after


def exits(loss: Loss, paths: np.ndarray, start: np.ndarray) -> np.ndarray:
    """The first step of each path (n, steps + 1, dim) whose label is not that of `start` (n,); -1 for never.

    The steps asked of all paths are labelled together, the early ones first, as most paths need no more.
    """
    floor = floor_of(loss)
    found, steps = np.full(len(paths), -1), paths.shape[1]
    queries = [np.flatnonzero(asked(loss, path, floor)) for path in paths]
    for first in range(0, steps, 100):
        open_ = [n for n in range(len(paths)) if found[n] < 0]
        pairs = [(n, k) for n in open_ for k in queries[n] if first <= k < first + 100]
        if not pairs:
            continue
        rows, at = np.array(pairs).T
        label = labels(loss, paths[rows, at].T)
        for n, k, here in zip(rows, at, label, strict=True):
            if here != start[n] and found[n] < 0:
                found[n] = k
    return found
