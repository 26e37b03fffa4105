"""Habits of the house that a machine can check."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.quick

ROOT = Path(__file__).parents[1]
FOLDERS = ("dynbench", "tests", "suites")
SOURCES = sorted(p for folder in FOLDERS for p in (ROOT / folder).rglob("*.py"))
NAMED = {"ids": lambda p: str(p.relative_to(ROOT))}
NUMBA = {"kernels", "backends"}  # the only folders in which Numba may appear


@pytest.mark.parametrize("path", [p for p in SOURCES if p.stat().st_size and ROOT / "tests" not in p.parents], **NAMED)
def test_every_file_says_what_it_is(path):
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert text, "a file begins with a docstring"
    assert not text.startswith(" ")


@pytest.mark.parametrize("path", sorted((ROOT / "dynbench").rglob("*.py")), **NAMED)
def test_numba_stays_in_the_kernels(path):
    if path.relative_to(ROOT / "dynbench").parts[0] in NUMBA:
        return
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        assert not any(n.split(".")[0] in ("numba", "llvmlite") for n in names)


def test_no_two_files_of_tests_have_one_name():
    """pytest imports them by their names alone."""
    names = [path.name for path in (ROOT / "tests").rglob("*.py") if path.name != "conftest.py"]
    assert len(set(names)) == len(names)


CLOCKS = {
    "time",
    "perf_counter",
    "monotonic",
    "process_time",
    "thread_time",
    "perf_counter_ns",
    "monotonic_ns",
    "time_ns",
}


@pytest.mark.parametrize("path", sorted((ROOT / "tests").rglob("*.py")), **NAMED)
def test_no_test_reads_a_clock(path):
    """A busy machine must not turn a test red: how long things take is asked by asv and `suites/speed_promises.py`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "time":
            assert node.attr not in CLOCKS, f"line {node.lineno}: time.{node.attr}"
        if isinstance(node, ast.ImportFrom) and node.module in ("time", "timeit"):
            assert not CLOCKS & {alias.name for alias in node.names}, f"line {node.lineno}"


@pytest.mark.parametrize("module", ["dynbench", "dynbench.find", "dynbench.batch", "dynbench.sweep.axes"])
def test_importing_does_not_bring_numba_in(module):
    """Numba and pandas take half a second: they are imported where they are needed."""
    script = f"import sys, {module}; print([m for m in ('numba', 'pandas', 'matplotlib') if m in sys.modules])"
    asked = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert asked.stdout.strip() == "[]"
