"""python -m dynbench.replay RUN ID: one trajectory of a stored run again, step by step, to the bit."""

import argparse
import json
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dynbench.doors import Parser, add_root, answered, replied

if TYPE_CHECKING:
    import pandas as pd

    from dynbench.batch import Endings
    from dynbench.store import Run
    from dynbench.sweep.grid import Piece, Plan, Rows

EDGE = 4  # steps shown at the beginning, at the end and around an event


def parser() -> argparse.ArgumentParser:
    p = Parser(prog="python -m dynbench.replay", allow_abbrev=False, description=__doc__)
    p.add_argument("run", metavar="RUN", help="a run's folder, name or id, or latest")
    p.add_argument("id", metavar="ID", help="number of the trajectory (column id)")
    add_root(p)
    p.add_argument("--csv", metavar="FILE", help="write every step to this file")
    p.add_argument("--json", action="store_true", help="print one JSON object with every step")
    return p


def main(argv: list[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    how = parser().parse_args(sys.argv[1:] if argv is None else argv)
    return replied(lambda: replayed(how))


def replayed(how: argparse.Namespace) -> int:
    from dynbench.backends.cpu import Cpu
    from dynbench.store import find_run, notes, old_tables, write_whole
    from dynbench.sweep.axes import whole
    from dynbench.sweep.definition import altered, elsewhere, restored
    from dynbench.sweep.grid import Plan
    from dynbench.sweep.rows import MOST_STEPS

    run = find_run(how.run, Path(how.root))
    number = whole(how.id, "ID", 0, 2**62)
    try:
        sweep = restored(run.manifest["sweep"], run.directory)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"the manifest of {run.directory} is not one that dynbench wrote ({error})") from None
    if sweep.steps > MOST_STEPS:
        raise ValueError(f"a path of {sweep.steps} steps is too long to be kept; at most {MOST_STEPS} can be replayed")
    with old_tables(run):
        plan = Plan(sweep)
        arm = arm_of(plan, run, number)
        piece = plan.piece(arm, number, number + 1)
    endings = Cpu(1).run(plan.loss, arm.dynamics, piece.batch, sweep.steps, sweep.targets, paths=1)
    table = steps_of(endings)
    if how.csv:
        write_whole(Path(how.csv), table.to_csv(index=False, lineterminator="\n").encode())
    same = agrees(run, number, plan, piece, endings)
    if how.json:
        content = {"schema": 1, "run": run.name, "id": number} | {c: values(table[c].tolist()) for c in table}
        print(json.dumps(content | {"same_as_stored": same, "outdated": notes(run)}, allow_nan=False))
    else:
        remarks = [*altered(plan, run.manifest), *elsewhere(run.manifest)]
        print("\n".join([*notes(run), told(run, number, piece, endings, table, same), *remarks]))
    return 1 if same is False else 0


def arm_of(plan: "Plan", run: "Run", number: int) -> "Rows":
    """The arm that a trajectory belongs to, in the sweep as asked for or in the batch of --until."""
    from dynbench.sweep.job import Job
    from dynbench.sweep.stage import stages

    last = 0
    rows = run.manifest.get("rows") or run.manifest["sweep"].get("rows")  # where they stood until schema 2
    for stage in stages(Job(plan, rows), run):
        for arm in () if stage.pilot else stage.arms:
            if arm.first <= number < arm.last:
                return arm
            last = arm.last
    raise ValueError(f"ID: {number} is not a trajectory of {run.name}, which has 0 to {last - 1}")


def values(column: list[Any]) -> list[Any]:
    return [None if isinstance(v, float) and not math.isfinite(v) else v for v in column]


def steps_of(endings: "Endings") -> "pd.DataFrame":
    """Every step: k, x, L."""
    import pandas as pd

    from dynbench.sweep.rows import coordinates

    path = endings.paths[0]
    return pd.DataFrame({"step": range(len(path)), **coordinates("x", path[:, :-1].T), "loss": path[:, -1]})


def agrees(run: "Run", number: int, plan: "Plan", piece: "Piece", endings: "Endings") -> bool | None:
    """Whether the stored row is the same to the bit; None where there is none that means the same."""
    if plan.sweep.keep != "all" or run.outdated:
        return None
    from dynbench.sweep.rows import frame

    before = 0
    for chunk in run.each_chunk():
        if before <= number < before + len(chunk):
            stored = chunk.iloc[[number - before]].reset_index(drop=True)
            now = frame(plan, piece, endings)
            return bool(stored[list(now.columns)].equals(now))
        before += len(chunk)
    raise ValueError(f"trajectory {number} is not on disk: the run in {run.directory} is not finished")


def told(run: "Run", number: int, piece: "Piece", endings: "Endings", table: "pd.DataFrame", same: bool | None) -> str:
    """The trajectory for a person: what it was, its events, the steps around them."""
    from dynbench.digits import exact
    from dynbench.kernels.shape import STATUSES

    arm = piece.rows
    shown = ", ".join(f"{n} = {exact(arm.column(n)[piece.combination[0]])}" for n in arm.names)
    events = {"start": 0, "exit": int(endings.t_exit[0]), "commit": int(endings.t_commit[0])}
    events |= {"first target": int(endings.t_hit[0, 0]), "end": len(table) - 1}
    lines = [f"{run.name}, trajectory {number}: {arm.dynamics.name}, {shown}"]
    lines.append(f"status {STATUSES[endings.status[0]]}, basin {piece.batch.basin[0]} -> {endings.basin[0]}")
    wanted = sorted(
        {k for at in events.values() if at >= 0 for k in range(at - EDGE, at + EDGE) if 0 <= k < len(table)}
    )
    columns = list(table.columns)
    lines.append("  ".join(f"{c:>22}" if c != "step" else f"{c:>8}" for c in columns))
    last = -1
    for k in wanted:
        if k > last + 1:
            lines.append(f"{'...':>8}")
        names = [name for name, at in events.items() if at == k]
        cells = "  ".join(f"{k:>8}" if c == "step" else f"{table[c][k]:>22.17g}" for c in columns)
        lines.append(f"{cells}  {', '.join(names)}".rstrip())
        last = k
    said = {
        True: "the same to the bit as the stored row",
        False: "NOT the same as the stored row",
        None: "not compared: the stored row may mean something else" if run.outdated else "no rows were stored",
    }
    return "\n".join([*lines, said[same]])


if __name__ == "__main__":
    sys.exit(answered(main))
