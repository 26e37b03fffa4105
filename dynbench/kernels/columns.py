"""Trajectories into the lanes of a block and out of it.  Text of both drivers, as `pools`.

No assignment to a slice, for which Numba needs its run time in the case of an error; but loops over slices, in which
indices are plainly not negative and a whole vector can be moved at once.
"""

import math

from dynbench.kernels.shape import (
    AMP,
    BEST,
    COMMIT,
    DIVERGED,
    END_VALUE,
    EXIT,
    FLOATS,
    FLOW_CELLS,
    FLOW_DOOR,
    FLOW_FLOATS,
    GIVEN,
    GIVEN_ROW,
    GN,
    GONE,
    HOME,
    LABEL,
    LABELS,
    LAST,
    LR,
    MAYBE,
    MEMORY,
    OWN,
    PLACES,
    ROOM,
    SCALARS,
    SEPARATORS,
    SNAP,
    START,
    STATUS,
    STREAM,
    TABLES,
    TARGETS,
    VAL,
    WELLS,
)


def flood(array, first, last, value):
    """array[first:last] = value"""
    part = array[first:last]
    for i in range(part.size):
        part[i] = value


def copy(w, row, lanes, column, first, last):
    """A column's entries first, first + 1, ... into a row; beyond `last` its last one again."""
    here, there = w[row * lanes : (row + 1) * lanes], column[first : min(first + lanes, last)]
    for i in range(there.size):
        here[i] = there[i]
    flood(here, there.size, lanes, column[last - 1])


def surround(s, w, sphere):
    """Where x has diverged: below or above these."""
    for d in range(s.dim):
        flood(w, (s.low + d) * s.lanes, (s.low + d + 1) * s.lanes, sphere[0][d])
        flood(w, (s.high + d) * s.lanes, (s.high + d + 1) * s.lanes, sphere[1][d])


def settings(s, w, t, columns, first, last):
    """Where trajectories start, all that their steps depend on, and who is whose; the other scalars are 0."""
    lanes = s.lanes
    flood(w, 0, SCALARS * lanes, 0.0)
    for d in range(s.dim):
        copy(w, s.x + d, lanes, columns[0][d], first, last)
    for p in range(s.parameters):
        copy(w, s.p + p, lanes, columns[1][p], first, last)
    copy(w, LR, lanes, columns[2], first, last)
    copy(w, AMP, lanes, columns[3], first, last)
    copy(w, GN, lanes, columns[4], first, last)
    copy(t, STREAM, lanes, columns[5], first, last)
    own, amplitude, rate = (
        t[OWN * lanes : (OWN + 1) * lanes],
        w[AMP * lanes : (AMP + 1) * lanes],
        w[LR * lanes : (LR + 1) * lanes],
    )
    for i in range(lanes):
        own[i] = first + i if first + i < last else -1
        amplitude[i] = math.sqrt(2.0 * amplitude[i] * rate[i])


def furnish(s, w, t, levels, tables, sphere):
    """What is the same for all trajectories: behind the rows the tables, as `events` has it; the sphere."""
    separators, wells, floors, margins, centres, hessians, halves, flow = tables
    place = s.height * s.lanes
    for column in (levels, separators, floors, margins):
        for value in column:
            w[place] = value
            place += 1
    many = centres.shape[0]
    for j in range(many):
        for d in range(s.dim):
            w[place + j * s.dim + d] = centres[j, d]
            w[place + many * s.dim * (1 + s.dim) + j * s.dim + d] = halves[j, d]
            for e in range(s.dim):
                w[place + many * s.dim + (j * s.dim + d) * s.dim + e] = hessians[j, d, e]
    place += many * s.dim * (2 + s.dim)
    counts = (PLACES + s.dim) * s.lanes
    t[counts + FLOW_DOOR], t[counts + FLOW_FLOATS], t[counts + FLOW_CELLS] = flow[0], flow[1], flow[2]
    t[counts + ROOM], t[counts + GIVEN], t[counts + GIVEN_ROW] = place, flow[3], s.p
    t[counts + HOME] = flow[5]
    t[counts + TARGETS], t[counts + SEPARATORS], t[counts + WELLS] = levels.size, separators.size, wells.size
    t[counts + TABLES], t[counts + MEMORY], t[counts + FLOATS] = s.height * s.lanes, s.s, s.state
    t[counts + SNAP] = s.snap
    for j in range(wells.size):
        t[counts + LABELS + j] = wells[j]
    surround(s, w, sphere)
    for d in range(s.dim):
        flood(w, (s.small + d) * s.lanes, (s.small + d + 1) * s.lanes, sphere[2][d])
        flood(w, (s.flat + d) * s.lanes, (s.flat + d + 1) * s.lanes, sphere[3][d])


def load(s, w, t, columns, hits, first, last):
    """Puts trajectories first, first + 1, ... into the lanes; lanes beyond `last` repeat its last one."""
    lanes = s.lanes
    flood(t, 0, (PLACES + s.dim) * lanes, 0)
    for row in (EXIT, COMMIT, MAYBE, LAST):
        flood(t, row * lanes, (row + 1) * lanes, -1)
    flood(t, hits, t.size, -1)
    settings(s, w, t, columns, first, last)
    flood(w, BEST * lanes, (BEST + 1) * lanes, math.inf)
    copy(t, START, lanes, columns[6], first, last)
    copy(t, LABEL, lanes, columns[6], first, last)


def trace(s, w, t, first, k, paths):
    """Keeps x_k, and L(x_k) from VAL, of the trajectories whose whole path is wanted; nan once they have diverged."""
    for i in range(min(s.lanes, paths.shape[0] - first)):
        x, value = s.x, VAL
        if t[STATUS * s.lanes + i] == DIVERGED:
            if t[GONE * s.lanes + i] < k:  # or it is below -1, and this step's x has been kept already
                flood(paths[first + i, k], 0, s.dim + 1, math.nan)
                continue
            x, value = s.ended, END_VALUE
        for d in range(s.dim):
            paths[first + i, k, d] = w[(x + d) * s.lanes + i]
        paths[first + i, k, s.dim] = w[value * s.lanes + i]


def give_back(s, array, place, first, last, t, column):
    """A row, which begins at `place`, into a column."""
    here, own = array[place : place + s.lanes], t[OWN * s.lanes : (OWN + 1) * s.lanes]
    if first >= 0:
        there = column[first : min(first + s.lanes, last)]
        for i in range(there.size):
            there[i] = here[i]
        return
    for i in range(s.lanes):
        if own[i] >= 0:
            column[own[i]] = here[i]


def unload(s, w, t, hits, first, last, outputs):
    """What the lanes ended with, into columns first, first + 1, ... up to `last`; first < 0: each into its OWN."""
    times, reached, ends = outputs
    for r in range(times.shape[0]):
        give_back(s, t, (EXIT + r) * s.lanes, first, last, t, times[r])
    for j in range(reached.shape[0]):
        give_back(s, t, hits + j * s.lanes, first, last, t, reached[j])
    for r in range(ends.shape[0]):
        give_back(s, w, (END_VALUE + r if r < 2 else s.ended + r - 2) * s.lanes, first, last, t, ends[r])
