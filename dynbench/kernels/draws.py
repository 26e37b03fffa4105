"""Writes where a kernel's steps have their normals from: one Philox block a pair, the sine for an even step, the cosine
for the next.  Rows: z and z_odd the pair's normals, z_v and z_u the uniforms of the pair to come; zg likewise.
"""

from dynbench.kernels import noise
from dynbench.kernels.helpers import Helpers
from dynbench.kernels.lift import Layout

COORDINATES = {"z": "d", "zg": f"d | {noise.GRADIENT}"}  # of displacements, of gradients
ROWS = tuple(row + part for row in COORDINATES for part in ("", "_odd", "_v", "_u"))
STRIP = 32  # lanes whose normals are worked out together


class Draws:
    def __init__(self, layout: Layout, helper: Helpers, wanted: dict[str, bool], dim: int):
        self.layout, self.helper = layout, helper
        self.wanted = [row for row in COORDINATES if wanted[row]]
        for row in COORDINATES:  # `odd` is DIM in odd steps, and there z_odd stands
            first = layout.rows[row]
            layout.moving[f"{row}_now"] = f"({first} + odd)"
            layout.moving |= {f"{row}_now_{d}": f"({first + d} + odd)" for d in range(dim)}

    def entry(self, row: str) -> str:
        return f"w[({self.layout.rows[row]} + d) * LANES + i]"

    def uniforms(self, row: str, pair: str) -> str:
        called = f"{self.helper(noise.uniform_pair)}({pair}, {COORDINATES[row]}, t[STREAM * LANES + i], seed)"
        return f"{self.entry(row + '_v')}, {self.entry(row + '_u')} = {called}"

    def before(self) -> list[str]:
        """Before the first step."""
        lines: list[str] = []
        for row in self.wanted:
            lines += ["for d in range(DIM):", "    for i in range(LANES):", f"        {self.uniforms(row, '0')}"]
        return lines

    def step(self) -> list[str]:
        """In step k."""
        lines = ["odd = k % 2 * DIM"] if self.wanted else []
        for row in self.wanted:
            even, odd, v, u = (self.entry(row + part) for part in ("", "_odd", "_v", "_u"))
            longer = f"{even} = {self.helper(noise.radius)}({v})"
            turned = f"{even}, {odd} = {self.helper(noise.turned)}({even}, {u})"
            # Three loops: in one, a vector's long chain of operations leaves the processor no room to begin the next.
            # Short ones, uniforms a pair ahead: so integers and floats, which have units of their own, overlap.
            lines += ["if k % 2 == 0:", "    for d in range(DIM):", f"        for first in range(0, LANES, {STRIP}):"]
            for text in (longer, turned, self.uniforms(row, "k // 2 + 1")):
                lines += [f"            for i in range(first, first + {STRIP}):", f"                {text}"]
        return lines
