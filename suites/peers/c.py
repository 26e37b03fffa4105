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

from dynbench.kernels.cache_folder import cache_directory
from suites.peers.works import Ends, Missing, Work

HERE = Path(__file__).parent / "c"
STRICT, FAST = ("-ffp-contract=off",), ("-ffast-math",)
INTRINSICS = (*STRICT, "-DINTRINSICS")  # 32-bit multiplication of the noise by hand, which GCC does not find
FLAGS = ("-O3", "-march=native", "-fno-math-errno", "-fno-trapping-math", "-mprefer-vector-width=512", "-fopenmp")
TABLES = ("separators", "floors", "margins", "centres", "hessians", "halves", "stream", "basin")
FLOATS = ("lr", "amplitude", "target")
WHOLE = ("n", "steps", "count", "seed")
FIELDS = ("x0", *WHOLE, *FLOATS, "parameters", *TABLES, "t_exit", "t_commit", "t_hit", "best", "value", "x")


def kind(name: str) -> type:
    if name in FLOATS:
        return ctypes.c_double
    return ctypes.c_int64 if name in WHOLE else ctypes.c_void_p


class Given(ctypes.Structure):
    """`Work` of c/record.h."""

    _fields_ = [(name, kind(name)) for name in FIELDS]


def home() -> Path:
    """Where libraries are kept: $DYNBENCH_PEERS, which the parent sets, else beside dynbench's kernels."""
    if chosen := os.environ.get("DYNBENCH_PEERS"):
        return Path(chosen)
    return cache_directory() / "peers"


def build(name: str, arithmetic: tuple[str, ...]) -> Path:
    """The shared library of a work, compiled once: it is named by the hash of its texts and flags."""
    source = HERE / f"{name.replace('-', '_')}.c"
    if not source.exists():
        raise Missing(f"{name} is not written in C")
    gcc = shutil.which("gcc")
    if gcc is None:
        raise Missing("gcc is not on the PATH")
    command = [gcc, *FLAGS, *arithmetic, "-shared", "-fPIC", str(source), "-lm"]
    texts = b"".join(file.read_bytes() for file in [source, *sorted(HERE.glob("*.h"))])
    folder = home()
    path = folder / f"peer_{hashlib.sha256(texts + ' '.join(command).encode()).hexdigest()[:20]}.so"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}.part")
        made = subprocess.run([*command, "-o", str(part)], capture_output=True, text=True)
        if made.returncode:
            raise Missing(f"gcc: {(made.stderr.strip() or 'failed').splitlines()[-1]}")
        part.replace(path)
    return path


def prepare(work: Work, threads: int, arithmetic: tuple[str, ...]) -> Callable[[], Ends]:
    """`threads` is OMP_NUM_THREADS, which must stand in the environment before the library is loaded."""
    library = ctypes.CDLL(str(build(work.name, arithmetic)))
    library.omp_set_num_threads(threads)
    n = len(work)
    given = {name: getattr(work, name) for name in ("x0", *TABLES)}
    given["parameters"] = np.array(list(work.parameters.values()), float)
    arrays = {name: np.ascontiguousarray(array) for name, array in given.items()}
    numbers = {
        "n": n, "steps": work.steps, "count": len(work.separators) or len(work.centres), "seed": work.seed,
        "lr": work.lr, "amplitude": work.amplitude, "target": work.target,
    }  # fmt: skip

    def run() -> Ends:
        a, b, c = (np.empty(n, np.int64) for _ in range(3))
        ends = Ends(a, b, c, np.empty(n), np.empty(n), np.empty_like(work.x0))
        every = {**arrays, **vars(ends)}
        library.run(ctypes.byref(Given(**numbers, **{name: array.ctypes.data for name, array in every.items()})))
        return ends

    return run


def ready(work: Work, threads: int) -> Callable[[], Ends]:
    return prepare(work, threads, STRICT)


def ready_intrinsics(work: Work, threads: int) -> Callable[[], Ends]:
    if work.temperature == 0.0:
        raise Missing("no noise, hence the same as C, strict")
    return prepare(work, threads, INTRINSICS)


def ready_fast(work: Work, threads: int) -> Callable[[], Ends]:
    return prepare(work, threads, FAST)
