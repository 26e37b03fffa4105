"""What a user's text may say: done as Python does it, or refused in one sentence with file and line."""

import math
import textwrap
from pathlib import Path

import lifted
import numpy as np
import pytest

from dynbench import find
from dynbench.backends.reference import steps_of
from dynbench.batch import Batch
from dynbench.dynamics.base import Dynamics
from dynbench.kernels.rewrite import CannotLift, plain
from dynbench.kernels.step import Variant
from dynbench.kernels.texts import pair_source
from dynbench.losses.base import Loss

HEAVY_BALL = """
def start(lr, momentum=0.9):
    return (0.0,)


def step(x, g, value, norm, lr, state, momentum=0.9):
    (v,) = state
    v_next = momentum * v - lr * g / (1.0 + value) ** 2
    return v_next, (v_next,)
"""
STEP = "def step(x, g, value, norm, lr, state, c=0.5, m=3.0):\n"


def rule_of(folder: Path, text: str) -> Dynamics:
    (folder / "mine.py").write_text(text, encoding="utf-8")
    return find.dynamics(str(folder / "mine.py"))


def rule(folder: Path, body: str, head: str = "") -> Dynamics:
    return rule_of(folder, head + STEP + textwrap.indent(body, "    ") + "\n")


def loss_of(folder: Path, body: str, dim: int, head: str = "") -> Loss:
    """A loss in many coordinates, not checked as `find.loss` does."""
    text = f"{head}def value_grad(x, g):\n{textwrap.indent(textwrap.dedent(body), '    ')}\n"
    text += "def step(x, g, value, norm, lr, state):\n    return 0.0, ()\n"
    (folder / "bowl.py").write_text(text, encoding="utf-8")
    module, _ = find.load(str(folder / "bowl.py"), "losses", "loss")
    return Loss("mine", "test", ((-2.0, 2.0),), dim, value_grad=module.value_grad, name="bowl")


def one(loss: Loss, dynamics: Dynamics, x0, lr: float) -> Batch:
    parameters = np.array([*loss.parameters.values(), *dynamics.parameters.values()], float).reshape(-1, 1)
    zeros = np.zeros(1)
    stream, basin = np.zeros(1, np.uint64), np.full(1, -1)
    return Batch(np.array(x0, float).reshape(-1, 1), parameters, np.full(1, lr), zeros, zeros, stream, basin)


