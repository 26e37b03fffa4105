"""What a probability is over, and whether its interval covers that: starts that differ in p are clusters."""

import numpy as np
import pytest

from dynbench.outcomes.intervals import interval
from dynbench.outcomes.randomness import BOTH, MEANING, randomness, sentences
from dynbench.store import Run
from dynbench.sweep.grid import Arm, Sweep
from dynbench.sweep.run import run
from dynbench.sweep.starts import Starts

RUNS = 20_000


@pytest.mark.quick
def test_each_case_has_its_name_and_each_name_a_sentence():
    noisy, alone = np.array([True, False, False]), np.array([False, False, True])
    assert randomness(noisy, alone, "uniform", repeated=False) == [BOTH, "uniform starts", "none"]
    assert randomness(noisy, alone, "uniform", repeated=True) == ["noise", "uniform starts", "none"]
    assert randomness(noisy, alone, "grid", repeated=False) == ["noise", "grid starts", "none"]
    assert randomness(noisy, alone, "point", repeated=True) == ["noise", "none", "none"]
    assert sentences(["noise", BOTH]) == [MEANING["noise"], MEANING[BOTH]]


@pytest.mark.parametrize(
    ("law", "seeds", "until", "kind"),
    [
        ("uniform", 1, None, BOTH),
        ("uniform", 3, None, "noise"),
        ("uniform", 1, 0.5, "noise"),
        ("grid", 1, None, "noise"),
    ],
)
def test_it_is_in_the_table_of_cells_and_read_back(tmp_path, law, seeds, until, kind):
    arms = (Arm("gradient", {"temperature": (0.0, 1.0)}),)
    result = run(Sweep("quartic", arms, Starts(law, 40), steps=60, seeds=seeds, until=until), tmp_path)
    assert list(result.cells.drop_duplicates("temperature")["randomness"]) == [f"{law} starts", kind]
    assert set(Run(result.directory).summary()["randomness"]) == {f"{law} starts", kind}


def clusters(starts: int, seeds: int) -> tuple[np.ndarray, np.ndarray]:
    """(successes, the mean p of the very starts) of RUNS runs; p of a start is 0.05 or, one time in ten, 0.9."""
    draw = np.random.default_rng(4)
    p = np.where(draw.random((RUNS, starts)) < 0.1, 0.9, 0.05)
    return draw.binomial(seeds, p).sum(axis=1), p.mean(axis=1)


@pytest.mark.statistics
def test_many_seeds_a_start_cover_these_starts_and_not_their_law():
    """20000 runs, seed 4: why `noise` does not say `uniform starts`."""
    k, mean = clusters(20, 100)
    lo, hi = interval(k, 2000)
    assert ((lo <= mean) & (mean <= hi)).mean() >= 0.9425
    law = 0.9 * 0.05 + 0.1 * 0.9
    assert ((lo <= law) & (law <= hi)).mean() < 0.5


@pytest.mark.statistics
@pytest.mark.parametrize("starts", [20, 300])
def test_one_seed_a_start_covers_both(starts):
    k, mean = clusters(starts, 1)
    lo, hi = interval(k, starts)
    law = 0.9 * 0.05 + 0.1 * 0.9
    assert ((lo <= law) & (law <= hi)).mean() >= 0.9425
    assert ((lo <= mean) & (mean <= hi)).mean() >= 0.9425
