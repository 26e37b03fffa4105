"""The printed table: for a person, what happened to the starts in false basins."""

import math
from collections.abc import Collection, Hashable, Iterable, Mapping
from typing import Any

import pandas as pd

from dynbench.basins import false_minima, global_minima
from dynbench.losses.base import Loss
from dynbench.outcomes.cells import is_start
from dynbench.outcomes.outward import DOWN, NEAREST, UP, written
from dynbench.outcomes.summary import FALSE, UNKNOWN
from dynbench.theory.thresholds import critical_cap

HEAD = ("rule", "n", "stayed", "left", "left, lost", "lost inside", "P(escape) [95%]", "exact (z)", "median step",
        "rest", "cycle", "wander", "diverge", "P(final)", "median L")  # fmt: skip
LOST = ("left_diverged", "diverged_inside")
NO_BASIN = "The basins of the starts are not known, and so nothing is said of escapes."
NO_FALSE = "No start lies in the basin of a false minimum: P(escape) is of leaving the basin of a global one."
MOST_ROWS = 200

Cell = Mapping[Hashable, Any]  # a row of the table of cells


def percent(share: float) -> str:
    return f"{100 * share:.0f}%"


def figure(share: float, digits: int, way: int = NEAREST) -> str:
    """A share with so many decimals; an exact 0 or 1 is written as such, a tiny one with its exponent."""
    if 0.0 < share < 1e-4:
        return written(share, ".3g", way)
    return f"{share:.0f}" if share in (0.0, 1.0) else written(share, f".{digits}f", way)


def probability(p: float, lo: float, hi: float) -> str:
    """0.910 [0.901, 0.919], with more digits where the values or their interval need them; [0.62, 0.85] where only
    bounds are known."""
    if math.isnan(p) and math.isnan(lo):
        return "-"
    smallest = min((v for v in (p, lo, hi, hi - lo) if v > 0), default=1.0)
    digits = max(3, min(12, 1 - math.floor(math.log10(smallest)) if smallest < 0.005 else 3))
    if math.isnan(lo):
        return f"{figure(p, digits)} (nothing random)"
    between = f"[{figure(lo, digits, DOWN)}, {figure(hi, digits, UP)}]"
    return between if math.isnan(p) else f"{figure(p, digits)} {between}"


def beside(cell: Cell) -> str:
    """The exact probability, where there is one, and how many standard errors the measured one is from it."""
    p = cell.get("p_exact", math.nan)
    if math.isnan(p):
        return ""
    return f"{p:.4g}" if math.isnan(cell["z"]) else f"{p:.4g} ({cell['z']:+.1f})"


def spread(values: Iterable[float], form: str) -> str:
    """One number, or the two ends where a row stands for several cells."""
    known = [v for v in values if not math.isnan(v)]
    if not known:
        return "-"
    ends = [format(v, form) for v in (min(known), max(known))]
    return ends[0] if ends[0] == ends[1] else " to ".join(ends)


def label(cell: Cell | pd.Series, names: Iterable[str]) -> str:
    """The rule and those of its parameters that vary or are not the default."""
    parts = [f"{n} {cell[n]:.6g}" for n in names if not math.isnan(cell[n])]
    start = [f"{cell[c]:.6g}" for c in dict(cell) if str(c).split("_")[0] == "x0"]  # with --by start
    return " ".join([str(cell["dynamics"]), *parts, *([f"from {', '.join(start)}"] if start else [])])


def varying(cells: pd.DataFrame, parameters: Iterable[str]) -> dict[str, list[str]]:
    """For each rule, the parameters that take more than one value in the table."""
    names = [*parameters, "lr", "temperature", "gradient_noise"]
    counts = cells.groupby("dynamics", sort=False)[names].nunique()
    return {str(rule): [n for n in names if row[n] > 1] for rule, row in counts.to_dict("index").items()}


def groups(cells: pd.DataFrame, names: dict[str, list[str]]) -> list[tuple[str, list[Cell]]]:
    """Rows to print: runs of neighbouring values of one parameter from which nothing escaped become one row."""
    rows: list[tuple[str, list[Cell]]] = []
    quiet: list[Cell] = []

    def close() -> None:
        if quiet:
            first, last = quiet[0], quiet[-1]
            own = names[first["dynamics"]]
            text = label(first, own) + (f" to {last[own[-1]]:.6g}, {len(quiet)} values" if len(quiet) > 1 else "")
            rows.append((text, quiet.copy()))
            quiet.clear()

    by_start = any(is_start(str(c)) for c in cells.columns)
    for cell in cells.to_dict("records"):
        own = names[cell["dynamics"]]
        merges = len(own) == 1 and cell["escaped"] == 0 and cell["diverged"] == 0 and cell["randomness"] != "none"
        merges = merges and cell["p_escape"] == 0 and not by_start
        if quiet and (not merges or any(quiet[-1][c] != cell[c] for c in ("dynamics", "n"))):
            close()
        if merges:
            quiet.append(cell)
        else:
            rows.append((label(cell, own), [cell]))
    close()
    return rows


def line(text: str, block: list[Cell]) -> list[str]:
    cell, n = block[0], sum(cell["n"] for cell in block)
    interval = "p_seq" if "p_seq_lo" in cell else "p_escape"
    each = " each" if len(block) > 1 else ""
    known = cell["inside"] >= 0
    fates = [str(int(cell[name])) if known else "-" for name in ("inside", "left")]
    fates += [str(int(cell[name])) if known and cell[name] > 0 else "" for name in LOST]
    median = cell["t_exit_median"]
    reached = f"{median:.0f}" if not math.isnan(median) else "-" if math.isnan(cell["p_escape"]) else "not reached"

    def share(*endings: str) -> str:
        return percent(sum(cell[name] for cell in block for name in endings) / n)

    return [
        text,
        f"{cell['n']}{each}",
        *(["all", *fates[1:]] if len(block) > 1 else fates),
        probability(cell["p_escape"], *(cell[f"{interval}_{end}"] for end in ("lo", "hi"))),
        beside(cell),
        reached,
        share("converged", "absorbed", "stalled"),
        share("cycling"),
        share("censored"),
        share("diverged"),
        spread((cell["p_final"] for cell in block), ".3f"),
        spread((cell["loss_median"] for cell in block), ".4g"),
    ]


