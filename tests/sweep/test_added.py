"""A piece added up at once, against its rows added up."""

import numpy as np
import pytest

from dynbench.backends.cpu import Cpu
from dynbench.outcomes.aggregate import aggregate, merge, packed
from dynbench.sweep.added import added_up, cells_of
from dynbench.sweep.grid import Arm, Plan, Sweep
from dynbench.sweep.job import Job
from dynbench.sweep.rows import frame
from dynbench.sweep.starts import Starts

SWEEPS = {
    "quartic": Sweep("quartic", (Arm("gradient", {"temperature": (0.0, 0.5)}),), Starts("uniform", 30), seeds=4),
    "caps": Sweep("quartic", (Arm("capped", {"cap": (10.0, 100.0, 1000.0)}),), Starts("grid", 21)),
    "planes": Sweep("himmelblau", (Arm("capped"),), Starts("grid", 7), dim=2, targets=(1e-1, 1e-3)),
    "product": Sweep("rastrigin", (Arm("gradient", {"lr": (1e-3, 0.1)}),), Starts("uniform", 40), dim=3),
}


@pytest.mark.parametrize("by_start", [False, True])
@pytest.mark.parametrize("name", SWEEPS)
def test_added_up_equals_its_rows(name, by_start):
    sweep = Sweep(**{**vars(SWEEPS[name]), "steps": 200, "by_start": by_start})
    job = Job(Plan(sweep))
    for arm, first, last in job.plan.pieces(1, job.plan.total, 50):
        piece = job.plan.piece(arm, first, last)
        endings = Cpu(1).run(job.plan.loss, arm.dynamics, piece.batch, sweep.steps, sweep.targets)
        rows = aggregate(frame(job.plan, piece, endings), job.context, by_start)
        assert packed(merge([added_up(job.plan, piece, endings, job.context)])) == packed(merge([rows]))


def test_cells_are_numbered_as_they_come():
    plan = Plan(SWEEPS["quartic"])
    piece = plan.piece(plan.arms[0], 0, plan.total)
    codes, first = cells_of(piece, by_start=False)
    assert sorted(set(codes)) == list(range(len(first)))
    assert (np.diff(first) > 0).all()
    np.testing.assert_array_equal(codes[first], np.arange(len(first)))
