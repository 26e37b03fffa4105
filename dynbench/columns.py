"""Names of columns and flags: what no parameter of a loss or of a rule may be called.

A parameter is a flag of the command line and a column of every table, so each name may be used once.
A test runs sweeps and asks of every column and flag that is no parameter whether it stands here.
"""

import re
import unicodedata

TRAJECTORY = """
id loss dynamics x0 lr temperature gradient_noise seed start_basin status t_exit t_exit_lo t_exit_hi
t_diverged t_commit t_hit loss_final loss_best basin_final x_final
crossings last_crossing global_steps t_best limited cycle_period step x loss_value
"""
CELL = """
steps randomness n inside left left_diverged diverged_inside unknown escaped p_escape p_escape_se
t_exit_mean t_exit_median t_exit_median_escaped committed p_best p_final p_global p_exact p_exact_se z
converged absorbed cycling stalled diverged censored loss_median loss_start_median late_hazard running_time returned
seeds_used pilot_seeds steps_spent ancestors sound below_f_star start_kind basins
"""
FLAG = """
arm arms by chunk config dim dry_run help json keep out quiet rare record schedule seeds start starts
targets until workers yes no_self_check self_check
"""
JSON = "schema run directory updates kernel_seconds cells summary not_reached same_as_stored"
LOCAL = "basin d g i label name noise norm rule state stream value w"  # of kernels and of explanations
RESERVED = frozenset(" ".join((TRAJECTORY, CELL, FLAG, JSON, LOCAL)).split())
NUMBERED = re.compile(r"(x0|x_final|x|t_hit)_\d+")  # coordinates, and times to several targets


def spelled(name: str) -> str:
    """A parameter's name as Python reads it in a file: it takes 'ϵ' for 'ε', and 'µ' for 'μ'."""
    return unicodedata.normalize("NFKC", name)


def is_taken(name: str) -> bool:
    """Whether a column or a flag is called so, or is an end of its interval."""
    stem = name.removesuffix("_lo").removesuffix("_hi")
    return name in RESERVED or stem in RESERVED or NUMBERED.fullmatch(name) is not None
