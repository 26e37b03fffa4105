"""How often 95% intervals hold what they are about: simulated coins and waiting times, no kernel.

Every test states its runs and seed; the least that is asked is 0.9425, 5 standard errors of 20000 runs below 0.95.
"""

import numpy as np
import pytest

from dynbench.outcomes.censored import Curve, aalen_johansen, kaplan_meier, mean_of, median_of
from dynbench.outcomes.hazard import late_hazard
from dynbench.outcomes.runtime import running_time
from dynbench.outcomes.survival import attempts, mean_time, median_time
from dynbench.theory import rare

pytestmark = [pytest.mark.statistics, pytest.mark.quick]

LEAST, RUNS, BUDGET = 0.9425, 20_000, 1000
FEW, MANY = [6, 30], [2, 4, 10, 20, 50, 100, 300]
RATES = [1e-4, 1e-3, 3e-3, 1e-2, 0.1]  # a step's chance to escape


def covered(lo, hi, truth: float) -> float:
    """The share of intervals that hold the truth; a limit that is not known is no limit."""
    lo, hi = np.asarray(lo, float), np.asarray(hi, float)
    return float(np.mean(~(lo > truth) & ~(hi < truth)))


def waiting(rate: float, n: int, seed: int = 1, runs: int = RUNS) -> tuple[np.ndarray, np.ndarray]:
    """(times (runs n,), -1 for none within the budget; the run of each): geometric."""
    t = np.random.default_rng(seed).geometric(rate, runs * n)
    return np.where(t <= BUDGET, t, -1), np.repeat(np.arange(runs), n)


def times_are_covered(rate: float, n: int, runs: int) -> None:
    t, run = waiting(rate, n, runs=runs)
    budget = np.full(len(t), BUDGET)
    truth = {
        "median": np.ceil(np.log(0.5) / np.log1p(-rate)),
        "mean": (1 - (1 - rate) ** BUDGET) / rate,
        "hazard": rate,
        "effort": 1 / rate,
    }
    ran = running_time(t, BUDGET, run, runs)
    found = {
        "median": median_time(t, BUDGET, run, runs)[1:],
        "mean": mean_time(t, BUDGET, run, runs)[1:],
        "hazard": late_hazard(t, budget, codes=run, count=runs)[1:],
        "effort": (ran.lo, ran.hi),
    }
    for name, (lo, hi) in found.items():
        if name != "median" or truth["median"] <= BUDGET:
            assert covered(lo, hi, truth[name]) >= LEAST, (name, rate, n)


@pytest.mark.parametrize("n", FEW)
def test_times_of_waiting(n):
    """Medians, restricted means, late hazards, running times: 20000 runs, seed 1."""
    for rate in (1e-3, 1e-2):
        times_are_covered(rate, n, RUNS)


@pytest.mark.slow
@pytest.mark.parametrize("n", MANY)
def test_more_times_of_waiting(n):
    for rate in RATES:
        times_are_covered(rate, n, RUNS if n < 100 else 8000)


def coins_are_covered(p: float, n: int, late: bool) -> None:
    """Successes at step 300, or at any step alike: the mean to success or budget, and to success if begun anew."""
    draw = np.random.default_rng(2)
    when = draw.integers(1, BUDGET + 1, RUNS * n) if late else np.full(RUNS * n, 300)
    t = np.where(draw.random(RUNS * n) < p, when, -1)
    took = (BUDGET + 1) / 2 if late else 300
    given = attempts(t, np.full(len(t), BUDGET), np.repeat(np.arange(RUNS), n), RUNS)
    mean = p * took + (1 - p) * BUDGET
    assert covered(*given.restricted_mean()[1:], mean) >= LEAST, ("mean", p, n)
    assert covered(*given.effort()[1:], mean / p) >= LEAST, ("effort", p, n)


@pytest.mark.parametrize("p", [0.2, 0.95])
def test_times_of_coins(p):
    """20000 runs, seed 2.  A standard error of the times alone covers 0.64 of p = 0.95, n = 20: failures unseen."""
    coins_are_covered(p, 20, late=False)


@pytest.mark.slow
@pytest.mark.parametrize("n", [2, 6, 50])
def test_more_times_of_coins(n):
    for p in (0.01, 0.05, 0.2, 0.5, 0.8, 0.95):
        coins_are_covered(p, n, late=False)
        coins_are_covered(p, n, late=True)


def at(curve: Curve, step: int) -> tuple[float, float]:
    """Its limits at a step."""
    place = int(np.searchsorted(curve.t, step, side="right"))
    return float(np.append(curve.start[0], curve.lo)[place]), float(np.append(curve.start[1], curve.hi)[place])


