"""How every picture looks, and how it becomes bytes: equal tables give equal files.

Colours are Okabe and Ito's, which colour-blind readers tell apart; lines differ in dashes and markers as well.
Figures are made without pyplot, so that nothing is left open and any thread may draw.
"""

import io
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

from dynbench.store import write_whole

DPI = 110  # 8.2 inches are 902 pixels
WIDTH = 8.2  # inches
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DASHES = ("-", "--", "-.", ":")  # four dashes and seven colours: no pair returns for 28 lines
MARKERS = "os^Dv<>P"
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
    "text.parse_math": False,  # names come from users; a dollar sign is a dollar sign
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
}
P = ParamSpec("P")
R = TypeVar("R")


@contextmanager
def looks() -> Iterator[None]:
    """Settings of our own, whatever the reader's matplotlibrc says."""
    with style.context(["default", LOOKS]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # a name in another script shows boxes
        yield


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
            self.figure.savefig(buffer, format="png", dpi=DPI, metadata={"Software": None})
        return buffer.getvalue()


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
    figure.text(0.012, 1 - 0.10 / height, title, fontsize=12, fontweight="bold", va="top")
    figure.text(0.012, 1 - 0.36 / height, subtitle, fontsize=9, color=GREY, va="top")
    return figure


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
