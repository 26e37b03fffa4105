"""A Sweep written out in full, for a manifest and for the run's id; and read back."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

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


def unique(values: np.ndarray) -> list[float]:
    return list(dict.fromkeys(values.tolist()))


def asked(sweep: Sweep) -> dict[str, Any]:
    """What is in a definition only where it was asked for."""
    until = {} if sweep.until is None else {"until": float(sweep.until).hex()}
    return until | ({"rare": True} if sweep.rare else {})


def own_files(sweep: Sweep) -> dict[str, Path]:
    """The user's files that a sweep is made of: place in the run's folder -> where they are now."""
    rules = [("dynamics", arm.dynamics) for arm in sweep.arms]
    return {
        f"files/{kind}/{Path(n).name}": Path(n) for kind, n in [("losses", sweep.loss), *rules] if n.endswith(".py")
    }


def restored(definition: Mapping[str, Any], folder: Path) -> Sweep:
    """The Sweep of a manifest.  The user's files that it is made of are kept in the run's folder."""

    def name_of(kind: str, name: str) -> str:
        kept = folder / "files" / kind / f"{name}.py"
        return str(kept) if kept.exists() else name

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
        record=tuple(definition["record"]), keep=definition["keep"], by_start=definition["by_start"],
        until=float.fromhex(definition["until"]) if "until" in definition else None,
        rare="rare" in definition,
    )  # fmt: skip
