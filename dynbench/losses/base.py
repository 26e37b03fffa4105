"""What a loss is: L(x), its gradient, and what is known exactly about its minima and their basins.

One file beside this one is one loss; its name is the file's name.  It ends in `loss = Loss(...)`.
The functions are plain Python on floats, in a form that can be lifted to SIMD lanes: assignments,
`for ... in range(...)`, conditional expressions, one return; module constants and `math.*` may be used.

Where a parameter moves the minima, `minima` and `separators` are functions of the parameters, with
the same names and defaults as those of `value_grad` (or `value`), and return the tuples.  In a loss
of free dimension that is not separable, `dim` is their first argument:

    def minima(tilt=0.1): ...                          # dim=1, or any separable loss
    def minima(dim, steepness=100.0): ...              # dim=None, not separable

`at(dim, parameters)` puts the tuples in their place; no other code meets a function there.
"""

import inspect
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from typing import Any

LISTS = ("minima", "separators", "saddles", "maxima")  # fields that may be functions of the parameters


@dataclass(frozen=True)
class Minimum:
    """A local minimum.  A separable loss lists the minima of one coordinate."""

    x: tuple[float, ...]  # (dim,), or (1,) for a separable loss
    value: float
    # eigenvalues of the Hessian at x, ascending; (): `find` works them out; nan: there are none
    curvatures: tuple[float, ...] = ()
    barrier: float = inf  # lowest pass out of the basin, minus value; inf: there is no way out
    distance: float = inf  # from x to the nearest point of the basin's boundary; inf: none; nan: not known
    hessian: tuple[tuple[float, ...], ...] = ()  # (dim, dim); non-separable losses only, for the core's ellipsoid


