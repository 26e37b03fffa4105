"""A parameter that is called like a column of a table or a flag of the command is refused."""

import pytest
from test_find import RULE, write

from dynbench import Arm, Starts, Sweep, find, run
from dynbench.columns import is_taken
from dynbench.find import STEP
from dynbench.kernels.step import RECORDS
from dynbench.sweep.parser import parser


def test_no_parameter_may_be_called_like_a_column_or_a_flag(tmp_path):
    """All columns of a run that writes every kind of them, and all flags of the command."""
    noisy = Arm("gradient", {"temperature": (0.0, 0.5)})
    sweep = Sweep(
        "quartic", (noisy,), Starts("points", 1, ((3.0,),)), steps=3, targets=(1.0, 0.1), record=RECORDS,
        until=0.9, rare=True, by_start=True,
    )  # fmt: skip
    result = run(sweep, tmp_path)
    names = {*result.cells.columns, *result.trajectories.columns, *result.paths.columns}
    flags = {word for action in parser()._actions for word in action.option_strings if word.startswith("--")}
    names |= {flag[2:].replace("-", "_") for flag in flags}
    names |= {"x_final_0", "x0_3", "x_1", "t_hit_0", "t_hit_12", "inside", "left", "left_diverged", "diverged_inside",
              "unknown", "t_diverged", "t_exit_lo", "t_exit_hi", "p_escape_lo", "x", "g", "w", "seed"}  # fmt: skip
    assert len(names) > 80
    for name in sorted(names - {"lambda"}):
        rule = find.dynamics(write(tmp_path, "lazy.py", RULE.replace("part", name))) if name not in STEP else None
        if rule is not None:
            with pytest.raises(ValueError, match=f"^the parameter '{name}' of rule 'lazy' has a name that sweeps use"):
                find.check_pair(find.loss("quartic"), rule)
        assert is_taken(name)
    for rule in find.rules():
        assert not any(map(is_taken, find.dynamics(rule).parameters))
