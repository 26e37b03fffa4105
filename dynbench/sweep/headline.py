"""What a summary shows, in sentences: who leaves, who arrives, how sure that is, and why the two differ.

The terminal prints them under its table and the page before everything else.  Each number is one of the summary's,
written as in the table.
"""

from collections.abc import Collection, Sequence
from math import isnan, nan
from statistics import NormalDist

import numpy as np
import pandas as pd

from dynbench.digits import digits, numeral
from dynbench.outcomes.cells import Context
from dynbench.outcomes.summary import FALSE, UNKNOWN
from dynbench.sweep.table import Cell, digits_of, label, probability, share, value, varying
from dynbench.sweep.ties import Leader, leader

ENOUGH = 5.0  # n p (1 - p) from which z is judged by the normal law
DIFFER = 0.01  # two shares of one setting that differ by less are not explained
LEADERS = {  # column -> how a setting leads in it
    "p_escape": "Leaves its start's basin most often",
    "p_global": "Ends most often in the basin of a global minimum",
    "p_final": "Is most often within {target:g} of the lowest value Lmin at the end",
}


def sentences(table: pd.DataFrame, context: Context, gradient: Collection[str] = ()) -> list[str]:
    """The findings, the most important first.  `gradient`: names of the rules that are plain gradient descent."""
    names = varying(table, context.parameters)
    found: list[str] = []
    described: set[int] = set()
    cells = table.to_dict("records")
    kind = table["start_kind"].iloc[0]
    for column in LEADERS if kind == FALSE else ("p_final", "p_escape"):  # P(global) tells little where all is global
        does = LEADERS[column] if len(table) > 1 else LEADERS[column].replace(" most often", "")
        if column == "p_escape" and kind == UNKNOWN:
            continue
        does = does.format(target=context.targets[0])
        first = leader(table, column)
        if first is None:
            if column != "p_escape" and (table[column] == 0.0).any():
                found.append(f"{does}: none, in {many(int(table['n'].sum()))}.")
            continue
        parts = [led(table, first, column, does, names)]
        if first.best not in described:
            parts += in_full(cells[first.best], context, gradient, column)
        described.add(first.best)
        found.append(" ".join(parts))
    if table[["p_final", "p_global"]].isna().all(axis=None):
        found += lowest(table, names)
    return found + never(table) + exactly(table, names)


def led(table: pd.DataFrame, first: Leader, column: str, does: str, names: dict[str, list[str]]) -> str:
    """Who leads in a probability, and who else may."""
    cell = table.iloc[first.best]
    text = f"{does}: {named(table, cell, names)}, {probability(*(cell[column + end] for end in ('', '_lo', '_hi')))}"
    text += (split(cell) if column == "p_escape" else "") + "."
    if len(first.tied) > 1 and len(first.tied) == len(table) - 1:
        return f"{text} All other intervals overlap with it, so no setting can be told from the others."
    if first.tied:
        return f"{text} Intervals overlap, so these may be as good: {listed(table, first.tied, names)}."
    return text if len(table) == 1 else f"{text} No other interval reaches as far."


def split(cell: pd.Series) -> str:
    """How a probability that splitting estimates was found, and whether it can be believed."""
    if isnan(cell.get("p_escape_se", nan)):
        return ""
    doubt = "" if cell["sound"] == 1.0 else "; its replicates differ by more than half, so it is more likely too low"
    return f" by splitting (--rare; {int(cell['escaped'])} of {int(cell['n'])} left where they were counted){doubt}"


def lowest(table: pd.DataFrame, names: dict[str, list[str]]) -> list[str]:
    """Who comes lowest, where it is not known how low the loss is."""
    ends = table["loss_median"].to_numpy(float)
    if np.isnan(ends).all():
        return []
    best = table.iloc[int(np.nanargmin(ends))]
    text = (
        f"Has the lowest median of L at the end: {named(table, best, names)}, {value([best.to_dict()], 'loss_median')}."
    )
    return [f"{text} The lowest value of this loss is not known, so nothing is said of being near it."]


