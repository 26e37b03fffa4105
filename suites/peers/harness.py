"""Runs the peers: one process after another, one for each work, number of threads and peer."""

import json
import os
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from dynbench.kernels.cache_folder import cache_directory
from suites.peers.agree import verdict
from suites.peers.peers import PEERS
from suites.peers.works import Work, part, work

ROOT = Path(__file__).parents[2]
PATIENCE = 1200.0  # seconds for one process
BLOCK = 64


@dataclass(frozen=True)
class Row:
    """One peer with one work on so many threads."""

    work: str
    peer: str
    threads: int
    count: int  # trajectories
    steps: int
    seconds: tuple[float, ...] = ()  # of each repeat
    agrees: str = ""
    missing: str = ""  # why there are no times

    @property
    def rate(self) -> float:
        """G updates/s, by the median of the repeats; nan where it is missing."""
        return self.count * self.steps / median(self.seconds) / 1e9 if self.seconds else float("nan")

    @property
    def best(self) -> float:
        return self.count * self.steps / min(self.seconds) / 1e9 if self.seconds else float("nan")

    def told(self) -> dict[str, Any]:
        """For JSON, which knows no nan."""
        return asdict(self) | {"rate": self.rate, "best": self.best} if self.seconds else asdict(self)


def environment(threads: int, folder: Path | None = None) -> dict[str, str]:
    """What tells libraries their number of threads, and, with a folder, where they keep what they compile."""
    count = str(threads)
    names = ("OMP", "NUMBA", "MKL", "OPENBLAS")
    told = {f"{name}_NUM_THREADS": count for name in names}
    told["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={count}"
    told["JAX_PLATFORMS"] = "cpu"
    told["PYTHONWARNINGS"] = "ignore"
    told["DYNBENCH_PEERS"] = os.environ.get("DYNBENCH_PEERS") or str(cache_directory() / "peers")
    if folder is not None:
        kept = {"DYNBENCH_CACHE": "dynbench", "DYNBENCH_PEERS": "c", "NUMBA_CACHE_DIR": "numba"}
        kept |= {"JAX_COMPILATION_CACHE_DIR": "jax", "TORCHINDUCTOR_CACHE_DIR": "torch", "XDG_CACHE_HOME": "xdg"}
        told |= {name: str(folder / place) for name, place in kept.items()}
        told["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    return {**os.environ, **told}


def timed(command: Sequence[str], environ: Mapping[str, str]) -> tuple[str, str, float]:
    """What a process wrote to stdout, why it failed ("" if it did not), and its seconds from start to end."""
    begun = time.perf_counter()
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=dict(environ), capture_output=True, text=True, timeout=PATIENCE, check=False
        )
    except subprocess.TimeoutExpired:
        return "", f"it took more than {PATIENCE:g} s", PATIENCE
    seconds = time.perf_counter() - begun
    if done.returncode == 0:
        return done.stdout, "", seconds
    lines = [f"exit code {done.returncode}", *done.stderr.strip().splitlines()]
    why = next((line for line in reversed(lines) if "error" in line.lower()), lines[-1])
    return done.stdout, f"it failed: {why[:160]}", seconds


def child(arguments: Sequence[str], environ: Mapping[str, str]) -> tuple[dict[str, Any], float]:
    """What a process of `suites.peers.child` says, and the seconds it took."""
    told, failed, seconds = timed([sys.executable, "-m", "suites.peers.child", *arguments], environ)
    return ({"missing": failed} if failed else json.loads(told.strip().splitlines()[-1])), seconds


def keep(what: Work, folder: Path) -> Path:
    path = folder / f"{what.name}-{len(what)}.pickle"
    if not path.exists():
        path.write_bytes(pickle.dumps(what))
    return path


def size(what: Work, peer: str) -> int:
    """Trajectories for this peer: whole blocks of lanes."""
    return min(len(what), max(BLOCK, int(len(what) * PEERS[peer].share) // BLOCK * BLOCK))


def ordered(peers: Sequence[str]) -> list[str]:
    """dynbench first, for it is what the others are held against."""
    return ["dynbench", *(p for p in PEERS if p in peers and p != "dynbench")]


def rows(
    names: Sequence[str], peers: Sequence[str], threads: Sequence[int], steps: int, count: int | None, repeats: int,
    tell: Callable[[Row], object] = lambda _: None,
) -> list[Row]:  # fmt: skip
    """All rows; dynbench is always among the peers."""
    found = []
    with tempfile.TemporaryDirectory() as place:
        for row in measure(names, ordered(peers), threads, (steps, count, repeats), Path(place)):
            tell(row)
            found.append(row)
    return found


def measure(
    names: Sequence[str], order: Sequence[str], threads: Sequence[int], sizes: tuple[int, int | None, int], place: Path
) -> Iterator[Row]:
    steps, count, repeats = sizes
    for name in names:
        whole = work(name, steps, count)
        reference: dict[str, np.ndarray] = {}
        for cores in threads:
            for peer in order:
                n, ends = size(whole, peer), place / f"{name}-{peer}-{cores}.npz"
                given = keep(part(whole, n), place)
                arguments = [str(given), peer, str(cores), str(repeats), str(ends)]
                said, _ = child(arguments, environment(cores))
                if "missing" in said:
                    if peer == "dynbench":
                        raise RuntimeError(f"dynbench itself: {said['missing']}")
                    yield Row(name, peer, cores, n, steps, missing=said["missing"])
                    continue
                with np.load(ends) as arrays:
                    mine = dict(arrays)
                ends.unlink()
                agrees = verdict(mine, reference, whole.temperature > 0.0) if reference else "the reference"
                reference = reference or mine
                yield Row(name, peer, cores, n, steps, tuple(said["seconds"]), agrees)
