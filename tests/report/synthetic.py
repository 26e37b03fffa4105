"""Small runs on disk, as a sweep writes them: simulated with NumPy, aggregated in the obvious way."""

from pathlib import Path

import numpy as np
import pandas as pd

from dynbench import find
from dynbench.outcomes.intervals import interval
from dynbench.store import SCHEMA, Run, canonical, parquet, write_whole

STEPS = 600
CAPS = (1.0, 10.0, 50.0, 66.0, 68.0, 70.0, 71.0, 71.2, 71.4, 72.0, 74.0, 76.0, 100.0, 1000.0, 1e6)
PARAMETERS = ("cap", "f_star", "c", "step_cap", "eps")
COUNTS = ("converged", "absorbed", "cycling", "stalled", "diverged", "censored")


def arms() -> list[dict]:
    chosen = [{"dynamics": "capped", "cap": cap, "f_star": 0.0} for cap in CAPS]
    chosen += [{"dynamics": "sps_max", "f_star": 0.0, "c": 1.0, "step_cap": s} for s in (0.01, 0.1, 1.0)]
    chosen += [{"dynamics": "gradient", "temperature": t} for t in (0.0, 0.5)]
    chosen += [{"dynamics": "global_flow", "f_star": 0.0}, {"dynamics": "sign"}, {"dynamics": "sign_eps", "eps": 1e-8}]
    blank = dict.fromkeys(PARAMETERS, np.nan)
    return [blank | {"lr": 0.01, "temperature": 0.0, "gradient_noise": 0.0} | arm for arm in chosen]


def displacement(arm: dict, g: np.ndarray, value: np.ndarray) -> np.ndarray:
    size = np.maximum(np.abs(g), 1e-150)
    if arm["dynamics"] == "capped":
        return -np.sign(g) * np.minimum(1.0 / size, arm["cap"]) * arm["lr"] * value
    if arm["dynamics"] == "sps_max":
        return -g * np.minimum(arm["lr"] * value / size**2, arm["step_cap"])
    if arm["dynamics"] == "global_flow":
        return -np.sign(g) * arm["lr"] * value / size
    return -arm["lr"] * (g if arm["dynamics"] == "gradient" else np.sign(g))


