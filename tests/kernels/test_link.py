"""The linker: a second process compiles nothing, an edited text is never stale, a text it cannot use says why."""

import os
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from batches import batch, run
from kernel_cache import with_drivers

from dynbench import find
from dynbench.kernels import link
from dynbench.kernels.compile import compile_all
from dynbench.kernels.rewrite import CannotLift
from dynbench.kernels.step import Variant
from dynbench.kernels.texts import pair_source

HERE = Path(__file__).parents[1]
SCRIPT = """
import sys
sys.path.insert(0, sys.argv[1])
from batches import batch, run
from dynbench import find
loss, rule = find.loss("quartic"), find.dynamics(sys.argv[2])
whole = batch(loss, rule, [3.3, 1.0])
print(*run(loss, rule, whole, 50).x[0])
"""


def in_a_process(cache: Path, rule: str | Path) -> list[float]:
    """Where two runs of 50 steps end, in a fresh interpreter."""
    environment = {**os.environ, "DYNBENCH_CACHE": str(cache)}
    script = [sys.executable, "-W", "error", "-c", SCRIPT, str(HERE), str(rule)]
    done = subprocess.run(script, env=environment, capture_output=True, text=True, check=False, cwd=HERE.parent)
    assert done.returncode == 0, done.stderr
    return [float(x) for x in done.stdout.split()]


def contents(cache: Path) -> dict[str, tuple[int, int]]:
    return {str(f): (f.stat().st_mtime_ns, f.stat().st_size) for f in cache.rglob("*") if f.suffix != ".pyc"}


def test_a_second_process_compiles_nothing(tmp_path):
    with_drivers(tmp_path)
    before = contents(tmp_path)
    first = in_a_process(tmp_path, "gradient")
    kept = contents(tmp_path)
    assert kept.keys() > before.keys()
    second = in_a_process(tmp_path, "gradient")
    files = {f: v for f, v in contents(tmp_path).items() if Path(f).is_file()}
    assert files == {f: v for f, v in kept.items() if Path(f).is_file()}
    assert first == second
    assert not list(tmp_path.rglob("*.part"))


