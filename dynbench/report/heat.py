"""P(escape) over two settings of one rule, and where the second of them makes a difference.

Each cell is compared with the one of its column that has the lowest value of the second setting (no noise, where that
is a noise with 0 among its values), pair by pair: same start, same noise.  The p-values of all cells are adjusted by
Benjamini and Hochberg's method, which the common partner of a column does not harm: it makes them depend positively.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from dynbench.batch import Floats
from dynbench.outcomes.cells import is_start
from dynbench.outcomes.compare import benjamini_hochberg, paired
from dynbench.report import arms
from dynbench.report.section import Section
from dynbench.report.style import Picture, blank, drawn, power
from dynbench.sweep.ties import leader

FEWEST = 6  # cells of a map
TICKS = 9
RATE = 0.05  # share of false ones among the cells that are marked, on average
MAP = "cividis"  # the same to colour-blind readers


@dataclass(frozen=True)
class Square:
    """Arms of one rule over two settings; the index of `table` is the arms' own."""

    table: pd.DataFrame
    x: str
    y: str
    fixed: str  # the settings that are held, in words


@dataclass(frozen=True)
class Tested:
    """(rows, columns) each, rows in rising order of y; nan where there is no such arm, or nothing to test."""

    p: Floats  # P(escape)
    difference: Floats  # to the first row
    adjusted: Floats  # p-values


def square(table: pd.DataFrame) -> Square | None:
    """The largest one among the arms; noise, if it varies, is the second setting, and what else varies is held low."""
    found = []
    for rule, rows in table.groupby("dynamics", sort=False, observed=True):
        varying = arms.varying(rows)
        if len(varying) < 2:
            continue
        y = next((c for c in arms.AXES[1:] if c in varying), varying[-1])
        x = max((c for c in varying if c != y), key=lambda c: rows[c].nunique())
        told = [str(rule)]
        for name in (c for c in varying if c not in (x, y)):
            told.append(f"{arms.word(name)} {arms.number(rows[name].min())}")
            rows = rows[rows[name] == rows[name].min()]
        if rows[x].nunique() > 1 and rows[y].nunique() > 1 and len(rows) >= FEWEST:
            found.append(Square(rows, x, y, ", ".join(told)))
    return max(found, key=lambda s: len(s.table), default=None)


def tested(given: Square, rows: pd.DataFrame) -> Tested:
    """Every cell against the first row of its column; `rows` are trajectories, their arm in the column `arm`."""
    table = given.table
    x, column = np.unique(table[given.x], return_inverse=True)
    y, row = np.unique(table[given.y], return_inverse=True)
    shape = (len(y), len(x))
    p, difference, value = (np.full(shape, np.nan) for _ in range(3))
    p[row, column] = table["p_escape"]
    starts = [c for c in rows.columns if is_start(c)]
    noises = [c for c in arms.AXES[1:] if c in rows.columns]
    frame = rows.assign(escaped=rows["t_exit"] >= 0)[[*starts, *noises, "seed", "arm", "escaped"]]
    for k in range(len(x)):
        places = {arm: int(r) for arm, r, c in zip(table.index, row, column, strict=True) if c == k}
        own = frame[frame["arm"].isin(places.keys())]
        own = own.assign(row=own["arm"].map(places))
        base = own[own["row"] == 0]
        quiet = not (base[noises] > 0).any(axis=None)  # then it is the partner of every seed
        key = starts if quiet else [*starts, "seed"]
        pairs = own[own["row"] > 0].merge(base[[*key, "escaped"]], on=key, suffixes=("", " lowest"))
        result = paired(pairs["escaped"], pairs["escaped lowest"], pairs["row"].to_numpy(np.int64), len(y))
        noisy = own.groupby("row")[noises].max().max(axis=1).reindex(range(len(y)), fill_value=0.0).to_numpy() > 0
        random = (result.n > 1) | (noisy & (result.n > 0))
        difference[:, k] = np.where(result.n > 0, result.difference, np.nan)
        value[:, k] = np.where(random, result.p_value, np.nan)
    return Tested(p, difference, benjamini_hochberg(value))


