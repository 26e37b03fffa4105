"""What Python's users give to Arm, Starts, Sweep and run, made plain: numbers of any kind, lists, arrays, paths.

Each function takes a value and the name of its field, and raises ValueError, one sentence, for what is no such value.
A text is no number here, and a truth is none either.
"""

import math
import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

LONGEST = 60  # letters of a value that a sentence shows


def shown(value: Any) -> str:
    """A value as Python writes it, cut where it is long."""
    text = " ".join(repr(value).split())
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def number(value: Any, field: str) -> float:
    """A finite number."""
    if not is_number(value) or not math.isfinite(value):
        raise ValueError(f"{field}: {shown(value)} is not a finite number")
    return float(value)


def whole(value: Any, field: str) -> int:
    """A whole number; 1e3 is one."""
    if not is_number(value) or not math.isfinite(value) or value != int(value):
        raise ValueError(f"{field}: {shown(value)} is not a whole number")
    return int(value)


def numbers(values: Any, field: str) -> tuple[float, ...]:
    """Finite numbers: one of them, or a list, a tuple, a range or an array of one dimension."""
    if is_number(values):
        return (number(values, field),)
    if isinstance(values, np.ndarray) and values.ndim != 1:
        raise ValueError(f"{field}: an array of {values.ndim} dimensions is not a number or a list of numbers")
    if not isinstance(values, list | tuple | range | np.ndarray):
        raise ValueError(f"{field}: {shown(values)} is not a number or a list of numbers")
    if isinstance(values, tuple) and all(type(value) is float for value in values) and np.isfinite(values).all():
        return values  # as the command line has them, and these may be millions
    return tuple(number(value, field) for value in values)


def truth(value: Any, field: str) -> bool:
    """True or False."""
    if not isinstance(value, bool | np.bool_):
        raise ValueError(f"{field}: {shown(value)} is neither True nor False")
    return bool(value)


def name(value: Any, field: str, kind: str) -> str:
    """A name, or the path of a file."""
    if not isinstance(value, str | os.PathLike):
        raise ValueError(f"{field}: {shown(value)} is not {kind}")
    return os.fsdecode(value)


def names(values: Any, field: str) -> tuple[str, ...]:
    """Names: one of them, or several."""
    several = (values,) if isinstance(values, str) else values
    if not isinstance(several, list | tuple) or not all(isinstance(value, str) for value in several):
        raise ValueError(f"{field}: {shown(values)} is not a list of names")
    return tuple(several)


def axes(values: Any, field: str) -> dict[str, tuple[float, ...]]:
    """The values of each parameter, by its name."""
    if not isinstance(values, Mapping) or not all(isinstance(key, str) for key in values):
        raise ValueError(f"{field}: {shown(values)} does not name parameters with their values, as {{'cap': 71.2}}")
    return {key: numbers(value, f"{field}: {key}") for key, value in values.items()}


def points(values: Any, field: str) -> tuple[tuple[float, ...], ...]:
    """Rows of finite coordinates, all of one length."""
    wrong = ValueError(
        f"{field}: `points` must be rows of equal length, one number a coordinate, like ((0.0, 1.0), (2.0, 3.0)), or"
        " ((3.0,),) in one dimension"
    )
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise wrong
    try:
        table = np.array(values if isinstance(values, tuple | list | np.ndarray) else list(values))
    except (TypeError, ValueError):  # rows of several lengths
        raise wrong from None
    if table.ndim != 2 or not table.size or table.dtype.kind not in "iuf":
        raise wrong
    if not np.isfinite(table).all():
        row = table[~np.isfinite(table).all(axis=1)][0]
        raise ValueError(f"{field}: {row.tolist()} is not a point of finite coordinates")
    return tuple(map(tuple, table.astype(float).tolist()))


def instance(value: Any, kind: type | tuple[type, ...], field: str, words: str) -> Any:
    """A value of that type, `words`."""
    if not isinstance(value, kind):
        raise ValueError(f"{field}: {shown(value)} is not {words}")
    return value


def function(value: Any, field: str) -> Callable[..., Any] | None:
    """A function, or None."""
    if value is not None and not callable(value):
        raise ValueError(f"{field}: {shown(value)} is not a function")
    return value
