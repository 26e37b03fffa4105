"""One commit's kernels, timed on request: the parent's copy, run as a script with the commit's tree in PYTHONPATH.

It reads `work JSON` and `run` from stdin, one a line, and answers each with one line: the updates of a repetition, or
the seconds of one.  It uses only what every commit has under the same name, and fills Batch by the names of its fields.
"""

import inspect
import json
import os
import sys
import time
from dataclasses import MISSING, fields

SEED = 20260101


def batch_of(loss, rule, x0, lr, temperature):
    """The commit's own Batch; raises ValueError where it asks for a column that is not known here."""
    import numpy as np

    from dynbench import label
    from dynbench.batch import Batch
    from dynbench.kernels.noise import streams

    n = x0.shape[1]
    given = [*dict(loss.parameters).values(), *dict(rule.parameters).values()]
    numbers = [value if isinstance(value, int | float) else loss.minimum_value for value in given]
    known = {
        "x0": x0,
        "parameters": np.repeat(np.array(numbers, float).reshape(-1, 1), n, axis=1),
        "lr": np.full(n, lr),
        "temperature": np.full(n, temperature),
        "gradient_noise": np.zeros(n),
        "stream": streams(x0, np.zeros(n, np.int64)),
        "basin": label(loss, x0),
        "seed": SEED,
    }
    for field in fields(Batch):
        if field.name not in known and field.default is MISSING and field.default_factory is MISSING:
            raise ValueError(f"Batch wants {field.name}, which suites/speed_child.py does not know")
    return Batch(**{field.name: known[field.name] for field in fields(Batch) if field.name in known})


def ready(told):
    """(one repetition, its updates), compiled and run once."""
    import numpy as np

    from dynbench import find
    from dynbench.backends.cpu import Cpu

    dim, n, steps = told["dim"], told["count"], told["steps"]
    loss, rule = find.loss(told["loss"], dim), find.dynamics(told["rule"])
    box = np.array(loss.box(dim))
    x0 = np.random.default_rng(SEED).uniform(box[:, :1], box[:, 1:], (dim, n))
    batch, backend = batch_of(loss, rule, x0, told["lr"], told["temperature"]), Cpu(1)
    options = {"early": False} if "early" in inspect.signature(backend.run).parameters else {}
    backend.run(loss, rule, batch, 10, **options)
    return lambda: backend.run(loss, rule, batch, steps, **options), n * steps * dim


def main():
    if hasattr(os, "sched_setaffinity"):  # both commits on one core, one after the other
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    call = None
    for line in sys.stdin:
        kind, _, told = line.strip().partition(" ")
        if kind == "work":
            call, updates = ready(json.loads(told))
            print(updates, flush=True)
        elif call is not None:
            begun = time.process_time()  # of all threads: what other programs take meanwhile is not in it
            call()
            print(time.process_time() - begun, flush=True)


if __name__ == "__main__":
    main()
