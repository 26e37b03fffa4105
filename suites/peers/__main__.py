"""python -m suites.peers: the same work by dynbench and by what people would otherwise use; one table.

--markdown FILE puts the table between the lines `<!-- speed: begin -->` and `<!-- speed: end -->` of a file.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path

from dynbench.backends.cpu import cores
from dynbench.doors import Parser, answered, replied
from suites.peers.first import First, firsts
from suites.peers.first import heading as first_heading
from suites.peers.harness import Row, ordered, rows
from suites.peers.peers import PEERS
from suites.peers.table import heading, insert, line, machine, markdown
from suites.peers.works import KINDS


def parser() -> Parser:
    parser = Parser(prog="python -m suites.peers", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--works", default=",".join(KINDS), help="of " + ", ".join(KINDS))
    parser.add_argument("--peers", default=",".join(PEERS), help="of " + ", ".join(PEERS))
    parser.add_argument("--threads", default="1,all", help="numbers of threads; all: one a core")
    parser.add_argument("--repeats", type=int, default=5, help="timed calls, of which the median counts")
    parser.add_argument("--steps", type=int, default=2500)
    parser.add_argument("--count", type=int, help="trajectories at most; default: each work's own number")
    parser.add_argument(
        "--first", action=argparse.BooleanOptionalAction, default=True, help="also the time to a first result"
    )
    parser.add_argument("--json", metavar="FILE", help="everything measured, into a file")
    parser.add_argument("--markdown", metavar="FILE", help="the table, into a text between its two marks")
    return parser


def chosen(text: str, known: Mapping[str, object], what: str) -> list[str]:
    """Names of a list with commas.  Raises ValueError where one is unknown, or there is none."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise ValueError(f"--{what}s names none; known: {', '.join(known)}")
    for name in names:
        if name not in known:
            raise ValueError(f"there is no {what} {name!r}; known: {', '.join(known)}")
    return names


def numbers(text: str) -> list[int]:
    """Numbers of threads, each once.  Raises ValueError for what is none."""
    found: list[int] = []
    for word in text.split(","):
        if word != "all" and not (word.isascii() and word.isdigit() and int(word) > 0):
            raise ValueError(f"--threads takes whole numbers and `all`, not {word!r}")
        count = cores() if word == "all" else int(word)
        if count > cores():
            raise ValueError(f"--threads {count}: there are only {cores()} cores")
        if count not in found:
            found.append(count)
    return found


def act(arguments: list[str]) -> int:
    given = parser().parse_args(arguments)
    works, peers = chosen(given.works, KINDS, "work"), chosen(given.peers, PEERS, "peer")
    threads = numbers(given.threads)
    if min(given.steps, given.repeats, 1 if given.count is None else given.count) < 1:
        raise ValueError("--steps, --repeats and --count are at least 1")
    target = Path(given.markdown) if given.markdown else None
    if target is not None:
        insert(target.read_text(encoding="utf-8"), "")  # a file without the marks is told at once
    print(heading())
    standard: dict[tuple[str, int], Row] = {}

    def tell(row: Row) -> None:
        if row.peer == "dynbench":
            standard[row.work, row.threads] = row
        print(line(row, standard[row.work, row.threads]), flush=True)

    found = rows(works, peers, threads, given.steps, given.count, given.repeats, tell)
    beginnings: list[First] = []
    if given.first:
        print("\n" + first_heading())
        beginnings = firsts(ordered(peers), given.steps, min(given.repeats, 3), lambda f: print(f.line, flush=True))
    about = machine(" ".join(["python -m suites.peers", *arguments]), peers)
    print("\n" + "\n".join(about.values()))
    if given.json:
        kept = {"about": about, "rows": [row.told() for row in found], "first": [f.told() for f in beginnings]}
        Path(given.json).write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    if target is not None:
        target.write_text(
            insert(target.read_text(encoding="utf-8"), markdown(found, about, beginnings)), encoding="utf-8"
        )
    return 0


if __name__ == "__main__":
    sys.exit(answered(lambda: replied(lambda: act(sys.argv[1:]))))
