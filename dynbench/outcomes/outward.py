"""Limits of an interval as text, rounded outward: the printed interval holds the one that was worked out."""

from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from math import isfinite

DOWN, NEAREST, UP = -1, 0, 1  # ways to round
LONGEST = 330  # digits before the point of any float
ROUNDING = {DOWN: ROUND_FLOOR, UP: ROUND_CEILING}


def between(lo: float, hi: float, form: str) -> str:
    """[0.901, 0.919]."""
    return f"[{written(lo, form, DOWN)}, {written(hi, form, UP)}]"


def written(value: float, form: str, way: int = NEAREST) -> str:
    """A number in the format `form` (`.3f`, `+.3f`, `.2g`, `.1e`, ...), rounded to the nearest, down or up.

    A float stands for the shortest decimal that it is read from: 0.62 is 0.620 in all three ways.
    """
    if way == NEAREST or not isfinite(value):
        return format(value, form)
    digits, kind = int(form[form.index(".") + 1 : -1]), form[-1]
    exact = Decimal(repr(float(value)))
    if kind in "eg":
        rounded = Context(prec=max(digits + (kind == "e"), 1), rounding=ROUNDING[way]).plus(exact)
    else:
        wide = Context(prec=LONGEST + digits, rounding=ROUNDING[way])
        rounded = exact.quantize(Decimal(1).scaleb(-digits), context=wide)
    return format(float(rounded) + 0.0, form)  # -0 becomes 0
