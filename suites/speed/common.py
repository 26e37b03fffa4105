"""Work of a fixed kind for the benchmarks, a private cache for its kernels, and the clock."""

import functools
import importlib
import os
import stat
import tempfile
import time
from pathlib import Path

import numpy as np

SEED = 20260101
COORDINATES = 6400  # of all trajectories of a batch together
REPEATS = 5


def private_cache(parent=None):
    """A folder for kernels that only this user can write to, one for each commit, so that none finds another's.

    Files in it are run as code, and the shared temporary folder is everybody's.  Raises PermissionError where another
    user has taken the name.
    """
    user = getattr(os, "getuid", lambda: 0)()
    folder = Path(parent or tempfile.gettempdir()) / f"dynbench-speed-{user}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or (os.name == "posix" and (found.st_uid != user or found.st_mode & 0o077)):
        raise PermissionError(f"{folder} is not a private folder of this user: remove it or set DYNBENCH_CACHE")
    return folder / os.environ.get("ASV_COMMIT", "tree")


if "ASV" in os.environ and "DYNBENCH_CACHE" not in os.environ:  # asv sets it
    os.environ["DYNBENCH_CACHE"] = str(private_cache())


def offered(module, name):
    """`name` of a module of dynbench; NotImplementedError, which tells asv to skip, where the commit lacks it."""
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise NotImplementedError(f"this commit has no {module}.{name}") from error


def batch(loss, rule, x0, lr, temperature=0.0, gradient_noise=0.0):
    """One trajectory for each column of x0 (dim, n), with the default parameters."""
    from dynbench import label
    from dynbench.batch import Batch
    from dynbench.kernels.noise import streams

    count = x0.shape[1]
    values = dict(loss.parameters) | dict(rule.parameters)
    columns = np.array([[v] * count for v in values.values()]).reshape(len(values), count)
    return Batch(
        x0, columns, np.full(count, lr), np.full(count, temperature), np.full(count, gradient_noise),
        streams(x0, np.zeros(count, np.int64)), label(loss, x0), SEED,
    )  # fmt: skip


@functools.cache
def work(loss_name, rule_name, dim=1, temperature=0.0, gradient_noise=0.0, count=0):
    """One core, a loss, a rule and trajectories from uniform starts over the domain; compiled and run once."""
    find = offered("dynbench", "find")
    try:
        loss, rule = find.loss(loss_name, dim), find.dynamics(rule_name)
    except ValueError as error:  # no such name, or not in this dimension
        raise NotImplementedError(f"this commit has no {rule_name} on {loss_name}: {error}") from error
    box = np.array(loss.box(dim))
    count = count or max(COORDINATES // dim // 64, 1) * 64
    x0 = np.random.default_rng(SEED).uniform(box[:, :1], box[:, 1:], (dim, count))
    made = batch(loss, rule, x0, 0.001 if loss_name == "rastrigin" else 0.01, temperature, gradient_noise)
    backend = offered("dynbench.backends.cpu", "Cpu")(1)
    backend.run(loss, rule, made, 10)
    return backend, loss, rule, made


def least(call, repeats=REPEATS):
    """The shortest time of one call, in nanoseconds: whatever else a machine does can only lengthen it."""
    taken = []
    for _ in range(repeats):
        begun = time.perf_counter()
        call()
        taken.append(time.perf_counter() - begun)
    return 1e9 * min(taken)
