"""python -m dynbench.compare RUN --a ARM --b ARM: is one setting better than another, from the same starts and noise?

Pair by pair where both ran from the same starts with the same noise: the difference with Tango's interval and the
exact McNemar test.  Else as two independent samples: the score interval, Fisher's exact test and, for escapes, the
log-rank test of the escape times.
"""

import argparse
import json
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dynbench.doors import Parser, add_root, answered, replied

if TYPE_CHECKING:
    from dynbench.losses.base import Loss
    from dynbench.sweep.contest import Contest
    from dynbench.sweep.side import Side

EXAMPLES = """\
An ARM is a rule and as many of its settings as it takes to tell it from the others: capped,cap=1000

examples:
  python -m dynbench.compare latest --a capped,cap=1000 --b gradient,temperature=0.5
  python -m dynbench.compare RUN --a capped,cap=1000 --b capped,cap=1000 --with OTHER_RUN --on final"""


def parser() -> argparse.ArgumentParser:
    p = Parser(
        prog="python -m dynbench.compare", allow_abbrev=False, description=__doc__.partition("\n")[0],
        epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    p.add_argument("run", metavar="RUN", help="a run's folder, name or id, or latest")
    p.add_argument("--a", metavar="ARM", required=True, help="a rule and its settings: capped,cap=1000")
    p.add_argument("--b", metavar="ARM", required=True, help="the one it is compared with")
    p.add_argument("--with", metavar="RUN", dest="other", help="the run that b is taken from, if it is another one")
    p.add_argument("--on", metavar="WHAT", default="escape", help="escape (default), commit, best or final")
    add_root(p)
    p.add_argument("--json", action="store_true", help="print one JSON object, nothing else")
    return p


def main(argv: list[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    how = parser().parse_args(sys.argv[1:] if argv is None else argv)
    return replied(lambda: compared(how))


def compared(how: argparse.Namespace) -> int:
    from dynbench.store import find_run, notes, old_tables
    from dynbench.sweep.contest import contest
    from dynbench.sweep.definition import restored
    from dynbench.sweep.problem import loss_of
    from dynbench.sweep.side import side

    run = find_run(how.run, Path(how.root))
    other = find_run(how.other, Path(how.root)) if how.other else run
    with old_tables(run, other):
        a, b = side(run, how.a, "--a", how.on), side(other, how.b, "--b", how.on)
        sweep = restored(run.manifest["sweep"], run.directory)
        loss = loss_of(sweep)
        found = contest(a, b, how.on, loss)
        text = told(a, b, how.on, found, loss)
    if how.json:
        print(json.dumps(content(a, b, how.on, found) | {"outdated": notes(run, other)}, allow_nan=False))
    else:
        print("\n".join([*notes(run, other), text]))
    return 0


def content(a: "Side", b: "Side", on: str, found: "Contest") -> dict[str, Any]:
    """For a program; null where nothing is known, or nothing is random."""
    rows = [{name: known(value) for name, value in row.items()} for row in records(found)]
    sides = {name: {"run": side.run.name, **side.named} for name, side in (("a", a), ("b", b))}
    return {"schema": 1, **sides, "on": on, "paired": found.paired, "notes": list(found.notes), "comparisons": rows}


def records(found: "Contest") -> list[dict[str, Any]]:
    """The rows of the table; the start basin is a whole number, None for pooled ones."""
    column = found.table["start_basin"]
    labels = [None if missing else int(label) for label, missing in zip(column, column.isna(), strict=True)]
    rows = found.table.drop(columns="start_basin").to_dict("records")
    named = [{str(name): value for name, value in row.items()} for row in rows]
    return [{"start_basin": label} | row for label, row in zip(labels, named, strict=True)]


def known(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def told(a: "Side", b: "Side", on: str, found: "Contest", loss: "Loss") -> str:
    """For a person: a line for each start basin, and the pooled ones."""
    from dynbench.outcomes.success import KINDS
    from dynbench.report import arms, wells
    from dynbench.report.numbers import difference, p_value
    from dynbench.sweep.table import aligned

    columns = ["starts", "n of a", "n of b", "P of a", "P of b", "a - b [95%]", "a alone : b alone", found.test]
    columns += ["Holm p", "log-rank z", "log-rank p"]
    body = [columns]
    for row in records(found):
        where = row["pooled"] or f"from {wells.place(loss, row['start_basin'])}"
        random = row["lo"] == row["lo"]
        body.append([
            where, str(row["n_a"]), str(row["n_b"]), arms.share(row["p_a"]), arms.share(row["p_b"]),
            difference(row["difference"], row["lo"], row["hi"]) if random else f"{row['difference']:+.0f}",
            f"{row['only_a']:.0f} : {row['only_b']:.0f}" if found.paired else "",
            p_value(row["p"]) if random else "nothing random",
            "" if row["p_holm"] != row["p_holm"] else p_value(row["p_holm"]),
            "" if row["log_rank_z"] != row["log_rank_z"] else f"{row['log_rank_z']:+.2f}",
            "" if row["log_rank_p"] != row["log_rank_p"] else p_value(row["log_rank_p"]),
        ])  # fmt: skip
    head = [f"{name}: {side.name}, {side.run.name}" for name, side in (("a", a), ("b", b))]
    return "\n".join([*head, f"on {on}: {KINDS[on]}", "", aligned(body), "", *found.notes])


if __name__ == "__main__":
    sys.exit(answered(main))
