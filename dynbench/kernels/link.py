"""From a loss, a rule and a variant to a function that runs trajectories: texts, their machine code, its doors.

A kernel is three modules: a small one for the pair of loss and rule, one for the layout of its blocks, and a common
driver, which calls the two others through pointers and is therefore compiled once for all.
"""

from collections.abc import Callable
from functools import cache
from threading import Lock

from dynbench.dynamics.base import Dynamics
from dynbench.kernels import scratch
from dynbench.kernels.compile import translate
from dynbench.kernels.native import kept, loaded, write
from dynbench.kernels.packed import PASSAGE, WHOLE, Entrance, entrance, prepared
from dynbench.kernels.shape import Shape
from dynbench.kernels.step import Variant
from dynbench.kernels.texts import driver_source, lanes_source, pair_source, passage_source
from dynbench.losses.base import Loss

LINKING = Lock()  # one thread at a time
Sliced = Callable[[tuple[int, int]], int]  # rows -> see `run` of the driver


def sources(loss: Loss, dynamics: Dynamics, variant: Variant) -> tuple[str, str, str]:
    """The texts of the three modules that make a kernel."""
    text, places = pair_source(loss, dynamics, variant)
    return text, lanes_source(places), driver_source()


def address(text: str) -> int:
    """Where the door of a module is, compiled now if need be."""
    with LINKING:
        return placed(text)


@cache
def placed(text: str) -> int:
    write(text)
    return loaded(kept(text) or translate(text))


@cache
def driver(text: str) -> Entrance:
    return entrance(address(text))


@cache
def link(loss: Loss, dynamics: Dynamics, variant: Variant = Variant()) -> Callable[..., Sliced]:  # noqa: B008 (frozen)
    """The compiled kernel of a loss of fixed dimension, a rule and a variant: from the arguments of trajectory.run,
    `columns` to `stop`, to a function of the rows."""
    text, places = pair_source(loss, dynamics, variant)
    doors = address(text), address(lanes_source(places))
    compiled = driver(driver_source())

    def kernel(columns, steps, seed, levels, tables, sphere, outputs, paths, early, stop):
        given = columns, steps, seed, levels, tables, sphere, outputs, paths, early, stop
        room = scratch.whole(places, steps, bool(early) and not places.noisy, levels, tables)
        return prepared(compiled, WHOLE, (places, doors, *given), room)

    return kernel


@cache
def link_passage(loss: Loss, dynamics: Dynamics, variant: Variant) -> tuple[Callable[..., Sliced], Shape]:
    """The compiled kernel of first passages, as `link`'s but with the arguments of passage.run; and its shape."""
    text, places = pair_source(loss, dynamics, variant)
    doors, compiled = (address(text),), driver(passage_source())

    def kernel(columns, limits, seed, sphere, outputs, stop):
        room = scratch.passages(places, int(limits[4].max(initial=0)))
        return prepared(compiled, PASSAGE, (places, doors, columns, limits, seed, sphere, outputs, stop), room)

    return kernel, places
