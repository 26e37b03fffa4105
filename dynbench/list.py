"""`python -m dynbench.list`: the losses and the rules, each with its formula and its source; `--json` for programs."""

import json
import sys
import textwrap
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from dynbench import find
from dynbench.doors import Parser, answered
from dynbench.dynamics.base import Dynamics
from dynbench.losses.base import Loss

WIDTH = 100  # columns
NAME = 20  # columns of the name
SHOWN = 4  # minima that the readable table writes out


def main(argv: Sequence[str] | None = None) -> int:
    parser = Parser(
        prog="dynbench list", description="Lists the losses and the rules, with formula and source.", allow_abbrev=False
    )
    parser.add_argument("--json", action="store_true", help="one JSON object instead of the readable table")
    chosen = parser.parse_args(argv)
    losses = [find.loss(name) for name in find.losses()]
    rules = [find.dynamics(name) for name in find.rules()]
    if chosen.json:
        print(json.dumps({"losses": list(map(of_loss, losses)), "dynamics": list(map(of_rule, rules))}, indent=2))
    else:
        print("\n".join(["Losses", "", *map(show_loss, losses), "Rules", "", *map(show_rule, rules)]).rstrip())
    return 0


def of_loss(loss: Loss) -> dict[str, Any]:
    """A loss as JSON: infinities and unknowns are null."""
    return {
        "name": loss.name,
        "formula": loss.formula,
        "source": loss.source,
        "dim": loss.dim,
        "dims": [loss.dim, loss.dim] if loss.dim else list(loss.dims),
        "separable": loss.separable,
        "parameters": loss.parameters,
        "minima": [
            {
                "x": list(m.x),
                "value": m.value,
                "curvatures": list(m.curvatures),
                "barrier": number(m.barrier),
                "distance": number(m.distance),
            }
            for m in loss.minima
        ],
    }


def of_rule(rule: Dynamics) -> dict[str, Any]:
    """A rule as JSON: an infinite bound is null."""
    return {
        "name": rule.name,
        "formula": rule.formula,
        "source": rule.source,
        "parameters": rule.parameters,
        "defaults": rule.defaults,  # {"f_star": "lmin"}: in a sweep, the loss's lowest value
        "bounds": {name: [number(end) for end in pair] for name, pair in rule.bounds.items()},
    }


def number(x: float) -> float | None:
    return x if isfinite(x) else None


def show_loss(loss: Loss) -> str:
    lo, hi = loss.dims
    dimension = f"{loss.dim}-D" if loss.dim else f"{lo}-D to {hi}-D"
    each = " in each coordinate" if loss.separable else ""
    lines = [loss.formula, f"{dimension}; {loss.source}"]
    if loss.parameters:
        lines.append(settings(loss.parameters))
    lines.append(f"{len(loss.minima)} {'minimum' if len(loss.minima) == 1 else 'minima'}{each}:")
    for m in loss.minima[:SHOWN]:
        place = ", ".join(f"{c:.6g}" for c in m.x)
        barrier = f"  barrier {m.barrier:<8.6g}" if isfinite(m.barrier) else ""
        distance = f"  distance {m.distance:.6g}" if isfinite(m.distance) else ""
        lines.append(f"  x = {place:<17}  L = {m.value:<11.6g}{barrier}{distance}")
    if len(loss.minima) > SHOWN:
        lines.append("  ...")
    return entry(loss.name, lines)


def show_rule(rule: Dynamics) -> str:
    lines = [rule.formula, rule.source]
    if rule.parameters:
        lines.append(settings({**rule.parameters, **dict.fromkeys(rule.defaults, "Lmin of the loss")}))
    return entry(rule.name, lines)


def settings(parameters: Mapping[str, float | str]) -> str:
    """Names and defaults, in a line."""
    shown = {n: value if isinstance(value, str) else f"{value:g}" for n, value in parameters.items()}
    return "parameters: " + ", ".join(f"{name} = {value}" for name, value in shown.items())


def entry(name: str, lines: Sequence[str]) -> str:
    """The name on the left, its lines beside it, wrapped."""
    margin = " " * NAME
    wrapped = [
        p for line in lines for p in textwrap.wrap(line, WIDTH, initial_indent=margin, subsequent_indent=margin + "  ")
    ]
    first = wrapped[0][NAME:] if len(name) < NAME else ""
    rest = wrapped[1:] if len(name) < NAME else wrapped
    return "\n".join([name.ljust(NAME) + first, *rest, ""])


if __name__ == "__main__":
    sys.exit(answered(main))
