"""t_exit of losses that are not separable, row by row on the same noise, against an ODE solver of the gradient flow."""

from dataclasses import dataclass
from pathlib import Path

import judge
import numpy as np
import pytest

from dynbench import find
from dynbench.backends.cpu import Cpu
from dynbench.batch import Batch, Endings
from dynbench.kernels.noise import streams
from dynbench.losses.base import Loss
from dynbench.outcomes.label import label

LOSSES = Path(__file__).parents[1] / "losses"
GRADIENT = find.dynamics("gradient")


@dataclass(frozen=True)
class Case:
    """Noisy gradient steps of a loss in two dimensions from its minima in turn, or all over the domain."""

    name: str
    temperature: float
    lr: float
    steps: int
    anywhere: bool = False


QUICK = [
    Case("himmelblau", 5.0, 0.002, 600),
    Case("himmelblau", 20.0, 0.002, 150, anywhere=True),
    Case(str(LOSSES / "mueller_brown.py"), 0.1, 0.002, 250),
]
SLOW = [
    Case("himmelblau", 3.0, 0.002, 1500),
    Case("himmelblau", 5.0, 0.002, 1500),
    Case("himmelblau", 20.0, 0.002, 400, anywhere=True),
    Case(str(LOSSES / "mueller_brown.py"), 0.05, 0.002, 600),
    Case(str(LOSSES / "mueller_brown.py"), 0.1, 0.002, 600),
    Case(str(LOSSES / "mueller_brown.py"), 0.3, 0.002, 250, anywhere=True),
    Case(str(LOSSES / "six_hump_camel.py"), 0.2, 0.005, 500),
    Case(str(LOSSES / "six_hump_camel.py"), 1.0, 0.005, 300, anywhere=True),
    Case(str(LOSSES / "three_hump_camel.py"), 0.2, 0.005, 500),
    Case(str(LOSSES / "three_hump_camel.py"), 1.0, 0.005, 300, anywhere=True),
]


def started(loss: Loss, x0: np.ndarray, temperature: float, lr: float) -> Batch:
    n = x0.shape[1]
    return Batch(
        x0=np.ascontiguousarray(x0),
        parameters=np.zeros((0, n)),
        lr=np.full(n, lr),
        temperature=np.full(n, temperature),
        gradient_noise=np.zeros(n),
        stream=streams(x0, np.arange(n)),
        basin=label(loss, x0),
        seed=17,
    )


def run(case: Case, n: int) -> tuple[Loss, Batch, Endings]:
    loss = find.loss(case.name)
    if case.anywhere:
        lo, hi = np.array(loss.box(2)).T[:, :, None]
        x0 = np.random.default_rng(17).uniform(0.9 * lo, 0.9 * hi, (2, n))
    else:
        x0 = np.array([loss.minima[k % len(loss.minima)].x for k in range(n)]).T
    batch = started(loss, x0, case.temperature, case.lr)
    return loss, batch, Cpu(workers=2).run(loss, GRADIENT, batch, case.steps, paths=n)


def judged(loss: Loss, batch: Batch, endings: Endings) -> np.ndarray:
    """The exits by the solver; a diverged step and what comes after it is none."""
    whole = endings.paths[:, :, : loss.dim].copy()
    for n in np.flatnonzero(endings.t_diverged >= 0):  # as if it had stayed where it was last
        whole[n, endings.t_diverged[n] :] = whole[n, endings.t_diverged[n] - 1]
    return judge.exits(loss, whole, batch.basin)


def compare(case: Case, n: int) -> None:
    loss, batch, endings = run(case, n)
    assert (endings.t_exit >= 0).sum() >= n // 25
    np.testing.assert_array_equal(endings.t_exit, judged(loss, batch, endings))
    np.testing.assert_array_equal(endings.t_exit_lo, endings.t_exit)
    np.testing.assert_array_equal(endings.t_exit_hi, endings.t_exit)
    finite = endings.t_diverged < 0
    np.testing.assert_array_equal(endings.basin[finite], judge.labels(loss, endings.x[:, finite]))
    assert (endings.basin[~finite] == -1).all()


@pytest.mark.parametrize("case", QUICK, ids=lambda c: f"{Path(c.name).stem}-{c.temperature}")
def test_exits_are_the_solvers(case):
    compare(case, 100)


@pytest.mark.slow
@pytest.mark.parametrize("case", SLOW, ids=lambda c: f"{Path(c.name).stem}-{c.temperature}")
def test_exits_of_2000_paths_are_the_solvers(case):
    compare(case, 2000)
