"""The summary as a table for a person: the same columns, texts and explanations in a terminal and on a page."""

import math
import textwrap
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from dynbench.basins import false_minima, global_minima
from dynbench.digits import FEWEST, NO_PLACES, digits, numeral
from dynbench.losses.base import Loss
from dynbench.outcomes.cells import Context, is_start
from dynbench.outcomes.outward import DOWN, NEAREST, UP, written
from dynbench.outcomes.randomness import sentences
from dynbench.outcomes.summary import FALSE, UNKNOWN
from dynbench.sweep.no_escape import has_exits, nothing_to_escape
from dynbench.theory.capped_flow import Well, onset

NO_BASIN = "The basins of the starts are not known, and so nothing is said of escapes."
BASIN = "False: its L is above Lmin, the lowest of all; its basin: from where gradient flow leads to it."
MOST_ROWS = 200
MOST_PREDICTED = 3  # values of f_star that a line is said of
WIDTH = 115  # letters of a line

Cell = Mapping[Hashable, Any]  # a row of the table of cells


def percent(share: float) -> str:
    """A share in whole percent; one that is not all does not look like all."""
    return ">99%" if 0.995 <= share < 1.0 else f"{100 * share:.0f}%"


def short(text: str) -> str:
    """A number without the zero that an exponent begins with: 5.4e-8, 1e6."""
    return text.replace("e-0", "e-").replace("e+0", "e")


def figure(share: float, digits: int, way: int = NEAREST) -> str:
    """A share with so many decimals; an exact 0 or 1 is written as such, a tiny one with its exponent."""
    if 0.0 < share < 1e-4:
        return short(written(share, ".3g", way))
    return f"{share:.0f}" if share in (0.0, 1.0) else written(share, f".{digits}f", way)


def share(p: float) -> str:
    """A share alone, to three decimals, or more where it would have one digit only, or look like 0 or 1."""
    if p in (0.0, 1.0) or 0.001 <= p < 0.9995:
        return figure(p, 3 if p >= 0.01 else 4)
    if p < 0.5:
        return short(f"{p:.1e}")
    return "-" if math.isnan(p) else f"{p:.6f}".rstrip("0") if p < 0.9999995 else ">0.999999"


def probability(p: float, lo: float, hi: float) -> str:
    """0.910 [0.901, 0.919], with more digits where the values or their interval need them; [0.62, 0.85] where only
    bounds are known."""
    if math.isnan(p) and math.isnan(lo):
        return "-"
    if 1e-4 <= p < 1e-3 and 0.0 < lo < 1e-4:  # one notation for all three
        limits = ", ".join(short(written(limit, ".1e", way)) for limit, way in ((lo, DOWN), (hi, UP)))
        return f"{short(f'{p:.1e}')} [{limits}]"
    few = lo < 1e-4 <= p  # a lower limit of little account
    width = math.nan if hi - lo >= 0.003 else hi - lo
    smallest = min((v for v in (p, math.nan if few else lo, hi, width) if v > 0), default=1.0)
    digits = max(3, min(12, 1 - math.floor(math.log10(smallest)) if smallest < 0.005 else 3))
    if math.isnan(lo):
        return f"{figure(p, digits)} (nothing random)"
    low = written(lo, f".{-math.floor(math.log10(lo))}f", DOWN) if few and lo >= 1e-6 else figure(lo, digits, DOWN)
    between = f"[{low}, {figure(hi, digits, UP)}]"
    return between if math.isnan(p) else f"{figure(p, digits)} {between}"


def beside(cell: Cell) -> str:
    """The exact probability, where there is one."""
    p = cell.get("p_exact", math.nan)
    if math.isnan(p):
        return ""
    if p in (0.0, 1.0):
        return f"{p:.0f}"
    return short(f"{p:#.3g}") if p < 0.9995 else ">0.999"


