"""The gradient flow dx/dt = -grad L of one point, and the basin that it leads to.

Text of a loss's module of its own (see `flows`): real Python over the constants there.  A point's x stands from
`w[x]` on, what its flow needs behind it; `f` is the address of the shared floats, `cells` that of the table of
labels (see `backends.basins`), 0 where there is none.  A label of -1 is one that is not known.
"""

import math
from typing import Any

from dynbench.kernels.dop853 import STAGES
from dynbench.kernels.flows import (
    CELLS,
    COEFFICIENTS,
    CORNER,
    DISTANCE_BITS,
    ERRORS,
    FIRST,
    LONGEST,
    MINIMA,
    PARTS,
    RATE,
    SPACING,
    STILL,
    STOPS,
    TOLERANCE,
    WELL,
    WIDTH,
)
from dynbench.kernels.pointer import floats, words

DIM = P = NEW = LO = HI = COUNT = K = ROOM = 0  # `flows` puts in a loss's numbers
BEYOND = 0.0
slope: Any = None  # slope(w, x, g, p), written from the loss's text


def field(w, x, k, p, uphill):
    """From w[k] on: -grad L, or uphill grad L / |grad L|; returns L."""
    value = slope(w, x, k, p)
    factor = -1.0
    if uphill:
        square = 0.0
        for d in range(DIM):
            square += w[k + d] * w[k + d]
        factor = 1.0 / math.sqrt(square) if square > 0.0 else 0.0
    for d in range(DIM):
        w[k + d] *= factor
    return value


def attempt(w, x, h, f, uphill):
    """One step of DOP853 from x, whose field is the first stage, to NEW; its error, 1 being what is allowed."""
    known, new, k = floats(f), x + NEW, x + K
    for s in range(1, STAGES):
        for d in range(DIM):
            total = 0.0
            for j in range(s):
                total += known[COEFFICIENTS + s * STAGES + j] * w[k + j * DIM + d]
            w[new + d] = w[x + d] + h * total
        field(w, new, k + s * DIM, x + P, uphill)
    five = three = 0.0
    for d in range(DIM):
        total = fifth = third = 0.0
        for j in range(STAGES):
            slope_j = w[k + j * DIM + d]
            total += known[COEFFICIENTS + STAGES * STAGES + j] * slope_j
            fifth += known[ERRORS + j] * slope_j
            third += known[ERRORS + STAGES + j] * slope_j
        w[new + d] = w[x + d] + h * total
        scale = known[TOLERANCE] * (known[FIRST + DIM + d] + abs(w[x + d] - known[FIRST + d]))
        five += fifth / scale * (fifth / scale)
        three += third / scale * (third / scale)
    if five == 0.0 and three == 0.0:
        return 0.0
    both = (five + 0.01 * three) * DIM
    if not both < math.inf:  # far too long a step: the quotient below would be 0
        return math.inf
    return abs(h) * five / math.sqrt(both)


def stretch(error, most):
    """By how much the next step may be longer, where one of order 8 had this error."""
    if not error < math.inf:
        return 0.1
    root = math.sqrt(math.sqrt(math.sqrt(error)))
    return max(0.1, 0.9 / root) if root * most > 0.9 else most


def near(w, x, places, count, more):
    """The first of `count` points, from `places` on and (DIM + more) floats each, whose ball holds x; -1: none."""
    for m in range(count):
        square = 0.0
        for d in range(DIM):
            away = w[x + d] - places[m * (DIM + more) + d]
            square += away * away
        if square <= places[m * (DIM + more) + DIM]:
            return m
    return -1


def certain(w, x, f, cells):
    """The label of the table's cell that holds x, with walls in LO, HI that no boundary enters; -1: doubtful."""
    known, table = floats(f), words(cells)
    side, parts = int(known[CELLS]), int(known[PARTS])
    place = part = 0
    least = 0
    for d in range(2):
        u = (w[x + d] - known[CORNER + d]) / (known[WIDTH + d] * parts)
        if not (u >= 0.0 and u < side):
            return -1
        place = place * side + int(u)
        part = part * parts + min(int((u - int(u)) * parts), parts - 1)
    code = table[place]
    if code < 0:
        code = table[side * side + (-1 - code) * parts * parts + part]
        for d in range(2):
            w[x + LO + d] = w[x + HI + d] = w[x + d]
        return code
    least = code & ((1 << DISTANCE_BITS) - 1)
    for d in range(2):
        row = place // side if d == 0 else place % side
        w[x + LO + d] = known[CORNER + d] + (row - least) * (known[WIDTH + d] * parts)
        w[x + HI + d] = known[CORNER + d] + (row + least + 1) * (known[WIDTH + d] * parts)
    return code >> DISTANCE_BITS


