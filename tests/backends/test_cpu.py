"""The CPU backend: slices cover all rows, workers change nothing, an interrupt is answered."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from batches import assert_equal_endings, batch, run, scattered
from interrupts import answered

from dynbench import find
from dynbench.backends import cpu
from dynbench.backends.cpu import Cpu, slices
from dynbench.kernels.shape import PERIOD
from dynbench.kernels.step import lanes

HERE = Path(__file__).parents[1]
LONG = """
import sys
sys.path.insert(0, sys.argv[1])
from batches import batch, run, scattered
from dynbench import find
loss, rule = find.loss("quartic"), find.dynamics("gradient")
whole = batch(loss, rule, scattered(loss, 2048), temperature=0.5)
run(loss, rule, whole, 10)
print("ready", flush=True)
run(loss, rule, whole, 10**9, workers=2)
"""


@pytest.mark.parametrize("count", [0, 1, 63, 64, 65, 1000, 123457])
@pytest.mark.parametrize(("steps", "dim", "workers"), [(1, 1, 1), (2500, 1, 16), (10**9, 10, 3)])
def test_slices_cover_every_row_once_in_whole_blocks(count, steps, dim, workers):
    found = slices(count, steps, dim, workers)
    assert [row for first, last in found for row in (first, last)] == sorted(
        row for first, last in found for row in (first, last)
    )
    assert sum(last - first for first, last in found) == count
    assert all(first % lanes(dim) == 0 and last > first for first, last in found)
    assert not count or (found[0][0] == 0 and found[-1][1] == count)


def test_an_empty_batch():
    loss, rule = find.loss("himmelblau"), find.dynamics("capped")
    endings = run(loss, rule, batch(loss, rule, np.empty((2, 0))), 100)
    assert endings.updates == 0
    assert endings.x.shape == (2, 0)
    assert endings.t_hit.shape == (1, 0)


def test_workers_change_nothing():
    loss, rule = find.loss("quartic"), find.dynamics("capped")
    whole = batch(loss, rule, scattered(loss, 5000), temperature=0.1)
    one = run(loss, rule, whole, 200)
    for workers in (2, 3, 7):
        other = run(loss, rule, whole, 200, workers=workers)
        assert_equal_endings(other, one)
        assert other.updates == one.updates


def test_progress_adds_up():
    loss, rule = find.loss("quartic"), find.dynamics("gradient")
    told: list[int] = []
    endings = Cpu(2, told.append).run(loss, rule, batch(loss, rule, scattered(loss, 3000)), 500, early=False)
    assert sum(told) == endings.updates == 3000 * 500


def test_an_error_in_progress_stops_the_threads():
    loss, rule = find.loss("quartic"), find.dynamics("gradient")

    def fail(_):
        raise RuntimeError("told")

    calls: list[int] = []
    whole = batch(loss, rule, scattered(loss, 64 * 64), temperature=0.5)
    with pytest.raises(RuntimeError, match="told"):
        Cpu(1, lambda steps: calls.append(steps) or fail(steps)).run(loss, rule, whole, 300_000)
    assert len(calls) == 1
    assert calls[0] < 4096 * 300_000 / 8  # of all the steps, hardly any were taken


def test_an_interrupt_ends_a_block_within_a_period_of_steps(monkeypatch):
    """As if it came before the first step: 2048 trajectories of 10^9 steps each take no more than PERIOD."""
    loss, rule = find.loss("quartic"), find.dynamics("gradient")
    whole = batch(loss, rule, scattered(loss, 2048), temperature=0.5)

    def interrupted(slice_of, ranges, _, stop, *__):
        stop[0] = 1
        return sum(map(slice_of, ranges))

    monkeypatch.setattr(cpu, "threads", interrupted)
    assert run(loss, rule, whole, 10**9).updates <= 2048 * PERIOD


@pytest.mark.skipif(os.name == "nt", reason="no SIGINT for a subprocess")
def test_an_interrupt_is_answered():
    """Asked for: hours.  That it ends at all is the answer; in how long, `suites/speed_promises.py` measures."""
    pipe, script = subprocess.PIPE, [sys.executable, "-c", LONG, str(HERE)]
    process = subprocess.Popen(script, stdout=pipe, stderr=pipe, text=True, cwd=HERE.parent, preexec_fn=answered)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        assert process.returncode in (1, -signal.SIGINT)
        assert "KeyboardInterrupt" in errors
    finally:
        process.kill()
