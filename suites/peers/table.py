"""The yardstick's table: lines as they come, and Markdown for the README."""

import datetime
import importlib.metadata
import platform
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from dynbench.backends.cpu import cores
from suites.peers.first import First
from suites.peers.harness import Row
from suites.peers.peers import PEERS
from suites.peers.works import KINDS

BEGIN, END = "<!-- speed: begin -->", "<!-- speed: end -->"
LIBRARIES = {"numba": "numba", "jax": "jax", "torch": "torch", "numpy": "numpy", "diffrax": "diffrax",
             "pynamicalsys": "pynamicalsys"}  # fmt: skip


def heading() -> str:
    columns = f"{'work':18} {'cores':>5} {'peer':30} {'trajectories':>12} {'G updates/s':>11} {'best':>8}"
    return f"{columns} {'dynbench/it':>11}  agrees"


def line(row: Row, standard: Row) -> str:
    """`standard`: dynbench with the same work and threads."""
    begin = f"{row.work:18} {row.threads:5} {PEERS[row.peer].title:30} {row.count:12}"
    if row.missing:
        return f"{begin} {'-':>11} {'-':>8} {'-':>11}  {row.missing}"
    return f"{begin} {row.rate:11.4f} {row.best:8.4f} {standard.rate / row.rate:11.2f}  {row.agrees}"


def processor() -> str:
    """The CPU's name as the system has it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def version(library: str) -> str:
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return ""


def machine(command: str, peers: Sequence[str]) -> dict[str, str]:
    """Date, processor, versions and command: what a number needs to stand beside it."""
    versions = [f"dynbench {version('dynbench')}", f"Python {platform.python_version()}"]
    gcc = shutil.which("gcc")
    if gcc is not None:
        told = subprocess.run([gcc, "-dumpfullversion"], capture_output=True, text=True, check=False)
        versions.append(f"gcc {told.stdout.strip()}")
    versions += [f"{name} {version(name)}" for peer, name in LIBRARIES.items() if peer in peers and version(name)]
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "processor": f"{processor()}, {cores()} cores",
        "versions": ", ".join(versions),
        "command": command,
    }


def cell(row: Row | None, standard: Row | None) -> str:
    if row is None or standard is None:
        return ""
    if row.missing:
        return "–"
    mark = " (!)" if row.agrees.startswith("NO") else ""
    return f"{significant(row.rate)} ({significant(standard.rate / row.rate)}){mark}"


def significant(x: float) -> str:
    """Three digits, no exponent."""
    return f"{x:.0f}" if x >= 100 else f"{x:.3g}" if x >= 0.001 else f"{x:.6f}"


def how(rows: Sequence[Row]) -> str:
    """How a peer's results agree, over its works."""
    words = {r.agrees.partition(" (")[0].partition(":")[0] for r in rows}
    return ", ".join(sorted(words - {"", "the reference"}))


def markdown(rows: Sequence[Row], about: dict[str, str], firsts: Sequence[First] = ()) -> str:
    """Peers down, works across: G updates/s, and in brackets how many times as fast dynbench is."""
    works = [name for name in KINDS if any(row.work == name for row in rows)]
    found = {(row.work, row.peer, row.threads): row for row in rows}
    lines = [
        f"{about['processor']}, {about['date']}, `{about['command']}`. G updates/s (an update is one step of one "
        "trajectory, all coordinates), and in brackets how many times as fast dynbench is. " + about["versions"] + ".",
        "",
        "| | cores | " + " | ".join(KINDS[name].title for name in works) + " | agrees |",
        "|---|---|" + "---|" * (len(works) + 1),
    ]
    for threads in sorted({row.threads for row in rows}):
        for peer in PEERS:
            mine = [found.get((name, peer, threads)) for name in works]
            there = [row for row in mine if row is not None]
            if there:
                standard = [found.get((name, "dynbench", threads)) for name in works]
                cells = [cell(row, first) for row, first in zip(mine, standard, strict=True)]
                lines.append(f"| {PEERS[peer].title} | {threads} | {' | '.join(cells)} | {how(there)} |")
    reasons: dict[str, list[str]] = {}
    for row in rows:
        if row.missing:
            reasons.setdefault(f"{PEERS[row.peer].title}: {row.missing}", []).append(row.work)
    if reasons:
        told = [f"{why} ({', '.join(dict.fromkeys(names))})" for why, names in reasons.items()]
        lines += ["", "Missing: " + "; ".join(told) + "."]
    if firsts:
        lines += ["", "| seconds from the command to the first result, all cores | cold | warm |", "|---|---|---|"]
        lines += [f"| {f.title} | {median(f.cold):.1f} | {median(f.warm):.1f} |" for f in firsts if not f.missing]
    return "\n".join(lines)


def insert(text: str, table: str) -> str:
    """`text` with what stands between the two marks replaced.  Raises ValueError where there are no such marks."""
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise ValueError(f"the file needs the lines {BEGIN} and {END}, once each and in this order")
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n{table}\n{END}{rest.split(END)[1]}"
