"""A Sweep written out in full, for a manifest and for the run's id; and read back."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dynbench.definition import RESULTS, digest
from dynbench.dynamics.base import Dynamics
from dynbench.losses.base import Loss
from dynbench.sweep.grid import Arm, Plan, Sweep
from dynbench.sweep.starts import Starts


def expanded(plan: Plan) -> dict[str, Any]:
    """The sweep written out in full: axes expanded, defaults filled in, numbers exact (float.hex)."""
    sweep = plan.sweep
    arms = [
        {"dynamics": rows.dynamics.name, "axes": {n: [v.hex() for v in unique(rows.column(n))] for n in rows.names}}
        for rows in plan.arms
    ]
    starts = {"law": sweep.starts.law, "count": sweep.starts.count}
    if sweep.starts.points:
        starts["points"] = [[c.hex() for c in point] for point in sweep.starts.points]
    return {
        "loss": plan.loss.name, "dim": sweep.dim, "arms": arms, "starts": starts,
        "steps": sweep.steps, "seeds": sweep.seeds,
        "seed": sweep.seed, "targets": [float(t).hex() for t in sweep.targets], "record": list(sweep.record),
        "keep": sweep.keep, "by_start": sweep.by_start,
    } | asked(sweep)  # fmt: skip


def identity(plan: Plan) -> dict[str, Any]:
    """All that decides what a run's numbers are: the sweep, the definitions behind its names, and `RESULTS`."""
    rules = {rows.dynamics.name: rows.dynamics for rows in plan.arms}
    digests = {"loss": plan.loss.digest, "dynamics": {name: digest(rule) for name, rule in rules.items()}}
    return expanded(plan) | {"definitions": digests, "results": RESULTS}


def unique(values: np.ndarray) -> list[float]:
    return list(dict.fromkeys(values.tolist()))


def asked(sweep: Sweep) -> dict[str, Any]:
    """What is in a definition only where it was asked for."""
    until = {} if sweep.until is None else {"until": float(sweep.until).hex()}
    return until | ({"rare": True} if sweep.rare else {})


def own_files(plan: Plan) -> dict[str, bytes]:
    """The user's files that a sweep is made of, as they were run: place in the run's folder -> content.

    One that reads others beside it gets a folder with them: files/losses/mine/mine.py.
    """
    found: dict[str, bytes] = {}
    for kind, definition in definitions(plan):
        kept = {name: content for name, content in definition.files.items() if content is not None}
        folder = f"files/{kind}/{definition.name}" if len(definition.files) > 1 else f"files/{kind}"
        found |= {f"{folder}/{name}": content for name, content in kept.items()}
    return found


def not_kept(plan: Plan) -> list[str]:
    """Files that a user's loss or rule reads, which lie elsewhere or are too large to be kept with the run."""
    read = (item for _, definition in definitions(plan) for item in definition.files.items())
    return sorted({name for name, content in read if content is None})


def definitions(plan: Plan) -> list[tuple[str, Loss | Dynamics]]:
    """The folder of its kind, and the loss or the rule."""
    return [("losses", plan.loss), *(("dynamics", arm.dynamics) for arm in plan.arms)]


def restored(definition: Mapping[str, Any], folder: Path) -> Sweep:
    """The Sweep of a manifest.  The user's files that it is made of are kept in the run's folder."""

    def name_of(kind: str, name: str) -> str:
        files = folder / "files" / kind
        kept = [files / name / f"{name}.py", files / f"{name}.py"]
        return next((str(path) for path in kept if path.exists()), name)

    def numbers(values: list[str]) -> tuple[float, ...]:
        return tuple(float.fromhex(v) for v in values)

    starts = definition["starts"]
    points = tuple(numbers(point) for point in starts.get("points", []))
    arms = tuple(
        Arm(name_of("dynamics", arm["dynamics"]), {n: numbers(v) for n, v in arm["axes"].items()})
        for arm in definition["arms"]
    )
    return Sweep(
        loss=name_of("losses", definition["loss"]), arms=arms,
        starts=Starts(starts["law"], starts["count"], points), dim=definition["dim"], steps=definition["steps"],
        seeds=definition["seeds"], seed=definition["seed"], targets=numbers(definition["targets"]),
        record=tuple(r for r in definition["record"] if r != "t_diverged"),  # always recorded since RESULTS 2
        keep=definition["keep"], by_start=definition["by_start"],
        until=float.fromhex(definition["until"]) if "until" in definition else None,
        rare="rare" in definition,
    )  # fmt: skip


def elsewhere(manifest: Mapping[str, Any]) -> list[str]:
    """A line for each file that a user's loss or rule reads and that is not with the run."""
    paths = manifest.get("files_not_kept", [])
    return [f"not kept  {path}: it is read from there, and a replay needs it as it was" for path in paths]


def altered(plan: Plan, manifest: Mapping[str, Any]) -> list[str]:
    """A line for each loss and rule whose definition is not the one that the stored run had."""
    before, now = manifest["sweep"].get("definitions"), identity(plan)["definitions"]
    if before is None:
        return []
    rules = [f"rule {name!r}" for name, found in now["dynamics"].items() if before["dynamics"].get(name) != found]
    changed = [f"loss {plan.loss.name!r}"] * (before["loss"] != now["loss"]) + rules
    return [f"altered   the definition of {what} is not the one of the stored run" for what in changed]
