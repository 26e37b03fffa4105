"""Whether two peers computed the same thing: to the bit, or alike in distribution and in a run too short for chaos.

Trajectories of a chaotic rule part after some hundred steps once a last bit differs, and libraries differ in their
random numbers: then shares of trajectories are compared, z = (p1 - p2) / sqrt(p (1 - p) (1/n1 + 1/n2)).
"""

import math
from collections.abc import Mapping

import numpy as np

from dynbench.batch import Floats

LIMIT = 4.5  # of |z|: 7e-6 of true agreements exceed it, for one share (two-sided, normal)
NEAR = 1e-6  # relative difference of x after the short run
ENDS = ("t_exit", "t_commit", "t_hit", "best", "value", "x")
Arrays = Mapping[str, np.ndarray]


def shares(ends: Arrays, reference: Arrays) -> dict[str, float]:
    """Share that left, committed, hit; and of those whose best and last L is below the reference's median."""
    found = {name: float((ends[name] >= 0).mean()) for name in ("t_exit", "t_commit", "t_hit")}
    for name in ("best", "value"):
        median = float(np.median(reference[name]))
        # a little above it, so that a cluster of values, equal but for rounding, is not cut
        found[name] = float((ends[name] <= median + 1e-6 * (1.0 + abs(median))).mean())
    return found


def z_score(p: float, q: float, n: int, m: int) -> float:
    """Of shares p of n and q of m; 0 where both are 0 or both 1."""
    pooled = (p * n + q * m) / (n + m)
    spread = math.sqrt(pooled * (1.0 - pooled) * (1.0 / n + 1.0 / m))
    return (p - q) / spread if spread > 0.0 else 0.0


def difference(x: Floats, y: Floats) -> float:
    """Largest relative difference; nan counts as infinite."""
    gap = float(np.max(np.abs(x - y) / (1.0 + np.abs(y)), initial=0.0))
    return math.inf if math.isnan(gap) else gap


def verdict(ends: Arrays, reference: Arrays, noisy: bool) -> str:
    """`to the bit`, `alike (...)` or `NO: ...`.  `reference` may hold more trajectories; the first are the same."""
    n, m = len(ends["t_exit"]), len(reference["t_exit"])
    if all(np.array_equal(ends[name], reference[name][..., :n]) for name in ENDS):
        return "to the bit"
    mine, theirs = shares(ends, reference), shares(reference, reference)
    scores = {name: z_score(mine[name], theirs[name], n, m) for name in mine}
    worst = max(scores, key=lambda name: abs(scores[name]))
    short = ends["short"]
    apart = difference(short, reference["short"][:, : short.shape[1]])
    wrong = [f"share of {worst} {mine[worst]:.4f} for {theirs[worst]:.4f}, z = {scores[worst]:.1f}"]
    wrong = wrong if abs(scores[worst]) > LIMIT else []
    if not noisy and apart > NEAR:
        wrong.append(f"x differs by {apart:.0e} after the short run")
    if wrong:
        return "NO: " + ", ".join(wrong)
    return f"alike (|z| <= {abs(scores[worst]):.1f}" + (")" if noisy else f"; {apart:.0e} after 10 steps)")
