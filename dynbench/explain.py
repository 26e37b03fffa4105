"""python -m dynbench.explain RUN: why the escapes of a run happen, and whether its single trajectories mean anything.

For cells that escape from false minima: h is halved at fixed h * steps and fixed parameters of the ODE, and the cell is
labelled `flow`, `step-size`, `inertia`, `noise`, `step-size or noise` or `singular`; and its trajectories, the cell's
own starts, repeats and noise, or an even sample of them, are run again from x0 -+ 1 ulp.  What the run has counted is
not simulated again.
Written to mechanism.csv, halvings.csv and rounding.csv in the run's folder, where reports find them.
"""

import argparse
import json
import math
import shutil
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from dynbench.doors import Parser, add_root, answered, replied
from dynbench.progress import Bar

if TYPE_CHECKING:
    import pandas as pd

    from dynbench.store import Run
    from dynbench.sweep.grid import Plan

CELLS = 3  # of each arm: the first that escapes, the one that escapes most, and the last
SAMPLE = 2000  # trajectories of a cell that are run again, evenly spread, where it has more
NARROW, WIDE = 60, 100  # characters in a line
PART = 1.0 / 32.0  # of the work on a cell, a run with another h: there are 24 at most


def parser() -> argparse.ArgumentParser:
    p = Parser(prog="python -m dynbench.explain", allow_abbrev=False, description=__doc__.partition("\n")[0])
    p.add_argument("run", metavar="RUN", help="a run's folder, name or id, or latest")
    add_root(p)
    p.add_argument("--all", action="store_true", help=f"every cell that escapes, not only {CELLS} of each rule")
    p.add_argument("--workers", metavar="N", help="threads (default: one a core)")
    p.add_argument("--json", action="store_true", help="print one JSON object, nothing else")
    return p


