"""Work of a fixed kind for the benchmarks.  asv runs `setup` again before every timed call, so it is kept."""

import functools
import os
import tempfile

import numpy as np

SEED = 20260101
os.environ.setdefault("DYNBENCH_CACHE", f"{tempfile.gettempdir()}/dynbench-asv")


@functools.cache
def work(loss_name, rule_name, dim=1, temperature=0.0, count=6400, **parameters):
    """A loss, a rule and `count` trajectories from uniform starts; compiled and run once."""
    from dynbench import find, label
    from dynbench.backends.cpu import Cpu
    from dynbench.batch import Batch
    from dynbench.kernels.noise import streams

    loss, rule = find.loss(loss_name, dim), find.dynamics(rule_name)
    box = np.array(loss.box(dim))
    x0 = np.random.default_rng(SEED).uniform(box[:, :1], box[:, 1:], (dim, count))
    values = dict(loss.parameters) | dict(rule.parameters) | parameters
    columns = np.array([[v] * count for v in values.values()]).reshape(len(values), count)
    lr = 0.001 if loss_name == "rastrigin" else 0.01
    batch = Batch(
        x0, columns, np.full(count, lr), np.full(count, temperature), np.zeros(count),
        streams(x0, np.zeros(count, np.int64)), label(loss, x0), SEED,
    )  # fmt: skip
    backend = Cpu(1)
    backend.run(loss, rule, batch, 10)
    return backend, loss, rule, batch
