"""From a loss, a rule and a variant to a function that runs trajectories: texts, their machine code, its doors.

A kernel is three modules: a small one for the pair of loss and rule, one for the layout of its blocks, and a common
driver, which calls the two others through pointers and is therefore compiled once for all.
"""

from collections.abc import Callable
from functools import cache

from dynbench.dynamics.base import Dynamics
from dynbench.kernels import scratch
from dynbench.kernels.compile import translate
from dynbench.kernels.native import kept, loaded, write
from dynbench.kernels.packed import PASSAGE, WHOLE, Entrance, enter, entrance
from dynbench.kernels.shape import Shape
from dynbench.kernels.step import Variant
from dynbench.kernels.texts import driver_source, lanes_source, pair_source, passage_source
from dynbench.losses.base import Loss


def sources(loss: Loss, dynamics: Dynamics, variant: Variant) -> tuple[str, str, str]:
    """The texts of the three modules that make a kernel."""
    text, places = pair_source(loss, dynamics, variant)
    return text, lanes_source(places), driver_source()


@cache
def address(text: str) -> int:
    """Where the door of a module is, compiled now if need be."""
    path = write(text)
    code = kept(path)
    if code is None:
        translate(path)
        code = kept(path)
    assert code is not None
    return loaded(code)


@cache
def driver(text: str) -> Entrance:
    return entrance(address(text))


@cache
def link(loss: Loss, dynamics: Dynamics, variant: Variant = Variant()) -> Callable[..., int]:  # noqa: B008 (frozen)
    """The compiled kernel of a loss of fixed dimension, a rule and a variant: trajectory.run, `columns` to `stop`."""
    text, places = pair_source(loss, dynamics, variant)
    doors = address(text), address(lanes_source(places))
    compiled = driver(driver_source())

    def run(columns, rows, steps, seed, levels, tables, sphere, outputs, paths, early, stop):
        room = scratch.whole(places, steps, bool(early) and not places.noisy, levels, tables)
        given = columns, rows, steps, seed, levels, tables, sphere, outputs, paths, early, stop
        return enter(compiled, WHOLE, places, doors, *given, *room)

    return run


@cache
def link_passage(loss: Loss, dynamics: Dynamics, variant: Variant) -> tuple[Callable[..., int], Shape]:
    """The compiled kernel of first passages, passage.run, `columns` to `stop`; and its shape."""
    text, places = pair_source(loss, dynamics, variant)
    doors, compiled = (address(text),), driver(passage_source())

    def run(columns, limits, rows, seed, sphere, outputs, stop):
        room = scratch.passages(places, int(limits[4][slice(*rows)].max(initial=0)))
        return enter(compiled, PASSAGE, places, doors, columns, limits, rows, seed, sphere, outputs, stop, *room)

    return run, places
