"""The language and the kernel agree: random programs, through the lifted text and as plain Python, to the last bit."""

import linecache
import math
import types
from itertools import count

import lifted
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from programs import Made, made

from dynbench.backends.reference import ERRORS, Gradient, Ieee, norm_of
from dynbench.dynamics.base import Dynamics
from dynbench.kernels import elementary
from dynbench.kernels.rewrite import CannotLift
from dynbench.losses.base import Loss

LR, STEPS, LANES = 0.125, 2, 3
PARAMETERS = {"lp": 0.7, "cap": 1.3, "a": 0.9, "b": 1.1}
STARTS = np.array(
    [[0.3, -1.7, 0.0], [2.5, 0.8, -0.0], [-0.4, 1.0, 3.3], [1.1, -2.2, 0.6], [0.9, 0.1, -3.0], [-1.3, 4.0, 2.0]]
)
ALLOWED = (  # what a random program may be refused for
    "an index is a whole number made of", "may pass 2^53", "sign of a zero", "may divide a whole number by 0",
    "not a float", "too large", "is not of one kind", "division by zero", "modulo by zero",
    "is read before it is given",
)  # fmt: skip
NUMBERS = count()
TALLY = {"equal": 0, "refused": 0, "no float": 0}


def loaded(text: str) -> types.ModuleType:
    """The text as a module whose source `inspect` finds."""
    name = f"program_{next(NUMBERS)}"
    module = types.ModuleType(name)
    file = f"/{name}.py"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    exec(compile(text, file, "exec"), module.__dict__)
    return module


def pair(program: Made) -> tuple[Loss, Dynamics]:
    module = loaded(program.for_kernel)
    loss = Loss("random", "test", ((-5.0, 5.0),), program.dim, value_grad=module.value_grad, name="random")
    return loss, Dynamics(module.step, "test", start=module.start, name="random")


def forget(loss: Loss) -> None:
    linecache.cache.pop(loss.value_grad.__code__.co_filename, None)


def products(base, exponent):
    total = base
    for _ in range(abs(exponent) - 1):
        total = total * base
    return total if exponent > 0 else 1.0 / total


def own(function):
    """From float to float, and from Ieee to Ieee."""
    return lambda x: (Ieee if isinstance(x, Ieee) else float)(function(float(x)))


class Math:
    exp, log, sin, cos, tanh = (staticmethod(own(getattr(elementary, n))) for n in ("exp", "log", "sin", "cos", "tanh"))
    sqrt = staticmethod(own(lambda x: math.nan if x < 0 else math.sqrt(x)))


def truth(program: Made, lane: int, number: type = float) -> list[list[float]]:
    """The functions themselves in plain loops: L, |g|, x and memory of every step."""
    known: dict = {"power": products}
    exec(program.text, known)
    known |= {"math": Math, "P": float(known["P"]), "Q": int(known["Q"])}
    loss, rule = [number(PARAMETERS[n]) for n in ("lp", "cap")], [number(PARAMETERS[n]) for n in ("a", "b")]
    lr, dim = number(LR), program.dim
    x = [number(c) for c in STARTS[:dim, lane]]
    states = [[number(m) for m in known["start"](lr, *rule)] for _ in range(dim)]
    seen = []
    for _ in range(STEPS + 1):
        g = Gradient([number(math.nan)] * dim)
        value = number(known["value_grad"](x, g, *loss))
        g = [number(c) for c in g]
        norm = number(norm_of(g))
        seen.append([value, norm, *x, *(states[d][j] for j in range(program.state) for d in range(dim))])
        moved = []
        for d in range(dim):
            dx, state = known["step"](x[d], g[d], value, norm, lr, tuple(states[d]), *rule)
            states[d] = [number(m) for m in state]
            moved.append(x[d] + number(dx))
            x[d] = moved[d]
    return seen


def true_steps(program: Made, lane: int) -> np.ndarray | None:
    """None where Python stops for a number that is no float's, such as 1 // 0 of whole numbers."""
    with np.errstate(all="ignore"):
        try:
            return np.array(truth(program, lane), float)
        except ERRORS:
            pass
        try:
            return np.array(truth(program, lane, Ieee), float)
        except ERRORS:
            return None


def same(one: np.ndarray, other: np.ndarray) -> bool:
    """Equal bits; all nans are one."""
    nan = np.isnan(one) & np.isnan(other)
    return bool((nan | (one.view(np.int64) == other.view(np.int64))).all())


def parameters() -> list[float]:
    return [PARAMETERS[n] for n in ("lp", "cap", "a", "b")]


def check(program: Made) -> None:
    loss, rule = pair(program)
    try:
        seen = np.array(lifted.run(loss, rule, STARTS[: program.dim], parameters(), LR, STEPS))
    except CannotLift as refusal:
        if not any(words in str(refusal) for words in ALLOWED):
            raise
        TALLY["refused"] += 1
        return
    finally:
        forget(loss)
    for lane in range(LANES):
        true = true_steps(program, lane)
        if true is None:
            TALLY["no float"] += 1
            return
        assert same(seen[:, :, lane], true), (program.for_kernel, lane, seen[:, :, lane], true)
    TALLY["equal"] += 1


@settings(max_examples=2000, deadline=None, derandomize=True, database=None)
@given(st.binary(min_size=60, max_size=400))
def test_lifted_texts_equal_plain_python(data):
    check(made(data))
