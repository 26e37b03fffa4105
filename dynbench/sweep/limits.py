"""How long a sweep takes and how much it writes, by estimate; what is too much to begin unasked.

Over an hour or 10 GB is said before it begins, and needs a yes: --yes, or an answer on a terminal.
What does not fit on the disk is refused.
"""

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from dynbench.sweep.grid import Plan

SECONDS_AN_UPDATE = 1.5e-9  # of one core and coordinate
BYTES_A_ROW = 60
LONG = 3600.0  # seconds
LARGE = 10e9  # bytes


@dataclass(frozen=True)
class Estimate:
    """What a sweep costs; with --until what it takes at least."""

    trajectories: int
    updates: int
    seconds: float
    bytes: int

    @property
    def much(self) -> bool:
        """Whether it needs a yes."""
        return self.seconds > LONG or self.bytes > LARGE

    @property
    def words(self) -> str:
        return f"about {duration(self.seconds)} of kernels on this machine and {size(self.bytes)} on disk"


def estimate(plan: Plan, workers: int | None = None) -> Estimate:
    """The cost of a sweep with so many threads (default: one a core)."""
    from dynbench.backends.cpu import cores

    seconds = plan.updates * plan.sweep.dim * SECONDS_AN_UPDATE / (workers or cores())
    written = plan.total * BYTES_A_ROW if plan.sweep.keep == "all" else 0
    return Estimate(plan.total, plan.updates, seconds, written)


def size(number: float) -> str:
    """Bytes in words: `450 MB`, `7.2 PB`."""
    units = ("bytes", "kB", "MB", "GB", "TB", "PB", "EB", "ZB")
    for unit in units:
        if number < 999.5 or unit == units[-1]:
            return f"{number:.0f} {unit}" if number >= 99.5 or unit == "bytes" else f"{number:.2g} {unit}"
        number /= 1000.0
    raise AssertionError


def duration(seconds: float) -> str:
    """Seconds in words: `0.5 s`, `3.2 hours`, `4e+03 years`."""
    for length, unit in ((365.25 * 86400.0, "years"), (86400.0, "days"), (3600.0, "hours"), (60.0, "minutes")):
        if seconds >= 2.0 * length:
            return f"{seconds / length:.3g} {unit}"
    return f"{seconds:.1f} s"


def room(out: Path) -> int:
    """Free bytes where a folder is or will be."""
    there = out.absolute()
    while not there.exists() and there != there.parent:
        there = there.parent
    return shutil.disk_usage(there).free


def check_room(cost: Estimate, out: Path) -> None:
    """Raises ValueError where the results do not fit on the disk."""
    free = room(out)
    if cost.bytes > free:
        raise ValueError(
            f"the rows of {cost.trajectories:.3g} trajectories take about {size(cost.bytes)}, and the disk of {out} has"
            f" {size(free)} free: ask for fewer starts or --seeds, or --keep cells, which keeps tables only"
        )


def check_much(cost: Estimate, yes: bool, quiet: bool) -> None:
    """Says what a large sweep costs.  Raises ValueError where nobody says yes to it."""
    if not cost.much:
        return
    asked = sys.stdin is not None and sys.stdin.isatty()
    if not (yes or asked):
        raise ValueError(f"it takes {cost.words}: add --yes to begin it all the same")
    if not (yes and quiet):
        print(f"this takes {cost.words}", file=sys.stderr)
    if not yes:
        print("begin? [y/N] ", end="", file=sys.stderr, flush=True)
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            raise ValueError("not begun")
