"""dynbench: the dynamics of optimizers, measured.  Where a rule goes from each start, whether it escapes, and why."""

from dynbench import current_folder as current_folder  # isort: skip (before all else, see there)

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dynbench.dynamics.base import Dynamics
    from dynbench.losses.base import Loss, Minimum
    from dynbench.outcomes.label import label
    from dynbench.sweep.grid import Arm, Sweep
    from dynbench.sweep.run import run
    from dynbench.sweep.starts import Starts

__version__ = "0.1.0"
__all__ = ["Arm", "Dynamics", "Loss", "Minimum", "Starts", "Sweep", "find", "label", "run"]

HOMES = {
    "Arm": "dynbench.sweep.grid",
    "Dynamics": "dynbench.dynamics.base",
    "Loss": "dynbench.losses.base",
    "Minimum": "dynbench.losses.base",
    "Starts": "dynbench.sweep.starts",
    "Sweep": "dynbench.sweep.grid",
    "label": "dynbench.outcomes.label",
    "run": "dynbench.sweep.run",
}


def __getattr__(name: str) -> Any:
    """Public names are imported when they are first used, so that `--help` answers at once."""
    if name == "find":
        return import_module("dynbench.find")
    if name in HOMES:
        return getattr(import_module(HOMES[name]), name)
    raise AttributeError(f"module 'dynbench' has no attribute {name!r}")
