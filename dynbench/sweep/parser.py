"""The flags of a sweep, and its help.  Only the standard library is imported: --help is instant."""

import argparse

from dynbench.doors import Parser

EXAMPLES = """\
AXIS is a list of pieces joined by commas, each a number, lo:hi:n or lo:hi:n:log.  A flag for any parameter of a
loss or a rule (see dynbench.list) takes an AXIS too: --cap 1:1e6:25:log, --beta 0.9,0.99.  Without --dynamics every
rule runs with axes of its own.

examples:
  python -m dynbench.sweep --loss quartic
  python -m dynbench.sweep --loss quartic --dynamics capped --x0 3.9:4.1:4001 --cap 71.2,71.4,1000 --steps 2500
  python -m dynbench.sweep --loss quartic --dynamics gradient --x0 3 --temperature 0.5 --seeds 100000 --json
  python -m dynbench.sweep --config suites/article.toml

exit codes: 0 done, 1 failed, 2 usage, 3 some chunks failed, 130 interrupted (the same command goes on)"""


def parser() -> Parser:
    p = Parser(
        prog="python -m dynbench.sweep", allow_abbrev=False, epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Runs rules from many starts on a loss and records whether, when and where they escape.",
    )  # fmt: skip
    what = p.add_argument_group("what runs")
    what.add_argument("--loss", metavar="NAME", help="a loss by name, or the path of a .py file")
    what.add_argument("--dim", metavar="N", help="dimension, where the loss leaves it free (default 2)")
    what.add_argument("--dynamics", metavar="NAME,..", help="rules by name, or paths of .py files (default: all)")
    what.add_argument("--x0", metavar="AXIS", help="starts in one dimension; equal ones are repeats")
    what.add_argument("--start", metavar="X,Y,..", action="append", help="a start in any dimension; may be repeated")
    laws = "grid:N (N a coordinate), uniform:N, trapped:N or a .csv file (equal lines are repeats)"
    what.add_argument("--starts", metavar="LAW", help=laws)
    what.add_argument("--lr", metavar="AXIS", help="Euler steps h (default: by the loss's scales)")
    what.add_argument("--temperature", metavar="AXIS", help="x += sqrt(2 T h) * normal (default 0)")
    what.add_argument("--gradient-noise", metavar="AXIS", help="g += s * normal (default 0)")
    what.add_argument("--steps", metavar="N", help="steps of every trajectory (default 2500)")
    what.add_argument("--seeds", metavar="N", help="repeats of every start with independent noise (default 1)")
    what.add_argument(
        "--rare", action="store_true", default=None, help="estimate cells with hardly an escape by splitting"
    )
    what.add_argument("--until", metavar="WIDTH", help="as many seeds as make the intervals of P(escape) so narrow")
    what.add_argument("--seed", metavar="S", help="master seed (default 0)")
    what.add_argument("--targets", metavar="AXIS", help="targets of L - Lmin (default 1e-3)")
    quantities = "crossings, last_crossing, global_steps, t_best, limited, cycle_period"
    what.add_argument("--record", metavar="NAME,..", help=quantities)
    what.add_argument("--keep", metavar="all|cells", help="every trajectory's row on disk, or only aggregates")
    what.add_argument("--by", metavar="start", help="start: a cell for every start")
    what.add_argument(
        "--config",
        metavar="FILE",
        help="a TOML file with these names as keys, and [[arm]] tables; paths are from its folder",
    )
    how = p.add_argument_group("how it runs (changes no result)")
    how.add_argument("--workers", metavar="N", help="threads (default: one a core)")
    how.add_argument("--chunk", metavar="N", help="trajectories simulated at once")
    how.add_argument("--out", metavar="DIR", default="results/runs", help="holds <loss>-<id>/ (default results/runs)")
    how.add_argument("--dry-run", action="store_true", help="say how much work it is, and do nothing")
    how.add_argument("--yes", action="store_true", help="begin what takes over an hour or 10 GB without asking")
    how.add_argument(
        "--no-self-check", dest="self_check", action="store_false", help="believe the kernel of a file of yours unseen"
    )
    how.add_argument("--json", action="store_true", help="print one JSON object, nothing else")
    how.add_argument("--quiet", "-q", action="store_true", help="print nothing but errors")
    return p
