"""The works as whole-array expressions, for NumPy, PyTorch and JAX alike: `xp` is the library's namespace.

Arrays of coordinates are (dim, n), with n = () for JAX's `vmap`.  Basins are those of `Work`.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from suites.peers.works import Missing, Work

TWO_PI = 6.283185307179586
A, B, R, S = 0.406929669182746417, 1.84307033081725358, 3.09307033081725358, 0.232675827043133956
Array = Any  # of whichever library


class Formulas:
    """Value, gradient, rule and basins of one work in one library; `put` makes the library's array of NumPy's.

    Everything is a plain number or the library's own array, which its compiler can see through.
    """

    def __init__(self, xp: Any, work: Work, put: Callable[[np.ndarray], Array]):
        if work.loss.name not in ("quartic", "himmelblau", "rastrigin"):
            raise Missing(f"{work.name} is not written for arrays")
        self.xp, self.loss, self.rule, self.lr = xp, work.loss.name, work.rule.name, work.lr
        self.parameters = dict(work.parameters)
        self.line = work.dim == 1
        self.separators, self.floors, self.margins = (put(a) for a in (work.separators, work.floors, work.margins))
        self.wells = work.separators.tolist()[:1], work.floors.tolist()[:2], work.margins.tolist()[:2]
        ellipses = zip(work.centres.tolist(), work.hessians.tolist(), work.margins.tolist(), strict=False)
        self.cores = [(*m, h[0][0], h[0][1], h[1][1], margin) for m, h, margin in ellipses]

    def value_grad(self, x: Array) -> tuple[Array, Array]:
        """L (n,) and its gradient (dim, n)."""
        xp = self.xp
        if self.loss == "quartic":
            u, v = x[0] - A, x[0] - R
            return u * u * (v * v + S), 4.0 * (x - A) * ((x - B) * (x - 3.0))
        if self.loss == "himmelblau":
            u, v = x[0] * x[0] + x[1] - 11.0, x[0] + x[1] * x[1] - 7.0
            return u * u + v * v, xp.stack((4.0 * x[0] * u + 2.0 * v, 2.0 * u + 4.0 * x[1] * v))
        value = (x * x + 10.0 - 10.0 * xp.cos(TWO_PI * x)).sum(0)
        return value, 2.0 * x + 10.0 * TWO_PI * xp.sin(TWO_PI * x)

    def memory(self, x: Array) -> tuple[Array, ...]:
        """What the rule remembers at first."""
        return (self.xp.zeros_like(x), self.xp.zeros_like(x)) if self.rule == "adam" else ()

    def move(self, x: Array, value: Array, g: Array, memory: tuple[Array, ...], k: Array) -> tuple[Array, Any]:
        """x_(k+1), without noise, and the memory."""
        xp, lr, p = self.xp, self.lr, self.parameters
        if self.rule == "gradient":
            return x - lr * g, memory
        if self.rule == "capped":
            norm = xp.abs(g[0]) if self.line else xp.sqrt((g * g).sum(0))
            inverse = 1.0 / xp.where(norm > 0.0, norm, xp.inf)
            return x - g * inverse * (xp.clip(inverse, -xp.inf, p["cap"]) * (lr * value)), memory
        m = p["beta1"] * memory[0] + (1.0 - p["beta1"]) * g
        v = p["beta2"] * memory[1] + (1.0 - p["beta2"]) * (g * g)
        mean, square = m / (1.0 - p["beta1"] ** (k + 1.0)), v / (1.0 - p["beta2"] ** (k + 1.0))
        return x - lr * mean / (xp.sqrt(square) + p["eps"]), (m, v)

    def outside(self, x: Array, left: Array, right: Array) -> Array:
        """Whether x is out of the start's well (works with separators)."""
        return ((x < left) | (x >= right)).any(0)

    def in_core(self, x: Array, value: Array) -> Array:
        """Whether x is in the core of the well that holds it (works with separators)."""
        xp = self.xp
        if self.line:
            (wall,), floors, margins = self.wells
            right = x[0] >= wall
            return value - xp.where(right, floors[1], floors[0]) <= xp.where(right, margins[1], margins[0])
        place = xp.searchsorted(self.separators, x, side="right")
        return value - self.floors[place].sum(0) <= xp.amin(self.margins[place], 0)

    def other_core(self, x: Array, start: Array) -> Array:
        """Whether x is in a core other than the start's (works with cores)."""
        found = start < -1  # nowhere
        for j, (m0, m1, h00, h01, h11, margin) in enumerate(self.cores):
            u, v = x[0] - m0, x[1] - m1
            depth = h00 * u * u + 2.0 * h01 * u * v + h11 * v * v
            found = found | ((depth <= 2.0 * margin) & (start != j))
        return found
