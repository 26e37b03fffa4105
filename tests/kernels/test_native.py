"""Machine code on disk: loaded without a compiler, made again where damaged, called with what it takes."""

import os
import struct
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from batches import batch, run
from kernel_cache import with_drivers

from dynbench import find
from dynbench.kernels import native, packed
from dynbench.kernels.compile import compile_all, module_of
from dynbench.kernels.link import sources
from dynbench.kernels.rewrite import CannotLift
from dynbench.kernels.shape import Shape
from dynbench.kernels.step import Variant

HERE = Path(__file__).parents[1]
SCRIPT = """
import sys
sys.path.insert(0, sys.argv[1])
from batches import batch, run
from dynbench import find
loss, rule = find.loss("quartic"), find.dynamics(sys.argv[2])
x = run(loss, rule, batch(loss, rule, [3.3, 1.0], temperature=float(sys.argv[3])), 700).x
print(*x[0], "numba" in sys.modules)
"""
LIBM = """
    import numpy as np

    def step(x, g, value, norm, lr, state):
        return -lr * np.arctan(g) * np.cbrt(abs(x)), state
"""


def in_a_process(cache, rule, temperature=0.0):
    script = [sys.executable, "-W", "error", "-c", SCRIPT, str(HERE), str(rule), str(temperature)]
    environment = {**os.environ, "DYNBENCH_CACHE": str(cache)}
    done = subprocess.run(script, env=environment, capture_output=True, text=True, check=False, cwd=HERE.parent)
    assert done.returncode == 0, done.stderr
    *x, numba = done.stdout.split()
    return list(map(float, x)), numba == "True"


@pytest.mark.parametrize("temperature", [0.0, 0.5])
def test_what_has_been_compiled_needs_no_compiler(tmp_path, temperature):
    with_drivers(tmp_path)
    first, compiled = in_a_process(tmp_path, "gradient", temperature)
    again, imported = in_a_process(tmp_path, "gradient", temperature)
    assert compiled
    assert not imported
    assert again == first


def test_functions_of_the_system_are_refused(tmp_path):
    """Their last bit is the system's own, and no lane calls them fast."""
    path = tmp_path / "mine.py"
    path.write_text(textwrap.dedent(LIBM).lstrip(), encoding="utf-8")
    with pytest.raises(CannotLift, match=r"`np.arctan` cannot be compiled; known: math.exp"):
        sources(find.loss("quartic"), find.dynamics(str(path)), Variant())


@pytest.mark.parametrize("damage", [b"", b"{}\n", b"no json", b"door", None])
def test_damaged_machine_code_is_made_again(tmp_path, monkeypatch, damage):
    monkeypatch.setenv("DYNBENCH_CACHE", str(tmp_path))
    text = sources(find.loss("quartic"), find.dynamics("sign"), Variant())[0]
    assert compile_all([text], 1) == 1
    assert native.kept(text) is not None
    file = native.path_of(text).with_suffix(".o")
    whole = file.read_bytes()
    file.write_bytes({None: whole[:-9], b"door": whole.replace(b"cfunc", b"dfunc", 1)}.get(damage, damage))
    assert native.kept(text) is None
    assert compile_all([text], 1) == 1
    assert native.kept(text) is not None
    assert compile_all([text], 1) == 0


def test_machine_code_of_another_text_is_not_run(tmp_path):
    """Two rules' machine code change places, each whole and with a checksum of its own."""
    right = in_a_process(with_drivers(tmp_path), "gradient")[0]
    other = in_a_process(tmp_path, "sign")[0]
    assert right != other
    pairs = {}
    for rule in ("gradient", "sign"):
        named = f"from the texts of the loss quartic and the rule {rule}"
        texts = [path for path in tmp_path.glob("*.py") if named in path.read_text(encoding="utf-8")]
        assert len(texts) == 1
        pairs[rule] = texts[0].with_suffix(".o")
    whole = {rule: path.read_bytes() for rule, path in pairs.items()}
    pairs["gradient"].write_bytes(whole["sign"])
    pairs["sign"].write_bytes(whole["gradient"])
    assert in_a_process(tmp_path, "gradient") == (right, True)  # compiled again
    assert in_a_process(tmp_path, "gradient") == (right, False)


