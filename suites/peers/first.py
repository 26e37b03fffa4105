"""From the command to the first result: fresh processes that import, compile and do some work.

Cold: no compiled code is kept from before (the folders that libraries keep it in are empty); warm: a second time.
"""

import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from dynbench.backends.cpu import cores
from suites.peers.harness import child, environment, keep, timed
from suites.peers.peers import PEERS
from suites.peers.works import work

WORK, COUNT = "capped-quartic", 2048  # what the peers do; the sweep does all rules from 2001 starts
SWEEP = ("-m", "dynbench.sweep", "--loss", "quartic")
SWEEP_TITLE = "`python -m dynbench.sweep --loss quartic` (every rule, tables and pictures)"


@dataclass(frozen=True)
class First:
    """Seconds from the command to its end, of each attempt."""

    title: str
    cold: tuple[float, ...] = ()
    warm: tuple[float, ...] = ()
    missing: str = ""

    def told(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def line(self) -> str:
        if self.missing:
            return f"{self.title:78} {'-':>7} {'-':>7}  {self.missing}"
        return f"{self.title:78} {median(self.cold):7.2f} {median(self.warm):7.2f}"


def heading() -> str:
    return f"{'seconds from the command to the first result':78} {'cold':>7} {'warm':>7}"


def firsts(peers: Sequence[str], steps: int, attempts: int, tell: Callable[[First], object]) -> list[First]:
    """The sweep, then every peer with COUNT trajectories of the first work."""
    with tempfile.TemporaryDirectory() as place:
        given = keep(work(WORK, steps, COUNT), Path(place))
        found = []
        for title, once in [(SWEEP_TITLE, sweep), *((PEERS[peer].title, peer_once(peer, given)) for peer in peers)]:
            found.append(measured(title, once, Path(place) / "kept", attempts))
            tell(found[-1])
    return found


def measured(title: str, once: Callable[[Path], tuple[str, float]], folder: Path, attempts: int) -> First:
    """Each attempt twice in a row, first with an empty folder."""
    cold: list[float] = []
    warm: list[float] = []
    for _ in range(attempts):
        for times in (cold, warm):
            missing, seconds = once(folder)
            if missing:
                shutil.rmtree(folder, ignore_errors=True)
                return First(title, missing=missing)
            times.append(seconds)
        shutil.rmtree(folder, ignore_errors=True)
    return First(title, tuple(cold), tuple(warm))


def sweep(folder: Path) -> tuple[str, float]:
    """The command of the README; its results are removed, else the second one would only read them."""
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, *SWEEP, "--quiet", "--out", out]
        _, failed, seconds = timed(command, environment(cores(), folder))
    return failed, seconds


def peer_once(peer: str, given: Path) -> Callable[[Path], tuple[str, float]]:
    threads = 1 if PEERS[peer].single else cores()

    def once(folder: Path) -> tuple[str, float]:
        said, seconds = child([str(given), peer, str(threads), "0", "-"], environment(threads, folder))
        return said.get("missing", ""), seconds

    return once
