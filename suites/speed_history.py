"""python -m suites.speed_history: the curves of results/asv as one page, results/published/speed/index.html.

The page opens from disk without a network; asv's own (`asv publish`, `asv preview`) needs a server and other sites.
A point is marked where it is worse than the measured commit before it by more than the threshold that asv.conf.json
sets for its benchmark.

The history itself.  A machine is told to asv once, under a name that may be published, in the words of
results/asv/<name>/machine.json (`asv machine --machine NAME --cpu ... --ram ...`).  A commit is measured when it has
landed, on a machine with nothing else to do, and this page is made again:

    asv run --machine NAME --skip-existing-commits HEAD^!
    asv run --machine NAME --skip-existing-commits --steps 20 9f483d9^..HEAD    # of the past, 20 evenly spaced
    asv run --machine NAME --skip-existing-commits 9f483d9^..HEAD               # or all: some 3 minutes each

asv takes the first-parent line.  9f483d9 is the first commit that can be built: pyproject.toml names README.md, which
came with it.  Benchmarks that a commit does not offer yet are skipped, and asv ends with 2 where one failed.
"""

import json
import math
import re
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

from matplotlib.ticker import FixedLocator

from dynbench.doors import Parser, answered, replied
from dynbench.report.page import Section, Table, build
from dynbench.report.style import COLOURS, GREY, Picture, blank, drawn
from dynbench.store import write_whole
from suites.speed_files import Measured, known, read_all

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "results" / "asv"
TARGET = ROOT / "results" / "published" / "speed" / "index.html"
COLUMNS = 3  # of small pictures
HEIGHT, HEAD, FOOT = 1.3, 0.45, 0.15  # inches: of one row, above all, below all
SCALES = {"seconds": (1e3, "ms"), "bytes": (1e-6, "MB")}
DEFAULT_THRESHOLD = 0.05  # asv's own, where none is set
Point = tuple[int, float]  # place among the commits, value


def threshold_of(label: str, thresholds: Mapping[str, float]) -> float:
    """The largest of those whose pattern matches the label's beginning, as in asv."""
    return max((t for pattern, t in thresholds.items() if re.match(pattern, label)), default=DEFAULT_THRESHOLD)


def worse(points: Sequence[Point], threshold: float) -> list[Point]:
    """Points above (1 + threshold) times the point before."""
    pairs = zip(points[1:], points, strict=False)
    return [point for point, (_, before) in pairs if point[1] > (1.0 + threshold) * before]


def curves(measured: Sequence[Measured]) -> dict[str, list[Point]]:
    """Label -> its points in order of the commits; what failed or was skipped has none."""
    labels = sorted({label for one in measured for label in one.values})
    found = {
        label: [
            (k, one.values[label]) for k, one in enumerate(measured) if math.isfinite(one.values.get(label, math.inf))
        ]
        for label in labels
    }
    return {label: points for label, points in found.items() if points}


def unit_of(label: str, units: Mapping[str, str]) -> tuple[float, str]:
    """Factor and unit in which a benchmark is shown."""
    unit = units.get(label.partition("(")[0], "")
    return SCALES.get(unit, (1.0, unit))


def short(label: str) -> str:
    """What tells a benchmark from the others of its file: `Kernel 'capped quartic'`, `Cold timeraw_link`."""
    name, _, parameters = label.partition("(")
    *_, kind, function = name.split(".")
    return f"{kind} {parameters.removesuffix(')') or function}"


