"""Whether the numbers are still the same, to the bit: hashes of results against those in expected.json.

    python -m suites.speed.results           # which differ; exit code 1 where any does
    python -m suites.speed.results --renew   # writes expected.json

Results are functions of the sweep alone, on every machine.  Renewing is right when a commit changes numbers on purpose
(another formula in a loss or a rule, other random numbers, another meaning of a column) and says so in CHANGELOG.md,
or when a case is new.  It is wrong after a change that is to be faster or tidier only.
"""

import argparse
import hashlib
import json
import sys
import tempfile
from pathlib import Path

from .common import offered, work
from .kernels import CASES
from .tables import sweep

EXPECTED = Path(__file__).with_name("expected.json")
FIELDS = ("t_exit", "t_commit", "t_hit", "status", "basin", "value", "best", "x")  # of Endings
COLUMNS = ["cap", "start_basin", "n", "escaped", "p_escape", "p_escape_lo", "p_escape_hi"]  # of cells.csv
STEPS = 500


def digest(data):
    return hashlib.sha256(data).hexdigest()[:16]


def of_case(case):
    """Quantity -> hash, of how the trajectories of a case of `kernels` end."""
    backend, loss, rule, batch = work(*CASES[case])
    found = backend.run(loss, rule, batch, STEPS)
    return {f"{case}: {name}": digest(getattr(found, name).tobytes()) for name in FIELDS}


def of_cells():
    """The table of a small sweep: counts, probabilities and intervals."""
    with tempfile.TemporaryDirectory() as folder:
        table = offered("dynbench", "run")(sweep(caps=10), folder, workers=1).cells
    return {"cells": digest(table[COLUMNS].to_csv(index=False, float_format="%.12g").encode())}


def measured():
    """Quantity -> hash of all that this commit offers."""
    found = {}
    for case in CASES:
        try:
            found |= of_case(case)
        except NotImplementedError:
            continue
    return found | of_cells()


def differing(found, expected):
    """Quantities that are in both and differ."""
    return [name for name, told in expected.items() if found.get(name, told) != told]


class Results:
    """How many quantities differ: 0, or numbers have changed.  What a commit does not have yet does not count."""

    timeout = 300.0
    version = "1"

    def track_differing(self):
        return len(differing(measured(), json.loads(EXPECTED.read_text(encoding="utf-8"))))

    track_differing.unit = "quantities"


def main(argv=None):
    parser = argparse.ArgumentParser(prog="python -m suites.speed.results", description=__doc__.partition("\n")[0])
    parser.add_argument("--renew", action="store_true", help="take today's results as the expected ones")
    renew, found = parser.parse_args(argv).renew, measured()
    expected = json.loads(EXPECTED.read_text(encoding="utf-8")) if EXPECTED.exists() else {}
    changed, missing, new = differing(found, expected), expected.keys() - found.keys(), found.keys() - expected.keys()
    for name in [*changed, *sorted(missing)]:
        print(f"{'missing' if name in missing else 'differs'}: {name}")
    print(f"{len(found)} quantities, {len(changed)} differ, {len(missing)} are missing, {len(new)} are new")
    if renew:
        EXPECTED.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        print(f"{EXPECTED.name} holds today's" + (": say in CHANGELOG.md why they changed" if changed else ""))
    elif new:
        print("with --renew they are kept")
    return int(bool(changed or missing) and not renew)


if __name__ == "__main__":
    sys.exit(main())
