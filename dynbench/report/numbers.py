"""How a difference and a p-value are written."""

from dynbench.outcomes.outward import between

SMALLEST = 1e-12  # p-values below it are written so


def difference(value: float, lo: float, hi: float) -> str:
    """+0.120 [+0.100, +0.141]."""
    return f"{value:+.3f} {between(lo, hi, '+.3f')}"


def p_value(p: float) -> str:
    """Two digits; a dash where nothing was tested."""
    if p != p:
        return "–"
    return f"< {SMALLEST:g}" if p < SMALLEST else f"{p:.2g}".replace("e-0", "e-")
