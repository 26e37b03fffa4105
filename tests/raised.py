"""The quartic's false well without its surroundings: L = 6x² + L*, to which the Boole-Cauchy theorem applies."""

from dynbench.losses.base import Loss


def raised(x, height=1.62275944663823189):
    return 6.0 * (x * x) + height


def raised_slope(x, height=1.62275944663823189):
    return 12.0 * x + 0.0 * height


RAISED = Loss("6x² + height", "the quartic's false well", ((-1e9, 1e9),), 1, (), raised, raised_slope, name="raised")
