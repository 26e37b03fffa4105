"""python -m suites.speed_promises: what is promised about time, measured; exit code 1 where one is not kept.

Speeds against the obvious scalar Numba loop that records the same hold for vectors of 512 bits; half is asked for with
256.  They are ratios of CPU seconds; all else is by the clock, the best of several, as a busy machine only slows down.
Still, ask on an idle one.

    python -m suites.speed_promises
    python -m suites.speed_promises --only help,interrupt
"""

import argparse
import dataclasses
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from dynbench.doors import Parser, answered, replied

ROOT = Path(__file__).parents[1]
STEPS = 2500
TARGET = 1e-3
SWEEP = [sys.executable, "-m", "dynbench.sweep", "--loss", "quartic", "--dynamics"]


@dataclass(frozen=True)
class Promise:
    """What is measured, in which unit, and the number that it must reach or stay below."""

    says: str
    limit: float
    unit: str
    measure: Callable[[], float]

    @property
    def at_least(self) -> bool:
        return self.unit == "x"

    def holds(self, found: float) -> bool:
        return found >= self.limit if self.at_least else found <= self.limit


def scattered(loss, n: int) -> np.ndarray:
    """n points, uniform in the domain: (dim, n)."""
    box = np.array(loss.box(loss.dim))
    centre, half = box.mean(1, keepdims=True), (box[:, 1:] - box[:, :1]) / 2
    return centre + half * np.random.default_rng(1).uniform(-1, 1, (loss.dim, n))


def run(loss, rule, whole, **options):
    from dynbench.backends.cpu import Cpu

    return Cpu(1).run(loss, rule, whole, STEPS, **options)


def quartic(n: int):
    """(loss, rule, n trajectories, the scalar loop over the first `part` of them)."""
    from dynbench import find
    from dynbench.backends.tables import tables
    from suites import scalar_loop
    from suites.speed.common import batch

    loss, rule = find.loss("quartic"), find.dynamics("capped")
    whole = batch(loss, rule, scattered(loss, n), 0.01)
    separators, _, floors, margins, *_ = tables(loss)

    def scalar(part):
        x0 = whole.x0[0, :part]
        return scalar_loop.capped_quartic(x0, 0.01, 1000.0, separators[0], floors, margins, TARGET, STEPS)

    return loss, rule, whole, scalar


def himmelblau(n: int):
    """The basin of a start is where gradient descent takes it."""
    from dynbench import find
    from dynbench.backends.tables import tables
    from suites import scalar_loop
    from suites.speed.common import batch

    loss, rule, descent = find.loss("himmelblau"), find.dynamics("capped"), find.dynamics("gradient")
    x0 = scattered(loss, n)
    labels = run(loss, descent, batch(loss, descent, x0, loss.quench_lr)).basin
    whole = dataclasses.replace(batch(loss, rule, x0, 0.01), basin=np.ascontiguousarray(labels))
    _, _, _, margins, centres, hessians, *_ = tables(loss)

    def scalar(part):
        x0 = np.ascontiguousarray(whole.x0[:, :part])
        given = whole.basin, centres, hessians, margins, TARGET, STEPS
        return scalar_loop.capped_himmelblau(x0, 0.01, 1000.0, *given)

    return loss, rule, whole, scalar


def rastrigin(n: int):
    from dynbench import find
    from dynbench.backends.tables import tables
    from suites import scalar_loop
    from suites.speed.common import batch

    loss, rule = find.loss("rastrigin", 10), find.dynamics("gradient")
    whole = batch(loss, rule, scattered(loss, n), 0.001)
    separators, _, floors, margins, *_ = tables(loss)

    def scalar(part):
        x0 = np.ascontiguousarray(whole.x0[:, :part])
        return scalar_loop.gradient_rastrigin(x0, 0.001, separators, floors, margins, TARGET, STEPS)

    return loss, rule, whole, scalar


def seconds(function: Callable[[], object], repeats: int = 3, clock: Callable[[], float] = time.perf_counter) -> float:
    """The shortest of several times."""
    times = []
    for _ in range(repeats):
        begun = clock()
        function()
        times.append(clock() - begun)
    return min(times)


def ratio(problem, n: int, part: int) -> float:
    """CPU seconds a trajectory, scalar loop / engine, the median of three.  Early exit is off: both do all steps."""
    loss, rule, whole, scalar = problem(n)
    run(loss, rule, whole)
    scalar(2)
    found = []
    for _ in range(3):
        ours = seconds(lambda: run(loss, rule, whole, early=False), clock=time.process_time) / n
        found.append(seconds(lambda: scalar(part), 2, time.process_time) / part / ours)
    return median(found)


def process(*arguments: str) -> float:
    """Seconds of a fresh interpreter, the best of five."""
    return seconds(lambda: subprocess.run([sys.executable, *arguments], cwd=ROOT, check=True, capture_output=True), 5)


def interrupted() -> float:
    """Seconds from Ctrl-C to the end of a sweep that has hours before it, the best of three."""
    taken = []
    for _ in range(3):
        with tempfile.TemporaryDirectory() as folder:
            asked = ["gradient", "--temperature", "0.5", "--x0", "3", "--seeds", "100000", "--steps", "1000000"]
            command = [*SWEEP, *asked, "--out", folder, "--quiet"]
            running = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
            while not list(Path(folder).glob("*/manifest.json")) and running.poll() is None:
                time.sleep(0.1)
            time.sleep(1.0)
            begun = time.perf_counter()
            running.send_signal(signal.SIGINT)
            running.wait()
            taken.append(time.perf_counter() - begun)
    return min(taken)


