"""What is known of a run's loss and rules, by their definitions: a name alone tells nothing."""

from dataclasses import dataclass

from dynbench import find
from dynbench.losses._stored import by_its_facts
from dynbench.losses.base import Loss
from dynbench.store import Run
from dynbench.sweep.definition import restored
from dynbench.sweep.problem import loss_of as loss_of_sweep


@dataclass(frozen=True)
class Facts:
    """Names of a run's rules of which that was found when it was made."""

    gradient: frozenset[str] = frozenset()  # each step is -lr g
    capped: frozenset[str] = frozenset()  # the capped flow (11)


UNKNOWN = Facts()


def facts_of(run: Run) -> Facts:
    """What the manifest tells of the rules."""
    rules = (run.manifest.get("rules") or {}).items()

    def those(fact: str) -> frozenset[str]:
        return frozenset(name for name, told in rules if told.get(fact))

    return Facts(those("plain_gradient"), those("capped_flow"))


def loss_of(run: Run) -> Loss | None:
    """The run's loss: dynbench's own, if it is the one of today; else the facts that the manifest tells of it, without
    its functions, as a user's file is not run for a page; None where an older manifest tells none."""
    told = run.manifest.get("sweep") or {}
    try:
        sweep = restored(told, run.directory)
        if sweep.loss in find.losses():
            loss = loss_of_sweep(sweep)
            if loss.digest == told["definitions"]["loss"]:
                return loss
        return by_its_facts(run.manifest["loss"])
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
