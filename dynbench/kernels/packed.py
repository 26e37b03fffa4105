"""What a compiled driver is called with: one array of integers, and the text that takes it apart again.

A kind says how each argument is passed: "n" an integer, "s" a Shape, "f2" a C-contiguous array of float64 with two
axes, "i1" one of int64 with one, and so on, or a tuple of kinds.  An array goes as its address and its lengths.
"""

import ctypes
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dynbench.kernels.shape import Shape

TYPES = {"f": np.dtype(np.float64), "i": np.dtype(np.int64)}
POINTERS = {"f": "floats", "i": "integers"}  # in `pointer`
Kind = str | tuple[Any, ...]
Entrance = Callable[[int], int]  # called with the address of the integers

WHOLE: tuple[Kind, ...] = (  # of `trajectory.run`, up to its rows
    "s", ("n", "n"), ("f2", "f2", "f1", "f1", "f1", "i1", "i1"), "n", "n", "f1",
    ("f1", "i1", "f1", "f1", "f2", "f3", "f2", "i1"), ("f1", "f1", "f1", "f1"), ("i2", "i2", "f2"), "f3", "n", "i1",
)  # fmt: skip
PASSAGE: tuple[Kind, ...] = (  # of `passage.run`, up to its rows
    "s", ("n",), ("f2", "f2", "f1", "f1", "f1", "i1"), ("f2", "f2", "f1", "f2", "i1"), "n", ("f1", "f1"),
    ("i2", "f2"), "i1",
)  # fmt: skip
ROOM: tuple[Kind, ...] = ("f2", "i2", "i1", "i1")  # of both, behind the rows: room to work in (`scratch`)
SLICE: tuple[Kind, ...] = (("n", "n"), *ROOM)


def entrance(address: int) -> Entrance:
    """A driver as Python calls it; the interpreter's lock is not held meanwhile."""
    return ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p)(address)


def prepared(
    driver: Entrance, kinds: Sequence[Kind], values: Sequence[Any], room: Callable[[], tuple[Any, ...]]
) -> Callable[[tuple[int, int]], int]:
    """A driver that has its arguments, as a function of the rows; each thread packs them, and makes room, once."""
    fixed = packed(kinds, values)
    own = threading.local()

    def run(rows: tuple[int, int]) -> int:
        if not hasattr(own, "numbers"):
            own.room = room()
            own.numbers = np.array([*fixed, 0, 0, *packed(ROOM, own.room)], np.int64)
            own.address = own.numbers.ctypes.data
        own.numbers[len(fixed) : len(fixed) + 2] = rows
        return driver(own.address)

    run.values = values  # type: ignore[attr-defined]  # so that they stay alive
    return run


def packed(kinds: Sequence[Kind], values: Sequence[Any]) -> list[int]:
    """The integers.  TypeError for another number of values or another kind: a pointer into it would be wild."""
    numbers: list[int] = []
    for kind, value in zip(kinds, values, strict=True):
        if kind == "n":
            numbers.append(int(value))
        elif kind == "s":
            numbers += map(int, value)
        elif isinstance(kind, tuple):
            numbers += packed(kind, value)
        elif value.dtype != TYPES[kind[0]] or value.ndim != int(kind[1]) or not value.flags.c_contiguous:
            raise TypeError(f"a driver takes {kind} here, not {value.ndim} axes of {value.dtype}")
        else:
            numbers += [value.ctypes.data, *value.shape]
    return numbers


def unpacked(kinds: Sequence[Kind], place: int = 0) -> tuple[list[str], int]:
    """Expressions for the values, from p[place] on, and the first place after them."""
    texts: list[str] = []
    for kind in kinds:
        if isinstance(kind, tuple):
            inner, place = unpacked(kind, place)
            texts.append(f"({', '.join(inner)},)")
            continue
        axes = len(Shape._fields) - 1 if kind == "s" else 0 if kind == "n" else int(kind[1])
        first, *more = (f"p[{place + k}]" for k in range(1 + axes))
        place += 1 + axes
        if kind == "n":
            texts.append(first)
        elif kind == "s":
            texts.append(f"Shape({', '.join([first, *more])})")
        else:
            texts.append(f"carray({POINTERS[kind[0]]}({first}), ({', '.join(more)},))")
    return texts, place
