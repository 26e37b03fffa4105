"""python -m dynbench.theory: what is known about a loss's minima before anything is simulated.  Light imports."""

import argparse
import json
import math
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, is_dataclass
from typing import TYPE_CHECKING, Any

from dynbench.doors import Parser, answered, replied
from dynbench.flags import nearest_flag, no_such_flags

if TYPE_CHECKING:
    from dynbench.theory.prediction import Prediction

EXAMPLES = """\
examples:
  python -m dynbench.theory --loss quartic
  python -m dynbench.theory --loss quartic --temperature 0.5 --lr 0.01 --steps 100,500,2500
  python -m dynbench.theory --loss rastrigin --dim 10 --temperature 2 --json

A number under 'exact' is right in all its digits.  One under 'about' is off by at most the share of it that stands
behind it: the most that was seen against simulation over all built-in losses, with a margin, or in this very case
against what is exact.
The noisy gradient starts at each minimum, or at --x0 in the well that holds it; the starts of the capped flow, where
nothing else is random, are spread about that point.  A sweep's column 'exact' is the same averaged over its own starts.
In JSON null is: not known, not defined there, or never; each minimum's 'predictions' has every number with its kind
and bound."""
OF_START = (
    "A share or a time is of the start, or the starts, above it; a sweep's column 'exact' is the mean over its own."
)
OF_CAPPED = "capped: a step downhill of min(1/|L'|, cap) h (L - f_star); the global flow: the same without a cap."
OF_SDE = "SDE: what the noisy gradient becomes as h goes to 0, at time h n after n steps."
OF_WALLS = "Walls further out: steps pass a wall unseen and may come back, so that the chain leaves later than the SDE."
FAR = 100.0  # powers of ten from which the exponent alone is printed
DIGITS = 10  # of an exact number, where its solver's error supports as many


def parser() -> Parser:
    p = Parser(
        prog="python -m dynbench.theory", allow_abbrev=False, epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Prints what is known about every minimum of a loss before anything is simulated: exact numbers, "
        "and others with how far off they may be.  The loss's parameters are flags too.",
    )  # fmt: skip
    p.add_argument("--loss", metavar="NAME", help="a loss by name, or the path of a .py file")
    p.add_argument("--dim", metavar="N", help="dimension, where the loss leaves it free (default 2, or that of --x0)")
    p.add_argument("--lr", metavar="H", help="the step h (default: that of gradient descent in a sweep)")
    p.add_argument("--temperature", metavar="T", help="x += sqrt(2 T h) * normal (default: no noise)")
    p.add_argument("--steps", metavar="N,..", default="100,500,2500", help="budgets (default 100,500,2500)")
    p.add_argument("--x0", metavar="X,..", help="start, all coordinates (default: the minima)")
    p.add_argument("--f-star", metavar="F", help="the value that rules subtract from L (default: the loss's lowest)")
    p.add_argument("--json", action="store_true", help="print one JSON object, nothing else")
    return p


