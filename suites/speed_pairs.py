"""python -m suites.speed_pairs BASE HEAD: are the kernels of one commit as fast as another's, pair by pair?

Each commit is laid out in a folder of its own and has a process, a cache and one core; both stay alive.  A repetition
of the one is followed by one of the other, A B A B ..., and the pair gives one ratio, seconds of BASE / seconds of
HEAD.  Of the ratios the median counts, with the interval of order statistics that holds it with at least 95 % whatever
their law.  Pairs are added until the interval is narrow enough.  A work passes where the lower end is at least 0.97
and the width at most 0.04; exit code 1 where one does not.

    python -m suites.speed_pairs HEAD^ HEAD
    python -m suites.speed_pairs v1 HEAD --works capped-quartic,noisy-quartic --pairs 25 --most 200
"""

import argparse
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from scipy.stats import binom

from dynbench.doors import Parser, answered, replied
from suites.speed_slower import ROOT, commit

CHILD = Path(__file__).with_name("speed_child.py")
LEAST = 0.97  # the lower end of the interval
WIDEST = 0.04  # its width
PAIRS, MOST = 15, 60
COVERAGE = 0.95


@dataclass(frozen=True)
class Kind:
    """A work of a fifth of a second or so on one core."""

    loss: str
    rule: str
    dim: int
    lr: float
    count: int
    steps: int
    temperature: float = 0.0
    judged: bool = True  # else for information only


KINDS = {
    "capped-quartic": Kind("quartic", "capped", 1, 0.01, 65536, 2500),
    "gradient-quartic": Kind("quartic", "gradient", 1, 0.01, 131072, 2500),
    "sign-quartic": Kind("quartic", "sign", 1, 0.01, 131072, 2500),
    "noisy-quartic": Kind("quartic", "gradient", 1, 0.01, 24576, 2500, 0.5),
    "adam-rastrigin-10": Kind("rastrigin", "adam", 10, 0.001, 2048, 2500),
    "capped-rastrigin-10": Kind("rastrigin", "capped", 10, 0.001, 2048, 2500),
    "capped-himmelblau": Kind("himmelblau", "capped", 2, 0.01, 32768, 2500, judged=False),
    "noisy-himmelblau": Kind("himmelblau", "gradient", 2, 0.01, 8192, 2500, 0.5, judged=False),
}


@dataclass(frozen=True)
class Compared:
    """One work's pairs: seconds of a repetition of either commit, in order."""

    work: str
    judged: bool
    updates: int  # of a coordinate, in a repetition
    base: Sequence[float]
    head: Sequence[float]

    @property
    def ratios(self) -> list[float]:
        return [a / b for a, b in zip(self.base, self.head, strict=True)]

    @property
    def passes(self) -> bool:
        _, lo, hi = middle(self.ratios)
        return lo >= LEAST and hi - lo <= WIDEST


def middle(values: Sequence[float]) -> tuple[float, float, float]:
    """(median, lower and upper end of its interval): order statistics k and n + 1 - k, P(Bin(n, 1/2) < k) <= 2.5 %.

    With fewer than six values no pair of them holds the median with 95 %: the interval is then unbounded.
    """
    ordered, n = sorted(values), len(values)
    k = int(binom.ppf((1.0 - COVERAGE) / 2.0, n, 0.5))  # the smallest with P(Bin <= k) >= 2.5 %
    if k < 1:
        return median(ordered), float("-inf"), float("inf")
    return median(ordered), ordered[k - 1], ordered[n - k]