def label(cell: Cell | pd.Series, names: Iterable[str], places: Mapping[str, int] = NO_PLACES) -> str:
    """The rule and those of its parameters that vary or are not the default.

    `places`: significant digits of each, by name, where more than six are needed, see `digits_of`.
    """
    parts = [f"{n} {numeral(cell[n], places.get(n, FEWEST))}" for n in names if not math.isnan(cell[n])]
    start = [numeral(cell[c], places.get(c, FEWEST)) for c in map(str, dict(cell)) if is_start(c)]  # with --by start
    return " ".join([str(cell["dynamics"]), *parts, *([f"from {', '.join(start)}"] if start else [])])


def varying(cells: pd.DataFrame, parameters: Iterable[str]) -> dict[str, list[str]]:
    """For each rule, the parameters that take more than one value in the table."""
    names = [*parameters, "lr", "temperature", "gradient_noise"]
    counts = cells.groupby("dynamics", sort=False)[names].nunique()
    return {str(rule): [n for n in names if row[n] > 1] for rule, row in counts.to_dict("index").items()}


def digits_of(cells: pd.DataFrame, names: Mapping[str, list[str]]) -> dict[str, dict[str, int]]:
    """For each rule, the digits that the values of its parameters and starts need to be told apart."""
    starts = [c for c in map(str, cells.columns) if is_start(c)]
    rules = cells.groupby("dynamics", sort=False)
    return {str(rule): {c: digits(rows[c].tolist()) for c in [*names[str(rule)], *starts]} for rule, rows in rules}


def groups(cells: pd.DataFrame, names: dict[str, list[str]]) -> list[tuple[str, list[Cell]]]:
    """Rows to print: neighbouring values of one parameter are one where none left, or all that is printed is the same,
    and they end alike."""
    rows: list[tuple[str, list[Cell]]] = []
    quiet: list[Cell] = []
    places = digits_of(cells, names)

    def close() -> None:
        if quiet:
            first, last = quiet[0], quiet[-1]
            own = names[first["dynamics"]]
            text = label(first, own, places[first["dynamics"]])
            if len(quiet) > 1:
                end = numeral(last[own[-1]], places[first["dynamics"]][own[-1]])
                text += f"..{end} ({len(quiet)})"
            rows.append((short(text), quiet.copy()))
            quiet.clear()

    by_start = any(is_start(str(c)) for c in cells.columns)
    for cell in cells.to_dict("records"):
        own = names[cell["dynamics"]]
        merges = len(own) == 1 and cell["diverged"] == 0 and cell["randomness"] != "none" and not by_start
        if quiet and (not merges or alike(quiet[-1]) != alike(cell)):
            close()
        if merges:
            quiet.append(cell)
        else:
            rows.append((short(label(cell, own, places[cell["dynamics"]])), [cell]))
    close()
    return rows


def alike(cell: Cell) -> tuple[object, ...]:
    """What neighbours share that are one row: they leave alike, never or at the same texts, and end alike."""
    ends = (share(cell.get(column, math.nan)) for column in ("p_global", "p_best", "p_final"))
    same = (cell["dynamics"], cell["n"], cell["randomness"], beside(cell), *ends)
    if cell["escaped"] == 0 and cell["p_escape"] == 0:
        return same
    leaves = probability(*(cell[f"p_escape{end}"] for end in ("", "_lo", "_hi")))
    values = (step(cell["t_exit_median"]), value([cell], "loss_median"), ending([cell]))
    return (*same, leaves, *values, cell["left_diverged"])


@dataclass(frozen=True)
class Column:
    """One column of the table: its head (lines parted by a line's end), what it means, and a text for each row."""

    head: str
    about: str
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Shown:
    """The table as it is printed, in a terminal and on a page: its first column names the rows."""

    columns: tuple[Column, ...]
    notes: tuple[str, ...]  # what all its rows share, one sentence each
    left_out: int  # rows beyond MOST_ROWS

    @property
    def heads(self) -> list[str]:
        return [column.head for column in self.columns]

    @property
    def rows(self) -> list[list[str]]:
        return [list(row) for row in zip(*(column.texts for column in self.columns), strict=True)]


