"""python -m suites.speed_slower: is this commit slower than its parent?  Exit code 1 if so, else 0.

Both commits are built and measured by asv, from `suites/speed` as it stands here.  What looks slower by more than the
factor is measured again, in the other order, and a third time; only what is slower by more than the factor each time
counts.  Results stay out of results/asv: they are for this question only.  Ask on a machine with nothing else to do:
beside other work even this finds slowdowns that are none.

    python -m suites.speed_slower                             # HEAD and HEAD^, 15 %, about 6 minutes on two cores
    python -m suites.speed_slower main HEAD --bench kernels   # any two commits, some of the benchmarks
"""

import argparse
import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from dynbench.doors import Parser, answered, replied
from suites.speed_files import read_all

ROOT = Path(__file__).parents[1]
MACHINES = Path("~/.asv-machine.json")
FACTOR = 1.15
TIMES = 3
# z is about 1 by chance and another number whenever results are; 2 is seven standard deviations off
LIMITS = {"exact.": 2.0}
Ratios = dict[str, float]


def limit_of(label: str, factor: float) -> float:
    return max([factor, *(limit for start, limit in LIMITS.items() if label.startswith(start))])


def ratios(parent: Mapping[str, float], head: Mapping[str, float]) -> Ratios:
    """head/parent of each benchmark that both have; inf where only the head fails, or has something in place of 0."""
    found = {}
    for label in parent.keys() & head.keys():
        before, after = parent[label], head[label]
        if math.isfinite(before):
            found[label] = after / before if before else (math.inf if after else 1.0)
    return found


def suspects(found: Ratios, factor: float) -> list[str]:
    """Labels of what is slower by more than the factor."""
    return sorted(label for label, ratio in found.items() if ratio > limit_of(label, factor))


def slower(passes: Sequence[Ratios], factor: float) -> list[str]:
    """Labels of what is slower by more than the factor in every pass."""
    return sorted(set.intersection(*(set(suspects(found, factor)) for found in passes)))


def commit(name: str) -> str:
    """The whole hash.  Raises ValueError outside a git checkout and for an unknown name."""
    asked = subprocess.run(
        ["git", "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}"], cwd=ROOT, capture_output=True, text=True
    )
    if asked.returncode == 128:
        raise ValueError(f"{ROOT.name} is not a git checkout, and asv compares commits: clone the repository")
    if asked.returncode:
        raise ValueError(f"there is no commit {name!r} here (a shallow clone has no parents: `git fetch --unshallow`)")
    return asked.stdout.strip()


def machine() -> str:
    """A machine that asv knows.  Raises ValueError where it knows none."""
    path = MACHINES.expanduser()
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    names = sorted(name for name, told in known.items() if isinstance(told, dict))
    if not names:
        raise ValueError("asv knows nothing about this machine: run `asv machine --machine NAME --yes` once")
    return names[0]


def measure(commits: Sequence[str], bench: Sequence[str], on: str, quick: bool) -> dict[str, Mapping[str, float]]:
    """Commit -> label -> value: asv's run over these commits, in this order.  Raises ValueError where asv stops."""
    with tempfile.TemporaryDirectory() as folder:
        told = json.loads((ROOT / "asv.conf.json").read_text(encoding="utf-8"))
        places = {key: str(ROOT / told[key]) for key in ("repo", "benchmark_dir", "env_dir")}
        config, hashes = Path(folder, "asv.conf.json"), Path(folder, "hashes")
        config.write_text(json.dumps(told | places | {"results_dir": f"{folder}/results"}), encoding="utf-8")
        hashes.write_text("\n".join(commits), encoding="utf-8")
        command = [sys.executable, "-m", "asv", "--config", str(config), "run", "--machine", on, f"HASHFILE:{hashes}"]
        command += [word for pattern in bench for word in ("--bench", pattern)]
        command += ["-a", "rounds=1", "-a", "repeat=1"] if quick else []
        ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        found = {one.commit: one.values for one in read_all(Path(folder, "results"))}
        if ran.returncode not in (0, 2) or set(found) != set(commits):  # 2: a benchmark failed
            last = (ran.stdout + ran.stderr).strip().splitlines()[-1:]
            raise ValueError(f"asv could not measure both commits: {' '.join(last)}")
        return found


def compare(parent: str, head: str, factor: float, bench: Sequence[str], quick: bool = False) -> list[Ratios]:
    """One pass over all, then as many as TIMES over what looks slower."""
    on, passes = machine(), list[Ratios]()
    for time in range(TIMES):
        order = (parent, head) if time % 2 == 0 else (head, parent)
        found = measure(order, bench, on, quick)
        passes.append(ratios(found[parent], found[head]))
        again = slower(passes, factor)
        if not again:
            break
        bench = [f"^{escaped(label)}$" for label in again]
    return passes


def escaped(label: str) -> str:
    """A pattern that is this label: asv's --bench is a regular expression."""
    return "".join(letter if letter.isalnum() else f"[{letter}]" for letter in label)


def table(passes: Sequence[Ratios], factor: float) -> str:
    """One line a benchmark, the slowest first: its ratio in each pass."""
    found = set(slower(passes, factor))
    lines = []
    for label in sorted(passes[0], key=lambda label: (-passes[0][label], label)):
        told = "  ".join(f"{one[label]:6.3f}" for one in passes if label in one)
        lines.append(f"{told:24}{'SLOWER ' if label in found else '       '}{label}")
    return "\n".join([f"{'head/parent':24}       benchmark", *lines])


def main(argv: Sequence[str] | None = None) -> int:
    form = argparse.RawDescriptionHelpFormatter
    parser = Parser(prog="python -m suites.speed_slower", description=__doc__, formatter_class=form, allow_abbrev=False)
    parser.add_argument("parent", nargs="?", help="default: the parent of HEAD")
    parser.add_argument("head", nargs="?", default="HEAD")
    parser.add_argument("--factor", type=float, default=FACTOR, help="default: 1.15")
    parser.add_argument("--bench", nargs="*", default=[], metavar="REGEX", help="some of the benchmarks only")
    parser.add_argument("--quick", action="store_true", help="each benchmark once: to see that it works")
    chosen = parser.parse_args(argv)
    return replied(lambda: judged(chosen.parent, chosen.head, chosen.factor, chosen.bench, chosen.quick))


def judged(parent: str | None, head: str, factor: float, bench: Sequence[str], quick: bool) -> int:
    """Measures, prints the table and the verdict; 1 where something is slower."""
    new = commit(head)
    old = commit(parent or f"{new}^")
    passes = compare(old, new, factor, bench, quick)
    found = slower(passes, factor)
    print(table(passes, factor))
    percent = f"{100.0 * (factor - 1.0):g} %"
    if found and len(passes) == TIMES:
        print(f"{new[:8]} is slower than {old[:8]} by more than {percent} in {len(found)} benchmarks, {TIMES} times.")
        return 1
    print(f"{new[:8]} is not slower than {old[:8]} by more than {percent}.")
    return 0


if __name__ == "__main__":
    sys.exit(answered(main))
