"""A few trajectories of a user's text, by the kernel and in plain Python: equal to the last bit, or an error."""

import math
import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dynbench.backends.cpu import Cpu
from dynbench.backends.reference import steps_of
from dynbench.backends.tables import sphere
from dynbench.batch import Batch
from dynbench.dynamics.base import Dynamics
from dynbench.losses.base import Loss

State = tuple[list[float], float]
STEPS = 200  # of a trajectory, at most
COORDINATES = 30_000  # coordinates times steps of all trajectories of a rule, at most
LONGEST = 1.0  # seconds of plain Python for a trajectory, at most
REPORT = (
    "no number of this kernel can be trusted; please report it with the file (--no-self-check runs it nevertheless)"
)


@dataclass(frozen=True)
class Checked:
    """What was compared."""

    trajectories: int = 0
    steps: int = 0  # of the longest
    seconds: float = 0.0

    def __add__(self, other: "Checked") -> "Checked":
        steps, seconds = max(self.steps, other.steps), self.seconds + other.seconds
        return Checked(self.trajectories + other.trajectories, steps, seconds)

    def __str__(self) -> str:
        many = f"{self.trajectories} trajectories x {self.steps} steps"
        return f"{many} equal to plain Python, {self.seconds:.2f} s"


def of_package(loss: Loss, dynamics: Dynamics) -> bool:
    """Whether both come with dynbench: their kernels are compared by its tests."""
    functions = (loss.value_grad or loss.value, dynamics.step)
    return all(f is not None and f.__module__.startswith("dynbench.") for f in functions)


def self_check(loss: Loss, dynamics: Dynamics, batch: Batch, steps: int, record: Sequence[str] = ()) -> Checked:
    """Compares every trajectory of a batch, in the kernel that makes these records.

    Raises ValueError, one sentence, where one differs or Python stops.
    """
    begun = time.perf_counter()
    assert loss.dim is not None
    steps = max(1, min(steps, STEPS, COORDINATES // (loss.dim * len(batch))))
    done = [compared(loss, dynamics, alone(batch, row), steps, record) for row in range(len(batch))]
    return Checked(len(batch), max(done, default=0), time.perf_counter() - begun)


def alone(batch: Batch, row: int) -> Batch:
    """One row as a batch, so that it runs in the kernel of its own noise."""
    one = slice(row, row + 1)
    x0, parameters = (np.ascontiguousarray(columns[:, one]) for columns in (batch.x0, batch.parameters))
    return Batch(
        x0, parameters, batch.lr[one], batch.temperature[one], batch.gradient_noise[one], batch.stream[one],
        batch.basin[one], batch.seed,
    )  # fmt: skip


def compared(loss: Loss, dynamics: Dynamics, batch: Batch, steps: int, record: Sequence[str]) -> int:
    """How many steps of one trajectory were compared: all, or until it diverges or takes long."""
    path = Cpu(1).run(loss, dynamics, batch, steps, record=record, paths=1).paths[0]
    lowest, highest = sphere(loss)
    begun, k = time.perf_counter(), 0
    with np.errstate(all="ignore"):
        states = steps_of(loss, dynamics, batch, 0)
        for k in range(steps + 1):
            x, value = following(states, loss, dynamics)
            gone = [not lo <= c <= hi for c, lo, hi in zip(x, lowest, highest, strict=True)]
            if any(gone) or not math.isfinite(value):
                break
            check_step(loss, dynamics, k, [*x, value], path[k])
            if time.perf_counter() - begun > LONGEST:
                break
    return k


def following(states: Iterator[State], loss: Loss, dynamics: Dynamics) -> State:
    """x and L of the next step.  Raises ValueError where the text stops, with file and line."""
    try:
        return next(states)
    except Exception as error:
        files = {f.__code__.co_filename for f in (loss.value_grad, loss.value, dynamics.step) if f is not None}
        frames = traceback.extract_tb(error.__traceback__)
        where = next((f for f in reversed(frames) if f.filename in files), frames[-1])
        said = " ".join(f"{type(error).__name__}: {error}".split())
        place = f"{Path(where.filename).name}, line {where.lineno}"
        raise ValueError(f"{place}: plain Python stops here: {said}") from error


def check_step(loss: Loss, dynamics: Dynamics, k: int, plain: list[float], kernel: np.ndarray) -> None:
    """Equal bits of x and L in step k."""
    dim = len(plain) - 1
    for d, (true, found) in enumerate(zip(plain, kernel.tolist(), strict=True)):
        if np.float64(true).view(np.int64) != np.float64(found).view(np.int64):
            what = "L" if d == dim else "x" if dim == 1 else f"x[{d}]"
            raise ValueError(
                f"the kernel of loss {loss.name!r} and rule {dynamics.name!r} computes {what} = {found!r} at step {k},"
                f" where plain Python has {true!r}: {REPORT}"
            )