def shown(table: pd.DataFrame, context: Context) -> Shown:
    """The summary, a row for each setting; neighbours that tell the same are one row.

    A column that has nothing to tell is left out, and one whose rows are all the same is a note.
    """
    names = varying(table, context.parameters)
    every = groups(table, names)
    blocks = [block for _, block in every[:MOST_ROWS]]
    target, steps = context.targets[0], context.steps
    merged = any(len(block) > 1 for block in blocks)
    certainly = "certainly " if bounded(table) else ""
    several = "; (8): 8 neighbouring values, with equal numbers or no escape" if merged else ""
    about = f"the rule (python -m dynbench.list) and what varies{several}"
    columns = [Column("rule", about, tuple(text for text, _ in every[:MOST_ROWS]))]
    notes = []

    def add(head: str, about: str, texts: Iterable[str]) -> None:
        column = Column(head, about, tuple(texts))
        if any(text not in ("", "-") for text in column.texts):
            columns.append(column)

    def shares(column: str) -> list[str]:
        return [together(block, column) for block in blocks]

    counts = {int(cell["n"]) for block in blocks for cell in block}
    if len(counts) == 1:
        count = counts.pop()
        notes.append(f"Each setting: {count} {'trajectory' if count == 1 else 'trajectories'}.")
    else:
        add("n", "trajectories of each setting, starts times seeds", (str(int(block[0]["n"])) for block in blocks))
    within = f"within {steps} steps, and its 95% confidence interval"
    within += "; an interval alone: exits are known between bounds only" if certainly else ""
    add(
        "P(escape) [95%]",
        f"share that {certainly}left its start's basin {within}",
        (probability(*(block[0][f"p_escape{end}"] for end in ("", "_lo", "_hi"))) for block in blocks),
    )
    add(
        "exact",
        "computed, not simulated, for these same starts (python -m dynbench.theory: for the minimum itself)",
        (beside(block[0]) for block in blocks),
    )
    add(
        "half\nleft",
        "step by which half of all had left (-: fewer did)",
        (step(block[0]["t_exit_median"]) for block in blocks),
    )
    if everywhere(table):
        notes.append("All end in the basin of a global minimum (P global is 1).")
    else:
        add("P\nglobal", "share that ends in a global basin, that of a minimum as low as Lmin", shares("p_global"))
    add("P\nbest", f"share that came within {target:g} of the lowest value Lmin at some step", shares("p_best"))
    add("P\nfinal", f"share that is within {target:g} of Lmin at the end", shares("p_final"))
    starts = {text for block in blocks for text in [value(block, "loss_start_median")]}
    if len(starts) > 1:
        about = "median of the loss L over the starts"
        add("L at\nstart", about, (value(block, "loss_start_median") for block in blocks))
    elif starts and (text := starts.pop()) != "-":
        notes.append(f"Median of the loss L at their start: {text}.")
    add("L at\nend", "median of the loss L at the end", (value(block, "loss_median") for block in blocks))
    add("mostly", ENDING, (ending(block) for block in blocks))
    add(
        "left,\nlost", "trajectories that left and diverged later: they count as escaped", lost(blocks, "left_diverged")
    )
    add("lost\ninside", "trajectories that diverged without having left: not escaped", lost(blocks, "diverged_inside"))
    return Shown(tuple(columns), tuple(notes), max(len(every) - MOST_ROWS, 0))


ENDINGS = {"rest": ("converged", "absorbed", "stalled"), "cycle": ("cycling",), "wander": ("censored",),
           "diverge": ("diverged",)}  # fmt: skip
ENDING = "what most do at the end: rest, cycle (in 2 to 64 steps), wander (move otherwise) or diverge"


def everywhere(table: pd.DataFrame) -> bool:
    """Whether all trajectories of several settings end in the basin of a global minimum."""
    return len(table) > 1 and bool((table["p_global"] == 1.0).all())


def ending(block: list[Cell]) -> str:
    """The commonest ending, and the share of the trajectories that have it."""
    most, part = commonest(block)
    return f"{most} {percent(part)}"


def commonest(block: list[Cell]) -> tuple[str, float]:
    """What most trajectories do at the end, and their share."""
    n = sum(cell["n"] for cell in block)
    shares = {name: sum(cell[kind] for cell in block for kind in kinds) / n for name, kinds in ENDINGS.items()}
    most = max(shares, key=lambda name: shares[name])
    return most, shares[most]


