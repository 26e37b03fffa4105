"""What a rule does by itself, found by asking its `step` in plain Python: one coordinate, no kernel.

|grad| = |g|, x = 0 and the loss's value as given.  All of it is exact to rounding.
"""

import ast
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import product
from math import inf, isclose, isfinite, log2, nan

from dynbench.definition import trees_of
from dynbench.dynamics.base import Dynamics
from dynbench.losses.base import Loss

TINY = 1e-120  # a gradient beside a minimum: its square is still a number
HUGE = 1e50  # no step of a rule that is bounded beside a minimum
WARM = 64  # steps of a constant gradient that fill a memory
SNAP = 1e-3  # a gain this close to 1 is the error of a memory that is not quite full
SLOPES = (0.0, 1e-200, 1e-9, 0.1, 1.0, 3.7, 1e5, 1e30, 1e100)  # gradients that a rule is asked about, of either sign
RATES = (1e-12, 0.01, 0.3, 1.0, 7.0)  # and steps
ARITHMETIC = (  # of which a polynomial is made
    ast.Assign, ast.Return, ast.Tuple, ast.BinOp, ast.UnaryOp, ast.Add, ast.Sub, ast.Mult, ast.USub, ast.UAdd,
    ast.Constant, ast.Name, ast.Load, ast.Store,
)  # fmt: skip


def walk(dynamics: Dynamics, parameters: Mapping[str, float], lr: float, gradients: list[float], value: float) -> float:
    """Displacement in the last of some steps that see these gradients, and this loss value, one after the other."""
    given = [float(parameters.get(name, default)) for name, default in dynamics.parameters.items()]
    state = dynamics.start(lr, *given) if dynamics.start is not None else ()
    dx = 0.0
    for g in gradients:
        dx, state = dynamics.step(0.0, g, value, abs(g), lr, state, *given)
    return dx


def longest_step(dynamics: Dynamics, parameters: Mapping[str, float], lr: float, value: float) -> float:
    """lim |dx| as g -> 0 at a fixed value L of the loss: how far a rule jumps from just beside a minimum of height L.

    0 for gradient descent, lr for sign descent, lr M (L - f_star) for the capped flow (11); inf for the global flow
    (8), which is what makes its false minima singular.
    """
    size = abs(walk(dynamics, parameters, lr, [TINY], value))
    return size if size < HUGE else inf


def is_capped(dynamics: Dynamics, parameters: Mapping[str, float], lr: float, value: float) -> bool:
    """Whether the longest step is lr M (L - f_star), M the parameter `cap`: the capped flow (11), and rules like it."""
    if "cap" not in dynamics.parameters:
        return False
    given = dynamics.parameters | dict(parameters)
    size = longest_step(dynamics, parameters, lr, value)
    expected = lr * given["cap"] * abs(value - given.get("f_star", 0.0))
    return isfinite(size) and isclose(size, expected, rel_tol=1e-6)


def is_capped_flow(dynamics: Dynamics) -> bool:
    """Whether it is the capped flow (11), dx = -lr (g/|g|) min(1/|g|, cap) (L - f_star), at all points asked about."""
    if "cap" not in dynamics.parameters or dynamics.start is not None:
        return False
    for cap, slope, sign, share, value, lr in product(
        (0.5, 30.0, 1e4), (1e-9, 1e-3, 0.07, 1.0, 40.0), (-1.0, 1.0), (1.0, 0.6), (-0.5, 0.0, 0.3, 60.0), (0.01, 2.0)
    ):
        given = dynamics.parameters | {"cap": cap}
        g = sign * share * slope
        dx = single(dynamics, 1.3, g, value, slope, lr, *given.values())
        expected = -lr * (g / slope) * min(1.0 / slope, cap) * (value - given.get("f_star", 0.0))
        if not isclose(dx, expected, rel_tol=1e-9, abs_tol=1e-300):
            return False
    return True


