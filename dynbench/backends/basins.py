"""The basins of gradient flow of a loss that is not separable, and the labels of points by them.

In two dimensions, where the loss lists its saddles, by a table over the domain.  The boundaries of the basins are the
stable manifolds of the saddles, traced uphill from each to a maximum or out of the table.  A cell is certain if no
boundary enters it, with a margin; it has the label of the connected set of such cells that it belongs to, which the
flow from one of them tells.  A doubtful cell has smaller parts, certain or doubtful in the same way.  What the table
does not know the flow settles, point by point, and in other dimensions all.

The table is complete only if the flow enters its box along the whole edge: then nothing but the saddles inside cuts
basins off, and minima - saddles + maxima = 1, the winding number of grad L.  Where the domain is no such box, a larger
one about the same centre is taken; where there is none, or the list falls short, there is no table.
"""

import ctypes
from dataclasses import dataclass, replace
from functools import lru_cache
from math import inf, isfinite

import numpy as np
from numpy.typing import NDArray

from dynbench.batch import Floats, Integers
from dynbench.kernels import dop853, flows, shape
from dynbench.losses.base import Loss, Minimum

SIDE = 512  # cells of the table along a side
PARTS = 16  # of a doubtful cell along a side
ACCURACY = 1e-11  # of a step of the flow, times the domain's half-widths
NEAR = 1e-3  # times the domain's smallest half-width: so close to a minimum, a point belongs to it, at least
BOXES = (1.0, 1.25, 1.5, 2.0, 3.0, 4.0)  # the table's box, in domains
EDGE = 1024  # points of a side of the box at which the flow must enter it
LONGEST = 1_000_000  # points of a boundary, at most
ROUND = 3  # parts of a cell about a saddle or a maximum that are doubtful
NUDGE = 1e-6  # times the half-widths: from a saddle to where its stable manifold's trace begins
SAMPLE = 48  # points along a side at which the finished table is held against the flow
DOOR = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p, *[ctypes.c_int64] * 4)
Words = NDArray[np.int32]


@dataclass(frozen=True)
class Basins:
    """The basins of a loss of fixed dimension, for one choice of its parameters."""

    dim: int
    parameters: tuple[float, ...]
    door: int  # address of the compiled flow
    floats: Floats  # what the flow reads: see `kernels.flows`
    table: Words  # cells, then the parts of the doubtful ones; empty: there is no table

    @property
    def exact(self) -> bool:
        """Whether all boundaries are known, so that the table is complete."""
        return self.table.size > 0

    @property
    def numbers(self) -> Integers:
        """What a kernel must know: the addresses of the door, the floats and the table (0: none); how many parameters
        the loss has; the room of a flow; and 0, where `tables.home` of products of intervals stands."""
        table = self.table.ctypes.data if self.exact else 0
        fixed = len(self.parameters), self.places["ROOM"]
        return np.array([self.door, self.floats.ctypes.data, table, *fixed, 0], np.int64)

    @property
    def places(self) -> dict[str, int]:
        """Where things stand in the room of a point's flow."""
        return flows.places(self.dim, len(self.parameters))

    def labels(self, x: Floats) -> Integers:
        """Label of the basin that holds each column of x (dim, n): (n,) int64; -1: not known, see `flow.flow`."""
        found = np.full(x.shape[1], -1, np.int64)
        self.call(shape.MANY, self.work(x), found, x.shape[1])
        return found

    def slopes(self, x: Floats) -> Floats:
        """grad L at each column of x (dim, n)."""
        work = self.work(x)
        self.call(shape.SLOPES, work, np.zeros(1, np.int64), x.shape[1])
        return work[self.places["ROOM"] :].reshape(x.shape[::-1]).T

    def trace(self, x: Floats) -> Floats | None:
        """Points (2, m) of the way uphill from x (2,), out of the table or to a stop; None where it ends nowhere."""
        work = np.concatenate([self.work(x[:, None]), np.empty(2 * LONGEST)])
        work[:2] = x
        count = self.call(shape.TRACE, work, np.zeros(1, np.int64), LONGEST)
        first = self.places["ROOM"]
        return work[first : first + 2 * count].reshape(count, 2).T.copy() if count >= 0 else None

    def work(self, x: Floats) -> Floats:
        """The room of a flow, with the parameters in it, and the points behind it."""
        room = np.zeros(self.places["ROOM"])
        room[self.places["P"] : self.places["P"] + len(self.parameters)] = self.parameters
        return np.concatenate([room, np.asarray(x, float).T.ravel()])

    def call(self, function: int, work: Floats, t: Integers, count: int) -> int:
        """One of the functions behind the door, which holds no lock."""
        _, known, table, *_ = (int(a) for a in self.numbers)
        return int(DOOR(self.door)(work.ctypes.data, t.ctypes.data, count, known, table, function))