def aligned(rows: list[list[str]]) -> str:
    """Columns side by side, those without any entry left out."""
    kept = [c for c in range(len(rows[0])) if any(row[c] for row in rows[1:])]
    rows = [[row[c] for c in kept] for row in rows]
    widths = [max(len(row[c]) for row in rows) for c in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(w) if c == 0 else cell.rjust(w) for c, (cell, w) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def printed(
    cells: pd.DataFrame,
    loss: Loss,
    parameters: Iterable[str],
    starts: str,
    steps: int,
    capped: Collection[str] = (),
    nowhere: int = 0,
) -> str:
    """The table, and what its columns mean.

    `cells`: those of false basins; else those of known ones; else all.  `capped`: names of those of its rules that are
    capped flows.  `nowhere`: trajectories that are left out as no basin is known that they began in.
    """
    names = varying(cells, parameters)
    rows = groups(cells, names)
    body = [list(HEAD), *(line(text, block) for text, block in rows[:MOST_ROWS])]
    notes = [f"{len(rows) - MOST_ROWS} more rows are in cells.csv"] if len(rows) > MOST_ROWS else []
    fixed = [f"h = {cells['lr'].iloc[0]:g}"] if cells["lr"].nunique() == 1 else []
    notes.append(f"Starts: {starts}; {', '.join([*fixed, f'{steps} steps'])}. n: trajectories, starts times seeds.")
    if nowhere:
        notes.append(f"{nowhere} trajectories began in no known basin, such as on a wall: they are left out here.")
    kind = cells["start_kind"].iloc[0]
    if kind == UNKNOWN:
        notes.append(NO_BASIN)
    elif kind == FALSE:
        notes.append("The table is about the starts in the basin of a false minimum (all such together).")
    elif global_minima(loss):
        notes.append(NO_FALSE)
    bounds = bool((cells["p_escape"].isna() & cells["p_escape_lo"].notna()).any())
    if cells["inside"].notna().any():
        certainly = "certainly " if bounds else ""
        notes.append(
            f"stayed: never {certainly}outside their start's basin, and not diverged; left: {certainly}outside after\n"
            "some step, and not diverged."
        )
    if (cells[[*LOST]] > 0).any(axis=None):
        notes.append(
            "left, lost: left and diverged later; lost inside: diverged without having left.  These four are all the\n"
            "starts, and P(escape) is the share of both that left."
        )
    if bounds:
        notes.append("P(escape) as an interval alone: exits are known between bounds only, and it lies between these.")
    below = int(cells["below_f_star"].sum()) if "below_f_star" in cells else 0
    if below:
        notes.append(
            f"{below} {'trajectory' if below == 1 else 'trajectories'} met L < f_star, where a rule that subtracts it"
            " climbs (column below_f_star)."
        )
    law = set(cells["randomness"])
    if "grid starts" in law:
        notes.append("Without noise, a probability is over these starts; its interval is as if they were random.")
    if "uniform starts" in law:
        notes.append("Without noise, a probability is over the random starts.")
    if "none" in law:
        notes.append("Without noise and from a single start nothing is random: no interval.")
    notes.append(
        "rest: came to rest (converged, absorbed or stalled); wander: still moving; P(final): L - Lmin within\n"
        "the first target at the end; median step: by when half of the starts had left (`not reached`: fewer did)."
    )
    if "p_escape_se" in cells and cells["p_escape_se"].notna().any():
        notes.append(
            "Where at most five escaped, P(escape) is by splitting (--rare): columns p_escape_se, steps_spent."
        )
    elif hidden(cells):
        notes.append("Noisy cells without an escape: add --rare to estimate so small a probability by splitting.")
    if "p_exact" in cells and cells["p_exact"].notna().any():
        notes.append("exact: the noisy chain without simulation (python -m dynbench.theory); z: in standard errors.")
    return "\n".join([aligned(body), "", *notes, *predictions(cells[cells["dynamics"].isin(list(capped))], loss)])


def hidden(cells: pd.DataFrame) -> bool:
    """Whether a noisy cell has no escape at all."""
    noisy = (cells["temperature"] > 0) | (cells["gradient_noise"] > 0)
    return bool((noisy & (cells["escaped"] == 0)).any())


def predictions(cells: pd.DataFrame, loss: Loss) -> list[str]:
    """What theory says of the capped flow's cells, where there is one step and one false minimum."""
    false = false_minima(loss)
    if loss.dim != 1 or len(false) != 1 or cells["lr"].nunique() != 1 or "cap" not in cells:
        return []
    minimum, f_star = false[0], cells["f_star"] if "f_star" in cells else pd.Series([0.0])
    if f_star.nunique() != 1:
        return []
    shift = float(f_star.iloc[0])
    threshold = critical_cap(minimum, float(cells["lr"].iloc[0]), shift)
    where, height = f"{minimum.x[0]:.6g}", "L*" if shift == 0.0 else "(L* - f_star)"
    told = f"escapes of the capped flow begin at cap D/(h {height}) = {threshold:.6g}."
    return [f"Predicted for the minimum at {where}: {told}"]
