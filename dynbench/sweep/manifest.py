"""What a run was, in full: the content of manifest.json."""

import os
import platform
import subprocess
from functools import cache
from importlib.metadata import version
from math import isfinite
from pathlib import Path
from typing import Any

import dynbench
from dynbench.dynamics.base import Dynamics
from dynbench.losses.base import Loss, Minimum
from dynbench.outcomes.probe import is_capped_flow, is_plain_gradient
from dynbench.store import SCHEMA
from dynbench.sweep.definition import not_kept, own_files
from dynbench.sweep.job import Job


def manifest(job: Job, command: str | None) -> dict[str, Any]:
    """Enough to repeat it, and the same for equal runs on one machine."""
    loss = job.plan.loss
    versions = {name: version(name) for name in ("numba", "numpy", "pandas", "pyarrow", "scipy")}
    return {
        "schema": SCHEMA,
        "run": job.id,
        "command": command,
        "files": sorted(own_files(job.plan)),
        "files_not_kept": not_kept(job.plan),
        "sweep": job.definition,
        "rows": job.rows,
        "kernels": job.kernels,
        "starts_in_words": job.sweep.starts.words(loss),
        "loss": of_loss(loss),
        "rules": {arm.dynamics.name: of_rule(arm.dynamics) for arm in job.plan.arms},
        "versions": versions | {"python": platform.python_version(), "dynbench": dynbench.__version__},
        "platform": {"system": platform.system(), "machine": platform.machine(), "cores": os.cpu_count()},
        "git_commit": git_commit(),
    }


def of_loss(loss: Loss) -> dict[str, Any]:
    """What a page says of a loss and asks of its basins, for the run's parameters; null for what is infinite or not
    known.  See `report.facts`, which reads it."""

    def of_minimum(m: Minimum) -> dict[str, Any]:
        known = {"x": m.x, "value": m.value, "barrier": finite(m.barrier), "distance": finite(m.distance)}
        return known | {"curvatures": [finite(c) for c in m.curvatures]}

    about = {"name": loss.name, "formula": loss.formula, "source": loss.source, "dim": loss.dim}
    where = {"domain": loss.domain, "separable": loss.separable, "separators": loss.separators}
    return about | where | {"minima": [of_minimum(m) for m in loss.minima], "saddles": loss.saddles}


def finite(number: float) -> float | None:
    return number if isfinite(number) else None


def of_rule(rule: Dynamics) -> dict[str, Any]:
    """What a page says of a rule, and asks of it: a user's file is not run for a page."""
    facts = {"plain_gradient": is_plain_gradient(rule), "capped_flow": is_capped_flow(rule)}
    return {"formula": rule.formula, "source": rule.source} | facts


@cache
def git_commit() -> str | None:
    """Commit of the source this runs from, `-dirty` if it was edited; None outside a checkout."""
    home = Path(dynbench.__file__).parent
    if not (home.parent / ".git").exists():
        return None
    command = ["git", "-C", str(home), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
