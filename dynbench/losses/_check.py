"""What is wrong with a loss or a rule that somebody wrote: checks of its fields, each a ValueError of one sentence."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import inf, isfinite, isnan
from numbers import Real
from typing import Any

from dynbench.losses.base import Loss, Minimum

SLACK = 1e-9  # minima that are global but for rounding


def is_number(x: Any) -> bool:
    """A whole or broken number that is a float, inf and nan or NumPy's too; True and False are none."""
    if not isinstance(x, Real) or isinstance(x, bool):
        return False
    try:
        float(x)
    except OverflowError:  # 10**400
        return False
    return True


def brief(value: Any) -> str:
    """A value for a message, at most 80 letters of it."""
    text = repr(value)
    return text if len(text) <= 80 else text[:78] + " …"


def tupled(value: Any) -> Any:
    """The same with tuples in the place of lists and arrays, minima included."""
    if isinstance(value, Minimum):
        found = {name: tupled(field) for name, field in vars(value).items()}
        return value if all(found[name] is field for name, field in vars(value).items()) else Minimum(**found)
    if isinstance(value, list) or (type(value).__name__ == "ndarray" and value.ndim):
        return tuple(map(tupled, value))
    if isinstance(value, tuple):
        parts = tuple(map(tupled, value))
        return value if all(a is b for a, b in zip(parts, value, strict=True)) else parts
    return value


def numbers(row: Any, count: int) -> bool:
    """Whether it is a row of so many finite numbers."""
    return isinstance(row, Sequence) and len(row) == count and all(is_number(c) and isfinite(c) for c in row)


def check_bounds(owner: str, bounds: Any, known: Mapping[str, float]) -> None:
    """Every pair belongs to a parameter, and holds its default; a nan is how tables say `has no such parameter`."""
    if not isinstance(bounds, Mapping):
        raise ValueError(f"{owner}: `bounds` must be like {{'k': (0.0, 1.0)}}, not {brief(bounds)}")
    for parameter, pair in bounds.items():
        if parameter not in known:
            raise ValueError(f"{owner} has bounds for {parameter!r}, which is not one of its parameters")
        fits = isinstance(pair, Sequence) and len(pair) == 2 and all(is_number(c) for c in pair)
        if not fits or not pair[0] <= pair[1]:
            raise ValueError(
                f"{owner}: the bounds of {parameter!r} must be a pair (lo, hi) with lo <= hi, not {brief(pair)}"
            )
    for parameter, default in known.items():
        lo, hi = bounds.get(parameter, (-inf, inf))
        if isnan(default) or not lo <= default <= hi:
            outside = f"is outside its bounds, {lo:g} to {hi:g}" if parameter in bounds else "must be a number"
            raise ValueError(f"{owner}: the default {parameter} = {default:g} {outside}")


def check_texts(owner: str, **texts: Any) -> None:
    for field, text in texts.items():
        if not isinstance(text, str):
            raise ValueError(f"{owner}: `{field}` must be a text in quotes, not {brief(text)}")


def check_loss(owner: str, loss: Loss) -> None:
    """Domain, dimension, minima and walls fit together, so that no kernel trips over them later."""
    check_texts(owner, formula=loss.formula, source=loss.source)
    check_domain(owner, loss)
    if not isinstance(loss.minima, Sequence) or not all(isinstance(m, Minimum) for m in loss.minima):
        raise ValueError(f"{owner}: `minima` must be a tuple of Minimum(...), such as (Minimum(...),) with its comma")
    if not numbers([loss.quench_lr], 1) or loss.quench_lr < 0.0:
        raise ValueError(f"{owner}: `quench_lr` must be a number above 0, or 0 for none, not {brief(loss.quench_lr)}")
    if not isinstance(loss.separators, Sequence) or not numbers(loss.separators, len(loss.separators)):
        raise ValueError(f"{owner}: `separators` must be a tuple of numbers, not {brief(loss.separators)}")
    if loss.separators and not loss.tensor:
        raise ValueError(f"{owner}: `separators` are for losses with minima that are 1-D or separable")
    check_minima(owner, loss)
    if loss.tensor:
        check_walls(owner, loss)
    elif len(loss.minima) > 1:
        check_cores(owner, loss)


def check_domain(owner: str, loss: Loss) -> None:
    if loss.dim is not None and not (isinstance(loss.dim, int) and is_number(loss.dim) and loss.dim >= 1):
        raise ValueError(
            f"{owner}: `dim` must be a whole number from 1, or None for all within `dims`, not {brief(loss.dim)}"
        )
    if (
        not numbers(loss.dims, 2)
        or not all(isinstance(d, int) for d in loss.dims)
        or not 1 <= loss.dims[0] <= loss.dims[1]
    ):
        raise ValueError(f"{owner}: `dims` must be the smallest and the largest dimension, not {brief(loss.dims)}")
    if not isinstance(loss.domain, Sequence) or not loss.domain or not all(numbers(p, 2) for p in loss.domain):
        raise ValueError(f"{owner}: `domain` must be pairs of numbers, like ((-2.0, 2.0),), not {brief(loss.domain)}")
    for lo, hi in loss.domain:
        if not lo < hi:
            raise ValueError(f"{owner}: the domain's pair ({lo:g}, {hi:g}) must rise, from lo to hi")
    if len(loss.domain) not in (1, loss.dim or 1):
        allowed = "one pair" if (loss.dim or 1) == 1 else f"one pair for all coordinates, or {loss.dim}"
        raise ValueError(f"{owner}: `domain` has {len(loss.domain)} pairs, and needs {allowed}")


