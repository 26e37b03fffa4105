"""python -m suites.peers.child WORK PEER THREADS REPEATS ENDS: one peer in a process of its own.

WORK: a pickled work, made by the parent just now.  ENDS: an .npz to write what came out, "-" for none.  The last line
on stdout is JSON: the seconds of every call, or why there are none.
"""

import json
import os
import pickle
import sys
import time
from pathlib import Path
from typing import Any

SHORT = 256, 10  # trajectories and steps of the short run, in which rounding has not yet grown


def confine(threads: int) -> None:
    """One thread: one core, whatever a library thinks of its number of threads."""
    if threads == 1 and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def measured(path: str, name: str, threads: int, repeats: int, target: str) -> dict[str, Any]:
    """{"seconds": [...]}, or {"missing": why}."""
    import numpy as np

    from suites.peers.peers import PEERS
    from suites.peers.works import Missing, part

    work = pickle.loads(Path(path).read_bytes())
    try:
        ready = PEERS[name].load()
        run = ready(work, threads)
        ends = run()
        seconds = []
        for _ in range(repeats):
            begun = time.perf_counter()
            run()
            seconds.append(time.perf_counter() - begun)
        if target != "-":
            short = ready(part(work, *SHORT), threads)()
            np.savez(target, **vars(ends), short=short.x)
    except Missing as why:
        return {"missing": str(why)}
    except ModuleNotFoundError as why:
        return {"missing": f"{why.name} is not installed"}
    return {"seconds": seconds}


def main(arguments: list[str]) -> int:
    path, name, threads, repeats, target = arguments
    confine(int(threads))
    print("\n" + json.dumps(measured(path, name, int(threads), int(repeats), target)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