@lru_cache(maxsize=64)
def is_plain_gradient(dynamics: Dynamics) -> bool:
    """Whether every step is -lr g: by its text a polynomial in lr and g alone, and it is that where it is asked.

    A rule with a parameter or a memory is none, nor is one with a condition or a call: what is said of plain gradient
    descent would be wrong for it somewhere.
    """
    if dynamics.start is not None or dynamics.parameters:
        return False
    trees = trees_of(dynamics.step)
    if len(trees) != 1 or not isinstance(trees[0], ast.FunctionDef):
        return False
    arguments = [a.arg for a in (*trees[0].args.posonlyargs, *trees[0].args.args)]
    known = {arguments[1], arguments[4], arguments[5]}  # g, lr, state
    body = [s for s in trees[0].body if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))]
    for node in (part for statement in body for part in ast.walk(statement)):
        if not isinstance(node, ARITHMETIC):
            return False
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            known.add(node.id)
    names = {n.id for s in body for n in ast.walk(s) if isinstance(n, ast.Name)}
    if not names <= known:
        return False
    slopes = [sign * slope for slope in SLOPES for sign in (1.0, -1.0)]
    return all(single(dynamics, 0.0, g, 1.0, abs(g), lr) == -lr * g for g in slopes for lr in RATES)


def single(dynamics: Dynamics, x: float, g: float, value: float, norm: float, lr: float, *parameters: float) -> float:
    """Displacement of a rule without memory; nan where it stops."""
    try:
        dx, _ = dynamics.step(x, g, value, norm, lr, (), *parameters)
    except (ArithmeticError, TypeError, ValueError):
        return nan
    return dx


@lru_cache(maxsize=64)
def slope_power(dynamics: Dynamics) -> int:
    """k where a step goes as |g|^k at a fixed L: 1 gradient descent, 0 sign descent and Adam, -1 the capped flow.

    By it lr is a time (1), a length (0) or a number (-1).  1 where it cannot be asked.
    """
    try:
        one, two = (abs(walk(dynamics, {}, RATES[1], [g] * WARM, 1.0)) for g in (1.0, 2.0))
        return max(-1, min(1, round(log2(two / one))))
    except Exception:  # a user's rule that stops is refused, with its place, where it is compiled
        return 1


def is_inertial(dynamics: Dynamics, parameters: Mapping[str, float], lr: float) -> bool:
    """Whether the rule goes on uphill for a while: dx < 0 although g < 0, after many steps with g = 1."""
    return dynamics.start is not None and walk(dynamics, parameters, lr, [1.0] * WARM + [-1e-3], 1.0) < 0.0


def is_downhill(dynamics: Dynamics, parameters: Mapping[str, float], lr: float) -> bool:
    """Whether the first step of the rule goes down either slope: dx g <= 0 for g = 1 and g = -1."""
    return all(walk(dynamics, parameters, lr, [g], 1.0) * g <= 0.0 for g in (1.0, -1.0))


def halved(
    dynamics: Dynamics, parameters: Mapping[str, float], lr: float, times: int
) -> tuple[dict[str, float], float]:
    """(parameters, lr) of the same ODE at the step h/2^times, where h is the unit of its time at `lr`.

    Each of `dynamics.decays` becomes its 2^times-th root, so that the memory lasts as long in the time of the ODE, and
    lr is divided by 2^times.  A rule with memory may need another lr: heavy ball v <- μv - lr g adds up 1/(1 - μ)
    gradients, and Adagrad's steps shrink as 1/√k.  So lr is corrected until, under a constant gradient and after the
    same time, a step is 2^times times shorter: lr (1 - μ')/((1 - μ) 2^times) for heavy ball, lr/√(2^times) for Adagrad.
    """
    given = dynamics.parameters | dict(parameters)
    unknown = [name for name in dynamics.decays if name not in given]
    if unknown:
        raise ValueError(f"rule {dynamics.name!r} calls {unknown[0]!r} a decay, which is not one of its parameters")
    share = 0.5**times
    slower = given | {name: given[name] ** share for name in dynamics.decays}
    if dynamics.start is None or times == 0:
        return slower, lr * share
    one = walk(dynamics, given, lr, [1.0] * WARM, 1.0)
    many = walk(dynamics, slower, lr * share, [1.0] * (WARM * 2**times), 1.0)
    gain = many / (one * share) if one != 0.0 and isfinite(one) and isfinite(many) else 1.0
    return slower, lr * share / (gain if gain > 0.0 and abs(gain - 1.0) > SNAP else 1.0)


def value_at(loss: Loss, x: Iterable[float], parameters: Sequence[float]) -> float:
    """L(x), x (dim,)."""
    point = [float(c) for c in x]
    if loss.value_grad is not None:
        return float(loss.value_grad(point, [0.0] * len(point), *parameters))
    assert loss.value is not None
    return float(loss.value(point[0], *parameters))