def both(loss: Loss, dynamics: Dynamics, x0, lr: float = 0.01, steps: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """x and L of every step: by the lifted text, and by plain Python."""
    batch = one(loss, dynamics, x0, lr)
    parameters = batch.parameters[:, 0]
    seen = np.array(lifted.run(loss, dynamics, batch.x0, list(parameters), lr, steps))[:, :, 0]
    true = [[*x, value] for (x, value), _ in zip(steps_of(loss, dynamics, batch, 0), range(steps + 1), strict=False)]
    dim = len(batch.x0)
    return np.column_stack([seen[:, 1 : 1 + dim], seen[:, 0]]), np.array(true)


def agree(loss: Loss, dynamics: Dynamics, x0, lr: float = 0.01) -> np.ndarray:
    seen, true = both(loss, dynamics, x0, lr)
    np.testing.assert_array_equal(seen, true)
    np.testing.assert_array_equal(np.signbit(seen), np.signbit(true))
    return seen


def test_a_local_may_be_called_as_the_lifter_calls_its_own(tmp_path):
    """The issue's heavy ball, 5 steps from x0 = 4: it ended at 1.768."""
    seen = agree(find.loss("quartic"), rule_of(tmp_path, HEAVY_BALL), [4.0])
    assert seen[-1, 0] == pytest.approx(3.98078, abs=5e-6)


COMPUTED = {
    "max with a compound operand": "return -lr * g / max(abs(g), 1.0), state",
    "a clipped gradient": "return -lr * max(-c, min(c, g)), state",
    "a power of a product": "return -lr * (2.0 * g) ** 2, state",
    "a power of a power": "return -lr * (x ** 2 - 1.0) ** 2, state",
    "a chain": "return (lr if -1 < 2 * g < 1 else -lr * g), state",
    "a chain of sums": "return (lr if -m < x + g < m + 1 <= 5 else -lr * g), state",
    "max of three": "return -lr * max(g, 1, x * g), state",
    "nested": "return -lr * max(min(max(g * x, -1), norm + 1.0), abs(x - 1)) ** 3 / (1 + x ** 2) ** 2, state",
    "norm beside n": "n = (1.0 + norm) ** 2\nreturn -lr * g / n, state",
    "every name": "v, n, y = value + x, norm * 2, g - x\nw = t = v * n\ni = k = y ** 2\nreturn lr * (w - i), state",
    "an argument assigned to": "g = 2.0 * g\nlr *= 0.5\nreturn -lr * g, state",
    "large whole numbers": "n = 4000000000\nreturn -lr * g * (n * n) / 1e19, state",
    "a large constant": "return -lr * g / (C**2 * C**2), state",
    "signs by truths": "return lr * ((g < 0) - (g > 0)), state",
    "and, or as values": "return -lr * (g and x) + lr * (0.0 or g), state",
    "not": "return (-lr if not (g > 0 or x > 3.5) else lr), state",
    "a sum that begins as 0": "total = 0\nfor k in range(3):\n    total += g * k\nreturn -lr * total, state",
    "a row of 0 and 1": "return -lr * (0 if g == 0 else g), state",
    "a helper's default": "return -lr * damped(g), state",
    "a helper's keyword": "return -lr * damped(g, by=2), state",
    "a helper that knows it all": "return -lr * g * square(3), state",
    "NumPy's numbers": "return -lr * g * P / Q, state",
    "attributes": "return -lr * g * Box.scale * box.half, state",
    "a tuple": "return -lr * g * PAIR[1] * len(PAIR), state",
    "infinity": "return -lr * min(float('inf'), g, math.inf), state",
    "a long sum": "return -lr * (" + " + ".join(["g / 7"] * 2000) + ") / 2e3, state",
    "a loop with a step": "s = 0.0\nfor k in range(7, 0, -2):\n    s = s + g / k\nreturn -lr * s, state",
    "a loop that never runs": "s = g\nfor s in range(0):\n    s = 5.0\nreturn -lr * s, state",
    "a name of a builtin": "max = g * 2.0\nrange = max + 1.0\nreturn -lr * range, state",
    "starred from math": "return -lr * sqrt(abs(g)) * pi, state",
    "a carried tuple": "p = (g, 0)\nfor i in range(3):\n    p = (p[0] / 2, i)\nreturn -lr * p[0] * p[1], state",
    "minus zero": "return -0.0 * g, state",
    "whole numbers divided": "return -lr * g * (7 // 2 + 7 % 4) * (1 / 3) * -7 // 2, state",
}  # fmt: skip
WORDS = """
import math
from math import *

import numpy as np

C = 70000
P, Q = np.float64(0.3), np.int64(-2)
PAIR = (0.25, 2)


class Box:
    scale = 2

    def __init__(self):
        self.half = 0.5


box = Box()


def damped(slope, by=3, times=0.5):
    n = (slope * times) ** 2
    return slope / (by + n)


def square(a):
    return a * a


"""


@pytest.mark.parametrize("what", COMPUTED)
def test_computed_as_python_does(what, tmp_path):
    dynamics = rule(tmp_path, COMPUTED[what], WORDS)
    for x0 in ([4.0], [0.3], [2.9]):
        agree(find.loss("quartic"), dynamics, x0)


def test_whole_numbers_do_not_wrap(tmp_path):
    """In 64 bits 70000**4 and 4e9 * 4e9 are other numbers: the rule walked uphill."""
    seen = agree(find.loss("quartic"), rule(tmp_path, "n = 4000000000\nreturn -lr * g * (n * n) / 16e18, state"), [4.0])
    plainly = agree(find.loss("quartic"), rule(tmp_path, "return -lr * g, state"), [4.0])
    np.testing.assert_allclose(seen, plainly, rtol=1e-12)


REFUSED = {
    "a decorator": ("", "@same\n", 6, "decorator `@same`"),
    "a helper's decorator": ("return -lr * thrice(g), state", "", 8, "decorator `@same`"),
    "a vector for a number": ("return -lr * max(state), state", "", 7, "max takes two or more numbers"),
    "no argument": ("return -lr * min(), state", "", 7, "min takes two or more numbers"),
    "a length of a number": ("return -lr * len(g), state", "", 7, "asks for the length of a number"),
    "an attribute that is no number": ("return -lr * g * Box.text, state", "", 7, "is no number but a str"),
    "single precision": ("return -lr * g * SINGLE, state", "", 7, "is no number but a float32 (make it a float)"),
    "a list of constants": ("return -lr * g * LIST[0], state", "", 7, "is no number but a list"),
    "an attribute that is not there": ("return -lr * g * Box.thing, state", "", 7, "'Box.thing' is not defined"),
    "a float too large": ("return -lr * g * 10**400, state", "", 7, "too large for a float"),
    "a sign of a zero": ("return -lr * -(0 if g > 0 else g), state", "", 7, "write 0.0 for 0"),
    "whole numbers that are no floats": ("return (lr if g < 2**53 + 1 else x), state", "", 7, "is not a float"),
    "numpy": ("return -lr * np.sin(g), state", "", 7, "`np.sin` cannot be compiled"),
    "a text": ("return -lr * g * 'a', state", "", 7, "computes with numbers only"),
    "an index of a number": ("return -lr * g[0], state", "", 7, "indexes what is a number"),
    "beyond the state": ("return -lr * state[0], state", "", 7, "there are 0 values"),
    "a root": ("return -lr * abs(g) ** 0.5, state", "", 7, "a square root is math.sqrt"),
    "a walrus": ("return -lr * (y := g), state", "", 7, "cannot be compiled"),
    "an f-string": ("return -lr * len(f'{g}'), state", "", 7, "computes with numbers only"),
    "a comprehension": ("return -lr * sum(g for _ in range(2)), state", "", 7, "cannot be compiled"),
    "is": ("return (lr if g is x else g), state", "", 7, "numbers are compared by"),
    "a star": ("a, *b = g, x, value\nreturn -lr * a, state", "", 7, "`*` in an assignment"),
    "global": ("global LIST\nreturn -lr * g, state", "", 7, "keeps nothing outside of its state"),
    "a function inside": ("def f(q):\n    return q\nreturn f(g), state", "", 7, "function inside a function"),
    "an import inside": ("import math\nreturn g, state", "", 7, "only assignments"),
    "del": ("y = g\ndel y\nreturn g, state", "", 8, "only assignments"),
    "a name before its value": ("y = y + g\nreturn y, state", "", 7, "'y' is read before it is given a value"),
    "a name of a loop that never runs": ("for k in range(0):\n    y = g\nreturn y, state", "", 9, "is read before"),
    "range of a float": ("for k in range(2.0):\n    y = g\nreturn y, state", "", 7, "range() takes whole numbers"),
    "whole of a float": ("return -lr * int(g), state", "", 7, "int() of a float"),
    "a value that is not used": ("abs(g)\nreturn g, state", "", 7, "is not used"),
    "shadowed max": ("max = g\nreturn max(g, x), state", "", 8, "`max` cannot be compiled"),
    "division by 0": ("return -lr * g * (1 // 0), state", "", 7, "by zero"),
}
LOOPS = {
    "for i in range(100000):\n    g = g * 0.5\nreturn g, state": "^the loops of a text come to more than 20000 ",
    "for i in range(10**9):\n    g = g * 0.5\nreturn g, state": r"^mine\.py, line 2, in step: the loops come to",
    "for i in range(5000):\n    for j in range(5000):\n        g = g * 0.5\nreturn g, state": r"^mine\.py, line 3, in ",
}


@pytest.mark.parametrize("body", LOOPS)
def test_loops_that_take_too_long_are_refused_at_once(body, tmp_path):
    with pytest.raises(CannotLift, match=LOOPS[body]):
        pair_source(find.loss("quartic"), rule(tmp_path, body), Variant())


SET = """same = lambda f: f
import numpy as np; SINGLE = np.float32(0.1); LIST = [1.0]; Box = type("Box", (), {"text": "a"})



"""


@pytest.mark.parametrize("what", REFUSED)
def test_refused_with_file_and_line(what, tmp_path):
    body, decorator, line, told = REFUSED[what]
    body = body or "return -lr * g, state"
    text = SET + decorator + STEP.replace(", c=0.5, m=3.0", "") + textwrap.indent(body, "    ") + "\n"
    if "thrice" in body:
        text += "\n@same\ndef thrice(g):\n    return 3.0 * g\n"
        text = text.replace("\n\n@same", "\n@same")
    with pytest.raises(ValueError, match=r"^mine\.py, line \d+, in \w+: [^\n]{1,250}$") as caught:
        pair_source(find.loss("quartic"), rule_of(tmp_path, text), Variant())
    assert told in str(caught.value)
    assert f"line {line}," in str(caught.value)


BESIDE = {
    "the next gradient": ("for d in range(len(x)):\n    g[d+1] = 2*x[d]\nreturn 0.0", 2, "`g[d + 1]` with"),
    "the next coordinate": ("for d in range(len(x)):\n    g[d] = x[d+1]\nreturn 0.0", 2, "`x[d + 1]` with"),
    "far before": ("for d in range(len(x)):\n    g[d] = x[d]\ng[-7] = 1.0\nreturn 0.0", 3, "has index -7"),
    "far behind": ("for d in range(len(x)):\n    g[d] = x[d]\ng[1000] = 1.0\nreturn 0.0", 3, "has index 1000"),
    "nothing": ("return x[0]", 0, "it never writes g[0]"),
    "all but the last": ("for d in range(len(x) - 1):\n    g[d] = x[d]\nreturn 0.0", 0, "it never writes g["),
    "a broken index": ("for d in range(len(x)):\n    g[d] = x[d]\ng[0.5] = 1.0\nreturn 0.0", 3, "an index is a whole"),
    "an index that varies": ("g[0 if x[0] > 0 else 0.0] = 1.0\nreturn 0.0", 1, "an index is a whole"),
    "g before it is written": ("for d in range(len(x)):\n    g[d] += x[d]\nreturn 0.0", 2, "read before it is written"),
    "x written": ("for d in range(len(x)):\n    x[d] = g[d] = 1.0\nreturn 0.0", 2, "cannot be written to"),
    "the vector's length": ("for d in range(len(x)):\n    g[d] = x[d]\nreturn len(x[0])", 3, "the length of a number"),
    "a vector as a number": ("for d in range(len(x)):\n    g[d] = x[d]\nreturn max(g)", 3, "max takes two or more"),
    "twice": ("for d in range(len(x)):\n    g[d] = x[d]\nfor d in range(5):\n    g[2*d] = 0.0\nreturn 0.0", 4, "with"),
}  # fmt: skip


@pytest.mark.parametrize("what", BESIDE)
@pytest.mark.parametrize("dim", [2, 4, 5, 6])
def test_no_index_beside_the_array_in_any_dimension(what, dim, tmp_path):
    body, line, told = BESIDE[what]
    with pytest.raises(CannotLift, match=rf"^bowl\.py, line {line + 1}, in value_grad: [^\n]{{1,200}}$") as caught:
        pair_source(loss_of(tmp_path, body, dim), find.dynamics("gradient"), Variant())
    assert told in str(caught.value)


NETS = {
    "neighbours, as Python's negative indices": """
        total = 0.0
        for d in range(len(x)):
            g[d] = 2.0 * x[d] - x[d - 1]
            total = total + x[d] * x[-1 - d]
        return total""",
    "guarded neighbours": """
        total = 0
        for d in range(len(x)):
            g[d] = x[d] + (x[d + 1] if d + 1 < len(x) else 0.0) - (d > 0 and x[d - 1])
            total += g[d] * d
        return total""",
    "a net with computed indices": """
        for d in range(len(x)):
            g[d] = 0.0
        total = 0.0
        for p in range(3):
            y = 0.5 * p - 1.0
            for h in range(len(x) // 3):
                at = 3 * h
                inside = x[at] * (p - 1) + x[at + 1]
                y = y + x[at + 2] * max(inside, 0.0)
            total = total + 0.5 * (y * y)
            for h in range(len(x) // 3):
                at = 3 * h
                inside = x[at] * (p - 1) + x[at + 1]
                on = 1.0 if inside > 0.0 else 0.0
                g[at] += y * x[at + 2] * on * (p - 1)
                g[at + 1] += y * x[at + 2] * on
                g[at + 2] += y * max(inside, 0.0)
        return total""",
    "triangles": """
        total = 0.0
        for d in range(len(x)):
            s = 0
            for e in range(d):
                s = s + x[e] * (d - e)
            g[d] = s
            total = total + s * s
        return total""",
    "a helper that takes the vector": """
        for d in range(len(x)):
            g[d] = apart(x, d, 1) + apart(x, d, -1)
        return apart(x, 0, 2)""",
    "counted": """
        n = 0
        for d in range(len(x)):
            n = n + 1
            g[d] = x[d] * n
        return n * x[0] - (n if x[1] > 0 else 2 * n)""",
    "what loops leave": """
        for d in range(len(x)):
            i = d * d
            g[d] = x[d]
        return x[d] * i + d""",
}
APART = "def apart(v, d, by):\n    n = len(v)\n    return (v[d] - v[(d + by) % n]) ** 2\n\n\n"


@pytest.mark.parametrize("what", NETS)
@pytest.mark.parametrize("dim", [3, 6])
def test_indices_are_python_s(what, dim, tmp_path):
    loss = loss_of(tmp_path, NETS[what].lstrip("\n"), dim, APART)
    x0 = [0.7, -1.3, 0.4, 2.0, -0.1, 1.1][:dim]
    agree(loss, find.dynamics("gradient"), x0)


def test_plain_is_the_function_itself_but_for_powers_and_libm():
    assert plain(math_of)(2.0) == 8.0 + math.sqrt(2.0) + (1.0 if 1 < 2.0 < 3 else 0.0)
    assert math.isnan(plain(math_of)(-1.0))


def math_of(x):
    return x**3 + math.sqrt(x) + (1.0 if 1 < x < 3 else 0.0)
