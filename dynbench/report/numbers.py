"""How a probability, a difference and a p-value are written."""

import pandas as pd

from dynbench.outcomes.outward import between
from dynbench.sweep.table import probability

SMALLEST = 1e-12  # p-values below it are written so


def difference(value: float, lo: float, hi: float) -> str:
    """+0.120 [+0.100, +0.141]."""
    return f"{value:+.3f} {between(lo, hi, '+.3f')}"


def p_value(p: float) -> str:
    """Two digits; a dash where nothing was tested."""
    if p != p:
        return "–"
    return f"< {SMALLEST:g}" if p < SMALLEST else f"{p:.2g}".replace("e-0", "e-")


def interval(row: pd.Series, column: str) -> str:
    """0.910 [0.906, 0.914]; [0.62, 0.85] where it is only known to lie between bounds: as in the terminal."""
    return probability(*(row[column + end] for end in ("", "_lo", "_hi"))).replace("(nothing random)", "").strip()
