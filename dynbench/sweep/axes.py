"""The grammar of an axis: AXIS := PIECE(,PIECE)*;  PIECE := number | lo:hi:n | lo:hi:n:log."""

import math
from collections.abc import Sequence

import numpy as np

LONGEST = 10_000_000  # values of one axis
ROUNDING = 32  # units in the last place: the most by which a range's arithmetic may miss a number


def axis(text: str, flag: str) -> tuple[float, ...]:
    """The values of an axis, in the order written, each once.  Raises ValueError naming the flag and the piece.

    A value of a range that only rounding parts from one of another piece, as 0.30000000000000004 from 0.3, is that
    one: the one that is written out, else the shorter.  Numbers that are both written out stay two.
    """
    pieces = [piece_values(piece.strip(), flag) for piece in text.split(",")]
    values = dict.fromkeys(value for piece in pieces for value in piece)
    if len(pieces) == 1 or all(":" not in piece for piece in text.split(",")):
        return tuple(values)
    meant = roundings(pieces, [":" not in piece for piece in text.split(",")])
    return tuple(dict.fromkeys(meant.get(value, value) for value in values))


def roundings(pieces: Sequence[Sequence[float]], is_written: Sequence[bool]) -> dict[float, float]:
    """Of an axis's pieces, some of them numbers written out: the values that are roundings, and the one each means."""
    ordered = np.unique(np.concatenate(pieces))
    near = np.diff(ordered) <= ROUNDING * np.spacing(np.abs(ordered[1:]))
    groups: list[list[float]] = []
    for k in np.flatnonzero(near).tolist():
        if groups and groups[-1][-1] == ordered[k]:
            groups[-1].append(float(ordered[k + 1]))
        else:
            groups.append([float(ordered[k]), float(ordered[k + 1])])
    meant: dict[float, float] = {}
    for group in groups:
        owners = [[value for value in group if value in piece] for piece in pieces]
        if max(map(len, owners)) > 1:  # a range as narrow as that is meant so
            continue
        written = [v for own, alone in zip(owners, is_written, strict=True) if alone for v in own]
        shortest = min(written or group, key=lambda value: (len(repr(value)), value))
        meant |= {value: shortest for value in group if value not in written}
    return meant


def listed(text: str, flag: str) -> list[float]:
    """The values of an axis, in the order written, and as often: starts, where equal ones are repeats."""
    values: list[float] = []
    for piece in text.split(","):
        values += piece_values(piece.strip(), flag)
    return values


def piece_values(piece: str, flag: str) -> list[float]:
    parts = piece.split(":")
    if len(parts) == 1:
        return [number(piece, flag)]
    if len(parts) not in (3, 4) or (len(parts) == 4 and parts[3] != "log"):
        raise ValueError(f"{flag}: {piece!r} is not an axis; write a number, lo:hi:n or lo:hi:n:log, joined by commas")
    lo, hi = number(parts[0], flag), number(parts[1], flag)
    count = whole(parts[2], flag, 1, LONGEST)
    if count == 1 and lo != hi:
        raise ValueError(f"{flag}: {piece!r} asks for 1 value between two ends; write the value itself")
    if len(parts) == 3:
        return np.linspace(lo, hi, count).tolist()
    if lo <= 0 or hi <= 0:
        raise ValueError(f"{flag}: {piece!r} is a logarithmic axis, so both ends must be above 0")
    return np.geomspace(lo, hi, count).tolist()


def number(text: str, flag: str) -> float:
    """A finite number."""
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{flag}: {text!r} is not a number") from None
    if not math.isfinite(value):
        raise ValueError(f"{flag}: {text!r} is not a finite number")
    return value


def whole(text: object, flag: str, least: int, most: int) -> int:
    """A whole number between two bounds; 1e6 is welcome."""
    written = str(text).strip()
    try:
        value = int(written) if written.lstrip("+-").isdigit() and len(written) < 30 else float(written)
    except ValueError:
        value = math.nan
    if isinstance(text, bool) or not (least <= value <= most and value == int(value)):
        shown = written if len(written) < 40 else written[:36] + "..."
        raise ValueError(f"{flag}: {shown!r} is not a whole number from {least} to {most}")
    return int(value)
