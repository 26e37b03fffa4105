"""How every picture looks, and how it becomes bytes: equal tables give equal files.

Colours are Okabe and Ito's, which colour-blind readers tell apart; lines differ in dashes and markers as well.
Figures are made without pyplot, so that nothing is left open and any thread may draw.
"""

import gc
import io
import textwrap
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

from dynbench.store import write_whole

DPI = 110  # 8.2 inches are 902 pixels
WIDTH = 8.2  # inches
TOPS = (0.10, 0.36)  # inches from the upper edge down to the title and the subtitle
LEGEND = 100  # letters a line of a legend
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DASHES = ("-", "--", "-.", ":")  # four dashes and seven colours: no pair returns for 28 lines
MARKERS = "os^Dv<>P"
OPEN: dict[str, Any] = {  # an exact value beside the measured one
    "color": "#000000", "marker": "o", "markersize": 7.5, "markerfacecolor": "none", "markeredgewidth": 0.9,
    "linestyle": "none", "zorder": 3,
}  # fmt: skip
GREY, FAINT = "#555555", "#EEEEEE"
LOOKS: dict[str, Any] = {
    "axes.edgecolor": GREY,
    "axes.labelsize": 10,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 10,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib: the same letters everywhere
    "font.size": 10,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "path.simplify": True,
    "svg.fonttype": "path",
    "svg.hashsalt": "dynbench",
    "text.hinting": "none",  # fitting letters to pixels takes a seventh of a picture's time
    "text.parse_math": False,  # names come from users; a dollar sign is a dollar sign
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
}
P = ParamSpec("P")
R = TypeVar("R")


@contextmanager
def looks() -> Iterator[None]:
    """Settings of our own, whatever the reader's matplotlibrc says."""
    defaults: dict[Any, Any] = {name: value for name, value in matplotlib.rcParamsDefault.items() if name != "backend"}
    with matplotlib.rc_context(defaults | LOOKS), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # a name in another script shows boxes
        yield


@contextmanager
def uncollected() -> Iterator[None]:
    """No garbage collection: the many parts of figures set off walks over all that is imported, 0.1 s for five."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def drawn(function: Callable[P, R]) -> Callable[P, R]:
    """Runs a drawing function with these looks."""

    @wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        with looks():
            return function(*args, **kwargs)

    return wrapped


@dataclass(frozen=True)
class Picture:
    """A figure and the sentence that says what it shows, for those who cannot see it and for the caption."""

    name: str  # also the file's, without suffix
    figure: Figure
    alt: str

    @cached_property
    def png(self) -> bytes:
        buffer = io.BytesIO()
        with looks():
            self.figure.savefig(
                buffer, format="png", dpi=DPI, metadata={"Software": None}, pil_kwargs={"compress_level": 3}
            )  # as few bytes as at level 6, in two thirds of the time
        return buffer.getvalue()


@uncollected()
def save(pictures: Mapping[str, Picture], directory: Path) -> list[Path]:
    """Writes `<directory>/<name>.png` for each picture, whole or not at all."""
    paths = [Path(directory) / f"{name}.png" for name in pictures]
    for path, picture in zip(paths, pictures.values(), strict=True):
        write_whole(path, picture.png)
    return paths


def blank(height: float, title: str, subtitle: str = "") -> Figure:
    """An empty figure of the common width, `height` inches high, its title at the upper left."""
    figure = Figure(figsize=(WIDTH, height), dpi=DPI)
    FigureCanvasAgg(figure)
    figure.text(0.012, 1 - TOPS[0] / height, title, fontsize=12, fontweight="bold", va="top")
    figure.text(0.012, 1 - TOPS[1] / height, subtitle, fontsize=9, color=GREY, va="top")
    return figure


def resize(figure: Figure, height: float) -> None:
    """Another height in inches for a figure from `blank`; axes are for the caller to place again."""
    figure.set_figheight(height)
    for text, below in zip(figure.texts, TOPS, strict=False):
        text.set_y(1 - below / height)


def legend_below(figure: Figure, handles: Mapping[str, Any]) -> int:
    """The common legend at the lower left, in as many columns, up to three, as fit; returns its number of lines."""
    labels = [textwrap.fill(label, LEGEND) for label in handles]
    for columns in (3, 2, 1):
        legend = figure.legend(handles.values(), labels, loc="lower left", bbox_to_anchor=(0.06, 0.0), ncols=columns,
                               columnspacing=1.2)  # fmt: skip
        if columns == 1 or legend.get_window_extent().x1 <= figure.bbox.x1:
            break
        legend.remove()
    rows = [labels[k :: -(-len(labels) // columns)] for k in range(-(-len(labels) // columns))]
    return sum(max(label.count("\n") + 1 for label in row) for row in rows)


def above(axes: Axes, x: float, text: str) -> None:
    """A note at x on top of the frame, which it does not leave on either side."""
    place = axes.transAxes.inverted().transform(axes.transData.transform((x, 0.0)))[0]
    side = "left" if place < 0.2 else "right" if place > 0.8 else "center"
    axes.annotate(text, (x, 1.0), (0, 3), xycoords=("data", "axes fraction"), textcoords="offset points", ha=side,
                  va="bottom", fontsize=9, color=GREY)  # fmt: skip


def logarithmic(axes: Axes, which: str, lo: float, hi: float) -> None:
    """A log axis for values from lo to hi, with plain numbers: 1, 10, 100, 1000, 1e4; left linear within one decade."""
    if not 0.0 < 5.0 * lo < hi:
        return
    (axes.set_xscale if which == "x" else axes.set_yscale)("log")
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_locator(LogLocator(subs=(1.0,) if hi > 20.0 * lo else (1.0, 2.0, 5.0), numticks=8))
    axis.set_major_formatter(FuncFormatter(lambda value, _: power(value)))
    axis.set_minor_formatter(NullFormatter())
    axis.set_minor_locator(NullLocator())


def power(value: float) -> str:
    """A tick's label."""
    return f"{value:g}" if 1e-3 <= value < 9999 else f"{value:.0e}".replace("e+0", "e").replace("e-0", "e-")


def line(k: int, marked: bool = True) -> dict[str, Any]:
    """What tells the k-th line from the others."""
    kind: dict[str, Any] = {"color": COLOURS[k % len(COLOURS)], "linestyle": DASHES[k % len(DASHES)], "linewidth": 1.6}
    kind["zorder"] = 2.2 if k % len(DASHES) else 2.1  # a dashed line over a solid one leaves both in sight
    return kind | ({"marker": MARKERS[k % len(MARKERS)], "markersize": 3.5} if marked else {})