def main(argv: list[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    how = parser().parse_args(sys.argv[1:] if argv is None else argv)
    return replied(lambda: explained(how))


def explained(how: argparse.Namespace) -> int:
    from dynbench.store import find_run, notes
    from dynbench.sweep.axes import whole
    from dynbench.sweep.definition import altered

    run = find_run(how.run, Path(how.root))
    workers = whole(how.workers, "--workers", 1, 4096) if how.workers is not None else None
    plan, tables = written(run, how.all, workers, how.json)
    if how.json:
        content = {name: records(table) for name, table in tables.items()}
        print(json.dumps({"schema": 1, "run": run.name, "outdated": notes(run)} | content, allow_nan=False))
    else:
        left_out = len(escaping(plan, run.cells)) - len(tables["mechanism"])
        width = min(max(shutil.get_terminal_size((WIDE, 24)).columns, NARROW), WIDE)
        print("\n".join([*notes(run), told(plan, run, tables, left_out, width), *altered(plan, run.manifest)]))
    return 0


def written(
    run: "Run", every: bool = False, workers: int | None = None, quiet: bool = False
) -> tuple["Plan", dict[str, "pd.DataFrame"]]:
    """Explains a run and writes the tables into its folder; `quiet`: without a progress bar."""
    from dynbench.store import old_tables, write_whole
    from dynbench.sweep.definition import restored
    from dynbench.sweep.grid import Plan

    if not run.finished:
        raise ValueError(f"the run in {run.directory} is not finished; run its command again first")
    with old_tables(run):
        plan = Plan(restored(run.manifest["sweep"], run.directory))
        tables = explanations(plan, run.cells, every, workers, quiet)
    for name, table in tables.items():
        write_whole(run.directory / f"{name}.csv", table.to_csv(index=False, lineterminator="\n").encode())
    return plan, tables


def records(table: "pd.DataFrame") -> list[dict[str, object]]:
    """The rows for JSON, every digit kept; None where something is not known."""
    rows = table.astype(object).to_dict("records")
    return [{str(k): None if v != v or v in (math.inf, -math.inf) else v for k, v in row.items()} for row in rows]


class NothingToExplain(ValueError):
    """No cell of the run escapes from a false minimum."""


def explanations(
    plan: "Plan", table: "pd.DataFrame", every: bool, workers: int | None, quiet: bool
) -> dict[str, "pd.DataFrame"]:
    """Mechanisms, halvings and rounding certificates of a run's cells, some of each rule or every one that escapes;
    with a progress bar, unless `quiet`."""
    import pandas as pd

    cells = escaping(plan, table)
    if cells.empty:
        raise NothingToExplain("no cell of this run escapes from a false minimum: there is nothing to explain")
    chosen = cells if every else pd.concat([some(group) for _, group in cells.groupby("dynamics", sort=False)])
    found = []
    with Bar(len(chosen), quiet, "cells") as bar:
        for _, cell in chosen.iterrows():
            found.append(of_cell(plan, cell, workers, lambda: bar.update(PART)))
            bar.update(len(found) - bar.done)
    return {name: pd.concat([part[name] for part in found], ignore_index=True) for name in found[0]}


def escaping(plan: "Plan", table: "pd.DataFrame") -> "pd.DataFrame":
    """The cells of false minima that something has left, or that splitting gives a P for."""
    from dynbench.basins import false_labels

    cells = table[table["start_basin"].isin(false_labels(plan.loss, table["start_basin"]))]
    return cells[(cells["escaped"] > 0) | (cells["p_escape"] > 0)].reset_index(drop=True)


def some(cells: "pd.DataFrame") -> "pd.DataFrame":
    """The first cell, the one that escapes most and the last, each once."""
    share = (cells["escaped"] / cells["n"]).to_numpy()
    places = sorted({0, int(share.argmax()), len(cells) - 1})
    return cells.iloc[places]


def of_cell(
    plan: "Plan", cell: "pd.Series", workers: int | None, progress: Callable[[], object]
) -> dict[str, "pd.DataFrame"]:
    """Mechanism, halvings and rounding certificate of one cell, each with the columns that name the cell.  `progress`:
    called after each of its runs."""
    import pandas as pd

    from dynbench.outcomes.cells import is_start
    from dynbench.outcomes.halving import Counted
    from dynbench.outcomes.mechanism import mechanism
    from dynbench.outcomes.rounding import certificate
    from dynbench.sweep.trajectories import members, place, values_of

    values, sweep = values_of(plan, cell), plan.sweep
    dynamics = place(plan, str(cell["dynamics"]), values)[0].dynamics
    rule = {n: v for n, v in values.items() if n in {**plan.loss.parameters, **dynamics.parameters}}
    own = members(plan, cell, SAMPLE)
    p, lo, hi = measured(cell)
    split = cell.get("p_escape_se", math.nan) == cell.get("p_escape_se", math.nan)
    counted = Counted(int(cell["n"]), int(cell["escaped"]), (p, lo, hi) if split else None)
    cause = mechanism(
        plan.loss, dynamics, rule, values["lr"], values["temperature"], values["gradient_noise"],
        own.starts.x0, own.starts.basin, own.starts.stream, sweep.steps, sweep.seed, workers,
        counted=counted, every_start=own.every_start, progress=progress,
    )  # fmt: skip
    proof = certificate(plan.loss, dynamics, own.sample, sweep.steps, workers, SAMPLE)
    name = {"dynamics": str(cell["dynamics"])} | {c: cell[c] for c in cell.index if is_start(str(c))}
    name |= {n: cell[n] for n in (*plan.parameters, "lr", "temperature", "gradient_noise")}
    name |= {"start_basin": int(cell["start_basin"])}
    total = {"cell_n": own.total, "splitting": split}
    known = total | {"escaped": counted.escaped, "p_escape": p, "p_escape_lo": lo, "p_escape_hi": hi}
    return {
        "mechanism": pd.DataFrame([name | known | {"label": cause.label, "reason": cause.reason}]),
        "halvings": cause.evidence.assign(**name)[[*name, *cause.evidence.columns]],
        "rounding": pd.DataFrame([name | {"cell_n": own.total} | proof.row()]),
    }


def measured(cell: "pd.Series") -> tuple[float, float, float]:
    """P(escape) of a cell and its 95 % limits, as the run's own table has them."""
    return float(cell["p_escape"]), float(cell["p_escape_lo"]), float(cell["p_escape_hi"])


def told(plan: "Plan", run: "Run", tables: dict[str, "pd.DataFrame"], left_out: int, width: int) -> str:
    """For a person: label, reason, halvings and certificate of every cell, in lines of at most `width` characters."""
    from dynbench.report.causes import LABELS, MEANING, of_cells

    lines = wrapped(f"{run.name}: why trajectories left their start's basin, cell by cell (meanings below)", width, "")
    lines.append("")
    causes, halvings, proofs = (tables[name] for name in ("mechanism", "halvings", "rounding"))
    for cause in of_cells(causes, halvings, proofs, plan.parameters, plan.loss, run.cells):
        lines += [cause.name, *wrapped(cause.heading, width), *wrapped(cause.reason, width)]
        lines += [f"    {line}" for line in cause.lines()]
        lines += [*wrapped(cause.rounding, width), ""]
    lines += wrapped(LABELS, width, "") + wrapped(MEANING, width, "")
    if left_out:
        lines.append(f"{left_out} more cells escape: --all explains every one.")
    return "\n".join(lines)


def wrapped(text: str, width: int, indent: str = "  ") -> list[str]:
    return textwrap.wrap(text, width, initial_indent=indent, subsequent_indent=indent, break_long_words=False)


if __name__ == "__main__":
    sys.exit(answered(main))