def basins(loss: Loss, parameters: tuple[float, ...] | None = None) -> Basins:
    """The basins of a loss with minima, not separable, of fixed dimension; for its default parameters where none are
    given.  Made once in a process."""
    return of(loss, tuple(loss.parameters.values()) if parameters is None else parameters)


def may_be_exact(loss: Loss) -> bool:
    """Whether the numbers of minima, saddles and maxima fit, so that there is a table unless something is amiss."""
    return loss.dim == 2 and len(loss.minima) - len(loss.saddles) + len(loss.maxima) == 1


def exact_labels(loss: Loss) -> bool:
    """Whether exits are known to the step: the loss's basins are products of intervals, or a table has all of their
    boundaries, or there are none."""
    return loss.tensor or no_way_out(loss) or basins(loss).exact


def no_way_out(loss: Loss) -> bool:
    """Whether there are no boundaries: one minimum at most, with an infinite barrier."""
    return len(loss.minima) < 2 and all(m.barrier == inf for m in loss.minima)


@lru_cache(maxsize=16)
def of(loss: Loss, parameters: tuple[float, ...]) -> Basins:
    assert loss.dim is not None
    bare = Basins(loss.dim, parameters, flows.link_flow(loss), numbers(loss), np.zeros(0, np.int32))
    if may_be_exact(loss):
        return with_table(bare, loss)
    return bare


def numbers(loss: Loss) -> Floats:
    """The shared floats of a flow, as yet without a table."""
    assert loss.dim is not None
    box = np.array(loss.box(loss.dim))
    half = np.diff(box)[:, 0] / 2.0
    steepest = max((c for m in loss.minima for c in m.curvatures if 0.0 < c < inf), default=1.0)
    rate = loss.quench_lr or 1.0 / steepest
    head = np.zeros(flows.FIRST)
    head[[flows.TOLERANCE, flows.RATE, flows.MINIMA]] = ACCURACY, rate, len(loss.minima)
    squares = [[*row, *[0.0] * (dop853.STAGES - len(row))] for row in dop853.A]
    head[flows.COEFFICIENTS :] = np.concatenate([*squares, dop853.B, dop853.E5, dop853.E3])
    wells = [[*m.x, radius(m, loss, half) ** 2, ceiling(m), m.value] for m in loss.minima]
    return np.concatenate([head, box.mean(axis=1), half, *wells])


def ceiling(minimum: Minimum) -> float:
    """Below it no way leads out of the minimum's basin: its lowest pass, less rounding; the lowest float where that is
    not known, as every loss with several minima has one."""
    if not isfinite(minimum.barrier):
        return -shape.LARGEST
    return minimum.value + minimum.barrier * (1.0 - 1e-9) - 1e-14 * abs(minimum.value)


def radius(minimum: Minimum, loss: Loss, half: Floats) -> float:
    """Of a ball about the minimum, all of which lies in its basin: there L - L(m) <= |x - m|²/(2 quench_lr), quench_lr
    being below 1/curvature, and what lies below the lowest pass out cannot leave.  Half of what that gives."""
    if isfinite(minimum.barrier) and loss.quench_lr > 0.0:
        return 0.5 * float(np.sqrt(2.0 * minimum.barrier * loss.quench_lr))
    return NEAR * float(half.min())


