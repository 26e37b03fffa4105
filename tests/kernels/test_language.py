"""The language and the kernel agree: random programs, through the lifted text and as plain Python, to the last bit."""

import linecache
import math
import random
import types
from itertools import count

import lifted
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from programs import Made, made

from dynbench.backends.reference import ERRORS, Gradient, Ieee, norm_of
from dynbench.dynamics.base import Dynamics
from dynbench.kernels import elementary, shape
from dynbench.kernels.rewrite import CannotLift
from dynbench.kernels.step import Variant
from dynbench.kernels.texts import pair_source
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
    """The functions themselves in plain loops: L, x and memory of every step."""
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
        seen.append([value, *x, *(states[d][j] for j in range(program.state) for d in range(dim))])
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


@settings(max_examples=150)
@given(st.binary(min_size=60, max_size=400))
def test_lifted_texts_equal_plain_python(data):
    check(made(data))


@pytest.mark.slow
@settings(max_examples=2000)
@given(st.binary(min_size=60, max_size=600))
def test_many_lifted_texts_equal_plain_python(data):
    check(made(data))


def test_few_are_refused():
    """What is compared is the language, not its borders."""
    TALLY.update(dict.fromkeys(TALLY, 0))
    for number in range(60):
        check(drawn(number, 3))
    assert TALLY["equal"] >= 48, TALLY


def drawn(number: int, depth: int) -> Made:
    chance = random.Random(number)
    return made(bytes(chance.randrange(256) for _ in range(chance.randrange(60, 300))), depth)


WHOLE_BLOCK = 64  # lanes of a kernel
GO = """
@njit(error_model='numpy')
def go(w, t, beginning):
    if beginning:
        begin(w, t, 0, 0, 0, 0)
    else:
        advance(w, t, 0, 1, 0, 0)
"""


def compiled(text: str):
    """begin and advance of a kernel's text, as one compiled function: a third of what its whole module takes."""
    head, _, rest = text.partition("\n@njit(error_model='numpy', nogil=True")
    parts = [f"@njit(error_model='numpy', forceinline=True)\ndef {part}" for part in rest.split("\ndef ")[1:4]]
    begin, _, advance = (part.partition("\n@")[0] for part in parts)
    known: dict = {}
    exec("\n\n".join([head, begin, advance, GO]), known)
    return known["go"]


def check_compiled(first: int, many: int) -> None:
    """Compiled programs, numbers `first` and on, equal plain Python in L, x and memory."""
    done, number = 0, first
    while done < many:
        program, number = drawn(number, 2), number + 1
        loss, rule = pair(program)
        try:
            text, places = pair_source(loss, rule, Variant())
        except CannotLift:
            continue
        finally:
            forget(loss)
        true = [true_steps(program, lane) for lane in range(LANES)]
        if any(t is None for t in true):
            continue
        go = compiled(text)
        lanes = np.arange(WHOLE_BLOCK) % LANES
        w = lifted.block(places, WHOLE_BLOCK, STARTS[: program.dim, lanes], parameters(), LR)
        t = np.zeros(64 * WHOLE_BLOCK, np.int64)
        rows = [*range(places.x, places.x + places.dim), *range(places.s, places.s + places.state * places.dim)]
        go(w.reshape(-1), t, True)
        for k in range(STEPS + 1):
            before = w[rows]
            go(w.reshape(-1), t, False)
            for lane in range(WHOLE_BLOCK):
                expected = true[lane % LANES][k]
                seen = np.array([w[shape.VAL, lane], *before[:, lane]])
                assert same(seen, expected), (program.for_kernel, k, lane, seen, expected)
        done += 1


def test_compiled_texts_equal_plain_python():
    check_compiled(10_000, 8)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(20_000, 24_000, 1000))
def test_many_compiled_texts_equal_plain_python(first):
    check_compiled(first, 25)