def lost(blocks: list[list[Cell]], name: str) -> list[str]:
    """Numbers of trajectories; empty where there is none, so that a column of none is left out."""
    counts = [sum(cell[name] for cell in block) for block in blocks]
    return ["-" if math.isnan(count) else str(int(count)) if count else "" for count in counts]


def step(time: float) -> str:
    return "-" if math.isnan(time) else f"{time:.0f}"


def together(block: list[Cell], column: str) -> str:
    """A probability; where a row stands for several, the two ends; where only bounds are known, these."""
    p = [cell[column] for cell in block]
    if len(block) == 1 and math.isnan(p[0]):
        return probability(p[0], block[0][f"{column}_lo"], block[0][f"{column}_hi"])
    return spread([share(v) for v in sorted(p) if not math.isnan(v)])


def value(block: list[Cell], column: str) -> str:
    """A loss, to three digits, or two where a row stands for a range of them; an unknown one is a dash."""
    known = [v for v in sorted(cell.get(column, math.nan) for cell in block) if not math.isnan(v)]
    text = spread([short(f"{v:.3g}") for v in known])
    return spread([short(f"{v:.1e}" if v < 1e-3 else f"{v:.2g}") for v in known]) if ".." in text else text


def spread(ordered: list[str]) -> str:
    """One number, or the two ends where a row stands for several."""
    if not ordered:
        return "-"
    return ordered[0] if ordered[0] == ordered[-1] else f"{ordered[0]}..{ordered[-1]}"


def bounded(table: pd.DataFrame) -> bool:
    """Whether exits are known between bounds only somewhere."""
    return bool((table["p_escape"].isna() & table["p_escape_lo"].notna()).any())