def sections(given: Square, rows: pd.DataFrame) -> list[Section]:
    """The section: what was tested, in words, and the map."""
    found = tested(given, rows)
    x, y = arms.word(given.x), arms.word(given.y)
    lowest = arms.number(float(given.table[given.y].min()))
    count = int((~np.isnan(found.adjusted)).sum())
    marked = found.adjusted <= RATE
    if count:
        text = (
            f"Each cell is held against the cell of its column with the lowest {y}, {lowest}: the same starts, the "
            f"same noise, pair by pair (exact McNemar test). {int(marked.sum())} of {count} differ at a false "
            f"discovery rate of {RATE:g} (Benjamini-Hochberg): {int((marked & (found.difference > 0)).sum())} escape "
            f"more often, {int((marked & (found.difference < 0)).sum())} less often. What is said holds for these "
            f"starts, and without noise it is as if they had been drawn at random."
        )
    else:
        text = "Nothing is random here: no noise and a single start. So no cell is tested."
    return [Section(f"P(escape) over {x} and {y}", [text], pictures=[heat_map(given, found)])]


@drawn
def heat_map(given: Square, found: Tested) -> Picture:
    """The map; triangles mark what differs from the lowest row."""
    x, y = (np.unique(given.table[c]) for c in (given.x, given.y))
    height = 2.9 + min(0.16 * len(y), 2.6)
    lowest = f"{arms.word(given.y)} {arms.number(float(y[0]))}"
    figure = blank(height, f"P(escape): {given.fixed}", f"starts in false minima; triangles: differs from {lowest}")
    bottom = 0.84 / height
    axes = figure.add_axes((0.105, bottom, 0.77, 1 - 0.66 / height - bottom))
    top = max(0.1, np.ceil(10.0 * np.nanmax(found.p)) / 10.0)
    image = axes.imshow(found.p, cmap=MAP, vmin=0.0, vmax=top, aspect="auto", origin="lower", interpolation="nearest")
    scale = figure.colorbar(image, cax=figure.add_axes((0.895, bottom, 0.02, 1 - 0.66 / height - bottom)))
    scale.outline.set_visible(False)
    ticks(axes, "x", x)
    ticks(axes, "y", y)
    axes.set(xlabel=f"{arms.word(given.x)}, one column each", ylabel=f"{arms.word(given.y)}, one row each")
    axes.spines[:].set_visible(False)
    size = max(2.5, min(7.0, 160.0 / max(len(x), 2 * len(y))))
    for sign, marker, told in ((1, "^", "more often"), (-1, "v", "less often")):
        row, column = np.nonzero((found.adjusted <= RATE) & (sign * found.difference > 0))
        axes.plot(column, row, marker, color="#FFFFFF", markersize=size, markeredgecolor="#000000",
                  markeredgewidth=0.7, linestyle="none", label=f"escapes {told} than at {lowest}")  # fmt: skip
    figure.legend(loc="lower left", bbox_to_anchor=(0.09, 0.0), ncols=2)
    best = np.unravel_index(int(np.nanargmax(found.p)), found.p.shape)
    first = leader(given.table.reset_index(drop=True), "p_escape")
    ties = f" (the intervals of {len(first.tied)} others overlap with that one's)" if first and first.tied else ""
    alt = (
        f"P(escape) of {given.fixed} over {len(x)} values of {arms.word(given.x)} and {len(y)} of "
        f"{arms.word(given.y)}: from {arms.share(float(np.nanmin(found.p)))} to {arms.share(float(found.p[best]))}, "
        f"the highest at {arms.word(given.x)} {arms.number(float(x[best[1]]))}, {arms.word(given.y)} "
        f"{arms.number(float(y[best[0]]))}{ties}. {int((found.adjusted <= RATE).sum())} cells differ from {lowest}."
    )
    return Picture("heat", figure, alt)


def ticks(axes: Axes, which: str, values: Floats) -> None:
    """Some of the values, at their own places."""
    places = np.unique(np.linspace(0, len(values) - 1, min(len(values), TICKS)).round().astype(int))
    told = [power(float(f"{values[k]:.4g}")) if values[k] > 0 else arms.number(float(values[k])) for k in places]
    (axes.set_xticks if which == "x" else axes.set_yticks)(places, told)
    axes.tick_params(length=0)