def with_table(bare: Basins, loss: Loss) -> Basins:
    """The same with a table; without, where the saddles listed do not account for all boundaries."""
    box = closed_box(bare, loss)
    if box is None:
        return bare
    floats = framed(bare.floats, loss, box)
    framing = replace(bare, floats=floats)
    doubtful = marked(framing, loss)
    if doubtful is None:
        return bare
    table = labelled(framing, doubtful)
    if table is None:
        return bare
    found = replace(framing, table=table)
    u = (np.arange(SAMPLE) + 0.5) / SAMPLE
    x = np.array([box[d, 0] + np.diff(box)[d] * side.ravel() for d, side in enumerate(np.meshgrid(u, u))])
    return found if (found.labels(x) == framing.labels(x)).all() else bare


def closed_box(bare: Basins, loss: Loss) -> Floats | None:
    """The smallest of BOXES that holds all points listed and that the flow enters along its whole edge."""
    domain = np.array(loss.box(2))
    points = np.array([*(m.x for m in loss.minima), *loss.saddles, *loss.maxima])
    u = np.linspace(0.0, 1.0, EDGE)
    for times in BOXES:
        box = domain.mean(axis=1, keepdims=True) + times * np.diff(domain) * np.array([-0.5, 0.5])
        if not ((points > box[:, 0]) & (points < box[:, 1])).all():
            continue
        outward = []
        for d in (0, 1):
            for end in (0, 1):
                edge = box[:, :1] + np.diff(box) * u
                edge[d] = box[d, end]
                outward.append((2 * end - 1) * bare.slopes(edge)[d])
        if (np.array(outward) > 0.0).all():
            return box
    return None


def framed(floats: Floats, loss: Loss, box: Floats) -> Floats:
    """The shared floats with the table's frame, and what stops a trace: maxima, and other saddles that it hits."""
    width = np.diff(box)[:, 0] / (SIDE * PARTS)
    known = floats.copy()
    known[[flows.CELLS, flows.PARTS, flows.STOPS]] = SIDE, PARTS, len(loss.maxima) + len(loss.saddles)
    known[flows.CORNER : flows.CORNER + 2], known[flows.WIDTH : flows.WIDTH + 2] = box[:, 0], width
    known[flows.SPACING] = width.min() / 4.0
    tops = [[*x, (1.5 * width.min()) ** 2] for x in loss.maxima]
    passes = [[*x, (NUDGE * 1e-3 * np.diff(box).min()) ** 2] for x in loss.saddles]
    return np.concatenate([known, *tops, *passes])


def boundaries(framing: Basins, loss: Loss) -> Floats | None:
    """Points (2, n) of the basins' boundaries within the table, a quarter of a part apart or less; None where a trace
    ends nowhere."""
    half = framing.floats[flows.FIRST + 2 : flows.FIRST + 4]
    traces = [np.empty((2, 0))]
    for saddle in loss.saddles:
        x = np.array(saddle)
        uphill = stable_direction(framing, x, half)
        for sign in (-1.0, 1.0):
            found = framing.trace(x + sign * NUDGE * half.min() * uphill)
            if found is None:
                return None
            traces += [x[:, None], found]
    return np.concatenate(traces, axis=1)


def distances(loss: Loss) -> Floats:
    """From each minimum to the nearest point of its basin's boundary: as declared; where it is not, by the boundaries'
    traces, to 1e-6 of the domain or so; nan where these are not known."""
    given = np.array([m.distance for m in loss.minima])
    if np.isfinite(given).all() or loss.tensor or not basins(loss).exact:
        return np.where(np.isfinite(given), given, np.nan)
    points = boundaries(basins(loss), loss)
    assert points is not None
    away = [np.linalg.norm(points - np.array(m.x)[:, None], axis=0).min(initial=np.inf) for m in loss.minima]
    return np.where(np.isfinite(given), given, away)


