"""Time of one value of an elementary function and of one normal, in a loop over lanes, as a kernel calls them."""

import functools
import math

import numpy as np

from .common import least, offered

LANES = 64
ROWS = 1000
REPEATS = 20
HEAD = """
@njit(error_model='numpy')
def run(x, y, seed):
    for r in range(x.shape[0]):
        for i in range(64):
"""
VALUE = "            y[r, i] = {called}(x[r, i])\n"
NORMALS = "            a, b = {called}(r, 0, i, seed)\n            y[r, i] = a\n            y[r, 64 + i] = b\n"


@functools.cache
def loop(module, name, body):
    """A call of a plain function for every number of an array, compiled as the linker does it; run once."""
    function = offered(module, name)
    try:
        helpers = offered("dynbench.kernels.texts", "Helpers")()
    except NotImplementedError:  # a commit in which texts and linker were one file
        helpers = offered("dynbench.kernels.link", "Helpers")()

    import numba

    called = helpers(function)
    names = {"np": np, "math": math, "njit": numba.njit}
    for text in [*helpers.texts.values(), HEAD + body.format(called=called)]:
        exec(text, names)
    x = np.random.default_rng(0).uniform(0.1, 5.0, (ROWS, LANES))
    y = np.empty((ROWS, 2 * LANES))
    names["run"](x, y, 7)
    return names["run"], x, y


class Elementary:
    """64 000 values."""

    params = ("exp", "log", "sin", "cos", "tanh")
    param_names = ("function",)
    version = "2"

    def setup(self, name):
        self.run, self.x, self.y = loop("dynbench.kernels.elementary", name, VALUE)

    def track_ns_per_value(self, _):
        return round(least(lambda: self.run(self.x, self.y, 7), REPEATS) / self.x.size, 4)

    track_ns_per_value.unit = "ns/value"


class Noise:
    """64 000 pairs of normals: counters, Philox, Box and Muller."""

    version = "1"

    def setup(self):
        self.run, self.x, self.y = loop("dynbench.kernels.noise", "normals", NORMALS)

    def track_ns_per_normal(self):
        return round(least(lambda: self.run(self.x, self.y, 7), REPEATS) / self.y.size, 4)

    track_ns_per_normal.unit = "ns/normal"
