"""Writes the three functions of a kernel that depend on the loss and the rule: begin, evaluate, advance."""

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from dynbench.dynamics.base import Dynamics
from dynbench.kernels import draws, elementary, shape
from dynbench.kernels.fuse import fused
from dynbench.kernels.helpers import Helpers
from dynbench.kernels.language import Number, Value, Vector, argument, floating, inlined, truth
from dynbench.kernels.lift import Layout, fresh, name, over_lanes, statements
from dynbench.kernels.rewrite import CannotLift, cloned, place
from dynbench.kernels.shape import Shape
from dynbench.kernels.sizes import always_finite
from dynbench.kernels.unroll import fixed, unroll
from dynbench.losses.base import Loss

UNROLLED = 4  # up to this dimension coordinates are scalars
VECTORS = ("x", "lo", "hi", "width", "small", "flat", "low", "high", "ended", *draws.ROWS)  # and g beyond UNROLLED
RECORDS = ("crossings", "last_crossing", "global_steps", "t_best", "limited", "cycle_period")
"""Optional quantities (--record), in the order in which `ends.write_end` gives them."""
ONE = 1 << 52  # added to the bits of a float: 1 to its exponent
COUNTERS = ("crossings", "last_crossing", "global_steps", "limited")


@dataclass(frozen=True)
class Variant:
    """All that tells one kernel of a loss and a rule from another."""

    noisy: bool = False
    gradient_noisy: bool = False
    record: tuple[str, ...] = ()
    scored: bool = False  # the loss's score is compared with a level (first passages only)
    bounded: bool = False  # exits are known between bounds only: L is watched on the way from step to step


def memory(dynamics: Dynamics) -> int:
    """How many floats a coordinate remembers: the length of the tuple that `start` returns."""
    if dynamics.start is None:
        return 0
    parameters = [argument(f"p_{n}") for n in dynamics.parameters]
    _, returned = inlined(dynamics.start, [argument("lr"), *parameters], Helpers(), fresh(), "b")
    if not isinstance(returned, tuple):
        raise CannotLift(f"{place(dynamics.start)}: `start` must end in `return (a, b, ...)`, a tuple of floats")
    return len(returned)


def loop(body: list[ast.stmt]) -> ast.For:
    """for d in range(DIM): body"""
    return ast.For(ast.Name("d", ast.Store()), name("range(DIM)"), body, [])