def test_machine_code_without_its_own_checksum_is_not_taken(tmp_path, monkeypatch):
    monkeypatch.setenv("DYNBENCH_CACHE", str(tmp_path))
    one, two = native.Code("door", ("exp",), b"one"), native.Code("door", (), b"two")
    native.keep("x = 1\n", one)
    native.keep("x = 2\n", two)
    assert native.kept("x = 1\n") == one
    place = native.path_of("x = 1\n").with_suffix(".o")
    place.write_bytes(native.path_of("x = 2\n").with_suffix(".o").read_bytes())
    assert native.kept("x = 1\n") is None


@pytest.mark.parametrize("other", ["", "x = 2\n"])
def test_a_text_that_is_not_what_it_was_is_written_again_and_not_compiled(tmp_path, monkeypatch, other):
    """Cut short, or of the same length."""
    monkeypatch.setenv("DYNBENCH_CACHE", str(tmp_path))
    path = native.write("x = 1\n")
    assert native.read(path) == "x = 1\n"
    path.write_text(other, encoding="utf-8")
    assert native.read(path) is None
    assert native.write("x = 1\n") == path
    assert path.read_text(encoding="utf-8") == "x = 1\n"


def test_what_is_compiled_is_the_text_in_memory(tmp_path, monkeypatch):
    """Another text of the same length, put into the file when it had been written."""
    monkeypatch.setenv("DYNBENCH_CACHE", str(tmp_path))
    text = sources(find.loss("quartic"), find.dynamics("sign"), Variant())[0]
    right, wrong = 1.8430703308172536, 2.8430703308172536
    assert str(right) in text
    native.write(text).write_text(text.replace(str(right), str(wrong)), encoding="utf-8")
    code = module_of(text).door._library.get_llvm_str().upper()
    digits = [struct.pack(">d", x).hex().upper()[1:] for x in (right, wrong)]  # without the sign
    assert [d in code for d in digits] == [True, False]


def test_a_function_that_is_nowhere_is_told():
    with pytest.raises(CannotLift, match="a kernel calls no_such_function_anywhere, which is not to be found"):
        native.supply(["no_such_function_anywhere"])


def test_another_processor_setting_or_version_is_another_kernel(monkeypatch):
    names = {native.digest("text")}
    for name, value in (("NUMBA_OPT", "1"), ("NUMBA_CPU_NAME", "generic")):
        monkeypatch.setenv(name, value)
        native.compiler.cache_clear()
        names.add(native.digest("text"))
    monkeypatch.undo()
    native.compiler.cache_clear()
    assert len(names) == 3
    assert native.digest("text") in names


def test_no_pointer_to_what_a_driver_does_not_take():
    vector = np.zeros(4)
    assert packed.packed(("n", "f1"), (7, vector)) == [7, vector.ctypes.data, 4]
    for wrong in (np.zeros(4, np.float32), np.zeros(4, np.int64), np.zeros((2, 2)), np.zeros(8)[::2]):
        with pytest.raises(TypeError, match="a driver takes f1 here"):
            packed.packed(("f1",), (wrong,))
    with pytest.raises(ValueError, match="shorter"):
        packed.packed(("n", "f1"), (7,))


def test_a_driver_takes_apart_what_was_packed():
    texts, after = packed.unpacked(("n", ("f2", "i1"), "s"))
    shape = Shape(*range(100, 100 + len(Shape._fields)))
    matrix, vector = np.arange(6.0).reshape(2, 3), np.arange(4)
    p = packed.packed(("n", ("f2", "i1"), "s"), (5, (matrix, vector), shape))
    assert len(p) == after
    known = {"p": p, "Shape": Shape, "carray": lambda place, lengths: (place, lengths)}
    known |= {"floats": lambda place: ("f", place), "integers": lambda place: ("i", place)}
    assert eval(texts[0], known) == 5
    assert eval(texts[1], known) == ((("f", matrix.ctypes.data), (2, 3)), (("i", vector.ctypes.data), (4,)))
    assert eval(texts[2], known) == shape


def test_a_kernel_lives_longer_than_its_arguments():
    """What is packed once for all slices must not be given back meanwhile."""
    loss, rule = find.loss("quartic"), find.dynamics("gradient")
    many = [run(loss, rule, batch(loss, rule, np.linspace(-4.0, 4.0, 129)), 50).x.copy() for _ in range(3)]
    assert all((x == many[0]).all() for x in many)