def test_two_processes_may_link_at_once(tmp_path):
    environment = {**os.environ, "DYNBENCH_CACHE": str(with_drivers(tmp_path))}
    script = [sys.executable, "-c", SCRIPT, str(HERE), "sign"]
    both = [subprocess.Popen(script, env=environment, cwd=HERE.parent, stdout=subprocess.PIPE) for _ in range(2)]
    answers = [process.communicate()[0].split()[:2] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert answers[0] == answers[1]


def write(path: Path, text: str) -> Path:
    path.write_text(textwrap.dedent(text).lstrip(), encoding="utf-8")
    return path


RULE = """
    def step(x, g, value, norm, lr, state):
        return -{factor} * lr * g, state
"""


def after_one_step(path: Path) -> float:
    loss, rule = find.loss("quartic"), find.dynamics(str(path))
    return run(loss, rule, batch(loss, rule, [3.5]), 1).x[0, 0]


def test_an_edited_rule_is_another_kernel(tmp_path, monkeypatch):
    monkeypatch.setenv("DYNBENCH_CACHE", str(with_drivers(tmp_path / "cache")))
    path, quartic = tmp_path / "mine.py", find.loss("quartic")
    for factor in (1.0, 3.0, 7.0, 1.0):  # texts of one length and one date: only the text itself tells them apart
        write(path, RULE.format(factor=factor))
        os.utime(path, (1, 1))
        assert after_one_step(path) == 3.5 - factor * 0.01 * quartic.grad(3.5)
    in_here = in_a_process(tmp_path / "cache", path)
    write(path, RULE.format(factor=2.0))
    assert in_a_process(tmp_path / "cache", path) != in_here


def test_an_edited_helper_or_constant_is_another_kernel(tmp_path, monkeypatch):
    """Numba's own cache is stale here: it looks at one file only."""
    monkeypatch.syspath_prepend(str(tmp_path))
    quartic = find.loss("quartic")
    text = "from helper_of_mine import SCALE, twice\n\ndef step(x, g, value, norm, lr, state):\n"
    path = write(tmp_path / "mine.py", text + "    return -lr * SCALE * twice(g), state\n")
    for scale, body in ((1.0, "2.0 * g"), (4.0, "2.0 * g"), (4.0, "3.0 * g")):
        sys.modules.pop("helper_of_mine", None)
        sys.dont_write_bytecode, before = True, sys.dont_write_bytecode
        write(tmp_path / "helper_of_mine.py", f"SCALE = {scale}\n\n\ndef twice(g):\n    return {body}\n")
        path.write_text(path.read_text() + "\n", encoding="utf-8")
        expected = 3.5 - 0.01 * scale * eval(body, {"g": quartic.grad(3.5)})
        assert after_one_step(path) == expected
        sys.dont_write_bytecode = before


CANNOT = {
    "an if statement": ("if g > 0:\n    dx = -lr\nelse:\n    dx = lr\nreturn dx, state", 2, "a if condition else b"),
    "while": ("dx = g\nwhile dx > 1.0:\n    dx = dx / 2\nreturn dx, state", 3, "for ... in range(...)"),
    "an error raised": ("assert g < 1e9\nreturn -lr * g, state", 2, "give nan"),
    "a root as a power": ("return -lr * abs(g) ** 0.5, state", 2, "math.sqrt"),
    "a power that varies": ("return -lr * abs(g) ** lr, state", 2, "whole number from 1 to 32"),
    "an unknown function": ("return -lr * math.gamma(g), state", 2, "known: math.exp"),
    "an undefined function": ("return -lr * thing(g), state", 2, "`thing`"),
    "an undefined name": ("return -lr * thing, state", 2, "'thing' is not defined"),
    "no state in the return": ("return -lr * g", 1, "`return dx, state`"),
    "no return": ("dx = -lr * g", 1, "must end in a return"),
    "two returns": ("for d in range(2):\n    return g, state\nreturn g, state", 3, "one return"),
    "too many names of state": ("m, v = state\nreturn -lr * g, (m, v)", 2, "2 names for 0 values"),
    "too long a state": ("return -lr * g, (g,)", 1, "`step` returns 1 floats of state, `start` 0"),
    "a keyword": ("return -lr * max(g, 0.0, key=abs), state", 2, "no keyword arguments"),
    "a list": ("a = [g, g]\nreturn a[0], state", 2, "a tuple may hold them"),
    "a place of a number": ("return g[0], state", 2, "indexes what is a number"),
    "a lambda": ("return (lambda q: q)(g), state", 2, "cannot be compiled"),
    "print": ("print(g)\nreturn g, state", 2, "`print` cannot be compiled"),
}


@pytest.mark.parametrize("what", CANNOT)
def test_a_text_that_cannot_be_lifted_says_where_and_what_to_do(tmp_path, what):
    body, line, advice = CANNOT[what]
    text = "def step(x, g, value, norm, lr, state):\n" + textwrap.indent(body, "    ") + "\n"
    path = tmp_path / "mine.py"
    path.write_text(text + ("\nimport math\n" if "math." in body else ""), encoding="utf-8")
    with pytest.raises(CannotLift) as caught:
        pair_source(find.loss("quartic"), find.dynamics(str(path)), Variant())
    message = str(caught.value)
    assert message.startswith(f"mine.py, line {line}, in step: ")
    assert advice in message
    assert "\n" not in message
    assert len(message) < 200


def test_start_must_return_a_tuple(tmp_path):
    text = "def start(lr):\n    return 0.0\n\n\ndef step(x, g, value, norm, lr, state):\n    return g, state\n"
    path = write(tmp_path / "mine.py", text)
    with pytest.raises(CannotLift, match=r"mine\.py, line 1, in start: `start` must end in `return \(a, b, \.\.\.\)`"):
        pair_source(find.loss("quartic"), find.dynamics(str(path)), Variant())


def test_threads_may_link_at_once(tmp_path, monkeypatch):
    monkeypatch.setenv("DYNBENCH_CACHE", str(tmp_path / "cache"))
    path = write(tmp_path / "mine.py", RULE.format(factor=1.5))
    with ThreadPoolExecutor(3) as pool:
        found = {future.result() for future in [pool.submit(after_one_step, path) for _ in range(3)]}
    assert found == {3.5 - 1.5 * 0.01 * find.loss("quartic").grad(3.5)}


def test_what_does_not_compile_is_told_by_whoever_compiles_it(tmp_path, monkeypatch):
    """Several processes share the work of an empty cache: none may take the text away from the one that answers."""
    monkeypatch.setenv("DYNBENCH_CACHE", str(tmp_path / "cache"))
    text, _ = pair_source(find.loss("quartic"), find.dynamics("gradient"), Variant())
    texts = [text, *(text.replace("4.0 *", f"'a{k}' *") for k in range(3))]
    for _ in range(2):
        with pytest.raises(CannotLift, match=r"^the kernel from the texts of the loss quartic and the rule gradient"):
            compile_all(texts, 3)


def test_a_kernel_is_linked_once_a_process(monkeypatch):
    loss, rule = find.loss("quartic"), find.dynamics("capped")
    whole = batch(loss, rule, [3.3])
    run(loss, rule, whole, 10)
    monkeypatch.setattr(link, "loaded", None)  # what would bring machine code in again
    monkeypatch.setattr(link, "write", None)
    run(loss, rule, whole, 10)