class Step:
    """The parts of one step, laid out in terms of x, g, the state s0, s1, ... and the loss's and rule's parameters."""

    def __init__(self, loss: Loss, dynamics: Dynamics, variant: Variant, helper: Helpers):
        assert loss.dim is not None
        self.loss, self.dynamics, self.variant, self.helper = loss, dynamics, variant, helper
        self.dim, self.state = loss.dim, memory(dynamics)
        self.fresh = fresh()
        self.loss_parameters: list[Value] = [argument(f"p_{n}") for n in loss.parameters]
        self.rule_parameters: list[Value] = [argument(f"p_{n}") for n in dynamics.parameters]
        self.layout = self.rows()
        self.draws = draws.Draws(self.layout, helper, {"z": variant.noisy, "zg": variant.gradient_noisy}, self.dim)

    def rows(self) -> Layout:
        """Where everything stands in `w`: the scalars of `shape`, then vectors, then parameters."""
        layout, dim = Layout({n: getattr(shape, n.upper()) for n in SCALARS}, shape.SCALARS), self.dim
        for vector in VECTORS if dim <= UNROLLED else (*VECTORS, "g"):
            layout.add(vector, dim)
            if dim <= UNROLLED:
                layout.rows |= {f"{vector}_{d}": layout.rows[vector] + d for d in range(dim)}
        for j in range(self.state):
            layout.add(f"s{j}", dim)
            layout.rows |= {f"s{j}_{d}": layout.rows[f"s{j}"] + d for d in range(dim)}
        layout.add("snap", dim * (1 + self.state))
        if self.variant.bounded:
            claim = layout.height
            layout.add("claim", shape.PREVIOUS + dim)
            layout.rows |= {n: claim + getattr(shape, n.upper()) for n in ("top", "ceiling", "before", "length")}
            layout.rows |= {"previous": claim + shape.PREVIOUS}
            layout.rows |= {f"previous_{d}": claim + shape.PREVIOUS + d for d in range(dim if dim <= UNROLLED else 0)}
        for parameter in [*self.loss.parameters, *self.dynamics.parameters]:
            layout.add(f"p_{parameter}")
        return layout

    def shape(self) -> Shape:
        """What the common text must know of this kernel."""
        rows, record = self.layout.rows, self.variant.record
        parameters = [*self.loss.parameters, *self.dynamics.parameters]
        return Shape(
            lanes=lanes(self.dim),
            dim=self.dim,
            state=self.state,
            parameters=len(parameters),
            height=self.layout.height,
            cores=int(bool(self.loss.minima) and not self.loss.tensor),
            labelled=int(bool(self.loss.minima)),
            noisy=int(self.variant.noisy or self.variant.gradient_noisy),
            counting=int(any(r in COUNTERS for r in record)),
            residence=int("global_steps" in record),
            bounded=int(self.variant.bounded),
            scored=int(self.variant.scored),
            claim=rows.get("claim", 0),
            p=rows[f"p_{parameters[0]}"] if parameters else 0,
            s=rows.get("s0", 0),
            **{
                vector: rows[vector]
                for vector in ("x", "lo", "hi", "width", "snap", "small", "flat", "low", "high", "ended")
            },
        )

    def inlined(self, function: Callable[..., Any], values: Sequence[Value], stem: str) -> tuple[list[ast.stmt], Value]:
        """The statements of a user's function and what it returns."""
        return inlined(function, values, self.helper, self.fresh, stem)

    def one_float(
        self, function: Callable[..., Any], values: Sequence[Value], stem: str
    ) -> tuple[list[ast.stmt], ast.expr]:
        body, value = self.inlined(function, values, stem)
        if not isinstance(value, Number):
            raise CannotLift(f"{place(function)}: `{function.__name__}` must return one number")
        return body, floating(value, function)

    def value_and_gradient(self) -> list[ast.stmt]:
        """v = L(x) and g = its gradient."""
        if self.loss.value_grad is not None:
            vectors = [Vector("x", self.dim), Vector("g", self.dim, writable=True)]
            body, value = self.one_float(self.loss.value_grad, [*vectors, *self.loss_parameters], "l")
            return [*body, ast.Assign([name_to("v")], value)]
        assert self.loss.value is not None
        assert self.loss.grad is not None
        arguments = [argument("x[0]"), *self.loss_parameters]
        body, value = self.one_float(self.loss.value, arguments, "l")
        more, slope = self.one_float(self.loss.grad, arguments, "l")
        target = name("g[0]")
        target.ctx = ast.Store()  # type: ignore[attr-defined]
        return [*body, *more, ast.Assign([name_to("v")], value), ast.Assign([target], slope)]

    def norm(self) -> list[ast.stmt]:
        """n = |grad L|."""
        if self.dim == 1:
            return statements("n = abs(g[0])")
        return [*statements("n2 = 0.0"), loop(statements("n2 = n2 + g[d] * g[d]")), *statements("n = math.sqrt(n2)")]

    def rule_arguments(self, d: str = "d") -> list[Value]:
        state = tuple(argument(f"s{j}[{d}]") for j in range(self.state))
        told = [argument(text) for text in (f"x[{d}]", f"g[{d}]", "v", "n", "lr")]
        return [*told, state, *self.rule_parameters]

    def move(self) -> ast.For:
        """For each coordinate: x <- x + dx (+ noise), and its memory."""
        step = self.dynamics.step
        body, result = self.inlined(step, self.rule_arguments(), "r")
        if not isinstance(result, tuple) or len(result) != 2 or not isinstance(result[1], tuple):
            raise CannotLift(f"{place(step)}: `step` must end in `return dx, state`")
        displacement, state = result
        if len(state) != self.state:
            raise CannotLift(f"{place(step)}: `step` returns {len(state)} floats of state, `start` {self.state}")
        body += [ast.Assign([name_to(f"new{j}")], floating(value, step)) for j, value in enumerate(state)]
        body.append(ast.Assign([name_to("dx")], floating(displacement, step)))
        for j in range(self.state):
            body += statements(f"s{j}[d] = new{j}")
        body += statements("y = x[d] + dx + amp * z_now[d]" if self.variant.noisy else "y = x[d] + dx")
        if self.variant.bounded:
            body += statements("span = span + (y - x[d]) * (y - x[d])\nprevious[d] = x[d]")
        return loop([*body, *statements("x[d] = y"), *self.walls()])

    def claimed(self) -> list[ast.stmt]:
        """An upper bound of L on the way from x_(k-2) to x_(k-1), both ends included.

        A function whose second derivative is at least -c exceeds the higher of its ends by at most c length² / 8; along
        a straight way of the loss, c is the largest curvature, 1 / quench_lr.
        """
        bend = 0.125 / self.loss.quench_lr if self.loss.quench_lr > 0.0 else shape.LARGEST
        return statements(f"top = (v if v > before else before) + {bend!r} * length\nbefore = v\nlength = span")

    def records(self) -> list[ast.stmt]:
        """Optional quantities that a step must look at."""
        body: list[ast.stmt] = []
        if "t_best" in self.variant.record:
            body += statements(f"t_best = float(k) if (v < best) & (v >= -{shape.LARGEST!r}) else t_best")
        if "limited" in self.variant.record and self.dynamics.limited is not None:
            more, binds = self.inlined(self.dynamics.limited, self.rule_arguments("0"), "c")
            count = ast.IfExp(truth(binds), name("1.0 if v - v == 0.0 else 0.0"), ast.Constant(0.0))
            body += [*more, ast.Assign([name_to("limited")], ast.BinOp(name("limited"), ast.Add(), count))]
        return body

    def advance(self) -> str:
        """Steps k, k + 1, ... up to `last`, or until a lane meets what it waits for or leaves its walls."""
        body = self.value_and_gradient()
        finite = self.finite(body)
        if self.variant.bounded:
            body = [*statements("span = 0.0"), *body]
        if self.variant.gradient_noisy:
            body.append(loop(statements("g[d] = g[d] + gn * zg_now[d]")))
        rest = [*self.records(), self.move()]
        if any(isinstance(node, ast.Name) and node.id == "n" for statement in rest for node in ast.walk(statement)):
            body += self.norm()
        body = fused([*body, *rest], self.dim)
        body += self.met()
        body += self.claimed() if self.variant.bounded else []
        body += self.watched(finite)
        inner = [*self.draws.step(), *self.lifted(body), "k += 1"]
        lines = ["flag = 0", "while k < last and flag >= 0:", *indented(inner), "return 2 * k + (flag < 0)"]
        return "\n".join(["def advance(w, t, k, last, c, seed):", *indented(lines)]) + "\n"

    def finite(self, body: Sequence[ast.stmt]) -> bool:
        """Whether those statements give a finite L for every x within the sphere."""
        if self.dim > UNROLLED:
            return False
        reach = {f"x_{d}": max(map(abs, ends)) for d, ends in enumerate(shape.sphere(self.loss.box(self.dim)))}
        return always_finite(unroll(fixed([cloned(s) for s in body], self.dim), {}), reach, "v")

    def watched(self, finite: bool) -> list[ast.stmt]:
        """Raises the flag, its sign bit, where x has left its walls or L is below what somebody waits for, and where
        either is not finite; `finite`: L always is.

        a < b is the sign bit of a - b: comparisons would need mask registers, which are few, and take twice the time.
        Floats that are not negative are in the order of their bits, and those of inf and nan are above all others:
        so bits(width) - bits(x - lo) sees whatever is not below lo + width (see `events.measure`), and adding 1 to
        the exponent makes inf and nan, and nothing else, negative.  Every operation more costs 2 % of a step.
        """
        bits = self.helper(elementary.bits)
        claim = f"flag = flag | {bits}(ceiling - top)" if self.variant.bounded else ""
        return [*statements(self.level(bits, finite)), *statements(claim)]

    def walls(self) -> list[ast.stmt]:
        """Of coordinate d, as soon as it has moved: a loop by itself, unrolled by LLVM, runs out of registers."""
        bits, minus = self.helper(elementary.bits), self.helper(elementary.wrapping_sub)
        return statements(f"inside = {bits}(y - lo[d])\nflag = flag | inside | {minus}({bits}(width[d]), inside)")

    def level(self, bits: str, finite: bool) -> str:
        """Of `watched`, what is asked of L."""
        if finite:
            return f"flag = flag | {bits}(val - next)"
        plus = self.helper(elementary.wrapping_add)
        return f"over = {bits}(val - next)\nflag = flag | over | {plus}(over, {ONE})"

    def met(self) -> list[ast.stmt]:
        """What is recorded of L(x_k)."""
        return statements("best = v if v < best else best\nval = v")

    def evaluate(self) -> str:
        steep = loop(statements("slopes = slopes + (0.0 if abs(g[d]) <= flat[d] else 1.0)"))
        body = [*self.value_and_gradient(), *statements("val = v\nslopes = 0.0"), steep]
        return "\n".join(["def evaluate(w, t, a, b, c, seed):", *indented([*self.lifted(body), "return 0"])]) + "\n"

    def opening(self) -> list[ast.stmt]:
        """The memory that a trajectory starts with."""
        body: list[ast.stmt] = []
        if self.dynamics.start is not None:
            start = self.dynamics.start
            body, state = self.inlined(start, [argument("lr"), *self.rule_parameters], "b")
            assert isinstance(state, tuple)
            body += [ast.Assign([name_to(f"first{j}")], floating(value, start)) for j, value in enumerate(state)]
            if self.state:
                body.append(loop([s for j in range(self.state) for s in statements(f"s{j}[d] = first{j}")]))
        return body

    def begin(self) -> str:
        body = [*self.lifted(self.opening()), *self.draws.before(), "return 0"]
        return "\n".join(["def begin(w, t, a, b, c, seed):", *indented(body)]) + "\n"

    def lifted(self, body: Sequence[ast.stmt]) -> list[str]:
        """The text of the statements as loops over the lanes."""
        body = list(body) if self.dim > UNROLLED else unroll(fixed(body, self.dim), {})
        lines = over_lanes(body, self.layout, {"flag", "k"})
        return [line for s in lines for line in ast.unparse(ast.fix_missing_locations(s)).splitlines()]


def indented(lines: Sequence[str]) -> list[str]:
    return ["    " + line for line in lines]


def name_to(text: str) -> ast.Name:
    return ast.Name(text, ast.Store())


def lanes(dim: int) -> int:  # noqa: ARG001
    """Trajectories advanced together.  Fewer would keep a block of many dimensions in the first-level cache, yet are
    slower (quadratic-64: 16 lanes 2.2 ns an update, 32: 1.3, 64: 1.0), because LLVM takes short loops over lanes apart.
    """
    return 64


SCALARS = (
    "best", "next", "val", "slopes", "lr", "amp", "gn", "moved", "big", "steep", "apart", "t_best", "limited",
    "limited_snap", "seen",
)  # fmt: skip
