"""Loops over coordinates are joined where that changes nothing, and only there."""

import ast

import numpy as np
import pytest

from dynbench.kernels.fuse import fused

pytestmark = pytest.mark.quick

DIM = 3
JOINED = {
    "each coordinate by itself": "for d in range(3): g[d] = 2.0 * x[d]\nfor e in range(DIM): x[e] = x[e] - g[e]",
    "a sum of its own": "for d in range(3): s = s + x[d]\nv = s\nfor e in range(3): y[e] = x[e] * 0.5",
    "one name for both": "for d in range(3): g[d] = 2.0 * x[d]\nfor d in range(3): x[d] = x[d] - g[d]",
    "three": "for a in range(3): g[a] = x[a]\nfor b in range(3): y[b] = g[b]\nfor c in range(3): x[c] = x[c] + y[c]",
}
APART = {
    "a sum that is used": "for d in range(3): s = s + x[d]\nfor e in range(3): y[e] = x[e] * s",
    "a sum that is used later": "for d in range(3): s = s + x[d]\nv = s\nfor e in range(3): y[e] = x[e] * v",
    "a neighbour": "for d in range(3): g[d] = x[d - 1]\nfor e in range(3): x[e] = g[e]",
    "one coordinate in between": "for d in range(3): g[d] = x[d]\nv = x[0]\nfor e in range(3): x[e] = g[e] + 1.0",
    "fewer coordinates": "for d in range(2): g[d] = x[d]\nfor e in range(3): x[e] = g[e] + 1.0",
    "a variable that is read later": "for d in range(3): g[d] = x[d]\nfor e in range(3): y[e] = g[e]\nv = 1.0 * e",
    "the same scalar": "for d in range(3): s = s + x[d]\nfor e in range(3): s = s * x[e]",
}


def after(statements: list[ast.stmt]) -> dict[str, list[float]]:
    """What the statements leave behind."""
    known = {name: np.linspace(a, a + 1.0, 3) for name, a in (("x", 0.3), ("g", 1.7), ("y", 2.9))} | {
        "s": 0.1,
        "v": 0.2,
    }
    text = "\n".join(ast.unparse(ast.fix_missing_locations(statement)) for statement in statements)
    exec(text, {"DIM": DIM}, known)
    return {name: np.atleast_1d(known[name]).tolist() for name in ("x", "g", "y", "s", "v")}


def loops(statements: list[ast.stmt]) -> int:
    return sum(isinstance(statement, ast.For) for statement in statements)


@pytest.mark.parametrize("what", [*JOINED, *APART])
def test_the_same_comes_out(what):
    text = (JOINED | APART)[what]
    body = fused(ast.parse(text).body, DIM)
    assert after(body) == after(ast.parse(text).body)
    assert loops(body) == (1 if what in JOINED else text.count("for "))