def walk(arm: dict, x0: np.ndarray, steps: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(x, L(x), first step outside the start's well or -1); x is kept for the first three, whole."""
    from dynbench.losses.quartic import B, grad, value

    rng, x = np.random.default_rng(seed), x0.copy()
    out = np.full(len(x), -1)
    kept = np.empty((steps + 1, 3))
    with np.errstate(all="ignore"):
        for k in range(steps + 1):
            out[(out < 0) & ((x < B) != (x0 < B))] = k
            kept[k] = x[:3]
            if k == steps:
                break
            x = x + displacement(arm, grad(x), value(x))
            if arm["temperature"] > 0:
                x = x + np.sqrt(2 * arm["temperature"] * arm["lr"]) * rng.standard_normal(len(x))
        return x, value(x), out, kept


def tables(starts: int = 41, steps: int = STEPS) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Trajectories and paths of all arms on the quartic, starts evenly over [0, 5]."""
    from dynbench.losses.quartic import B, value

    x0, rows, paths = np.linspace(0.05, 4.95, starts), [], []
    for number, arm in enumerate(arms()):
        start = np.concatenate([x0[-3:], x0])
        x, final, exits, kept = (a for a in walk(arm, start, steps, number))
        x, final, exits = x[3:], final[3:], exits[3:]
        moving = arm["dynamics"] in ("capped", "global_flow") or arm["temperature"] > 0
        far = ~(np.abs(x) < 1e6)
        status = np.where(
            far, "diverged", "censored" if moving else "cycling" if "sign" in arm["dynamics"] else "converged"
        )
        id0 = number * starts
        rows.append(pd.DataFrame(
            {"id": np.arange(id0, id0 + starts), "loss": "quartic", "dynamics": arm["dynamics"], "x0": x0}
            | {name: arm[name] for name in (*PARAMETERS, "lr", "temperature", "gradient_noise")}
            | {"seed": 0, "start_basin": (x0 >= B).astype(int), "status": status, "t_exit": exits, "t_commit": exits,
               "t_hit": -1, "loss_final": final, "loss_best": final, "basin_final": (x >= B).astype(int), "x_final": x}
        ))  # fmt: skip
        for n in range(3):
            paths.append(pd.DataFrame(
                {"id": id0 + starts - 3 + n, "dynamics": arm["dynamics"]}
                | {name: arm[name] for name in (*PARAMETERS, "lr", "temperature", "gradient_noise")}
                | {"step": np.arange(steps + 1), "x": kept[:, n], "loss_value": value(kept[:, n])}
            ))  # fmt: skip
    return pd.concat(rows, ignore_index=True), pd.concat(paths, ignore_index=True)


def cells(trajectories: pd.DataFrame, steps: int = STEPS, minimum: float = 0.0) -> pd.DataFrame:
    """One row a cell."""
    first = list(trajectories.columns)
    names = [c for c in first[: first.index("lr")] if c not in ("id", "x0") and not c.startswith("x0_")]
    keys, rows = [*names, "lr", "temperature", "gradient_noise", "start_basin"], []
    for key, group in trajectories.groupby(keys, dropna=False, sort=False):
        n, exits = len(group), group["t_exit"].to_numpy()
        times = np.where(exits >= 0, exits, np.inf)
        good = {"escape": exits >= 0, "best": group["loss_best"] <= minimum + 1e-3,
                "final": group["loss_final"] <= minimum + 1e-3, "global": group["basin_final"] == 0}  # fmt: skip
        row = dict(zip(keys, key, strict=True)) | {"steps": steps, "randomness": "grid starts", "n": n}
        row |= {"escaped": int(good["escape"].sum()), "committed": int((group["t_commit"] >= 0).sum())}
        for name, hits in good.items():
            lo, hi = interval(int(hits.sum()), n)
            row |= {f"p_{name}": hits.mean(), f"p_{name}_lo": float(lo), f"p_{name}_hi": float(hi)}
        middle = np.median(times)
        row |= {"t_exit_median": middle if np.isfinite(middle) else np.nan}
        row |= {"t_exit_median_escaped": np.median(exits[exits >= 0]) if (exits >= 0).any() else np.nan}
        row |= {name: int((group["status"] == name).sum()) for name in COUNTS}
        rows.append(row | {"loss_median": group["loss_final"].median()})
    order = ["loss", *names[1:], "lr", "temperature", "gradient_noise", "steps", "start_basin", "randomness", "n"]
    table = pd.DataFrame(rows)
    return table[order + [c for c in table.columns if c not in order]]


def manifest(**changes: object) -> dict:
    loss = find.loss("quartic")
    return {
        "schema": SCHEMA,
        "run": "0123456789ab",
        "command": "python -m dynbench.sweep --loss quartic --steps 600",
        "sweep": {
            "loss": "quartic", "dim": 1, "arms": [{"dynamics": "capped", "axes": {"cap": [c.hex() for c in CAPS]}}],
            "starts": {"law": "grid", "count": 41}, "steps": STEPS, "seeds": 1, "seed": 0, "targets": [(1e-3).hex()],
            "keep": "all",
        },
        "starts_in_words": "41 values of x0, evenly spaced over [0.05, 4.95]",
        "versions": {"dynbench": "0.1.0", "numba": "0.68.1", "python": "3.11.7"},
        "platform": {"system": "Linux", "machine": "x86_64", "cores": 2},
        "git_commit": "4a533ba",
        "loss": {"name": loss.name, "formula": loss.formula, "source": loss.source, "dim": 1},
    } | changes  # fmt: skip


def write(folder: Path, trajectories: pd.DataFrame, paths: pd.DataFrame, content: dict | None = None) -> Run:
    """A finished run in `folder`."""
    run = Run(folder)
    write_whole(folder / "manifest.json", canonical(content or manifest()))
    half = len(trajectories) // 2
    write_whole(run.chunk(0), parquet(trajectories[:half]))
    write_whole(run.chunk(1), parquet(trajectories[half:]))
    write_whole(folder / "paths.parquet", parquet(paths))
    table = cells(trajectories)
    write_whole(folder / "cells.csv", table.to_csv(index=False, lineterminator="\n").encode())
    return run
