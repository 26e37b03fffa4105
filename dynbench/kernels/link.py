"""Compiled modules, each named by the hash of all it is made of: one a pair of loss and rule, one common driver.

Numba's own disk cache goes stale when a helper in another file changes, and never hits when a jitted function is an
argument.  So the linker writes self-contained files: constants, the loss's and the rule's text lifted to lanes, the
helpers they call; and the kernel's own text, which calls the former through pointers, so that it is compiled once for
all.  A file's name is the sha256 of its text and of Numba's version; it is put in place by an atomic rename and
compiled with `cache=True`.  A changed text is another file, so the cache is never stale.
"""

import ast
import hashlib
import importlib.util
import inspect
import os
import re
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import cache, lru_cache, partial
from pathlib import Path
from types import ModuleType
from typing import Any

from dynbench.dynamics.base import Dynamics
from dynbench.kernels import ends, events, fences, lanes, passage, pointer, shape, trajectory
from dynbench.kernels.rewrite import CannotLift, place, rewritten
from dynbench.kernels.score import Scored
from dynbench.kernels.shape import Shape
from dynbench.kernels.step import Step, Variant
from dynbench.losses.base import Loss

INLINED = "@njit(error_model='numpy', forceinline=True)\n"
CALLED = "@njit(error_model='numpy', nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)\n"
HEAD = '''"""Written by dynbench{what}; do not edit."""
import math

import numpy as np
from numba import cfunc, njit, types

'''
PAIR = ("begin", "evaluate", "advance")  # functions of a loss and a rule, numbered in `shape`
LANES = ("astray", "periodic", "remember", "judge", "enter", "happen", "release", "tally", "finish")  # of a layout
PLACES = (  # what those depend on
    "lanes", "dim", "state", "cores", "labelled", "counting", "residence", "x", "lo", "hi", "s", "ring", "snap",
    "centre", "radii", "ended",
)  # fmt: skip
ARGUMENTS = "(w, t, a, b, c, seed)"
POINTER = "@cfunc(SIGNATURE, error_model='numpy', cache=True)\n"  # one a module: each takes milliseconds to be loaded
DOOR = """
_integer = types.int64
SIGNATURE = _integer(types.CPointer(types.float64), types.CPointer(_integer), _integer, _integer, _integer, _integer)
"""
DRIVER = f"""
from llvmlite import ir
from numba.extending import intrinsic
from dynbench.kernels.shape import Shape

_f1, _f2, _f3 = types.float64[::1], types.float64[:, ::1], types.float64[:, :, ::1]
_i1, _i2 = types.int64[::1], types.int64[:, ::1]
SIGNATURE = types.int64(
    types.NamedUniTuple(types.int64, {len(Shape._fields)}, Shape), types.UniTuple(types.int64, %s),
%s)
"""
WHOLE = """\
    types.Tuple((_f2, _f2, _f1, _f1, _f1, _i1, _i1)), types.UniTuple(types.int64, 2), types.int64, types.int64, _f1,
    types.Tuple((_f1, _i1, _f1, _f1, _f2, _f3, _f2)), types.UniTuple(_f1, 2), types.Tuple((_i2, _i2, _f2)), _f3,
    types.int64, _i1"""
PASSAGE = """\
    types.Tuple((_f2, _f2, _f1, _f1, _f1, _i1)), types.Tuple((_f2, _f2, _f1, _f2, _i1)),
    types.UniTuple(types.int64, 2), types.int64, types.UniTuple(_f1, 2), types.Tuple((_i2, _f2)), _i1"""