def warm() -> float:
    """How many times as fast a second process links a kernel that is in the cache."""
    script = (
        "from dynbench import find; from dynbench.kernels.link import link; "
        "link(find.loss('quartic'), find.dynamics('gradient'))"
    )
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "DYNBENCH_CACHE": folder}

        def linking():
            return subprocess.run([sys.executable, "-c", script], env=environment, cwd=ROOT, check=True)

        return seconds(linking, 1) / seconds(linking)


def linked() -> float:
    """Seconds of ten steps of one trajectory whose kernel is linked."""
    loss, rule, whole, _ = quartic(1)
    run(loss, rule, whole)
    return seconds(lambda: run(loss, rule, whole))


def rare() -> float:
    """Seconds to an escape probability of 5.5e-8 within 5 %."""
    from dynbench import find
    from dynbench.theory import rare

    loss, rule = find.loss("quartic"), find.dynamics("gradient")
    rare.escape(loss, rule, {}, 0.01, 0.1, 3.0, 100, effort=200, replicates=2, seed=3, workers=2)
    return seconds(lambda: rare.for_cell(loss, rule, {}, 0.01, 0.1, 0.0, [[3.0]], STEPS, seed=3, workers=2), 1)


def pictures() -> float:
    """Seconds for the map and the curves of 4e5 trajectories."""
    import pandas as pd

    from dynbench import find
    from dynbench.report import figures

    x0, caps, loss = np.linspace(0, 5, 2001), np.geomspace(1, 1e6, 200), find.loss("quartic")
    grid = pd.DataFrame({"x0": np.tile(x0, 200), "cap": np.repeat(caps, 2001)})
    left = (grid["cap"] > 71.3) & (grid["x0"] > 1.85)
    columns = {"lr": 0.01, "temperature": 0.0, "gradient_noise": 0.0, "seed": 0, "status": "censored"}
    grid = grid.assign(dynamics="capped", **columns, start_basin=(grid["x0"] > 1.85).astype(int))
    grid = grid[["dynamics", "x0", "cap", *columns, "start_basin"]]
    grid["t_exit"] = np.where(left, 1 + np.arange(len(grid)) % STEPS, -1)
    grid["basin_final"] = np.where(left, 0, grid["start_basin"])

    def drawn():
        made = [figures.outcome_map(grid, loss), figures.survival(grid, STEPS, loss)]
        return [len(picture.png) for picture in made if picture is not None]

    return seconds(drawn)


def share() -> float:
    """Of the speeds that are demanded with 512 bits, what this processor's vectors allow."""
    from llvmlite.binding import get_host_cpu_features

    return 1.0 if get_host_cpu_features().get("avx512f") else 0.5


def promises() -> dict[str, Promise]:
    part = share()
    return {
        "quartic": Promise("capped flow, quartic: against the scalar loop", 8.0 * part, "x",
                           lambda: ratio(quartic, 16384, 4096)),
        "himmelblau": Promise("capped flow, Himmelblau: against the scalar loop", 6.0 * part, "x",
                              lambda: ratio(himmelblau, 8192, 1024)),
        "rastrigin": Promise("gradient, Rastrigin-10: against the scalar loop", 6.0 * part, "x",
                             lambda: ratio(rastrigin, 1024, 64)),
        "warm": Promise("linking in a second process, against compiling", 3.0, "x", warm),
        "linked": Promise("a run of one trajectory, 2500 steps, once linked", 0.05, "s", linked),
        "help": Promise("python -m dynbench.sweep --help", 0.15, "s",
                        lambda: process("-m", "dynbench.sweep", "--help")),
        "theory": Promise("python -m dynbench.theory --help", 0.5, "s",
                          lambda: process("-m", "dynbench.theory", "--help")),
        "interrupt": Promise("Ctrl-C to the end of a sweep", 1.0, "s", interrupted),
        "rare": Promise("P(escape) = 5.5e-8 within 5 %", 60.0, "s", rare),
        "pictures": Promise("map and curves of 4e5 trajectories", 2.0, "s", pictures),
    }  # fmt: skip


def line(promise: Promise, found: float) -> str:
    wanted = f"{'at least' if promise.at_least else 'at most'} {promise.limit:g} {promise.unit}"
    verdict = "" if promise.holds(found) else "NOT KEPT"
    return f"{promise.says:52}{found:9.3f} {promise.unit}  {wanted:17}{verdict}".rstrip()


def act(names: Sequence[str]) -> int:
    known = promises()
    if unknown := next((name for name in names if name not in known), ""):
        raise ValueError(f"--only: nothing is promised as {unknown!r}; known: {', '.join(known)}")
    missed = 0
    for name in names or known:
        found = known[name].measure()
        missed += not known[name].holds(found)
        print(line(known[name], found), flush=True)
    return int(missed > 0)


def main(argv: Sequence[str] | None = None) -> int:
    form = argparse.RawDescriptionHelpFormatter
    parser = Parser(prog="python -m suites.speed_promises", description=__doc__, formatter_class=form)
    parser.add_argument("--only", default="", help="some of: quartic, himmelblau, ..., with commas")
    only = parser.parse_args(argv).only
    return replied(lambda: act([name.strip() for name in only.split(",") if name.strip()]))


if __name__ == "__main__":
    sys.exit(answered(main))
