"""Whether L is finite wherever x may be, by the largest size that each result on the way to it can have.

Where that is certain a step need not look.  It is so for polynomials with known coefficients; what has
a parameter, a division or a function in it is left to the step.
"""

import ast
from collections.abc import Mapping, Sequence
from math import inf

TOO_LARGE = 1e300  # far enough below the largest float for what rounding adds


def always_finite(body: Sequence[ast.stmt], sizes: Mapping[str, float], result: str) -> bool:
    """Whether the assignments leave something finite in `result`; `sizes`: the largest |value| of names
    known before."""
    known = dict(sizes)
    for statement in body:
        if not isinstance(statement, ast.Assign):
            return False
        for target in statement.targets:
            for node in ast.walk(target):
                if isinstance(node, ast.Name):
                    known[node.id] = size(statement.value, known)
    return known.get(result, inf) < inf


def size(node: ast.expr, known: Mapping[str, float]) -> float:
    """The largest size of an expression of floats; inf: not known, or too large."""
    found = inf
    match node:
        case ast.Constant(float() | int() as value):
            found = abs(float(value))
        case ast.Name(name):
            found = known.get(name, inf)
        case ast.UnaryOp(ast.USub() | ast.UAdd(), operand):
            found = size(operand, known)
        case ast.BinOp(left, ast.Add() | ast.Sub(), right):
            found = size(left, known) + size(right, known)
        case ast.BinOp(left, ast.Mult(), right):
            a, b = size(left, known), size(right, known)
            found = a * b if a < inf and b < inf else inf
        case ast.IfExp(_, left, right):
            found = max(size(left, known), size(right, known))
    return found if found < TOO_LARGE else inf
