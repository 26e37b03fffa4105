"""t_exit of losses that are not separable, row by row on the same noise, against an ODE solver of the gradient flow."""

from dataclasses import dataclass, replace
from pathlib import Path

import judge
import numpy as np
import pytest
from batches import batch

from dynbench import find
from dynbench.backends.basins import exact_labels
from dynbench.backends.cpu import Cpu
from dynbench.batch import Batch, Endings
from dynbench.kernels.noise import streams
from dynbench.losses.base import Loss, Minimum
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
    Case("himmelblau", 3.0, 0.002, 800),
    Case("himmelblau", 5.0, 0.002, 800),
    Case("himmelblau", 20.0, 0.002, 200, anywhere=True),
    Case(str(LOSSES / "mueller_brown.py"), 0.05, 0.002, 300),
    Case(str(LOSSES / "mueller_brown.py"), 0.1, 0.002, 300),
    Case(str(LOSSES / "mueller_brown.py"), 0.3, 0.002, 120, anywhere=True),
    Case(str(LOSSES / "six_hump_camel.py"), 0.2, 0.005, 250),
    Case(str(LOSSES / "six_hump_camel.py"), 1.0, 0.005, 150, anywhere=True),
    Case(str(LOSSES / "three_hump_camel.py"), 0.2, 0.005, 250),
    Case(str(LOSSES / "three_hump_camel.py"), 1.0, 0.005, 150, anywhere=True),
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
    assert (endings.t_exit >= 0).sum() >= n // 50
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


@dataclass(frozen=True)
class Bent:
    """Noisy gradient steps in a bent valley of more than two dimensions, from both minima."""

    dim: int
    temperature: float
    lr: float
    steps: int
    exact: float  # share of rows whose bounds are equal, at least
    leave: float  # share that leaves, at least


BENT = [
    Bent(3, 0.03, 0.01, 300, exact=0.8, leave=0.0),
    Bent(3, 0.25, 0.01, 300, exact=0.0, leave=0.2),
    Bent(10, 0.02, 0.002, 300, exact=0.95, leave=0.0),
    Bent(10, 0.3, 0.01, 150, exact=0.0, leave=0.05),
]


def bounds_hold(case: Bent, n: int) -> None:
    loss = find.loss(str(LOSSES / "bent_wells.py"), case.dim)
    x0 = np.array([loss.minima[k % 2].x for k in range(n)]).T
    batch = started(loss, x0, case.temperature, case.lr)
    endings = Cpu(workers=2).run(loss, GRADIENT, batch, case.steps, paths=n)
    exits = judged(loss, batch, endings)
    lo, hi = endings.t_exit_lo, endings.t_exit_hi
    np.testing.assert_array_equal(endings.t_exit, hi)
    left = exits >= 0
    assert ((lo >= 0) & (lo <= exits))[left].all()
    assert (left & (exits <= hi))[hi >= 0].all()
    assert (lo == hi).mean() >= case.exact
    assert left.mean() >= case.leave
    assert (hi >= 0).mean() >= 0.4 * left.mean() - 0.02
    np.testing.assert_array_equal(endings.basin, judge.labels(loss, endings.x))


@pytest.mark.parametrize("case", BENT, ids=lambda c: f"{c.dim}-{c.temperature}")
def test_bounds_hold_the_solvers_exit_in_more_dimensions(case):
    bounds_hold(case, 60)


@pytest.mark.slow
@pytest.mark.parametrize("case", BENT, ids=lambda c: f"{c.dim}-{c.temperature}")
def test_bounds_hold_the_solvers_exit_of_500_paths(case):
    bounds_hold(case, 500)


