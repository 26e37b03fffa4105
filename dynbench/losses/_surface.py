"""L and its gradient at points of the domain, as plain Python computes them: what checks of a loss look at.

Lengths are measured by the widths of the domain and of a minimum's well, so that units do not matter.
"""

from collections.abc import Sequence
from math import fsum, inf, isfinite, nan, sqrt
from pathlib import Path
from traceback import extract_tb
from typing import Any

from dynbench.losses._points import evenly
from dynbench.losses.base import Loss, Minimum

EPS = 2.0**-52
PLACE = 1e-6  # error of a minimum's place, in widths of its well
CURVED = 1e-3  # relative error of curvatures

Point = list[float]


class Surface:
    """L and its gradient at points, nan where Python's arithmetic gives none."""

    def __init__(self, owner: str, loss: Loss):
        assert loss.dim is not None
        self.owner, self.loss, self.dim = owner, loss, loss.dim
        self.parameters = tuple(loss.parameters.values())
        self.box = [(float(lo), float(hi)) for lo, hi in loss.box(loss.dim)]
        self.widths = [hi - lo for lo, hi in self.box]

    def at(self, x: Point) -> tuple[float, Point]:
        """L and its gradient, (dim,)."""
        loss = self.loss
        if loss.value_grad is not None:
            g = [nan] * self.dim
            value = self.called("value_grad", loss.value_grad, list(x), g)
            return number(value), [number(c) for c in g]
        assert loss.value is not None
        assert loss.grad is not None
        slope = self.called("grad", loss.grad, x[0])
        return number(self.called("value", loss.value, x[0])), [number(slope)]

    def value(self, x: Point) -> float:
        if self.loss.value_grad is None:
            return number(self.called("value", self.loss.value, x[0]))
        return self.at(x)[0]

    def called(self, name: str, function: Any, x: Any, *more: Any) -> Any:
        try:
            return function(x, *more, *self.parameters)
        except (ArithmeticError, ValueError):
            return nan
        except Exception as error:
            if "complex" in str(error):  # a broken power of a negative number
                return nan
            told = " ".join(f"{type(error).__name__}: {error}".split())
            where = "x = " + (numerals(x) if isinstance(x, list) else f"{x!r}")
            files = [f for f in extract_tb(error.__traceback__) if f.filename == function.__code__.co_filename]
            line = f", line {files[-1].lineno} of {Path(files[-1].filename).name}" if files else ""
            raise ValueError(f"{self.owner}: `{name}` stops at {where}{line}: {told}") from error

    def points(self, count: int) -> list[Point]:
        """Points that fill the domain evenly."""
        return list(evenly(self.box, count))


def number(value: Any) -> float:
    """A float; nan for what is none, as kernels have it."""
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return nan


def numerals(x: Sequence[float]) -> str:
    """`0.5` or `(0.5, 1)`, shortened beyond four coordinates."""
    inside = ", ".join(f"{c:.9g}" for c in x[:4]) + (", ..." if len(x) > 4 else "")
    return inside if len(x) == 1 else f"({inside})"


def median(numbers: Sequence[float]) -> float:
    ordered = sorted(numbers)
    return ordered[len(ordered) // 2] if ordered else 0.0


def whole(loss: Loss, minimum: Minimum) -> Point:
    """The minimum's place, (dim,): every coordinate of a separable loss at its one."""
    x = [float(c) for c in minimum.x]
    return x * (loss.dim or 1) if loss.separable else x


def sizes(surface: Surface, label: int) -> list[float]:
    """The width of a minimum's well along each coordinate, about."""
    loss, own = surface.loss, whole(surface.loss, surface.loss.minima[label])
    if loss.tensor:
        walls = walls_of(loss, label)
        near = min((2.0 * abs(wall - own[0]) for wall in walls), default=inf)
        return [min(near, width) for width in surface.widths]
    others = [whole(loss, m) for k, m in enumerate(loss.minima) if k != label]
    gaps = [max(abs(a - b) for a, b in zip(own, other, strict=True)) for other in others]
    near = min((gap for gap in gaps if gap > 0.0), default=inf)
    return [min(near, width) for width in surface.widths]


def moved(x: Point, d: int, by: float) -> Point:
    return [c + by if k == d else c for k, c in enumerate(x)]


def walls_of(loss: Loss, label: int) -> list[float]:
    """The separators beside a minimum of one coordinate: two, one or none."""
    place = loss.wells.index(label)
    return [float(wall) for wall in loss.separators[max(place - 1, 0) : place + 1]]


def hessian_at(surface: Surface, x: Point, wide: Sequence[float], step: float) -> list[list[float]]:
    """Second derivatives by central differences of the gradient, made symmetric."""
    rows = []
    for d in range(surface.dim):
        up, down = moved(x, d, step * wide[d]), moved(x, d, -step * wide[d])
        above, below = surface.at(up)[1], surface.at(down)[1]
        rows.append([(a - b) / (up[d] - down[d]) for a, b in zip(above, below, strict=True)])
    size = range(surface.dim)
    return [[0.5 * (rows[a][b] + rows[b][a]) for b in size] for a in size]


def eigenvalues(matrix: Sequence[Sequence[float]]) -> list[float]:
    """Of a symmetric matrix, by Jacobi's rotations; [] where it holds what is no number."""
    rows, size = [list(row) for row in matrix], len(matrix)
    if not all(isfinite(c) for row in rows for c in row):
        return [nan] * size
    for _ in range(60):
        off = max((abs(rows[a][b]) for a in range(size) for b in range(a)), default=0.0)
        if off <= 1e-14 * max(abs(rows[d][d]) for d in range(size)):
            break
        for p in range(size):
            for q in range(p + 1, size):
                if rows[p][q] == 0.0:
                    continue
                ratio = (rows[q][q] - rows[p][p]) / (2.0 * rows[p][q])
                t = (1.0 if ratio >= 0.0 else -1.0) / (abs(ratio) + sqrt(ratio * ratio + 1.0))
                c = 1.0 / sqrt(t * t + 1.0)
                s = t * c
                for k in range(size):
                    rows[k][p], rows[k][q] = (
                        c * rows[k][p] - s * rows[k][q],
                        s * rows[k][p] + c * rows[k][q],
                    )
                for k in range(size):
                    rows[p][k], rows[q][k] = (
                        c * rows[p][k] - s * rows[q][k],
                        s * rows[p][k] + c * rows[q][k],
                    )
    return [rows[d][d] for d in range(size)]


def solved(matrix: Sequence[Sequence[float]], right: Sequence[float]) -> list[float] | None:
    """x of matrix x = right, by elimination with pivots; None where there is none."""
    size = len(right)
    rows = [[*map(float, row), float(r)] for row, r in zip(matrix, right, strict=True)]
    for k in range(size):
        pivot = max(range(k, size), key=lambda r: abs(rows[r][k]))
        if not abs(rows[pivot][k]) > 0.0:
            return None
        rows[k], rows[pivot] = rows[pivot], rows[k]
        for row in rows[k + 1 :]:
            share = row[k] / rows[k][k]
            row[k:] = [c - share * p for c, p in zip(row[k:], rows[k][k:], strict=True)]
    x = [0.0] * size
    for k in reversed(range(size)):
        x[k] = (rows[k][size] - fsum(rows[k][j] * x[j] for j in range(k + 1, size))) / rows[k][k]
    return x
