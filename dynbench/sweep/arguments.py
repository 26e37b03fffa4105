"""The command line of a sweep, and its TOML file: both become one Sweep.  The imports are light: --help is instant."""

import argparse
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dynbench.sweep.grid import Sweep

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
OPTIONS = (
    "loss",
    "dim",
    "dynamics",
    "starts",
    "start",
    "x0",
    "steps",
    "seeds",
    "seed",
    "targets",
    "record",
    "keep",
    "by",
    "until",
)


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> Any:
        self.exit(2, f"error: {message}\n")


def parser() -> argparse.ArgumentParser:
    p = Parser(
        prog="python -m dynbench.sweep", allow_abbrev=False, epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Runs rules from many starts on a loss and records whether, when and where they escape.",
    )  # fmt: skip
    what = p.add_argument_group("what runs")
    what.add_argument("--loss", metavar="NAME", help="a loss by name, or the path of a .py file")
    what.add_argument("--dim", metavar="N", help="dimension, where the loss leaves it free (default 2)")
    what.add_argument("--dynamics", metavar="NAME,..", help="rules by name, or paths of .py files (default: all)")
    what.add_argument("--x0", metavar="AXIS", help="starts in one dimension")
    what.add_argument("--start", metavar="X,Y,..", action="append", help="a start in any dimension; may be repeated")
    what.add_argument("--starts", metavar="LAW", help="grid:N (N a coordinate), uniform:N, trapped:N or a .csv file")
    what.add_argument("--lr", metavar="AXIS", help="Euler steps h (default 0.01, less for steep losses)")
    what.add_argument("--temperature", metavar="AXIS", help="x += sqrt(2 T h) * normal (default 0)")
    what.add_argument("--gradient-noise", metavar="AXIS", help="g += s * normal (default 0)")
    what.add_argument("--steps", metavar="N", help="steps of every trajectory (default 2500)")
    what.add_argument("--seeds", metavar="N", help="repeats of every start with independent noise (default 1)")
    what.add_argument("--until", metavar="WIDTH", help="add seeds until P(escape) of every noisy cell is so well known")
    what.add_argument("--seed", metavar="S", help="master seed (default 0)")
    what.add_argument("--targets", metavar="AXIS", help="targets of L - Lmin (default 1e-3)")
    what.add_argument("--record", metavar="NAME,..", help="crossings, last_crossing, global_steps, t_best, limited")
    what.add_argument("--keep", metavar="all|cells", help="every trajectory's row on disk, or only aggregates")
    what.add_argument("--by", metavar="start", help="`start`: a cell for every start")
    what.add_argument("--config", metavar="FILE", help="a TOML file with these names as keys, and [[arm]] tables")
    how = p.add_argument_group("how it runs (changes no result)")
    how.add_argument("--workers", metavar="N", help="threads (default: one a core)")
    how.add_argument("--chunk", metavar="N", help="trajectories simulated at once")
    how.add_argument("--out", metavar="DIR", default="results/runs", help="holds <loss>-<id>/ (default results/runs)")
    how.add_argument("--dry-run", action="store_true", help="say how much work it is, and do nothing")
    how.add_argument("--json", action="store_true", help="print one JSON object, nothing else")
    how.add_argument("--quiet", "-q", action="store_true", help="print nothing but errors")
    return p


@dataclass(frozen=True)
class Request:
    """What was asked for: options as text, axes of parameters as text, and how to run."""

    options: dict[str, Any]
    axes: dict[str, str]
    arms: list[dict[str, Any]]
    how: argparse.Namespace


def read(argv: list[str]) -> Request:
    """Defaults < config file < command line.  Raises ValueError."""
    how, rest = parser().parse_known_args(joined(argv))
    given = {name: getattr(how, name) for name in OPTIONS if getattr(how, name) is not None}
    axes = {
        name: getattr(how, name) for name in ("lr", "temperature", "gradient_noise") if getattr(how, name) is not None
    }
    axes |= parameters(rest)
    arms: list[dict[str, Any]] = []
    if how.config:
        options, more, arms = configured(Path(how.config))
        if {"x0", "start", "starts"} & set(given):
            options = {k: v for k, v in options.items() if k not in ("x0", "start", "starts")}
        if "dynamics" in given:
            arms = []
        given, axes = options | given, more | axes
    return Request(given, axes, arms, how)


def joined(argv: list[str]) -> list[str]:
    """`--x0 -1:2:4` as `--x0=-1:2:4`: a value that begins with a minus sign is not a flag."""
    words: list[str] = []
    for word in argv:
        if words and words[-1].startswith("--") and "=" not in words[-1] and re.match(r"-[\d.]", word):
            words[-1] += f"={word}"
        else:
            words.append(word)
    return words


def parameters(rest: list[str]) -> dict[str, str]:
    """--name AXIS or --name=AXIS, for the parameters of losses and rules."""
    axes: dict[str, str] = {}
    rest = list(rest)
    while rest:
        flag = rest.pop(0)
        if not flag.startswith("--") or flag == "--":
            raise ValueError(f"{flag!r} is not a flag (see --help)")
        name, equals, value = flag[2:].partition("=")
        if not equals:
            if not rest:
                raise ValueError(f"--{name} needs a value" if name.isidentifier() else f"unknown flag {flag!r}")
            value = rest.pop(0)
        axes[name.replace("-", "_")] = value
    return axes


