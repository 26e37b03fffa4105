"""One core of the engine against the obvious scalar Numba loop that records the same, in one run.

Both times are the best of several, and the ratio the best of up to three attempts: a busy machine only slows down.
The demanded ratios hold for vectors of 512 bits; half of them are asked for with 256.
"""

import dataclasses
import time

import llvmlite.binding
import numpy as np
import pytest
import scalar_loop
from batches import batch, run, scattered

from dynbench import find
from dynbench.backends.tables import tables

STEPS = 2500
TARGET = 1e-3
FEATURES = llvmlite.binding.get_host_cpu_features()
SHARE = 1.0 if FEATURES.get("avx512f") else 0.5
pytestmark = pytest.mark.skipif(not FEATURES.get("avx2"), reason="this processor's vectors are narrower than 256 bits")


def quartic(n):
    loss, rule = find.loss("quartic"), find.dynamics("capped")
    whole = batch(loss, rule, scattered(loss, n, 1.0))
    separators, _, floors, margins, *_ = tables(loss)

    def scalar(part):
        x0 = whole.x0[0, :part]
        return scalar_loop.capped_quartic(x0, 0.01, 1000.0, separators[0], floors, margins, TARGET, STEPS)

    return loss, rule, whole, scalar


def himmelblau(n):
    """The basin of a start is where gradient descent takes it."""
    loss, rule, descent = find.loss("himmelblau"), find.dynamics("capped"), find.dynamics("gradient")
    x0 = scattered(loss, n, 1.0)
    labels = run(loss, descent, batch(loss, descent, x0, lr=loss.quench_lr), STEPS).basin
    whole = dataclasses.replace(batch(loss, rule, x0), basin=np.ascontiguousarray(labels))
    _, _, _, margins, centres, hessians, _ = tables(loss)

    def scalar(part):
        x0 = np.ascontiguousarray(whole.x0[:, :part])
        given = whole.basin, centres, hessians, margins, TARGET, STEPS
        return scalar_loop.capped_himmelblau(x0, 0.01, 1000.0, *given)

    return loss, rule, whole, scalar


def rastrigin(n):
    loss, rule = find.loss("rastrigin", 10), find.dynamics("gradient")
    whole = batch(loss, rule, scattered(loss, n, 1.0), lr=0.001)
    separators, _, floors, margins, *_ = tables(loss)

    def scalar(part):
        x0 = np.ascontiguousarray(whole.x0[:, :part])
        return scalar_loop.gradient_rastrigin(x0, 0.001, separators, floors, margins, TARGET, STEPS)

    return loss, rule, whole, scalar


def seconds(function, repeats=3):
    """The shortest of several times, after one call that compiles."""
    function()
    times = []
    for _ in range(repeats):
        begun = time.perf_counter()
        function()
        times.append(time.perf_counter() - begun)
    return min(times)


def ratio(loss, rule, whole, scalar, part):
    """Seconds a trajectory: scalar loop / engine.  Early exit is off, so that both do all the steps."""
    ours = seconds(lambda: run(loss, rule, whole, STEPS, early=False)) / len(whole)
    theirs = seconds(lambda: scalar(part), repeats=2) / part
    print(f"\n{loss.name} {rule.name}: {1e9 * ours / STEPS / loss.dim:.2f} ns an update, scalar loop", end=" ")
    print(f"{1e9 * theirs / STEPS / loss.dim:.2f} ns: {theirs / ours:.1f} x")
    return theirs / ours


@pytest.mark.parametrize(
    ("problem", "n", "part", "demanded"),
    [(quartic, 16384, 4096, 8.0), (himmelblau, 8192, 1024, 6.0), (rastrigin, 1024, 64, 6.0)],
)
def test_faster_than_the_obvious_loop(problem, n, part, demanded):
    case = problem(n)
    best = 0.0
    for _ in range(3):
        best = max(best, ratio(*case, part))
        if best >= demanded * SHARE:
            return
    pytest.fail(f"only {best:.1f} times as fast as the scalar loop, not {demanded * SHARE:.0f}")


def test_the_loop_records_the_same():
    """Where nothing is chaotic: the same times, and values that differ by rounding only."""
    loss, rule, whole, scalar = rastrigin(64)
    t_exit, t_commit, t_hit, best, last = scalar(64)
    ours = run(loss, rule, whole, STEPS)
    np.testing.assert_array_equal(ours.t_exit, t_exit)
    np.testing.assert_array_equal(ours.t_commit, t_commit)
    np.testing.assert_array_equal(ours.t_hit[0], t_hit)
    np.testing.assert_allclose(ours.best, best, rtol=1e-10)
    np.testing.assert_allclose(ours.x, last, rtol=1e-10)
    loss, rule, whole, scalar = quartic(256)
    t_exit, t_commit, _, best, _ = scalar(256)
    ours = run(loss, rule, whole, STEPS)
    assert abs((ours.t_exit >= 0).mean() - (t_exit >= 0).mean()) < 0.15  # chaotic: alike in distribution only
    left = whole.basin == 0
    np.testing.assert_array_equal(ours.t_exit[left], t_exit[left])