class Child:
    """A commit's process."""

    def __init__(self, tree: Path, cache: Path):
        environment = {**os.environ, "PYTHONPATH": str(tree), "DYNBENCH_CACHE": str(cache)}
        self.process = subprocess.Popen(
            [sys.executable, str(CHILD)], cwd=tree, env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def asked(self, line: str) -> str:
        """Its answer.  Raises ValueError where the process has ended instead."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass
        answer = self.process.stdout.readline().strip()
        if not answer:
            last = self.process.communicate()[1].strip().splitlines()[-1:]
            raise ValueError(f"a commit could not run {line.partition(' ')[0]}: {' '.join(last) or 'no answer'}")
        return answer

    def ended(self) -> None:
        self.process.kill()
        self.process.communicate()


def laid_out(name: str, folder: Path) -> Path:
    """The tree of a commit, in a folder of its own."""
    packed = subprocess.run(["git", "archive", "--format=tar", name], cwd=ROOT, capture_output=True, check=True)
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder


@contextmanager
def children(names: Sequence[str], cache: str = "") -> Iterator[list[Child]]:
    """A process for each commit; each has its own tree and, where none is named, its own cache."""
    with tempfile.TemporaryDirectory() as place, ExitStack() as stack:
        found = []
        for side, name in enumerate(names):
            found.append(
                Child(laid_out(name, Path(place, f"tree-{side}")), Path(cache or Path(place, f"cache-{side}")))
            )
            stack.callback(found[-1].ended)
        yield found


def compared(work: str, kind: Kind, both: Sequence[Child], pairs: int, most: int) -> Compared:
    """At least `pairs` pairs, and more until the interval is narrow or there are `most`."""
    told = json.dumps(asdict(kind))
    updates, _ = (int(child.asked(f"work {told}")) for child in both)
    for child in both:
        child.asked("run")  # not counted
    base: list[float] = []
    head: list[float] = []
    while len(base) < most:
        for child, seconds in zip(both, (base, head), strict=True):
            seconds.append(float(child.asked("run")))
        if len(base) >= pairs:
            _, lo, hi = middle([a / b for a, b in zip(base, head, strict=True)])
            if hi - lo <= WIDEST:
                break
    return Compared(work, kind.judged, updates, tuple(base), tuple(head))


HEAD = f"{'work':22}{'pairs':>6}{'base':>9}{'head':>9}  {'base/head [95 %]':22} ns a coordinate and step"


def line(one: Compared) -> str:
    """One line of the table."""
    ratio, lo, hi = middle(one.ratios)
    times = [1e9 * median(seconds) / one.updates for seconds in (one.base, one.head)]
    verdict = "" if one.passes else "slower" if lo < LEAST and hi < 1.0 else "not shown"
    verdict = verdict if one.judged else "for information"
    numbers = "".join(f"{time:9.3f}" for time in times)
    return f"{one.work:22}{len(one.base):6}{numbers}  {f'{ratio:.3f} [{lo:.3f}, {hi:.3f}]':22} {verdict}".rstrip()


def verdict(found: Sequence[Compared], base: str, head: str) -> tuple[int, str]:
    """(exit code, the sentence below the table)."""
    judged = [one for one in found if one.judged]
    failed = [one.work for one in judged if not one.passes]
    start = f"{len(found)} works compared, {len(judged)} of them judged; {head[:8]} against {base[:8]}: "
    if failed:
        return 1, f"{start}not shown to be as fast in {', '.join(failed)}."
    return 0, f"{start}all lower ends are at least {LEAST:g}, all widths at most {WIDEST:g}."


def chosen(text: str) -> dict[str, Kind]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names or not set(names) <= set(KINDS):
        unknown = next((name for name in names if name not in KINDS), text)
        raise ValueError(f"--works: there is no work {unknown!r}; known: {', '.join(KINDS)}")
    return {name: KINDS[name] for name in names}


def act(base: str, head: str, works: Mapping[str, Kind], pairs: int, most: int, cache: str = "") -> int:
    if not 1 <= pairs <= most:
        raise ValueError(f"--pairs {pairs} and --most {most}: at least one, and no more than --most")
    names = commit(base), commit(head)
    found = []
    with children(names, cache) as both:
        print(HEAD)
        for work, kind in works.items():
            found.append(compared(work, kind, both, pairs, most))
            print(line(found[-1]), flush=True)
    code, said = verdict(found, *names)
    print(said)
    return code


def main(argv: Sequence[str] | None = None) -> int:
    form = argparse.RawDescriptionHelpFormatter
    parser = Parser(prog="python -m suites.speed_pairs", description=__doc__, formatter_class=form, allow_abbrev=False)
    parser.add_argument("base", help="the commit before")
    parser.add_argument("head", help="the commit in question")
    parser.add_argument("--works", default=",".join(KINDS), help="of " + ", ".join(KINDS))
    parser.add_argument("--pairs", type=int, default=PAIRS, help="at least so many; default: 15")
    parser.add_argument("--most", type=int, default=MOST, help="at most so many; default: 60")
    parser.add_argument("--cache", default="", help="folder of kernels for both; default: an empty one for each")
    given = parser.parse_args(argv)
    return replied(lambda: act(given.base, given.head, chosen(given.works), given.pairs, given.most, given.cache))


if __name__ == "__main__":
    sys.exit(answered(main))