def check_minima(owner: str, loss: Loss) -> None:
    if loss.minima and loss.dim is None and not loss.separable:
        raise ValueError(
            f"{owner}: a loss with minima needs `dim`, or `separable=True` and the minima of one coordinate,"
            f" or a function `minima(dim, ...)`"
        )
    size = 1 if loss.separable else loss.dim or 1
    for place, m in enumerate(loss.minima):
        if not numbers(m.x, size):
            one = " (of one coordinate, as the loss is separable)" if loss.separable else ""
            raise ValueError(
                f"{owner}: minimum {place} needs an x of {size} number{'s' * (size > 1)}{one}, not {brief(m.x)}"
            )
        if not isinstance(m.curvatures, Sequence) or not all(map(is_number, m.curvatures)):
            raise ValueError(
                f"{owner}: minimum {place} needs `curvatures`, a tuple of numbers (or () to have them worked out),"
                f" not {brief(m.curvatures)}"
            )
        for field in ("barrier", "distance"):
            if not is_number(getattr(m, field)):
                raise ValueError(
                    f"{owner}: minimum {place}: `{field}` must be a number, not {brief(getattr(m, field))}"
                )
        if not numbers([m.value], 1):
            raise ValueError(f"{owner}: minimum {place} needs a finite value, not {brief(m.value)}")
        if m.value < loss.minima[0].value - SLACK * (1.0 + abs(m.value)):
            raise ValueError(f"{owner}: minimum {place} lies below minimum 0, which must be a global one: put it first")


def check_walls(owner: str, loss: Loss) -> None:
    """One wall between any two neighbouring minima of a coordinate."""
    wells, walls = sorted(m.x[0] for m in loss.minima), loss.separators
    if len(walls) != len(wells) - 1:
        raise ValueError(
            f"{owner}: {len(wells)} minima have {len(wells) - 1} separators (maxima) between them, not {len(walls)}"
        )
    if any(a >= b for a, b in pairwise(walls)):
        raise ValueError(f"{owner}: `separators` must ascend, unlike {brief(walls)}")
    for (left, right), wall in zip(pairwise(wells), walls, strict=True):
        if not left < wall < right:
            raise ValueError(f"{owner}: the separator {wall:g} must lie between the minima {left:g} and {right:g}")


def check_score(owner: str, loss: Loss) -> None:
    """It gives a number at each minimum, or amid the domain where none is known, and not every minimum lies outside."""
    assert loss.score is not None
    dim = loss.dim or loss.dims[0]
    points = [m.x * dim if loss.separable else m.x for m in loss.minima]
    points = points or [tuple((lo + hi) / 2.0 for lo, hi in loss.box(dim))]
    scores = []
    for x in points:
        where = f"x = {[float(c) for c in x]}"
        try:
            score = loss.score([float(c) for c in x], *loss.parameters.values())
        except Exception as error:
            told = " ".join(f"{type(error).__name__}: {error}".split())
            raise ValueError(f"{owner}: `score` stops at {where}: {told}") from error
        if not is_number(score) or isnan(score):
            raise ValueError(f"{owner}: `score` must give a number, and gives {brief(score)} at {where}")
        scores.append(score)
    if loss.minima and min(scores) > 1.0:
        raise ValueError(
            f"{owner}: `score` is above 1, so outside, at every minimum; it must be about 0 at one of them"
        )


def check_cores(owner: str, loss: Loss) -> None:
    """Each minimum has what its core is made of, if there are several: a Hessian and a barrier."""
    size = loss.dim or 1
    for place, m in enumerate(loss.minima):
        if len(loss.minima) > 1 and not 0.0 < m.barrier < inf:
            raise ValueError(
                f"{owner}: minimum {place} needs `barrier`, a number above 0 (for its core): its lowest pass out minus"
                f" its value, or less where that is not known, and not {brief(m.barrier)}"
            )
        if (
            not isinstance(m.hessian, Sequence)
            or len(m.hessian) != size
            or not all(numbers(r, size) for r in m.hessian)
        ):
            raise ValueError(f"{owner}: minimum {place} needs `hessian`, {size} rows of {size} numbers (for its core)")
        if not positive(m.hessian):
            raise ValueError(f"{owner}: the hessian of minimum {place} must be symmetric and positive definite")


def positive(matrix: Sequence[Sequence[float]]) -> bool:
    """Whether a matrix is symmetric and positive definite, by Gaussian elimination."""
    rows, size = [list(map(float, row)) for row in matrix], len(matrix)
    largest = max(abs(c) for row in rows for c in row)
    if any(abs(rows[a][b] - rows[b][a]) > SLACK * largest for a in range(size) for b in range(a)):
        return False
    for k in range(size):
        if not rows[k][k] > 0.0:
            return False
        for row in rows[k + 1 :]:
            share = row[k] / rows[k][k]
            row[k:] = [c - share * p for c, p in zip(row[k:], rows[k][k:], strict=True)]
    return True