def marked(framing: Basins, loss: Loss) -> Integers | None:
    """The parts of cells (2, n) that a boundary enters or nearly does; None where a trace ends nowhere."""
    known = framing.floats
    corner, width = known[flows.CORNER : flows.CORNER + 2], known[flows.WIDTH : flows.WIDTH + 2]
    points = boundaries(framing, loss)
    if points is None:
        return None
    # so that the squares about them cover the curve with a margin
    corners = [points + np.array([[a], [b]]) * width[:, None] / 4.0 for a in (-1, 1) for b in (-1, 1)]
    parts = [np.floor((p - corner[:, None]) / width[:, None]).astype(np.int64) for p in corners]
    ring = np.arange(-ROUND, ROUND + 1)
    for point in (*loss.saddles, *loss.maxima):
        place = np.floor((np.array(point) - corner) / width).astype(np.int64)
        parts.append(place[:, None] + np.array([a.ravel() for a in np.meshgrid(ring, ring)]))
    found = np.concatenate(parts, axis=1)
    inside = ((found >= 0) & (found < SIDE * PARTS)).all(axis=0)
    return np.array(np.divmod(np.unique(found[0, inside] * (SIDE * PARTS) + found[1, inside]), SIDE * PARTS))


def stable_direction(basins: Basins, x: Floats, half: Floats) -> Floats:
    """The unit vector along which the flow runs into the saddle x: the Hessian's, by differences."""
    step = 1e-5 * half.min()
    ahead = basins.slopes(x[:, None] + step * np.eye(2)) - basins.slopes(x[:, None] - step * np.eye(2))
    return np.asarray(np.linalg.eigh((ahead + ahead.T) / (4.0 * step))[1][:, 1])


def labelled(framing: Basins, doubtful: Integers) -> Words | None:
    """The table of `flow.certain`; None where some connected set of cells leads to no minimum."""
    from scipy import ndimage  # it takes a tenth of a second to be imported, and only such losses need it

    known = framing.floats
    corner, width = known[flows.CORNER : flows.CORNER + 2, None], known[flows.WIDTH : flows.WIDTH + 2, None]
    blocks, block = np.unique(doubtful[0] // PARTS * SIDE + doubtful[1] // PARTS, return_inverse=True)
    certain = np.ones((SIDE, SIDE), bool)
    certain.ravel()[blocks] = False
    away = ndimage.distance_transform_cdt(np.pad(certain, 1), "chessboard")[1:-1, 1:-1] - 1
    away = np.minimum(away, 2**flows.DISTANCE_BITS - 1)
    sets, count = ndimage.label(certain)
    places = ndimage.maximum_position(away, sets, np.arange(1, count + 1))
    middles = np.array(places).reshape(-1, 2).T
    found = framing.labels(corner + (middles + 0.5) * (PARTS * width))
    if (found < 0).any():
        return None
    cells = np.where(certain, (np.append(0, found)[sets] << flows.DISTANCE_BITS) + away, 0)
    cells.ravel()[blocks] = -1 - np.arange(len(blocks))

    clear = np.ones((len(blocks), PARTS, PARTS), bool)
    clear[block, doubtful[0] % PARTS, doubtful[1] % PARTS] = False
    within = np.zeros((3, 3, 3), bool)
    within[1] = ndimage.generate_binary_structure(2, 1)
    sets, count = ndimage.label(clear, within)
    _, first = np.unique(sets.ravel(), return_index=True)
    first = first[-count:] if count else first[:0]
    one, row, column = np.unravel_index(first, clear.shape)
    middles = np.array([blocks[one] // SIDE * PARTS + row, blocks[one] % SIDE * PARTS + column])
    parts = np.append(-1, framing.labels(corner + (middles + 0.5) * width))[sets]
    return np.concatenate([cells.ravel(), parts.ravel()]).astype(np.int32)