def configured(path: Path) -> tuple[dict[str, Any], dict[str, str], list[dict[str, Any]]]:
    """Options, axes and arms of a TOML file."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ValueError(f"--config {path}: {error}") from None
    arms = content.pop("arm", [])
    if not isinstance(arms, list) or not all(isinstance(a, dict) and isinstance(a.get("dynamics"), str) for a in arms):
        raise ValueError(f"--config {path}: each [[arm]] is a table with a key `dynamics`")
    options = {k: v for k, v in content.items() if k in OPTIONS}
    axes = {k: as_axis(v, k, path) for k, v in content.items() if k not in OPTIONS}
    return options, axes, [{k: v if k == "dynamics" else as_axis(v, k, path) for k, v in arm.items()} for arm in arms]


def as_axis(value: Any, key: str, path: Path | None = None) -> str:
    """An axis of a TOML file: a number, a text in the grammar of AXIS, or a list of both."""
    if isinstance(value, list):
        return ",".join(as_axis(v, key, path) for v in value)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        where = f"--config {path}: " if path else ""
        raise ValueError(f"{where}{key} is neither a number, nor a text, nor a list of them")
    return value if isinstance(value, str) else repr(value)


def listed(value: Any) -> list[str]:
    """A list, or a text of names joined by commas."""
    parts = value if isinstance(value, list) else str(value).split(",")
    return [str(part).strip() for part in parts if str(part).strip()]


def several(value: Any) -> list[Any]:
    """Points: one text or number, a list of them, or (TOML) a list of lists; a flat list of numbers is one point."""
    if not isinstance(value, list):
        return [value]
    return [value] if value and not isinstance(value[0], list | str) else value or [""]


def sweep_of(request: Request) -> "Sweep":
    """The Sweep that was asked for.  Raises ValueError, one sentence."""
    from dynbench import find
    from dynbench.sweep import default
    from dynbench.sweep.axes import axis, number, whole
    from dynbench.sweep.grid import Arm, Sweep, with_axes
    from dynbench.sweep.starts import Starts

    o = request.options
    if "loss" not in o:
        raise ValueError("--loss is needed, such as --loss quartic; `python -m dynbench.list` shows them all")
    loss = find.loss(str(o["loss"]))
    if "dim" in o:
        dim = whole(o["dim"], "--dim", 1, 4096)
    else:
        dim = (
            loss.dim
            if loss.dim is not None
            else len(listed(o["start"][0]))
            if "start" in o
            else 1
            if "x0" in o
            else max(2, loss.dims[0])
        )
    loss = loss.at(dim)
    axes = {name: axis(text, f"--{name.replace('_', '-')}") for name, text in request.axes.items()}
    if request.arms:
        made = tuple(Arm(a["dynamics"], {k: axis(v, k) for k, v in a.items() if k != "dynamics"}) for a in request.arms)
    elif "dynamics" in o:
        made = tuple(Arm(rule) for rule in listed(o["dynamics"]))
        if not made:
            raise ValueError("--dynamics: no rule named; `python -m dynbench.list` shows them all")
    else:
        made = default.arms(loss, find.rules(), axes["lr"][0] if "lr" in axes else None)
    by = str(o.get("by", ""))
    if by not in ("", "start"):
        raise ValueError(f"--by: {by!r} is not `start`")
    targets = axis(as_axis(o.get("targets", 1e-3), "targets"), "--targets")
    if min(targets) < 0:
        raise ValueError(f"--targets: {min(targets):g} is below 0, which no L - Lmin reaches")
    ways = [k for k in ("x0", "start", "starts") if k in o]
    if len(ways) > 1:
        raise ValueError(f"--{ways[0]} and --{ways[1]} both say where to start; give one of them")
    if "x0" in o:
        if dim != 1:
            raise ValueError(f"--x0 is for one dimension; {loss.name!r} has {dim}: give --start or --starts")
        begin = Starts.of([(v,) for v in axis(as_axis(o["x0"], "x0"), "--x0")], 1, "--x0")
    elif "start" in o:
        rows = [tuple(number(c, "--start") for c in listed(row)) for row in several(o["start"])]
        begin = Starts.of(rows, dim, "--start")
    else:
        begin = Starts.parse(str(o["starts"]), dim) if "starts" in o else default.starts(dim)
    sweep = Sweep(
        loss=str(o["loss"]), arms=made, starts=begin, dim=dim,
        steps=whole(o.get("steps", 2500), "--steps", 1, 10**12),
        seeds=whole(o.get("seeds", 1), "--seeds", 1, 10**12),
        seed=whole(o.get("seed", 0), "--seed", 0, 2**64 - 1),
        targets=targets, record=tuple(dict.fromkeys(listed(o.get("record", "")))), keep=str(o.get("keep", "all")),
        by_start=by == "start", until=number(str(o["until"]), "--until") if "until" in o else None,
    )  # fmt: skip
    return with_axes(sweep, axes)
