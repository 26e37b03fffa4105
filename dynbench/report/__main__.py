"""`python -m dynbench.report RUN...`: runs as one HTML page that opens from disk without a network."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dynbench.doors import Parser, add_root, answered, replied

if TYPE_CHECKING:
    from dynbench.store import Run


def main(argv: Sequence[str] | None = None) -> int:
    parser = Parser(
        prog="dynbench report",
        description="Writes one self-contained HTML page about finished runs.",
        allow_abbrev=False,
    )
    parser.add_argument("runs", nargs="+", metavar="RUN", help="a run's folder, its name or id, or latest")
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="default: report.html in the run's folder, or here for several runs"
    )
    add_root(parser, file=True)
    parser.add_argument(
        "--explain", action="store_true", help="first work out why escapes happen, as python -m dynbench.explain does"
    )
    parser.add_argument("--quiet", action="store_true", help="do not print where the page is")
    chosen = parser.parse_args(argv)
    if chosen.out is not None and chosen.out.is_dir():
        parser.error(f"--out {chosen.out} is a folder; give the page's name as well, {chosen.out / 'report.html'}")

    return replied(lambda: written(chosen))


def written(chosen: argparse.Namespace) -> int:
    """Writes the page and says where it is."""
    from dynbench.report.page import page_of  # after --help has been answered
    from dynbench.store import find_run, notes, write_whole

    runs = [find_run(name, Path(chosen.root)) for name in chosen.runs]
    if chosen.explain:
        explain(runs, chosen.quiet)
    page = page_of(runs)
    out: Path = chosen.out or (runs[0].directory / "report.html" if len(runs) == 1 else Path("report.html"))
    for sentence in page.missing:
        print(f"note: {sentence}", file=sys.stderr)
    write_whole(out, page.html.encode(errors="replace"))
    if not chosen.quiet:
        print(out)
        for note in notes(*runs):
            print(note, file=sys.stderr)
    return 0


def explain(runs: Sequence["Run"], quiet: bool) -> None:
    """Runs `explain` on each run; of one in which nothing escapes there is a note instead."""
    from dynbench.explain import NothingToExplain
    from dynbench.explain import written as explained

    for run in runs:
        try:
            explained(run, quiet=quiet)
        except NothingToExplain as error:
            print(f"note: {run.name}: {error}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(answered(main))