def part(p: float) -> str:
    """A share as the subject of a sentence."""
    return {0.0: "none", 1.0: "all"}.get(p) or share(p)


def many(count: int) -> str:
    return "one trajectory" if count == 1 else f"{count} trajectories together"


def named(table: pd.DataFrame, cell: Cell | pd.Series, names: dict[str, list[str]]) -> str:
    """The setting of one of the table's rows, by a name that no other has."""
    rule = str(cell["dynamics"])
    return label(cell, names[rule], digits_of(table, names)[rule])


def listed(table: pd.DataFrame, places: Sequence[int], names: dict[str, list[str]]) -> str:
    """These settings, rule by rule: by name where a rule has one, else by the range of what varies."""
    texts = []
    for rule, rows in table.iloc[list(places)].groupby("dynamics", sort=False):
        own = [name for name in names[str(rule)] if rows[name].nunique() > 1]
        if len(rows) == 1:
            texts.append(named(table, rows.iloc[0], names))
        elif own:
            ranges = (f"{name} {span(rows[name])}" for name in own)
            texts.append(f"{rule} at {len(rows)} settings, {', '.join(ranges)}")
        else:
            texts.append(f"{rule} at {len(rows)} settings")
    return "; ".join(texts)


def span(values: pd.Series) -> str:
    """From the lowest to the highest, written differently if they differ."""
    ends = [float(values.min()), float(values.max())]
    places = digits(ends)
    return " to ".join(numeral(end, places) for end in ends)


def never(table: pd.DataFrame) -> list[str]:
    """Rules of which no trajectory left, and how small P(escape) then is; by splitting, where that was asked for."""
    quiet = table.groupby("dynamics", sort=False)["escaped"].transform("sum") == 0
    counted = table[quiet & (table["p_escape"] == 0.0)]
    if counted.empty:
        return []
    rules = ", ".join(dict.fromkeys(counted["dynamics"].astype(str)))
    runs = int(counted["n"].sum())
    top = counted["p_escape_hi"].max()
    if counted["p_escape_hi"].isna().any():
        return [f"Never seen to leave, in {many(runs)}: {rules}."]
    limit = probability(0.0, 0.0, top).partition(", ")[2].rstrip("]")
    return [
        f"Never seen to leave, in {many(runs)}: {rules}. P(escape) of each setting is at most {limit} (95% interval)."
    ]


def in_full(cell: Cell, context: Context, gradient: Collection[str], but: str) -> list[str]:
    """The other shares of one setting together, why they differ, and the loss before and after; `but`: told before."""
    if isnan(cell["p_final"]):
        return losses(cell)
    target = context.targets[0]
    parts = {
        "p_escape": "leave",
        "p_global": "end in the basin of a global minimum",
        "p_best": f"come within {target:g} of Lmin at some step",
        "p_final": "are there at the end" if but != "p_final" else "",
    }
    said = [f"{part(cell[c])} {does}" for c, does in parts.items() if does and c != but and not isnan(cell[c])]
    where = "Of all its trajectories" if isnan(cell.get("p_escape_se", nan)) else f"Of the {int(cell['n'])} counted"
    return [f"{where}, {'; '.join(said)}.", *reasons(cell, context, gradient), *losses(cell)]


def reasons(cell: Cell, context: Context, gradient: Collection[str]) -> list[str]:
    """Why the shares of a setting differ, where they do, a sentence each."""
    told = []
    p_escape, p_global, p_best, p_final = (cell[c] for c in ("p_escape", "p_global", "p_best", "p_final"))
    noisy = cell["temperature"] > 0 or cell["gradient_noise"] > 0
    if p_escape - p_global > DIFFER and not isnan(cell["returned"]):
        elsewhere = cell["escaped"] - cell["returned"] - cell["left_diverged"] - round(p_global * cell["n"])
        fates = [(cell["returned"], "are back in their start's basin"), (elsewhere, "end in another false basin")]
        said = [f"{int(count)} {fate}" for count, fate in fates if count > 0]
        if said:
            told.append(f"Of the {int(cell['escaped'])} that left, {' and '.join(said)}.")
    if p_global - p_final > DIFFER or p_best - p_final > DIFFER:
        told.append(held_up(cell, context, gradient) if noisy else moving(cell, p_best - p_final > DIFFER))
    if p_final - p_global > DIFFER:
        told.append("A false minimum lies within the target of Lmin, too.")
    if cell["diverged"] > 0:
        told.append(f"{int(cell['diverged'])} of {int(cell['n'])} diverged: they end in no basin.")
    return told


