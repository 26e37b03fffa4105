"""The command line of a sweep, and its TOML file: both become one Sweep.  The imports are light: --help is instant."""

import argparse
import re
import tomllib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dynbench.columns import spelled
from dynbench.flags import nearest_flag, no_such_flags
from dynbench.sweep.parser import parser

if TYPE_CHECKING:
    from dynbench.sweep.grid import Sweep

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
    "rare",
)


@dataclass(frozen=True)
class Request:
    """What was asked for: options as text, axes of parameters as text, and how to run."""

    options: dict[str, Any]
    axes: dict[str, str]
    arms: list[dict[str, Any]]
    how: argparse.Namespace
    flags: tuple[str, ...]  # those of the command, without the parameters of losses and rules


def read(argv: list[str]) -> Request:
    """Defaults < config file < command line.  Raises ValueError."""
    own = parser()
    how, rest = own.parse_known_args(joined(argv))
    given = {name: getattr(how, name) for name in OPTIONS if getattr(how, name) is not None}
    axes = {
        name: getattr(how, name) for name in ("lr", "temperature", "gradient_noise") if getattr(how, name) is not None
    }
    axes |= parameters(rest, own.flags)
    arms: list[dict[str, Any]] = []
    if how.config:
        options, more, arms = configured(Path(how.config))
        if {"x0", "start", "starts"} & set(given):
            options = {k: v for k, v in options.items() if k not in ("x0", "start", "starts")}
        if "dynamics" in given:
            arms = []
        given, axes = options | given, more | axes
    return Request(given, axes, arms, how, tuple(own.flags))


def joined(argv: list[str]) -> list[str]:
    """`--x0 -1:2:4` as `--x0=-1:2:4`: a value that begins with a minus sign is not a flag."""
    words: list[str] = []
    for word in argv:
        if words and words[-1].startswith("--") and "=" not in words[-1] and re.match(r"-[\d.]", word):
            words[-1] += f"={word}"
        else:
            words.append(word)
    return words


def parameters(rest: list[str], known: Sequence[str] = ()) -> dict[str, str]:
    """--name AXIS or --name=AXIS, for the parameters of losses and rules; `known`: the command's own flags."""
    axes: dict[str, str] = {}
    rest = list(rest)
    while rest:
        flag = rest.pop(0)
        if not flag.startswith("--") or flag == "--":
            raise ValueError(f"{flag!r} is not a flag (see --help)")
        name, equals, value = flag[2:].partition("=")
        if not equals:
            if not rest or rest[0].startswith("--"):
                near = nearest_flag(flag, known)
                raise ValueError(no_such_flags([flag], known) if near else f"{flag} needs a value")
            value = rest.pop(0)
        axes[spelled(name.replace("-", "_"))] = value
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
    options = {k: located(v, k, path) for k, v in content.items() if k in OPTIONS}
    axes = {spelled(k): as_axis(v, k, path) for k, v in content.items() if k not in OPTIONS}
    return (
        options,
        axes,
        [{k: beside(v, k, path) if k == "dynamics" else as_axis(v, k, path) for k, v in arm.items()} for arm in arms],
    )


def located(value: Any, key: str, config: Path) -> Any:
    """An option of a TOML file, the files that it names taken from that file's own folder."""
    if key == "dynamics" and isinstance(value, str | list):
        return [beside(name, key, config) for name in listed(value)]
    return beside(value, key, config) if key in ("loss", "starts") and isinstance(value, str) else value


def beside(name: str, key: str, config: Path) -> str:
    """The path of the file of that name beside a TOML file; a name that is no file's as it is.

    Raises ValueError where there is no such file.
    """
    if not name.lower().endswith(".csv" if key == "starts" else ".py"):
        return name
    path = config.parent / name
    if path.exists():
        return str(path)
    elsewhere = "; the one in the current folder is not meant" if Path(name).exists() else ""
    raise ValueError(
        f"--config {config}: {key}: there is no {path}: paths in a TOML file are taken from its own folder{elsewhere}"
    )


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


def flag(value: Any, name: str) -> bool:
    """A flag of the command line, or true or false in a TOML file."""
    if not isinstance(value, bool):
        raise ValueError(f"{name} is true or false, not {value!r}")
    return value


