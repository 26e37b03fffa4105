"""A step that compares the loss's own score with a level: of the kernels, only first passages (`passage`) use it."""

import ast

from dynbench.kernels import elementary
from dynbench.kernels.language import Vector
from dynbench.kernels.lift import statements
from dynbench.kernels.step import ONE, Step


class Scored(Step):
    """VAL holds -score(x), of the start and then of each x that a step leads to; below NEXT, -level, it is flagged."""

    def score(self) -> list[ast.stmt]:
        assert self.loss.score is not None
        body, value = self.one_float(self.loss.score, [Vector("x", self.dim), *self.loss_parameters], "q")
        return [*body, ast.Assign([ast.Name("val", ast.Store())], ast.UnaryOp(ast.USub(), value))]

    def opening(self) -> list[ast.stmt]:
        return [*super().opening(), *self.score()]

    def met(self) -> list[ast.stmt]:
        return [*statements("seen = v"), *self.score()]

    def level(self, bits: str, finite: bool) -> str:
        """It is L, and not the score, that has to be finite."""
        if finite:
            return super().level(bits, finite)
        plus = self.helper(elementary.wrapping_add)
        return f"flag = flag | {bits}(val - next) | {plus}({bits}(v) & {(1 << 63) - 1}, {ONE})"