class Helpers:
    """Plain functions that the lifted text calls, each written once, those it calls before it."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.names: dict[Callable[..., Any], str] = {}

    def __call__(self, function: Callable[..., Any]) -> str:
        if function not in self.names:
            stem = f"{function.__module__.rsplit('.', 1)[-1]}_{function.__name__}"
            taken = sum(n == stem or n.startswith(stem + "__") for n in self.names.values())
            self.names[function] = f"{stem}__{taken}" if taken else stem
            tree = rewritten(function, self)
            tree.name = self.names[function]
            self.texts[tree.name] = INLINED + ast.unparse(tree) + "\n"
        elif self.names[function] not in self.texts:  # it is being written just now
            raise CannotLift(f"{place(function)}: a helper cannot call itself here; write `for ... in range(...)`")
        return self.names[function]


@cache
def functions_of(module: ModuleType) -> list[tuple[str, str]]:
    """Name and text of each function of a module of the kernel's own, docstring dropped."""
    functions = [node for node in ast.parse(inspect.getsource(module)).body if isinstance(node, ast.FunctionDef)]
    for node in functions:
        node.body = node.body[1:] if isinstance(node.body[0], ast.Expr) else node.body
    return [(node.name, ast.unparse(node) + "\n") for node in functions]


def constants(more: dict[str, int] = {}) -> str:  # noqa: B006 (never changed)
    """The numbers of `shape`, as assignments."""
    known = {n: v for n, v in vars(shape).items() if n.isupper() and isinstance(v, int | float)} | more
    return "".join(f"{n} = {v!r}\n" for n, v in sorted(known.items()))


def driver(door: str, functions: Sequence[tuple[str, str]], known: str, what: str) -> str:
    """A common text, entered by `run`: functions by name and text, callees before callers."""
    lines = [HEAD.format(what=what), known, f"# Shape is {Shape._fields}\n{door}"]
    entrance = "@njit(SIGNATURE, error_model='numpy', nogil=True, cache=True)\n"
    lines += [text for _, text in functions_of(pointer)]
    return "\n".join([*lines, *((entrance if name == "run" else CALLED) + text for name, text in functions)])


@lru_cache(maxsize=1)
def driver_source() -> str:
    """The common text of whole trajectories."""
    functions = functions_of(trajectory)
    return driver(DRIVER % (2, WHOLE), functions, constants(), " from its kernels' common text")


@lru_cache(maxsize=1)
def passage_source() -> str:
    """The common text of first passages: `passage`, and what it has from `trajectory`."""
    functions = [f for f in functions_of(trajectory) if f[0] in ("aligned", "copy")] + functions_of(passage)
    known = constants({n: getattr(passage, n) for n in ("PASSED", "GOING", "DONE")})
    return driver(DRIVER % (1, PASSAGE), functions, known, " from its kernels' text for first passages")


@cache
def pair_source(loss: Loss, dynamics: Dynamics, variant: Variant) -> tuple[str, Shape]:
    """The text of a pair's module, and its shape.  Raises CannotLift where the loss's or the rule's text forbids it."""
    helpers = Helpers()
    step = (Scored if variant.scored else Step)(loss, dynamics, variant, helpers)
    texts = [step.begin(), step.evaluate(), step.advance()]
    places = step.shape()
    fixed = constants({"LANES": places.lanes, "DIM": places.dim})
    head = HEAD.format(what=f" from the texts of the loss {loss.name} and the rule {dynamics.name}")
    lines = [head, fixed, *helpers.texts.values(), DOOR, *(CALLED + text for text in texts), door("pair", PAIR, 4)]
    return "\n".join(lines), places


def door(name: str, functions: Sequence[str], place: int) -> str:
    """Their one door: the argument at that place is the number of the one that is called."""
    which = ARGUMENTS[1:-1].split(", ")[place]
    calls = (f"    if {which} == {k}:\n        return {f}{ARGUMENTS}\n" for k, f in enumerate(functions))
    return f"{POINTER}def {name}{ARGUMENTS}:\n{''.join(calls)}    return 0\n"