def curves_are_covered(rate: float, n: int, runs: int, lost: float = 1e-3) -> None:
    """Half of n are watched for 200 steps, half for 600: curves at three steps, with and without divergence."""
    draw = np.random.default_rng(3)
    until = np.where(np.arange(n) % 2 == 0, 200, 600)
    steps, held = (50, 190, 500), {}

    def hold(name: str, truth: float, lo: float, hi: float) -> None:
        held.setdefault(name, []).append(not lo > truth and not hi < truth)

    stay = (1 - rate) * (1 - lost)
    for t, end in zip(draw.geometric(rate, (runs, n)), draw.geometric(lost, (runs, n)), strict=True):
        curve = kaplan_meier(np.where(t <= until, t, -1), until)
        for step in steps:
            hold(f"inside at {step}", (1 - rate) ** step, *at(curve, step))
        hold("mean", (1 - (1 - rate) ** 600) / rate, *mean_of(curve)[1:])
        if (1 - rate) ** 600 < 0.5:
            hold("median", np.ceil(np.log(0.5) / np.log1p(-rate)), *median_of(curve)[1:])
        out, gone = (t <= end) & (t <= until), (end < t) & (end <= until)
        parts = aalen_johansen(np.where(out, t, -1), np.where(gone, end, -1), until)
        for step in steps:
            left = rate * (1 - stay**step) / (1 - stay)
            truths = left, 1 - left - stay**step, stay**step
            for name, part, truth in zip(("escaped", "diverged", "still inside"), parts, truths, strict=True):
                hold(f"{name} at {step}", truth, *at(part, step))
    for name, inside in held.items():
        short = 4 * np.sqrt(0.05 * 0.95 / runs)  # standard errors: alpha = 3e-5
        assert np.mean(inside) >= 0.95 - short, (name, rate, n)


def test_curves():
    """Kaplan-Meier, Aalen-Johansen, median and mean of budgets that differ: 500 runs, seed 3."""
    curves_are_covered(3e-3, 20, 500)


@pytest.mark.slow
@pytest.mark.parametrize(("n", "runs"), [(4, 2000), (10, 2000), (40, 1000), (200, 300)])
def test_more_curves(n, runs):
    for rate in (3e-4, 3e-3, 3e-2):
        curves_are_covered(rate, n, runs)


def budgets_are_covered(budgets: tuple[int, int], n: int) -> None:
    draw, runs = np.random.default_rng(4), 8000
    until = np.tile(np.where(np.arange(n) % 2 == 0, *budgets), runs)
    for rate in (3e-4, 1e-3, 3e-3, 1e-2):
        t = draw.geometric(rate, runs * n)
        ran = running_time(np.where(t <= until, t, -1), until, np.repeat(np.arange(runs), n), runs)
        assert covered(ran.lo, ran.hi, 1 / rate) >= LEAST, (budgets, n, rate)


def test_running_times_of_budgets_that_differ():
    """8000 runs, seed 4."""
    budgets_are_covered((50, 1000), 30)


@pytest.mark.slow
def test_more_running_times_of_budgets_that_differ():
    for n in (4, 10, 100):
        for budgets in ((200, 1000), (50, 1000), (20, 5000)):
            budgets_are_covered(budgets, n)


@pytest.mark.slow
@pytest.mark.parametrize("apart", [0.0, 0.3, 0.5])
def test_intervals_of_splitting_that_goes_on_until_they_are_narrow(apart):
    """Products of eight binomial shares, as replicates of splitting are, and a frailty: 4000 runs, seed 5."""
    draw, truth, runs = np.random.default_rng(5), 0.2**8, 4000

    def replicates(many: int) -> np.ndarray:
        frailty = np.exp(apart * draw.standard_normal(many) - apart**2 / 2)
        return np.prod(draw.binomial(1000, 0.2, (many, 8)) / 1000, axis=1) * frailty

    held = 0
    for _ in range(runs):
        each = replicates(rare.REPLICATES)
        while (relative := each.std(ddof=1) / np.sqrt(len(each)) / each.mean()) > 0.05:
            wanted = min(1.1 * (relative / 0.05) ** 2, 4.0) * len(each)  # as `for_cell` has it
            each = np.append(each, replicates(max(int(np.ceil(wanted)) - len(each), 1)))
        lo, hi = rare.limits(each)
        held += lo <= truth <= hi
    assert held / runs >= LEAST - 4 * np.sqrt(0.05 * 0.95 / runs)