@dataclass(frozen=True)
class Loss:
    """A loss L: R^dim -> R.  Give `value` and `grad` (1-D only), or `value_grad`, which serves any dimension."""

    formula: str
    source: str
    domain: tuple[tuple[float, float], ...]  # (lo, hi) of each coordinate; a single pair serves them all
    dim: int | None  # None: any dimension within `dims`; `at` fixes it
    # a basin's label is its minimum's place here; 0 is a global minimum; or a function, see above
    minima: tuple[Minimum, ...] = ()
    value: Callable[..., float] | None = None  # value(x, *parameters)
    grad: Callable[..., float] | None = None  # grad(x, *parameters)
    value_grad: Callable[..., float] | None = None  # value_grad(x, g, *parameters) -> value, and writes g[d]
    # ascending maxima of one coordinate: the walls between its wells; or a function, see above
    separators: tuple[float, ...] = ()
    # 2-D losses: all saddles and maxima, so that the basins' boundaries, the saddles' stable manifolds, are known
    saddles: tuple[tuple[float, float], ...] = ()
    maxima: tuple[tuple[float, float], ...] = ()
    separable: bool = False  # L(x) = sum over d of one function of x[d]
    dims: tuple[int, int] = (1, 1)  # smallest and largest dimension, where dim is None
    # score(x, *parameters), for rare escapes: grows on the way out of a false minimum's basin, from about 0 at the
    # minimum; above 1 it is left.  Tensor losses need none: without it, the distance to the walls serves them
    score: Callable[..., float] | None = None
    quench_lr: float = 0.0  # a step of gradient descent that is surely stable: below 1/(largest curvature)
    bounds: dict[str, tuple[float, float]] = field(default_factory=dict, compare=False)  # where a parameter is defined
    name: str = ""  # the file's name; `find` fills it in
    # both filled in by `at`: all parameters' values, where not their defaults; functions it has called
    values: tuple[float, ...] = ()
    functions_of_parameters: tuple[tuple[str, Callable[..., Any]], ...] = ()
    # a user's file and what it read beside it, path -> content (None: not kept); `find` fills it in
    files: Mapping[str, bytes | None] = field(default_factory=dict, compare=False, repr=False)
    digest: str = field(default="", compare=False, repr=False)  # of what the file declares; `find` fills it in

    @property
    def parameters(self) -> dict[str, float]:
        """Names and values of the parameters: the defaults of the signature, or those given to `at`."""
        if self.value_grad is not None:
            known = defaults(self.value_grad, after=2)
        else:
            known = {} if self.value is None else defaults(self.value, after=1)
        return dict(zip(known, self.values, strict=True)) if self.values else known

    @property
    def computable(self) -> bool:
        """Whether its functions are there; a page knows a user's loss by its facts alone, and runs no file."""
        return self.value_grad is not None or self.value is not None

    @property
    def default_dim(self) -> int:
        """The dimension where none is asked for: its own, else 2, or the nearest that it has."""
        lo, hi = self.dims
        return self.dim or min(max(2, lo), hi)

    @property
    def tensor(self) -> bool:
        """Whether basins are products of intervals, so that `basin` is exact."""
        return bool(self.minima) and (self.separable or self.dim == 1)

    @property
    def minimum_value(self) -> float:
        """Lmin: the value at the global minimum (nan where it is not known)."""
        if not self.minima:
            return float("nan")
        return self.minima[0].value * (self.dim or 1 if self.separable else 1)

    @property
    def wells(self) -> tuple[int, ...]:
        """Labels of one coordinate's minima, from left to right (tensor losses)."""
        return tuple(sorted(range(len(self.minima)), key=lambda label: self.minima[label].x[0]))

    def basin(self, x: Sequence[float]) -> int:
        """Label of the basin of gradient flow that holds x (dim,): exact, or -1 where it is not known from here.

        Tensor losses: sum over d of label(x[d]) K^d, modulo 2**63, with K minima a coordinate; -1 where a coordinate
        lies exactly on a wall, which is in no basin.
        """
        if not self.tensor:
            return -1
        wells, label, radix = self.wells, 0, 1
        for coordinate in x:
            place = bisect_right(self.separators, coordinate)
            if place > 0 and self.separators[place - 1] == coordinate:
                return -1
            label += wells[place] * radix
            radix = radix * len(wells) % 2**63
        return label % 2**63

    def box(self, dim: int) -> tuple[tuple[float, float], ...]:
        """The domain, one (lo, hi) for each of `dim` coordinates."""
        return self.domain * dim if len(self.domain) == 1 else self.domain

    def at(self, dim: int | None, parameters: Mapping[str, float] | None = None) -> "Loss":
        """This loss in `dim` dimensions, its minima and walls those at these parameter values.

        None leaves the dimension as it is.  Parameters that are not named keep their values.  What
        functions of the parameters leave out is worked out (`_facts.completed`).  Raises
        ValueError where there is no such member of the family.
        """
        found = self.bare(dim, parameters)
        if found is self or not found.functions or (found.dim is None and not found.separable):
            return found
        from dynbench.losses._facts import completed  # it needs this file

        return completed(found)

    def bare(self, dim: int | None, parameters: Mapping[str, float] | None = None) -> "Loss":
        """The same, its minima as the functions give them."""
        lo, hi = self.dims
        dim = self.dim if dim is None else dim
        if self.dim is not None and dim != self.dim:
            raise ValueError(f"loss {self.name!r} has dimension {self.dim}, not {dim}")
        if self.dim is None and dim is not None and not lo <= dim <= hi:
            raise ValueError(f"loss {self.name!r} is defined for dimensions {lo} to {hi}, not {dim}")
        known = self.parameters
        values = {**known, **(parameters or {})}
        if len(values) > len(known):
            raise ValueError(f"loss {self.name!r} has no parameter {list(values)[-1]!r}")
        functions = self.functions
        if dim == self.dim and values == known and not any(callable(getattr(self, n, None)) for n in functions):
            return self
        facts: dict[str, Any] = {}
        for name, function in functions.items():
            takes_dim = len(inspect.signature(function).parameters) > len(known)
            try:
                facts[name] = function(*((dim,) if takes_dim else ()), *values.values())
            except (ValueError, TypeError, ArithmeticError, LookupError) as error:
                told = " ".join(f"{type(error).__name__}: {error}".split())
                where = ", ".join(f"{n} = {v:g}" for n, v in values.items()) or f"dim = {dim}"
                raise ValueError(f"loss {self.name!r}: `{name}` stops at {where}: {told}") from error
            if not hasattr(facts[name], "__iter__"):
                raise ValueError(
                    f"loss {self.name!r}: `{name}` must return a tuple, such as (..., ) with its comma,"
                    f" not {facts[name]!r}"
                )
            facts[name] = tuple(facts[name])
        return replace(
            self,
            dim=dim,
            values=self.values if values == known else tuple(values.values()),
            functions_of_parameters=tuple(functions.items()),
            **facts,
        )

    @property
    def takes_dim(self) -> bool:
        """Whether `minima`, where it is a function, is told the dimension."""
        return self.dim is None and not self.separable

    @property
    def functions(self) -> dict[str, Callable[..., Any]]:
        """The functions that give minima, separators, ... from the parameters, by field."""
        given = {name: getattr(self, name, None) for name in LISTS}
        open_ones = {name: field for name, field in given.items() if callable(field)}
        return dict(self.functions_of_parameters) | open_ones


def defaults(function: Callable[..., Any], after: int) -> dict[str, float]:
    """Parameter names and defaults of a plain function, past its first `after` arguments."""
    rest = list(inspect.signature(function).parameters.values())[after:]
    missing = [p.name for p in rest if p.default is inspect.Parameter.empty]
    if missing:
        raise ValueError(f"parameter {missing[0]!r} of {function.__name__} needs a default value")
    return {p.name: float(p.default) for p in rest}