def flow(w, x, f, cells):
    """The label of the minimum that the flow from x leads to, x being moved along; -1 from a critical point, or where
    it leads beyond every radius or nowhere within LONGEST steps."""
    known, new, k = floats(f), x + NEW, x + K
    w[x + COUNT] = 1.0
    wells, count = floats(f + 8 * (FIRST + 2 * DIM)), int(known[MINIMA])
    label = near(w, x, wells, count, WELL)
    if label >= 0:
        return label
    field(w, x, k, x + P, 0)
    speed = 0.0
    for d in range(DIM):
        speed = max(speed, abs(w[k + d]) / known[FIRST + DIM + d])
    if not (speed * known[RATE] > STILL and speed < math.inf):
        return -1
    h, still = 1e-3 / speed, 0
    for _ in range(LONGEST):
        error = attempt(w, x, h, f, 0)
        w[x + COUNT] += STAGES
        if not error <= 1.0:
            h *= stretch(error, 0.9)
            if h == 0.0:
                return -1
            continue
        far = same = True
        for d in range(DIM):
            same &= w[new + d] == w[x + d]
            w[x + d] = w[new + d]
            far &= abs(w[x + d] - known[FIRST + d]) <= BEYOND * known[FIRST + DIM + d]
        still = still + 1 if same else 0
        if not far or still > 60:
            return -1
        label = near(w, x, wells, count, WELL)
        if label < 0 and cells != 0:
            label = certain(w, x, f, cells)
        if label >= 0:
            return label
        field(w, x, k, x + P, 0)
        h *= stretch(error, 10.0)
    return -1


def look(w, t, x, f, cells, seed):
    """The label of x, with walls in LO, HI within which it is the same; x is moved where the table does not know it."""
    label = certain(w, x, f, cells) if cells != 0 else -1
    if label >= 0:
        return label
    for d in range(DIM):
        w[x + LO + d] = w[x + HI + d] = w[x + d]
    return flow(w, x, f, cells)


def domain(w, t, x, f, label, seed):
    """The domain into LO, HI; in place of x[0] the height below which no way leads out of the label's basin."""
    known = floats(f)
    for d in range(DIM):
        w[x + LO + d] = known[FIRST + d] - known[FIRST + DIM + d]
        w[x + HI + d] = known[FIRST + d] + known[FIRST + DIM + d]
    w[x] = known[FIRST + 2 * DIM + label * (DIM + WELL) + DIM + 1]
    return 0


def many(w, t, count, f, cells, seed):
    """Labels in `t` of points that stand behind the room: (count, DIM)."""
    for n in range(count):
        for d in range(DIM):
            w[d] = w[ROOM + n * DIM + d]
        t[n] = look(w, t, 0, f, cells, seed)
    return 0


def slopes(w, t, count, f, cells, seed):
    """Each of `count` points behind the room becomes the gradient there."""
    for n in range(count):
        for d in range(DIM):
            w[NEW + d] = w[ROOM + n * DIM + d]
        slope(w, NEW, ROOM + n * DIM, P)
    return 0


def trace(w, t, most, f, cells, seed):
    """Behind the room: points, SPACING apart or less, of the way uphill from the x in front, up to the first outside
    the table or in the ball of a stop; how many, -1 where none is reached within `most`."""
    known = floats(f)
    side = known[CELLS] * known[PARTS]
    stops = floats(f + 8 * (FIRST + 2 * DIM + int(known[MINIMA]) * (DIM + WELL)))
    h, n = 1e-3 * known[SPACING], 0
    field(w, 0, K, P, 1)
    for _ in range(4 * most):
        error = attempt(w, 0, h, f, 1)
        if not error <= 1.0:
            h *= stretch(error, 0.9)
            continue
        outside = False
        for d in range(DIM):
            w[d] = w[ROOM + n * DIM + d] = w[NEW + d]
            u = (w[d] - known[CORNER + d]) / known[WIDTH + d]
            outside |= not (u >= 0.0 and u < side)
        n += 1
        if outside or near(w, 0, stops, int(known[STOPS]), 1) >= 0:
            return n
        if n == most:
            return -1
        field(w, 0, K, P, 1)
        h = min(h * stretch(error, 5.0), known[SPACING])
    return -1
