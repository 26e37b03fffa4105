"""python -m dynbench.explain RUN: why the escapes of a run happen, and whether its single trajectories mean anything.

For cells that escape from false minima: h is halved at fixed h * steps and fixed parameters of the ODE, and the cell is
labelled `flow`, `step-size`, `inertia`, `noise` or `singular`; and some of its trajectories are run again from
x0 -+ 1 ulp.  Written to mechanism.csv, halvings.csv and rounding.csv in the run's folder, where reports find them.
"""

import argparse
import json
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dynbench.doors import Parser, answered, replied

if TYPE_CHECKING:
    import pandas as pd

    from dynbench.sweep.grid import Plan

CELLS = 3  # of each arm: the first that escapes, the one that escapes most, and the last


def parser() -> argparse.ArgumentParser:
    p = Parser(prog="python -m dynbench.explain", allow_abbrev=False, description=__doc__.partition("\n")[0])
    p.add_argument("run", metavar="RUN", help="a run's folder, name or id, or `latest`")
    p.add_argument("--root", default="results/runs", metavar="DIR", help="where runs are looked for")
    p.add_argument("--all", action="store_true", help=f"every cell that escapes, not only {CELLS} of each rule")
    p.add_argument("--workers", metavar="N", help="threads (default: one a core)")
    p.add_argument("--json", action="store_true", help="print one JSON object, nothing else")
    return p


def main(argv: list[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    how = parser().parse_args(sys.argv[1:] if argv is None else argv)
    return replied(lambda: explained(how))


def explained(how: argparse.Namespace) -> int:
    from dynbench.store import find_run, notes, old_tables, write_whole
    from dynbench.sweep.axes import whole
    from dynbench.sweep.definition import altered, restored
    from dynbench.sweep.grid import Plan

    run = find_run(how.run, Path(how.root))
    if not run.finished:
        raise ValueError(f"the run in {run.directory} is not finished; run its command again first")
    workers = whole(how.workers, "--workers", 1, 4096) if how.workers is not None else None
    with old_tables(run):
        plan = Plan(restored(run.manifest["sweep"], run.directory))
        tables = explanations(plan, run.cells, how.all, workers)
    for name, table in tables.items():
        write_whole(run.directory / f"{name}.csv", table.to_csv(index=False, lineterminator="\n").encode())
    if how.json:
        content = {name: json.loads(table.to_json(orient="records")) for name, table in tables.items()}
        print(json.dumps({"schema": 1, "run": run.name, "outdated": notes(run)} | content, allow_nan=False))
    else:
        print("\n".join([*notes(run), told(plan, tables), *altered(plan, run.manifest)]))
    return 0


def explanations(plan: "Plan", table: "pd.DataFrame", every: bool, workers: int | None) -> dict[str, "pd.DataFrame"]:
    """Mechanisms, halvings and rounding certificates of a run's cells, some of each rule or every one that escapes."""
    import pandas as pd

    from dynbench.basins import false_labels

    cells = table[table["start_basin"].isin(false_labels(plan.loss, table["start_basin"]))]
    cells = cells[cells["escaped"] > 0].reset_index(drop=True)
    if cells.empty:
        raise ValueError("no cell of this run escapes from a false minimum: there is nothing to explain")
    chosen = cells if every else pd.concat([some(group) for _, group in cells.groupby("dynamics", sort=False)])
    found = [of_cell(plan, cell, workers) for _, cell in chosen.iterrows()]
    return {name: pd.concat([part[name] for part in found], ignore_index=True) for name in found[0]}


def some(cells: "pd.DataFrame") -> "pd.DataFrame":
    """The first cell, the one that escapes most and the last, each once."""
    places = sorted({0, int(cells["p_escape"].to_numpy().argmax()), len(cells) - 1})
    return cells.iloc[places]


def of_cell(plan: "Plan", cell: "pd.Series", workers: int | None) -> dict[str, "pd.DataFrame"]:
    """Mechanism, halvings and rounding certificate of one cell, each with the columns that name the cell."""
    import numpy as np
    import pandas as pd

    from dynbench.outcomes.mechanism import mechanism
    from dynbench.outcomes.rounding import certificate

    values = {
        n: float(cell[n]) for n in (*plan.parameters, "lr", "temperature", "gradient_noise") if cell[n] == cell[n]
    }
    arm, combination = place(plan, str(cell["dynamics"]), values)
    index = np.flatnonzero(plan.labels == int(cell["start_basin"]))
    number = arm.first + arm.offsets[combination] + index * arm.repeats[combination]
    piece = plan.made(arm, number, np.full(len(index), combination), index, np.zeros(len(index), np.int64))
    batch, sweep = piece.batch, plan.sweep
    rule = {n: v for n, v in values.items() if n in {**plan.loss.parameters, **arm.dynamics.parameters}}
    cause = mechanism(
        plan.loss, arm.dynamics, rule, values["lr"], values["temperature"], values["gradient_noise"],
        batch.x0, batch.basin, batch.stream, sweep.steps, sweep.seed, workers,
    )  # fmt: skip
    proof = certificate(plan.loss, arm.dynamics, batch, sweep.steps, workers)
    name = {"dynamics": str(cell["dynamics"]), **{n: cell[n] for n in (*plan.parameters, "lr", "temperature")}}
    name |= {"gradient_noise": cell["gradient_noise"], "start_basin": int(cell["start_basin"])}
    fields = ("n", "differ_outcome", "differ_time", "horizon", "lyapunov", "lyapunov_se", "lyapunov_exact", "verdict")
    return {
        "mechanism": pd.DataFrame(
            [name | {"p_escape": cell["p_escape"], "label": cause.label, "reason": cause.reason}]
        ),
        "halvings": cause.evidence.assign(**name)[[*name, *cause.evidence.columns]],
        "rounding": pd.DataFrame([name | {f: getattr(proof, f) for f in fields}]),
    }


def place(plan: "Plan", rule: str, values: dict[str, float]) -> tuple[Any, int]:
    """The arm, and the number of its combination, that has these values."""
    for arm in plan.arms:
        if arm.dynamics.name == rule:
            same = [
                all(v == values.get(n, v) for n, v in zip(arm.names, c, strict=True)) for c in arm.values.T.tolist()
            ]
            if any(same):
                return arm, same.index(True)
    raise ValueError(f"no arm of the run has {rule} with {values}")


def share(p: float) -> str:
    """A probability in words, for there is none where exits are known between bounds only."""
    return f"{p:.3f}" if math.isfinite(p) else "known between bounds only"


def told(plan: "Plan", tables: dict[str, "pd.DataFrame"]) -> str:
    """For a person: label, reason and certificate of every cell."""
    from dynbench.sweep.table import label, varying

    rows, proofs = tables["mechanism"], tables["rounding"]
    names = varying(rows, plan.parameters)
    lines: list[str] = []
    for (_, row), (_, proof) in zip(rows.iterrows(), proofs.iterrows(), strict=True):
        lines.append(f"{label(row, names[row['dynamics']])}: {row['label']}, P(escape) {share(row['p_escape'])}")
        lines.append(f"  {row['reason']}")
        measured = f"Lyapunov exponent {proof['lyapunov']:.4f} a step" if math.isfinite(proof["lyapunov"]) else ""
        known = math.isfinite(proof["lyapunov_exact"])
        exact = f" ({proof['lyapunov_exact']:.4f} in the parabola at the minimum)" if known else ""
        differ = f"{proof['differ_outcome']} of {proof['n']} outcomes differ from x0 -+ 1 ulp"
        lines.append(f"  {proof['verdict']}: {differ}{'; ' if measured else ''}{measured}{exact}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(answered(main))
