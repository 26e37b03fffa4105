"""Compiles kernels ahead of time, several processes at once: compilation holds the interpreter's lock."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from dynbench.kernels.link import load


def compiled(path: Path) -> bool:
    """Whether Numba has kept all of this module's functions beside it (else loading it compiles)."""
    kept = len(list((path.parent / "__pycache__").glob(f"{path.stem}.*.nbi")))
    return kept >= path.read_text(encoding="utf-8").count("cache=True")


def compile_all(paths: Sequence[Path], workers: int) -> int:
    """Loads every module; those not yet compiled are shared between processes.  How many had to be compiled.

    This process begins with the first, which had better be the longest; the others deal out the rest from the back.
    """
    missing = [path for path in paths if not compiled(path)]
    rest = missing[:0:-1]
    shares = [rest[k :: workers - 1] for k in range(min(workers - 1, len(rest)))]
    helpers = [
        subprocess.Popen(
            [sys.executable, "-m", "dynbench.kernels.compile", *map(str, share)],
            stderr=subprocess.DEVNULL,  # what fails there fails here again, and is told once
            start_new_session=True,  # an interrupt is for this process, which ends the others
        )
        for share in shares
    ]
    try:
        for path in missing:
            if not compiled(path):
                load(path)
        for helper in helpers:
            helper.wait()
    finally:
        for helper in helpers:
            helper.kill()
            helper.wait()
    for path in paths:
        load(path)
    return len(missing)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        if not compiled(Path(name)):
            load(Path(name))