def held_up(cell: Cell, context: Context, gradient: Collection[str]) -> str:
    """What noise does to the last L."""
    target, plain = context.targets[0], str(cell["dynamics"]) in gradient
    temperature = cell["temperature"] + cell["lr"] * cell["gradient_noise"] ** 2 / 2.0
    dim = 1 if context.loss is None else context.loss.dim or 1
    excess = temperature * dim / 2.0
    if plain and excess > target:
        each = f"T/2 = {temperature / 2.0:.3g}" + (f" a dimension, {excess:.3g} in all" if dim > 1 else "")
        told = f"at temperature T its mean is about {each} above a minimum (exactly so in a parabola, as h goes to 0)"
        equal = "" if cell["gradient_noise"] == 0 else f", T = {temperature:.3g} being temperature + h noise²/2"
        return f"Noise keeps L above the target {target:g}: {told}{equal}."
    return f"Noise keeps it moving, so that L does not stay within the target {target:g}."


def moving(cell: Cell, passed: bool) -> str:
    """Why a noiseless rule is not at the target in the end."""
    moves = cell["censored"] / cell["n"]
    still = "all" if moves == 1.0 else f"{share(moves)} of all"
    if passed:
        return f"Some come that near and move on: at the end {still} still move."
    return f"Some are in that basin and not yet that near: at the end {still} still move."


def losses(cell: Cell) -> list[str]:
    """The median loss before and after, and whether leaving was a gain."""
    begin, end = cell.get("loss_start_median", nan), cell["loss_median"]
    if isnan(begin) or isnan(end):
        return []
    before, after = value([cell], "loss_start_median"), value([cell], "loss_median")
    if before == after:
        return [f"The median of L is {before} at the start and at the end."]
    rises = end > begin
    loss = ", so that leaving was no gain" if rises and cell["p_escape"] >= 0.5 else ""
    return [f"The median of L {'rose' if rises else 'fell'} from {before} at the start to {after} at the end{loss}."]


def exactly(table: pd.DataFrame, names: dict[str, list[str]]) -> list[str]:
    """Measured probabilities against exact ones: the largest z, and how large one chance alone makes."""
    if "z" not in table or not table["z"].notna().any():
        return []
    worst = table.iloc[int(np.nanargmax(table["z"].abs().to_numpy(float)))]
    count = int(table["z"].notna().sum())
    rows = f"in {count} rows" if count > 1 else "in one row"
    expected, counted = worst["n"] * worst["p_exact"], isnan(worst.get("p_escape_se", nan))
    variance = expected * (1.0 - worst["p_exact"])
    if "p_exact_se" in worst:  # else of an earlier version
        variance = (worst["n"] * worst["p_exact_se"]) ** 2
    if counted and variance < ENOUGH:  # the normal law does not hold yet
        few = f"{expected:.3g} of {int(worst['n'])} expected to leave"
        if expected > worst["n"] / 2:
            few = f"{worst['n'] - expected:.3g} of {int(worst['n'])} expected to stay"
        chance = f"With {few} there, that is a rough measure."
    else:
        limit = NormalDist().inv_cdf(1.0 - 0.025 / count)
        those = f"times {count} such comparisons" if count > 1 else "such comparisons"
        chance = f"Chance alone leads beyond {limit:.1f} in one of 20 {those}."
    return [
        f"P(escape) is known exactly {rows}: what was measured is at most {abs(worst['z']):.1f} standard errors away"
        f" ({named(table, worst, names)}: {share(worst['p_escape'])}, exactly {worst['p_exact']:.4g}). {chance}"
    ]