def main(argv: list[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    from dynbench.sweep.arguments import joined

    how, rest = parser().parse_known_args(joined(sys.argv[1:] if argv is None else argv))
    return replied(lambda: printed(how, rest))


def printed(how: argparse.Namespace, rest: list[str]) -> int:
    """Prints all that is known."""
    content = known(how, rest)
    print(json.dumps(plain(content), allow_nan=False) if how.json else table(content))
    return 0


def known(how: argparse.Namespace, rest: list[str]) -> dict[str, Any]:
    """Everything, under the names of the functions and of a sweep's columns.

    `rest`: the flags that are not of the command, so of the loss's parameters.
    """
    from dynbench import find
    from dynbench.basins import false_minima, lowest_value
    from dynbench.sweep.arguments import parameters
    from dynbench.sweep.axes import number, whole
    from dynbench.sweep.scales import default_lr
    from dynbench.theory.noisy import from_point
    from dynbench.theory.predictions import predictions
    from dynbench.theory.thresholds import lyapunov

    flags, texts = parser().flags, parameters(rest, parser().flags)
    if how.loss is None:
        refuse_unknown(texts, flags, ())
        raise ValueError("--loss is needed, such as --loss quartic; `python -m dynbench.list` shows them all")
    loss = find.loss(how.loss)
    refuse_unknown(texts, flags, loss.parameters)
    dim = loss.default_dim
    if how.dim is not None:
        dim = whole(how.dim, "--dim", 1, 10**6)
    elif loss.dim is None and how.x0 is not None:
        dim = len(how.x0.split(","))
    values = {name: number(text, f"--{name}") for name, text in texts.items()}
    for name in values:
        if name not in loss.parameters and not loss.parameters:
            raise ValueError(f"unknown flag --{name}: {loss.name} has no parameters (see --help)")
        if name not in loss.parameters:
            raise ValueError(f"{loss.name} has no parameter {name!r}{find.nearest(name, list(loss.parameters))}")
        lo, hi = loss.bounds.get(name, (-math.inf, math.inf))
        if not lo <= values[name] <= hi:
            raise ValueError(f"{name} = {values[name]:g} is outside its bounds: {lo:g} to {hi:g}")
    loss = find.loss(how.loss, dim, values)
    lr = number(how.lr, "--lr") if how.lr is not None else default_lr(loss)
    temperature = number(how.temperature, "--temperature") if how.temperature is not None else None
    if lr <= 0.0 or (temperature is not None and temperature < 0.0):
        raise ValueError("--lr is above 0 and --temperature not below it")
    steps = [whole(text, "--steps", 1, 10**15) for text in how.steps.split(",")]
    f_star = number(how.f_star, "--f-star") if how.f_star is not None else lowest_value(loss)
    point = tuple(number(text, "--x0") for text in how.x0.split(",")) if how.x0 is not None else None
    if point is not None and len(point) != dim:
        raise ValueError(f"--x0 needs {dim} number{'s' * (dim > 1)}, one for each coordinate, not {how.x0!r}")
    x0 = point[0] if point is not None and dim == 1 else None
    of_point = None
    if point is not None and dim > 1 and temperature and loss.tensor:
        of_point = from_point(loss, point, lr, temperature, tuple(steps))
    shown = [k for k, m in enumerate(loss.minima) if inside(loss, m.x)]
    return {
        "schema": 1,
        "loss": loss.name,
        "formula": loss.formula,
        "dim": dim,
        "parameters": loss.parameters,
        "lr": lr,
        "temperature": temperature,
        "steps": steps,
        "x0": x0 if dim == 1 else point,
        "from_x0": of_point,  # beyond one dimension, where a start need not lie in the basin of a minimum shown below
        "f_star": f_star,
        "false_minima": len(false_minima(loss)),  # of one coordinate where the loss is separable
        "lyapunov": lyapunov(lr) if lr < 2.0 else math.nan,
        "notes": of_all(loss, x0, shown),
        "minima_outside_domain": len(loss.minima) - len(shown),
        "minima": predictions(loss, lr, temperature, steps, f_star, x0, shown),
    }


def of_all(loss: Any, x0: float | None, shown: Sequence[int]) -> list[str]:
    """Sentences that are of no single minimum: why --x0 is not used, why nothing is shown."""
    if not loss.minima:
        return [f"{loss.name} lists no minimum (`minima` in its file), and all that is printed here is of a minimum"]
    notes = []
    if not shown:
        notes.append(f"no listed minimum of {loss.name} lies in its domain, and so none is shown")
    if x0 is not None and loss.tensor and loss.basin((x0,)) < 0:
        notes.append(
            f"--x0 {x0!r} is not used: it is exactly on a wall between two basins, so in none of them;"
            " what follows starts at the minima"
        )
    return notes


def refuse_unknown(texts: Iterable[str], flags: list[str], parameters: Iterable[str]) -> None:
    """Raises ValueError for names given as flags, that are no parameters, where one of the `flags` was meant."""
    unknown = [f"--{name.replace('_', '-')}" for name in texts if name not in parameters]
    if any(nearest_flag(flag, flags) for flag in unknown):
        raise ValueError(no_such_flags(unknown, flags))


def inside(loss: Any, x: tuple[float, ...]) -> bool:
    """Whether a minimum lies in the domain of the loss."""
    return all(lo <= c <= hi for c, (lo, hi) in zip(x, loss.box(len(x)), strict=True))


def plain(value: Any) -> Any:
    """The same with null for what is not a finite number, and objects for predictions."""
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if isinstance(value, dict):
        return {name: plain(v) for name, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def table(content: dict[str, Any]) -> str:
    """For a person: a paragraph a minimum, without the lines that say nothing."""
    noise = f", temperature {content['temperature']:g}" if content["temperature"] else ""
    lines = [f"{content['loss']}: L = {content['formula']}"]
    own = [f"{name} {value:g}" for name, value in content["parameters"].items()]
    lines.append(", ".join([f"{content['dim']}-D", *own, f"h {content['lr']:g} (--lr){noise}"]))
    lines.append(f"f_star {content['f_star']:.10g} (what capped, global_flow and others subtract from L)")
    above = any(m["value"] > content["f_star"] for m in content["minima"])  # else the flow climbs out of every minimum
    if content["false_minima"] and above and 0.0 < content["lyapunov"] < math.inf:
        exponent = content["lyapunov"]
        lines.append(f"global flow in a parabola about a false minimum: Lyapunov exponent {exponent:.8g} a step")
        lines.append(f"  (starts side by side part, their distance growing e-fold every {1.0 / exponent:.2g} steps)")
    lines += ["", *content["notes"]] if content["notes"] else []
    if content["from_x0"]:
        lines += ["", "from --x0", *block("exact:", content["from_x0"])]
    for m in content["minima"]:
        place = ", ".join(f"{c:.10g}" for c in m["x"][:4]) + (", ..." if len(m["x"]) > 4 else "")
        kind = "global (L is nowhere lower)" if m["is_global"] else "false (L is lower elsewhere)"
        lines += ["", f"minimum {m['label']}: x = {place}, L = {m['value']:.10g}, {kind}"]
        lines.append(f"  {shape(m, content['dim'])}")
        lines += block("exact:", [one for one in m["predictions"] if one.kind == "exact"])
        lines += block("about:", [one for one in m["predictions"] if one.kind == "about"])
        lines += [f"  {note}" for note in m["notes"]]
    lines += legend([one for m in content["minima"] for one in m["predictions"] if one.known and one.words])
    if content["minima_outside_domain"]:
        lines += ["", f"{content['minima_outside_domain']} more minima lie outside the domain"]
    return "\n".join(lines)


def legend(stated: "Sequence[Prediction]") -> list[str]:
    """What the words of these numbers mean."""
    said = {
        OF_START: any(one.steps is not None for one in stated),
        OF_CAPPED: any("cap" in f"{one.words} {one.conditions}" for one in stated),
        OF_SDE: any("SDE" in one.conditions for one in stated),
        OF_WALLS: any("walls" in one.conditions for one in stated),
    }
    lines = [words for words, needed in said.items() if needed]
    return ["", *lines] if lines else []


def shape(record: dict[str, Any], dim: int) -> str:
    """How steep, high and wide the basin of a minimum is; without what is not known, or not there."""
    known = {
        f"{'largest ' if dim > 1 else ''}curvature {{}}": record["curvature"],
        "barrier {} (height of its lowest wall)": record["barrier"],
        "distance {} (to its basin's edge)": record["distance"],
    }
    return ", ".join(words.format(f"{value:.10g}") for words, value in known.items() if math.isfinite(value))


def block(title: str, stated: "Sequence[Prediction]") -> list[str]:
    """Lines of numbers under a title, those of equal conditions under these; none where nothing is known."""
    lines = [f"  {title}"]
    conditions = ""
    for one in stated:
        if not one.known or not one.words:
            continue
        if one.conditions != conditions:
            conditions = one.conditions
            lines += [f"    {conditions}:"] if conditions else []
        words = ("  " if conditions else "") + one.words
        lines.append(f"    {words:<62}{digits(one):>18}{doubt(one)}")
    return lines if len(lines) > 1 else []


def digits(one: "Prediction") -> str:
    """The number, with no digit that its bound does not support; a power of ten where a float can hardly hold it."""
    far = math.isfinite(one.log10) and abs(one.log10) > FAR
    if one.kind == "about":  # rounded already
        return f"10^{one.log10:.15g}" if far else f"{one.value:.15g}"
    number, off = (one.log10, one.bound / math.log(10.0)) if far else (one.value, one.bound * abs(one.value))
    right = DIGITS
    if off > 0.0 and math.isfinite(number) and number != 0.0:  # the last digit is off by one at most
        right = min(DIGITS, math.floor(math.log10(abs(number))) + 1 + math.floor(-math.log10(off)))
    return f"{'10^' if far else ''}{number:.{max(1, right)}g}"


def doubt(one: "Prediction") -> str:
    """How far off it may be."""
    if one.kind == "exact":
        return ""
    if not one.absolute and one.bound >= 1e15:  # no digit of the factor is left to round
        return f"   within a factor of {one.bound:.2g}"
    if not one.absolute and one.bound >= 1.0:
        return f"   within a factor of {math.ceil(10.0 * (1.0 + one.bound) - 1e-9) / 10.0:.6g}"
    return f"   ± {one.bound:.2g}" if one.absolute else f"   ± {100 * one.bound:.2g}%"


if __name__ == "__main__":
    sys.exit(answered(main))