@cache
def lanes_source(places: Shape) -> str:
    """The text of `events`, `fences`, `ends`, `lanes` for one layout: many pairs of the same dimension share it."""
    tables = {"ROWS": places.height, "COUNTS": (shape.PLACES + places.dim) * places.lanes}
    fixed = constants({n.upper(): getattr(places, n) for n in PLACES} | tables)
    texts = [CALLED + text for module in (events, fences, ends, lanes) for _, text in functions_of(module)]
    head = HEAD.format(what=" from its kernels' text for all lanes")
    return "\n".join([head, fixed, DOOR, *texts, door("block", LANES, 5)])


def digest(text: str) -> str:
    """Name of a kernel: sha256 of its text, and of the compiler that it is for."""
    import numba

    return hashlib.sha256(f"{text}\0{numba.__version__}".encode()).hexdigest()[:20]


def cache_directory() -> Path:
    """Where kernels are kept: $DYNBENCH_CACHE, else the user's cache directory."""
    if chosen := os.environ.get("DYNBENCH_CACHE"):
        return Path(chosen)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "dynbench"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "dynbench" / "cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dynbench"


def write(text: str) -> Path:
    """Puts a kernel's file in place, whole or not at all, and gives its path."""
    folder = cache_directory()
    path = folder / f"kernel_{digest(text)}.py"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=folder, suffix=".part")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).replace(path)
    return path


@cache
def load(path: Path) -> ModuleType:
    """A kernel's module: from Numba's cache, or compiled now."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    try:
        spec.loader.exec_module(module)
    except OSError:  # the disk's fault, not the text's
        raise
    except Exception as error:
        del sys.modules[path.stem]
        what = first_line(path)
        path.unlink(missing_ok=True)
        raise CannotLift(f"{what} does not compile: {reason(error)}") from error
    return module


def first_line(path: Path) -> str:
    """What a kernel's file is made from, for an error message."""
    with path.open(encoding="utf-8") as file:
        return "the kernel" + file.readline().removeprefix('"""Written by dynbench').partition(";")[0]


def reason(error: Exception) -> str:
    """The telling lines of a compiler's many, as one sentence of 200 letters at most."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    call = next((line.removeprefix(">>> ") for line in lines if line.startswith(">>> ")), "")
    if call:
        call = re.sub(r"\bnone\b", "None", re.sub(r"Literal\[str\]\((.*?)\)", r"text '\1'", call))
        return f"there is no `{call[:90]}`: a loss or a rule computes with numbers only, not with None, texts or lists"
    telling = [line for line in lines if "Error: " in line or "No implementation" in line or line.startswith("Unknown")]
    plain = [line for line in lines if not line.startswith(("Failed in nopython", "During: ", "File "))]
    told = " ".join(dict.fromkeys([*telling[-1:], *plain[:2]])) or type(error).__name__
    return told if len(told) <= 200 else told[:198] + " …"


def sources(loss: Loss, dynamics: Dynamics, variant: Variant) -> tuple[str, str, str]:
    """The texts of the three modules that make a kernel."""
    text, places = pair_source(loss, dynamics, variant)
    return text, lanes_source(places), driver_source()


@cache
def link(loss: Loss, dynamics: Dynamics, variant: Variant = Variant()) -> Callable[..., int]:  # noqa: B008 (frozen)
    """The compiled kernel of a loss of fixed dimension, a rule and a variant: trajectory.run past its `functions`."""
    text, places = pair_source(loss, dynamics, variant)
    pair, block, driver = load(write(text)), load(write(lanes_source(places))), load(write(driver_source()))
    return partial(driver.run, places, (pair.pair.address, block.block.address))


@cache
def link_passage(loss: Loss, dynamics: Dynamics, variant: Variant) -> tuple[Callable[..., int], Shape]:
    """The compiled kernel of first passages, passage.run past its `functions`; and its shape."""
    text, places = pair_source(loss, dynamics, variant)
    pair, common = load(write(text)), load(write(passage_source()))
    return partial(common.run, places, (pair.pair.address,)), places