@drawn
def picture(
    name: str, found: Mapping[str, list[Point]], measured: Sequence[Measured], units: Mapping[str, str],
    thresholds: Mapping[str, float],
) -> Picture:  # fmt: skip
    """Small multiples of one file's benchmarks over the commits, every axis from 0."""
    rows = -(-len(found) // COLUMNS)
    height = HEAD + rows * HEIGHT + FOOT
    figure = blank(height, name, "lower is better; crosses: worse than the commit before by more than the threshold")
    marked = 0
    for k, (label, points) in enumerate(found.items()):
        row, column = divmod(k, COLUMNS)
        bottom = (FOOT + (rows - 1 - row) * HEIGHT + 0.18) / height
        axes = figure.add_axes((0.06 + 0.32 * column, bottom, 0.25, (HEIGHT - 0.6) / height))
        factor, unit = unit_of(label, units)
        bad = worse(points, threshold_of(label, thresholds))
        marked += len(bad)
        axes.plot([x for x, _ in points], [factor * y for _, y in points], "o-", color=COLOURS[0], lw=1.2, ms=2.5)
        axes.plot([x for x, _ in bad], [factor * y for _, y in bad], "x", color=COLOURS[1], ms=7, mew=2)
        axes.set_title(f"{short(label)}, {unit}" if unit else short(label), fontsize=7, loc="left", pad=3)
        axes.set_xlim(-0.5, len(measured) - 0.5)
        axes.set_ylim(0.0, 1.15 * factor * max(y for _, y in points) or 1.0)
        axes.tick_params(labelsize=7, length=2)
        ends = sorted({0, len(measured) - 1})
        axes.xaxis.set_major_locator(FixedLocator(ends))
        axes.set_xticklabels([measured[x].commit[:7] for x in ends], color=GREY)
    alt = f"{name}: {len(found)} benchmarks over {len(measured)} commits; points marked as worse: {marked}."
    return Picture(name, figure, alt)


def number(value: float) -> str:
    return f"{value:.4g}"


def table(name: str, found: Mapping[str, list[Point]], measured: Sequence[Measured], units: Mapping[str, str]) -> Table:
    """First, best and last value of each benchmark."""
    rows = []
    for label, points in found.items():
        factor, unit = unit_of(label, units)
        place, best = min(points, key=lambda point: point[1])
        last = points[-1][1]
        ratio = f"{last / best:.3f}" if best else "–"
        values = [
            number(factor * points[0][1]),
            number(factor * best),
            measured[place].commit[:8],
            number(factor * last),
        ]
        rows.append([label.removeprefix(f"{name}."), unit, *values, ratio])
    return Table(f"{name}: values", ["benchmark", "unit", "first", "best", "at", "last", "last/best"], rows, 1, True)


def regressions(
    found: Mapping[str, list[Point]], measured: Sequence[Measured], units: Mapping[str, str],
    thresholds: Mapping[str, float],
) -> list[str]:  # fmt: skip
    """One sentence for each marked point, the newest first."""
    told = []
    for label, points in found.items():
        values = dict(points)
        for place, value in worse(points, threshold_of(label, thresholds)):
            before = max(k for k in values if k < place)
            factor, unit = unit_of(label, units)
            text = (
                f"{measured[place].commit[:8]}: {label}, {number(factor * values[before])} to {number(factor * value)} "
            )
            told.append((-place, label, f"{text}{unit}, after {measured[before].commit[:8]}"))
    return [text for _, _, text in sorted(told)]


def day(one: Measured) -> str:
    return datetime.fromtimestamp(one.date / 1000, UTC).strftime("%Y-%m-%d")


def section(measured: Sequence[Measured], units: Mapping[str, str], thresholds: Mapping[str, float]) -> Section:
    """All about one machine and environment."""
    found, first, last = curves(measured), measured[0], measured[-1]
    marked = regressions(found, measured, units, thresholds)
    files = [(name, {k: found[k] for k in labels}) for name, labels in groupby(found, lambda k: k.partition(".")[0])]
    failed = [k for k, value in last.values.items() if value == math.inf]
    paragraphs = [
        f"{len(found)} benchmarks over {len(measured)} commits, from {first.commit[:8]} of {day(first)} to "
        f"{last.commit[:8]} of {day(last)}, in the order of their dates. Every curve starts at 0.",
        f"Points that are worse than the commit before by more than the benchmark's threshold: {len(marked)}."
        + (f" Failed at the last commit: {', '.join(failed)}." if failed else ""),
    ]
    return Section(
        f"{first.machine}, {first.environment}", paragraphs,
        pictures=[picture(name, some, measured, units, thresholds) for name, some in files],
        sections=(
            Section("Points that are worse", items=marked or ["None."]),
            Section("Values", tables=[table(name, some, measured, units) for name, some in files]),
        ),
    )  # fmt: skip


def page(results: Path, thresholds: Mapping[str, float]) -> str:
    """The HTML of a folder of results.  Raises ValueError where there are none."""
    measured = read_all(results)
    if not measured:
        raise ValueError(f"there are no results under {results}: `asv run` makes some")
    units = known(results, "unit")
    groups = groupby(measured, lambda one: (one.machine, one.environment))
    return build([], "The speed of dynbench", [section(list(ones), units, thresholds) for _, ones in groups])


def main(argv: Sequence[str] | None = None) -> int:
    parser = Parser(prog="python -m suites.speed_history", description=__doc__.partition("\n")[0], allow_abbrev=False)
    parser.add_argument("--results", type=Path, default=RESULTS, help="default: results/asv")
    parser.add_argument("--out", type=Path, default=TARGET, help="default: results/published/speed/index.html")
    chosen = parser.parse_args(argv)
    return replied(lambda: written(chosen.results, chosen.out))


def written(results: Path, out: Path) -> int:
    """Writes the page and says where it is."""
    told = json.loads((ROOT / "asv.conf.json").read_text(encoding="utf-8"))
    write_whole(out, page(results, told.get("regressions_thresholds", {})).encode())
    print(out)
    return 0


if __name__ == "__main__":
    sys.exit(answered(main))