def refuse_unknown(request: Request) -> None:
    """Raises ValueError for flags that are neither the command's nor parameters, where one of the command's was meant
    or they are several; a single other one is told with the parameters that there are, see `with_axes`."""
    from dynbench import find
    from dynbench.sweep.grid import COMMON

    o = request.options
    losses = [str(o["loss"])] if "loss" in o else find.losses()
    rules = [arm["dynamics"] for arm in request.arms] or listed(o.get("dynamics", "")) or find.rules()
    parameters = set(COMMON)
    for known in (losses, rules, find.rules()):  # those of other rules are told as such
        if not set(request.axes) - parameters:
            return
        for name in known:
            with suppress(ValueError):  # one that is not there is told later
                found = find.loss(name) if known is losses else find.dynamics(name)
                parameters |= set(found.parameters)
    flags = [flag_of(name) for name in request.axes if name not in parameters]
    there = [*request.flags, *map(flag_of, sorted(parameters - set(COMMON)))]
    if len(flags) > 1 or any(nearest_flag(flag, there) in request.flags for flag in flags):
        raise ValueError(no_such_flags(flags, there))


def flag_of(name: str) -> str:
    """The flag of a parameter."""
    return f"--{name.replace('_', '-')}"


def sweep_of(request: Request) -> "Sweep":
    """The Sweep that was asked for.  Raises ValueError, one sentence."""
    from dynbench import find
    from dynbench.sweep import default
    from dynbench.sweep.axes import axis, number, whole
    from dynbench.sweep.axes import listed as axes_of_starts
    from dynbench.sweep.grid import Arm, Sweep, with_axes
    from dynbench.sweep.scales import STEPS
    from dynbench.sweep.starts import Starts

    o = request.options
    refuse_unknown(request)
    if "loss" not in o:
        raise ValueError("--loss is needed, such as --loss quartic; `python -m dynbench.list` shows them all")
    loss = find.loss(str(o["loss"]))
    dim = loss.default_dim
    if "dim" in o:
        dim = whole(o["dim"], "--dim", 1, 4096)
    elif loss.dim is None and "start" in o:
        dim = len(listed(o["start"][0]))
    elif loss.dim is None and "x0" in o:
        dim = 1
    axes = {name: axis(text, f"--{name.replace('_', '-')}") for name, text in request.axes.items()}
    loss = find.loss(str(o["loss"]), dim, {n: axes[n][0] for n in loss.parameters if n in axes})
    made: tuple[Arm, ...] = ()
    if request.arms:
        made = tuple(Arm(a["dynamics"], {k: axis(v, k) for k, v in a.items() if k != "dynamics"}) for a in request.arms)
    elif "dynamics" in o:
        made = tuple(Arm(rule) for rule in listed(o["dynamics"]))
        if not made:
            raise ValueError("--dynamics: no rule named; `python -m dynbench.list` shows them all")
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
        begin = Starts.of([(v,) for v in axes_of_starts(as_axis(o["x0"], "x0"), "--x0")], 1, "--x0")
    elif "start" in o:
        rows = [tuple(number(c, "--start") for c in listed(row)) for row in several(o["start"])]
        begin = Starts.of(rows, dim, "--start")
    else:
        begin = Starts.parse(str(o["starts"]), dim) if "starts" in o else default.starts(dim)
    seed = whole(o.get("seed", 0), "--seed", 0, 2**64 - 1)
    if not made:
        given = {name: axes[name][0] for name in ("lr", "f_star") if name in axes}
        made = default.arms(loss, find.rules(), begin, seed, given.get("lr"), given.get("f_star"))
    sweep = Sweep(
        loss=str(o["loss"]), arms=made, starts=begin, dim=dim,
        steps=whole(o.get("steps", STEPS), "--steps", 1, 10**12),
        seeds=whole(o.get("seeds", 1), "--seeds", 1, 10**12),
        seed=seed,
        targets=targets, record=tuple(dict.fromkeys(listed(o.get("record", "")))), keep=str(o.get("keep", "all")),
        by_start=by == "start", rare=flag(o.get("rare", False), "--rare"),
        until=number(str(o["until"]), "--until") if "until" in o else None,
    )  # fmt: skip
    return with_axes(sweep, axes)
