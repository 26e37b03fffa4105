"""The texts of a kernel's three modules: a pair's, its layout's and the common driver's; each stands by itself.

Constants, the loss's and the rule's text lifted to lanes, and the helpers they call; then the kernel's own text,
which calls the former through pointers.  Equal texts are one kernel, so these are what names it (see `native`).
"""

import ast
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from dynbench.dynamics.base import Dynamics
from dynbench.kernels import shape
from dynbench.kernels.helpers import Helpers
from dynbench.kernels.packed import PASSAGE, SLICE, WHOLE, Kind, unpacked
from dynbench.kernels.score import Scored
from dynbench.kernels.shape import Shape
from dynbench.kernels.step import Step, Variant
from dynbench.losses.base import Loss

CALLED = "@njit(error_model='numpy', nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)\n"
HEAD = '''"""Written by dynbench{what}; do not edit."""
import math

import numpy as np
from numba import cfunc, njit, types

'''
PAIR = ("begin", "evaluate", "advance")  # functions of a loss and a rule, numbered in `shape`
LANES = (  # of a layout
    "periodic", "under_way", "remember", "judge", "periods", "enter", "happen", "release", "tally", "finish",
)  # fmt: skip
PLACES = (  # what those depend on
    "lanes", "dim", "cores", "labelled", "counting", "residence", "bounded", "claim", "x", "lo", "hi", "width",
    "small", "low", "high", "ended",
)  # fmt: skip
ARGUMENTS = "(w, t, a, b, c, seed)"
POINTER = "@cfunc(SIGNATURE, error_model='numpy')\n"
DOOR = """
_integer = types.int64
SIGNATURE = _integer(types.CPointer(types.float64), types.CPointer(_integer), _integer, _integer, _integer, _integer)
"""
POINTERS = """from llvmlite import ir
from numba.extending import intrinsic
"""
DRIVER = f"""
from numba import carray
{POINTERS}from dynbench.kernels.shape import Shape
"""
ENTRANCE = """
@cfunc(types.int64(types.CPointer(types.int64)), error_model='numpy')
def door(p):
    return run({arguments})
"""


@cache
def functions_of(module: str) -> list[tuple[str, str]]:
    """Name and text of each function of a module of the kernel's own, docstring dropped.  It is read, not imported:
    compiled kernels need no compiler."""
    text = Path(__file__).with_name(f"{module}.py").read_text(encoding="utf-8")
    functions = [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)]
    for node in functions:
        node.body = node.body[1:] if ast.get_docstring(node) else node.body
    return [(node.name, ast.unparse(node) + "\n") for node in functions]


def constants(more: dict[str, int] = {}) -> str:  # noqa: B006 (never changed)
    """The numbers of `shape`, as assignments."""
    known = {n: v for n, v in vars(shape).items() if n.isupper() and isinstance(v, int | float)} | more
    return "".join(f"{n} = {v!r}\n" for n, v in sorted(known.items()))


def driver(functions: Sequence[tuple[str, str]], kinds: Sequence[Kind], what: str) -> str:
    """A common text, entered by `run`: functions by name and text, callees before callers."""
    lines = [HEAD.format(what=what), constants(), f"# Shape is {Shape._fields}\n{DRIVER}"]
    lines += [text for _, text in functions_of("pointer")]
    lines += [CALLED + text for _, text in functions]
    return "\n".join(lines) + ENTRANCE.format(arguments=", ".join(unpacked([*kinds, *SLICE])[0]))


@cache
def driver_source() -> str:
    """The common text of whole trajectories."""
    functions = [f for module in ("columns", "pools", "trajectory") for f in functions_of(module)]
    return driver(functions, WHOLE, " from its kernels' common text")


@cache
def passage_source() -> str:
    """The common text of first passages: `passage`, and what it has from `columns`."""
    shared = [f for f in functions_of("columns") if f[0] in ("flood", "copy", "surround", "settings")]
    return driver(
        [*shared, *functions_of("pools"), *functions_of("passage")],
        PASSAGE,
        " from its kernels' text for first passages",
    )


@cache
def pair_source(loss: Loss, dynamics: Dynamics, variant: Variant) -> tuple[str, Shape]:
    """The text of a pair's module, and its shape.  Raises CannotLift where the loss's or the rule's text forbids it."""
    helpers = Helpers()
    step = (Scored if variant.scored else Step)(loss, dynamics, variant, helpers)
    texts = [step.begin(), step.evaluate(), step.advance()]
    places = step.shape()
    fixed = constants({"LANES": places.lanes, "DIM": places.dim})
    head = HEAD.format(what=f" from the texts of the loss {loss.name} and the rule {dynamics.name}")
    lines = [head, fixed, *helpers.texts.values(), DOOR, *(CALLED + text for text in texts), door(PAIR, 4)]
    return "\n".join(lines), places


def door(functions: Sequence[str], place: int) -> str:
    """Its one door: the argument at that place is the number of the one that is called."""
    which = ARGUMENTS[1:-1].split(", ")[place]
    calls = (f"    if {which} == {k}:\n        return {f}{ARGUMENTS}\n" for k, f in enumerate(functions))
    return f"{POINTER}def door{ARGUMENTS}:\n{''.join(calls)}    return 0\n"


@cache
def lanes_source(places: Shape) -> str:
    """The text of `events`, `fences`, `ends`, `lanes` for one layout: many pairs of the same dimension share it."""
    counts = (shape.PLACES + places.dim) * places.lanes
    fixed = constants({n.upper(): getattr(places, n) for n in PLACES} | {"COUNTS": counts})
    texts = [CALLED + text for module in ("events", "fences", "ends", "lanes") for _, text in functions_of(module)]
    head = HEAD.format(what=" from its kernels' text for all lanes")
    pointers = [text for _, text in functions_of("pointer")]
    return "\n".join([head, POINTERS, fixed, DOOR, *pointers, *texts, door(LANES, 5)])
