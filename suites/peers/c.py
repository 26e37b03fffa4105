"""C by GCC: strict (the same bits as dynbench) and with -ffast-math, from the same texts in c/.

`-fno-math-errno -fno-trapping-math -mprefer-vector-width=512` change no result; without them GCC leaves some loops in
halves or unvectorised, and an expert would not.
"""

import ctypes
import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np

from dynbench.backends.tables import tables
from dynbench.kernels.link import cache_directory
from suites.peers.works import Ends, Missing, Work

HERE = Path(__file__).parent / "c"
STRICT, FAST = "-ffp-contract=off", "-ffast-math"
FLAGS = ("-O3", "-march=native", "-fno-math-errno", "-fno-trapping-math", "-mprefer-vector-width=512", "-fopenmp")
POINTERS = {"parameters", "separators", "floors", "margins", "centres", "hessians", "halves", "stream", "basin"}
FLOATS = {"lr", "amplitude", "target"}
FIELDS = (
    "x0", "n", "steps", "count", "seed", "lr", "amplitude", "target", "parameters", "separators", "floors", "margins",
    "centres", "hessians", "halves", "stream", "basin", "t_exit", "t_commit", "t_hit", "best", "value", "x",
)  # fmt: skip


def kind(name: str) -> type:
    if name in FLOATS:
        return ctypes.c_double
    return ctypes.c_int64 if name in ("n", "steps", "count", "seed") else ctypes.c_void_p


class Given(ctypes.Structure):
    """`Work` of c/record.h."""

    _fields_ = [(name, kind(name)) for name in FIELDS]  # noqa: RUF012 (ctypes wants a list)


def build(name: str, arithmetic: str) -> Path:
    """The shared library of a work, compiled once: it is named by the hash of its texts and flags."""
    source = HERE / f"{name.replace('-', '_')}.c"
    if not source.exists():
        raise Missing(f"{name} is not written in C")
    gcc = shutil.which("gcc")
    if gcc is None:
        raise Missing("gcc is not on the PATH")
    command = [gcc, *FLAGS, arithmetic, "-shared", "-fPIC", str(source), "-lm"]
    texts = b"".join(file.read_bytes() for file in [source, *sorted(HERE.glob("*.h"))])
    folder = cache_directory()
    path = folder / f"peer_{hashlib.sha256(texts + ' '.join(command).encode()).hexdigest()[:20]}.so"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}.part")
        made = subprocess.run([*command, "-o", str(part)], capture_output=True, text=True)
        if made.returncode:
            raise Missing(f"gcc: {(made.stderr.strip() or 'failed').splitlines()[-1]}")
        part.replace(path)
    return path


def prepare(work: Work, threads: int, arithmetic: str) -> Callable[[], Ends]:
    """`threads` is OMP_NUM_THREADS, which must stand in the environment before the library is loaded."""
    library = ctypes.CDLL(str(build(work.name, arithmetic)))
    library.omp_set_num_threads(threads)
    batch, (separators, _, floors, margins, centres, hessians, halves) = work.batch, tables(work.loss)
    n = len(work)
    arrays = {
        "x0": work.x0, "parameters": np.array(list(work.parameters.values()), float), "separators": separators,
        "floors": floors, "margins": margins, "centres": centres, "hessians": hessians, "halves": halves,
        "stream": batch.stream, "basin": work.basin,
    }  # fmt: skip
    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    amplitude = float(np.sqrt(2.0 * work.temperature * work.lr))
    numbers = {
        "n": n, "steps": work.steps, "count": len(separators) or len(centres), "seed": batch.seed,
        "lr": work.lr, "amplitude": amplitude, "target": work.target,
    }  # fmt: skip

    def run() -> Ends:
        times = [np.empty(n, np.int64) for _ in range(3)]
        ends = Ends(*times, np.empty(n), np.empty(n), np.empty_like(work.x0))
        every = {**arrays, **vars(ends)}
        library.run(ctypes.byref(Given(**numbers, **{name: array.ctypes.data for name, array in every.items()})))
        return ends

    return run


def ready(work: Work, threads: int) -> Callable[[], Ends]:
    return prepare(work, threads, STRICT)


def ready_fast(work: Work, threads: int) -> Callable[[], Ends]:
    return prepare(work, threads, FAST)