def test_bounds_do_not_depend_on_company_on_paths_or_on_the_budget():
    loss = find.loss(str(LOSSES / "bent_wells.py"), 3)
    x0 = np.array([loss.minima[k % 2].x for k in range(100)]).T
    batch = started(loss, x0, 0.25, 0.01)
    whole = Cpu(workers=1).run(loss, GRADIENT, batch, 400)
    traced = Cpu(workers=2).run(loss, GRADIENT, batch, 400, paths=100)
    for column in ("t_exit_lo", "t_exit_hi", "basin", "x"):
        np.testing.assert_array_equal(getattr(whole, column), getattr(traced, column))
    shorter = Cpu(workers=1).run(loss, GRADIENT, batch, 150)
    seen = np.where(whole.t_exit_lo <= 150, whole.t_exit_lo, -1)
    early = (seen >= 0) & (seen < 150)  # at the last step the flow always tells
    np.testing.assert_array_equal(shorter.t_exit_lo[early], seen[early])


@pytest.mark.slow
def test_a_list_of_saddles_that_falls_short_gives_bounds():
    """Himmelblau without its saddles: the same rows, bounds about the exact steps."""
    loss = find.loss("himmelblau")
    bare = replace(loss, saddles=(), maxima=())
    batch = started(loss, np.repeat([[3.0], [2.0]], 100, axis=1), 5.0, 0.002)
    exact, rough = (Cpu(workers=2).run(which, GRADIENT, batch, 600) for which in (loss, bare))
    left = exact.t_exit >= 0
    assert ((rough.t_exit_lo >= 0) & (rough.t_exit_lo <= exact.t_exit))[left].all()
    assert (left & (exact.t_exit <= rough.t_exit_hi))[rough.t_exit_hi >= 0].all()
    np.testing.assert_array_equal(rough.basin, exact.basin)
    np.testing.assert_array_equal(rough.t_commit, exact.t_commit)


def test_exits_are_not_commitments():
    """Himmelblau at T = 5 from (3, 2) within 3000 steps: 0.85 leave, and 0.63 enter another core.

    The reference is a loop in NumPy with noise of its own and the solver's labels: 8533 and 6321 of 10 000; here 20 000
    trajectories, seed 17; two counts, |z| < 6 each.
    """
    loss, n, reference = find.loss("himmelblau"), 20_000, 10_000
    batch = started(loss, np.repeat([[3.0], [2.0]], n, axis=1), 5.0, 0.002)
    endings = Cpu(workers=2).run(loss, GRADIENT, batch, 3000)
    for found, known in ((endings.t_exit, 8533), (endings.t_commit, 6321)):
        p = (np.sum(found >= 0) + known) / (n + reference)
        z = (np.mean(found >= 0) - known / reference) / np.sqrt(p * (1 - p) * (1 / n + 1 / reference))
        assert abs(z) < 6


def one_well(barrier: float) -> Loss:
    """x²/2 - x³/3 + y²/2: one minimum at 0, a pass of height 1/6 at (1, 0), and no way back beyond it."""
    bottom = Minimum((0.0, 0.0), 0.0, (1.0, 1.0), barrier, hessian=((1.0, 0.0), (0.0, 1.0)))
    return Loss("one well", "test", ((-1.0, 0.9),) * 2, 2, (bottom,), value_grad=cubic, quench_lr=0.3, name="one_well")


def cubic(x, g):
    g[0] = x[0] - x[0] * x[0]
    g[1] = x[1]
    return x[0] * x[0] / 2.0 - x[0] * x[0] * x[0] / 3.0 + x[1] * x[1] / 2.0


@pytest.mark.parametrize("barrier", [1.0 / 6.0, np.inf])
def test_one_minimum_and_no_other(barrier):
    """The flow enters the domain along its whole edge, so the table is complete, whatever the barrier that is declared:
    an exit is the first x beyond the pass at 1, from where the flow runs away."""
    loss, dynamics = one_well(barrier), find.dynamics("gradient")
    whole = replace(batch(loss, dynamics, np.zeros((2, 60)), 0.05, temperature=0.2), basin=np.zeros(60, np.int64))
    endings = Cpu(1).run(loss, dynamics, whole, 100, paths=60)
    assert exact_labels(loss)
    with np.errstate(invalid="ignore"):
        beyond = endings.paths[:, :, 0] > 1.0
    first = np.where(beyond.any(axis=1), beyond.argmax(axis=1), -1)
    assert (first >= 0).sum() > 5
    np.testing.assert_array_equal(endings.t_exit, first)