def aligned(rows: list[list[str]]) -> str:
    """Columns side by side, those without any entry left out; heads may have several lines."""
    kept = [c for c in range(len(rows[0])) if any(row[c] for row in rows[1:])]
    heads = [rows[0][c].split("\n") for c in kept]
    height = max(map(len, heads))
    lines = [[""] * (height - len(head)) + head for head in heads]
    rows = [*map(list, zip(*lines, strict=True)), *([row[c] for c in kept] for row in rows[1:])]
    widths = [max(len(row[c]) for row in rows) for c in range(len(kept))]
    return "\n".join(
        "  ".join(
            cell.ljust(w) if c == 0 else cell.rjust(w) for c, (cell, w) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def wrapped(text: str, first: str = "") -> list[str]:
    """The text in lines of at most WIDTH letters, those after the first indented as far as it."""
    return textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=" " * len(first), break_on_hyphens=False)


def remarks(table: pd.DataFrame, loss: Loss | None, outside: int, whole: int = 0) -> list[str]:
    """What holds for the whole table: the steps, which starts it is about, and what its probabilities are over.

    `whole`: trajectories of each setting, those from other starts included; 0: not one number.
    """
    notes = []
    each = table.groupby("dynamics", sort=False)["lr"].agg(["nunique", "first"])
    if table["lr"].nunique() > 1 and (each["nunique"] == 1).all():  # else one number, or told by the rows
        notes.append(f"Steps do not compare, as h has a unit of its own in each rule: {step_sizes(each['first'])}.")
    kind = table["start_kind"].iloc[0]
    if kind == UNKNOWN:
        notes.append(NO_BASIN)
    elif kind == FALSE:
        pooled = int(table["basins"].max())
        begin = "begin in the basin of a false minimum"
        if pooled > 1:
            begin = f"begin in basins of false minima ({pooled} hold a start), pooled"
        n = int(table["n"].iloc[0])
        some = f"the {n} of {whole} trajectories that {begin}" if whole > n else f"trajectories that {begin}"
        notes.append(f"All this is about {some}. {BASIN}")
    elif loss is not None and global_minima(loss):
        notes.append(nothing_to_escape(loss))
    if outside:
        notes.append(
            f"{outside} trajectories, of all settings together, began in no known basin, such as on a wall: they are"
            " left out here."
        )
    below = int(table["below_f_star"].sum()) if "below_f_star" in table else 0
    if below:
        notes.append(
            f"{below} {'trajectory' if below == 1 else 'trajectories'} met L < f_star, where a rule that subtracts it"
            " climbs (column below_f_star)."
        )
    notes += sentences(table["randomness"])
    if "p_escape_se" in table and table["p_escape_se"].notna().any():
        notes.append(
            "Where at most five escaped, P(escape) is by splitting (--rare): columns p_escape_se, steps_spent."
        )
    elif hidden(table) and (loss is None or has_exits(loss)):
        notes.append("Noisy rows without an escape: add --rare to estimate so small a probability by splitting.")
    return notes


def begun(cells: pd.DataFrame) -> int:
    """Trajectories of each setting, from whatever basin; 0 where settings differ in it, and with --by start."""
    settings = list(map(str, cells.columns[: list(cells.columns).index("start_basin")]))
    if any(map(is_start, settings)):
        return 0
    totals = cells.groupby(settings, sort=False, dropna=False)["n"].sum()
    return int(totals.iloc[0]) if totals.nunique() == 1 else 0


def nowhere(cells: pd.DataFrame) -> int:
    """Trajectories that began in no known basin, where others began in a known one."""
    lost = cells["start_basin"] < 0
    return 0 if lost.all() else int(cells.loc[lost, "n"].sum())


def step_sizes(lrs: pd.Series) -> str:
    """The steps h of rules that have one each, rule -> h, the most common last."""
    sizes: dict[float, list[str]] = {}
    for rule, h in lrs.items():
        sizes.setdefault(float(h), []).append(str(rule))
    most = max(sizes, key=lambda h: len(sizes[h]))
    parts = [f"{h:g} for {', '.join(rules)}" for h, rules in sizes.items() if h != most]
    rest = "the other rules" if len(sizes[most]) > 1 else sizes[most][0]
    return f"{'; '.join(parts)}; {most:g} for {rest}"


def hidden(cells: pd.DataFrame) -> bool:
    """Whether a noisy cell has no escape at all, and P(escape) is not known exactly."""
    if "p_exact" in cells:
        cells = cells[cells["p_exact"].isna()]
    noisy = (cells["temperature"] > 0) | (cells["gradient_noise"] > 0)
    return bool((noisy & (cells["escaped"] == 0)).any())


def predictions(cells: pd.DataFrame, loss: Loss) -> list[str]:
    """What theory says of the capped flow's rows, where there is one step and one false minimum: a line an f_star."""
    false = false_minima(loss)
    if loss.dim != 1 or not loss.tensor or len(false) != 1 or cells["lr"].nunique() != 1 or "cap" not in cells:
        return []
    if any(name in cells and (cells[name] != value).any() for name, value in loss.parameters.items()):
        return []  # its minima and walls move with them
    values = cells["f_star"].dropna().unique().tolist() if "f_star" in cells else []
    if not 0 < len(values) <= MOST_PREDICTED:
        return []
    minimum, lr = false[0], float(cells["lr"].iloc[0])
    label = loss.minima.index(minimum)
    lines = []
    for value in sorted(values):
        told = onset_in_words(loss, label, lr, float(value))
        whose = f"for the minimum at {minimum.x[0]:.6g}, with capped and f_star = {value:.6g}"
        lines += wrapped(f"Predicted {whose}: {told}")
    return lines


def onset_in_words(loss: Loss, label: int, lr: float, f_star: float) -> str:
    """From which cap on the capped flow leaves a well, exactly, from any start in it."""
    well = Well.of(loss, label, lr, f_star)
    cap = onset(well, everywhere=True)
    if cap == 0.0:
        return "some starts in its basin leave at any cap, as L is below f_star on a wall of it."
    if not math.isfinite(cap):
        return "no start in its basin leaves at any cap." if cap > 0.0 else "no cap is known from which on it is left."
    climbs = "L there is below f_star, and so the rule climbs away from it; " if well.height < 0.0 else ""
    return f"{climbs}no start leaves its basin up to cap {cap:.6g}, and some do above it."
