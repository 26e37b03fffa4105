"""The text of a pair's kernel, run as plain Python: the very text that would be compiled, over a few lanes."""

import ast

import numpy as np

from dynbench.dynamics.base import Dynamics
from dynbench.kernels import shape
from dynbench.kernels.step import Variant
from dynbench.kernels.texts import pair_source
from dynbench.losses.base import Loss


class Fake:
    """Stands for Numba: its decorators do nothing, its types are nothing."""

    def __getattr__(self, name):
        return self

    def __call__(self, *given, **named):
        return given[0] if len(given) == 1 and callable(given[0]) and not named and given[0] is not self else self


class Ieee:
    """math, whose square root of a negative number is nan."""

    nan, inf = np.float64(np.nan), np.float64(np.inf)

    @staticmethod
    def sqrt(x):
        return np.sqrt(np.float64(x))


class Doubles(ast.NodeTransformer):
    """Floats as NumPy's: they divide by zero as a kernel does."""

    def __init__(self):
        self.known = {}

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        if not isinstance(node.value, float):
            return node
        name = f"<{node.value.hex()}>"
        self.known[name] = np.float64(node.value)
        return ast.copy_location(ast.Name(name, ast.Load()), node)


def functions(text: str, lanes: int, fake=Fake()) -> dict:  # noqa: B008 (never changed)
    """The functions of a kernel's text."""
    lines = [line for line in text.splitlines() if not line.startswith(("import ", "from numba"))]
    doubles = Doubles()
    tree = doubles.visit(ast.parse("\n".join(lines)))
    known = {"np": np, "math": Ieee, "cfunc": fake, "njit": fake, "types": fake, "float": np.float64} | doubles.known
    exec(compile(tree, "<lifted>", "exec"), known)
    known["LANES"] = lanes
    return known


def block(places, lanes: int, x0, parameters, lr: float) -> np.ndarray:
    """`w` at the start, no walls and no targets: x0 (dim, lanes)."""
    w = np.zeros((places.height, lanes))
    w[places.x : places.x + places.dim] = x0
    w[places.lo : places.lo + places.dim] = -np.inf
    w[places.hi : places.hi + places.dim] = np.inf
    w[places.p : places.p + len(parameters)] = np.array(parameters, float).reshape(-1, 1)
    w[shape.LR], w[shape.BEST], w[shape.NEXT] = lr, np.inf, -np.inf
    return w


def followed(begin, evaluate, advance, w, places, steps: int) -> list[np.ndarray]:
    """What plain Python may know of every step: rows of L, x, memory."""
    lanes = w.shape[1]
    flat, t = w.reshape(-1), np.zeros(64 * lanes, np.int64)
    seen = []
    begin(flat, t, 0, 0, 0, 0)
    for _ in range(steps + 1):
        evaluate(flat, t, 0, 0, 0, 0)
        memory = w[places.s : places.s + places.state * places.dim] if places.state else w[:0]
        x = w[places.x : places.x + places.dim]
        seen.append(np.concatenate([w[[shape.VAL]], x, memory]))
        advance(flat, t, 0, 1, 0, 0)
    return seen


def run(loss: Loss, dynamics: Dynamics, x0, parameters, lr: float, steps: int) -> list[np.ndarray]:
    """x0 (dim, lanes) through the lifted text."""
    text, places = pair_source(loss, dynamics, Variant())
    lanes = x0.shape[1]
    known = functions(text, lanes)
    w = block(places, lanes, x0, parameters, lr)
    with np.errstate(all="ignore"):
        return followed(known["begin"], known["evaluate"], known["advance"], w, places, steps)
