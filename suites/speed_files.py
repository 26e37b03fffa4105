"""What asv has written down: one file a commit, `<results>/<machine>/<commit>-<environment>.json`.

A benchmark's values stand in the order of the product of its parameters; `null` is one that failed, `NaN` one that
its commit skipped.  As asv does, results of a benchmark that the suite has no longer, or in another version, are left
out.  A label is what asv compares with --bench, `kernels.Kernel.track_ns_per_update('sign quartic')`.
"""

import itertools
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Measured:
    """One commit on one machine in one environment."""

    machine: str
    environment: str
    commit: str  # the whole hash
    date: int  # of the commit, milliseconds since 1970
    values: Mapping[str, float]  # label -> value; inf: the benchmark failed


def label(name: str, parameters: tuple[str, ...]) -> str:
    return f"{name}({', '.join(parameters)})" if parameters else name


def values_of(results: Mapping[str, Any], columns: Sequence[str], versions: Mapping[str, str]) -> dict[str, float]:
    """Label -> value of all that was not skipped and whose work is still what `versions` tells."""
    found = {}
    for name, row in results.items():
        told = dict(zip(columns, row, strict=False))
        if versions.get(name) != told["version"]:
            continue
        sets = list(itertools.product(*told["params"]))
        numbers = told["result"] or [None] * len(sets)  # null alone: all of its parameters failed
        for parameters, value in zip(sets, numbers, strict=True):
            if value is None or not math.isnan(value):
                found[label(name, parameters)] = math.inf if value is None else float(value)
    return found


def read(path: Path, versions: Mapping[str, str]) -> Measured:
    """One file.  Raises ValueError where it is not one of asv's."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        values = values_of(told["results"], told["result_columns"], versions)
        return Measured(told["params"]["machine"], told["env_name"], told["commit_hash"], told["date"], values)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is not a file of asv's results: {error}") from error


def read_all(results: Path) -> list[Measured]:
    """All files under a folder of results, by machine and environment, then by the commits' dates."""
    paths = [path for path in sorted(results.glob("*/*.json")) if path.name != "machine.json"]
    versions = known(results, "version")
    return sorted((read(path, versions) for path in paths), key=lambda m: (m.machine, m.environment, m.date, m.commit))


def known(results: Path, field: str) -> dict[str, str]:
    """Name of a benchmark -> its `version` or `unit`, as of the last time that asv looked for benchmarks."""
    path = results / "benchmarks.json"
    told = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return {name: entry[field] for name, entry in told.items() if isinstance(entry, dict)}
