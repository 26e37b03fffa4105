"""A trajectory in plain Python, step by step: what a kernel is held against while a user's text runs (`self_check`).

Where Python raises an error a kernel goes on with what IEEE arithmetic gives, inf or nan; so does this.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from dynbench.batch import Batch
from dynbench.dynamics.base import Dynamics
from dynbench.kernels import noise
from dynbench.kernels.rewrite import plain
from dynbench.losses.base import Loss

ERRORS = (ArithmeticError, ValueError)  # of numbers: division by zero, a value out of a function's domain


class Ieee(float):
    """A float whose division by zero is inf or nan; all else is Python's."""

    __slots__ = ()

    def __truediv__(self, other: float) -> "Ieee":
        return quotient(self, other)

    def __rtruediv__(self, other: float) -> "Ieee":
        return quotient(other, self)

    def __floordiv__(self, other: float) -> "Ieee":
        return Ieee(float(self) // other) if other != 0.0 else quotient(self, other)

    def __rfloordiv__(self, other: float) -> "Ieee":
        return Ieee(other // float(self)) if self != 0.0 else quotient(other, self)

    def __mod__(self, other: float) -> "Ieee":
        return Ieee(float(self) % other if other != 0.0 else math.nan)

    def __rmod__(self, other: float) -> "Ieee":
        return Ieee(other % float(self) if self != 0.0 else math.nan)


def quotient(a: float, b: float) -> Ieee:
    """a / b in IEEE arithmetic."""
    if b != 0.0:
        return Ieee(float(a) / float(b))
    if a == 0.0 or a != a:
        return Ieee(math.nan)
    return Ieee(math.copysign(math.inf, a) * math.copysign(1.0, b))


def passed_on(name: str) -> Callable[..., Ieee]:
    """An operation of float whose result is an Ieee as well."""
    operation = getattr(float, name)

    def method(self: Ieee, *others: float) -> Any:
        result = operation(self, *(float(o) if isinstance(o, int) else o for o in others))
        return result if result is NotImplemented else Ieee(result)

    return method


for operator in ("add", "sub", "mul", "radd", "rsub", "rmul", "neg", "pos", "abs"):
    setattr(Ieee, f"__{operator}__", passed_on(f"__{operator}__"))


class Gradient(list[float]):
    """Floats, whatever is written."""

    def __setitem__(self, place: Any, value: Any) -> None:
        super().__setitem__(place, type(self[place])(value))


def called(function: Callable[..., Any], *arguments: Any) -> Any:
    """What a function gives; where Python stops for a number's sake, what IEEE arithmetic gives."""
    try:
        return function(*arguments)
    except ERRORS:
        return function(*(ieee(a) for a in arguments))


def ieee(value: Any) -> Any:
    if isinstance(value, float):
        return Ieee(value)
    return type(value)(ieee(v) for v in value) if isinstance(value, tuple) else value


def evaluated(loss: Loss, x: list[float], parameters: Sequence[float]) -> tuple[float, list[float]]:
    """L(x) and its gradient."""
    if loss.value_grad is None:
        assert loss.value is not None
        assert loss.grad is not None
        value, slope = (called(plain(f), x[0], *parameters) for f in (loss.value, loss.grad))
        return float(value), [float(slope)]
    function, g = plain(loss.value_grad), Gradient([math.nan] * len(x))
    try:
        value = function(x, g, *parameters)
    except ERRORS:
        g = Gradient([Ieee(math.nan)] * len(x))
        value = function([Ieee(c) for c in x], g, *(Ieee(p) for p in parameters))
    return float(value), [float(c) for c in g]


def norm_of(g: Sequence[float]) -> float:
    """|g|, added up as a kernel does."""
    if len(g) == 1:
        return abs(g[0])
    total = 0.0
    for component in g:
        total = total + component * component
    return math.sqrt(total)


def steps_of(loss: Loss, dynamics: Dynamics, batch: Batch, row: int) -> Iterator[tuple[list[float], float]]:
    """x_k and L(x_k) for k = 0, 1, 2, ... of one trajectory of a batch."""
    x = [float(c) for c in batch.x0[:, row]]
    every = [float(p) for p in batch.parameters[:, row]]
    of_loss, of_rule = every[: len(loss.parameters)], every[len(loss.parameters) :]
    lr, spread = float(batch.lr[row]), float(batch.gradient_noise[row])
    amplitude = math.sqrt(2.0 * float(batch.temperature[row]) * lr)
    stream, seed = int(batch.stream.view(np.int64)[row]), int(np.uint64(batch.seed).view(np.int64))
    memory = called(plain(dynamics.start), lr, *of_rule) if dynamics.start is not None else ()
    states = [tuple(float(m) for m in memory)] * len(x)
    step, k = plain(dynamics.step), 0
    while True:
        value, g = evaluated(loss, x, of_loss)
        yield list(x), value
        if spread != 0.0:
            g = [c + spread * normal(k, d | noise.GRADIENT, stream, seed) for d, c in enumerate(g)]
        norm = norm_of(g)
        for d in range(len(x)):
            dx, state = called(step, x[d], g[d], value, norm, lr, states[d], *of_rule)
            states[d] = tuple(float(m) for m in state)
            y = x[d] + float(dx)
            x[d] = y + amplitude * normal(k, d, stream, seed) if amplitude != 0.0 else y
        k += 1


def normal(k: int, coordinate: int, stream: int, seed: int) -> float:
    """The standard normal of step k."""
    return float(noise.normals(k // 2, coordinate, stream, seed)[k % 2])
