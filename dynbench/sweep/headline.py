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
from dynbench.outcomes.cells import Context, is_start
from dynbench.outcomes.summary import FALSE, UNKNOWN
from dynbench.sweep.table import (
    Cell,
    beside,
    commonest,
    digits_of,
    label,
    probability,
    share,
    short,
    value,
    varying,
)
from dynbench.sweep.ties import FEW, Leader, few, leader

ENOUGH = 5.0  # n p (1 - p) from which z is judged by the normal law
DIFFER = 0.01  # two shares of one setting that differ by less are not explained
TRIFLE = 0.05  # a loss that is higher by no more is as good
MANY_TIMES = 2.0  # so much larger over all starts, P(escape) is told from the minimum itself as well
MOST_LISTED = 2  # rules of which settings are listed
NOISE = ("temperature", "gradient_noise")
SUBSETS = (("p_escape", "p_global"), ("p_best", "p_final"))  # the second of which are among the first
MOST = {"rest": "rest", "cycle": "cycle", "wander": "still move", "diverge": "diverge"}
LEADERS = {  # column -> how a setting leads in it
    "p_escape": "Leaves most often",
    "p_global": "Ends most often in the basin of a global minimum",
    "p_final": "Is most often within {target:g} of Lmin at the end",
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
        if len(table) > 1 and few(table.iloc[first.best], column):
            best = cells[first.best]
            count = f"{round(best[column] * best['n'])} of {int(best['n'])}"
            found.append(f"{does}: too few to tell, at most {count} ({named(table, best, names)}).")
            continue
        parts = [led(table, first, column, does, names)]
        same = first.alike(table, column)
        shown = min(same, key=lambda k: (isnan(cells[k]["loss_median"]), cells[k]["loss_median"]))
        if shown not in described:
            parts += in_full(cells[shown], context, gradient, column, quiet_twin(table, shown))
            if len(same) > 1:
                parts[1] = f"Lowest in L, {named(table, cells[shown], names)}: {parts[1][0].lower()}{parts[1][1:]}"
        described.add(shown)
        found.append(" ".join(parts))
    if table[["p_final", "p_global"]].isna().all(axis=None):
        found += lowest(table, names)
    return [*found, *from_minimum(table, context, names), *never(table), *leaps(table, gradient, names),
            *exactly(table, names), *warnings(table)]  # fmt: skip


def led(table: pd.DataFrame, first: Leader, column: str, does: str, names: dict[str, list[str]]) -> str:
    """Who leads in a probability, and whose intervals reach the leader's."""
    cell = table.iloc[first.best]
    text = probability(*(cell[column + end] for end in ("", "_lo", "_hi")))
    text += split(cell) if column == "p_escape" else ""
    same = first.alike(table, column)
    text = f"{does}: {listed(table, same, names, same)}, {'each ' if len(same) > 1 else ''}{text}."
    tied = [k for k in first.tied if k not in same]
    if tied and len(tied) + len(same) == len(table):
        return f"{text} All other intervals reach it."
    if tied:
        return f"{text} Others reach it: {listed(table, tied, names, same)}."
    return text if len(same) == len(table) else f"{text} No other reaches it."


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
    return short(label(cell, names[rule], digits_of(table, names)[rule]))


def listed(table: pd.DataFrame, places: Sequence[int], names: dict[str, list[str]], best: Sequence[int]) -> str:
    """These settings, rule by rule: by name where a rule has one, else by the range of what varies, and how many of
    those in the range they are, the `best` apart."""
    texts = []
    groups = table.iloc[list(places)].groupby("dynamics", sort=False)
    if groups.ngroups > MOST_LISTED:
        return f"{', '.join(map(str, groups.groups))} ({len(places)} settings)"
    for rule, rows in groups:
        own = [name for name in names[str(rule)] if rows[name].nunique() > 1]
        if len(rows) == 1:
            texts.append(named(table, rows.iloc[0], names))
            continue
        every = table.drop(index=table.index[[k for k in best if k not in places]])
        every = every[every["dynamics"] == rule]
        for name in names[str(rule)]:
            every = every[every[name].between(rows[name].min(), rows[name].max()) | every[name].isna()]
        count = f"{len(rows)} settings" if len(every) == len(rows) else f"{len(rows)} of the {len(every)} settings"
        ranges = "".join(f", {name} {span(rows[name])}" for name in own)
        texts.append(f"{rule} ({count}{ranges})")
    return "; ".join(texts)


def span(values: pd.Series) -> str:
    """From the lowest to the highest, written differently if they differ."""
    ends = [float(values.min()), float(values.max())]
    places = digits(ends)
    return " to ".join(short(numeral(end, places)) for end in ends)


def never(table: pd.DataFrame) -> list[str]:
    """Rules of which no trajectory left, and how small P(escape) then is; by splitting, where that was asked for."""
    quiet = table.groupby("dynamics", sort=False)["escaped"].transform("sum") == 0
    counted = table[quiet & (table["p_escape"] == 0.0)]
    if counted.empty:
        return []
    rules = ", ".join(dict.fromkeys(counted["dynamics"].astype(str)))
    noiseless = not any(map(is_noisy, counted.to_dict("records"))) and any(map(is_noisy, table.to_dict("records")))
    runs = f"{many(int(counted['n'].sum()))}{' without noise' if noiseless else ''}"
    top = counted["p_escape_hi"].max()
    if counted["p_escape_hi"].isna().any():
        return [f"Never seen to leave, in {runs}: {rules}."]
    limit = probability(0.0, 0.0, top).partition(", ")[2].rstrip("]")
    return [f"Never seen to leave, in {runs}: {rules}. P(escape) of each setting is at most {limit} (95% interval)."]


def in_full(cell: Cell, context: Context, gradient: Collection[str], but: str, twin: Cell | None = None) -> list[str]:
    """The other shares of one setting together, why they differ, and the loss before and after; `but`: told before.

    `twin`: the same setting without noise, where the table has it.
    """
    if isnan(cell["p_final"]):
        return losses(cell, twin)
    target = context.targets[0]
    parts = {
        "p_escape": "leave",
        "p_global": "end in a global basin",
        "p_best": f"come within {target:g} of Lmin",
        "p_final": "end there",
    }
    told = [c for c in parts if c != but and not isnan(cell[c])]
    if cell["p_best"] == 0.0 and "p_final" in told:
        told.remove("p_final")
    said = ""
    for before, column in zip([None, *told], told, strict=False):
        if (before, column) in SUBSETS and cell[before] == cell[column]:
            said += f" and {parts[column]}"
        else:
            said += f"{', ' if said else ''}{part(cell[column])} {parts[column]}"
    where = "" if isnan(cell.get("p_escape_se", nan)) else f"of the {int(cell['n'])} counted, "
    said = f"{where}{said}."
    return [f"{said[:1].upper()}{said[1:]}", *reasons(cell, context, gradient), *losses(cell, twin)]


def quiet_twin(table: pd.DataFrame, place: int) -> Cell | None:
    """The row of the same rule and parameters without noise; None: there is none, or the row itself is that."""
    cell = table.iloc[place]
    if not is_noisy(cell):
        return None
    columns = [c for c in map(str, table.columns[: list(table.columns).index("start_basin")]) if c not in NOISE]
    same = (table[columns].fillna(-1.0) == cell[columns].fillna(-1.0)).all(axis=1)
    rows = table[same & (table["temperature"] == 0.0) & (table["gradient_noise"] == 0.0)]
    return rows.iloc[0].to_dict() if len(rows) == 1 else None


def is_noisy(cell: Cell | pd.Series) -> bool:
    return bool(cell["temperature"] > 0 or cell["gradient_noise"] > 0)


def reasons(cell: Cell, context: Context, gradient: Collection[str]) -> list[str]:
    """Why the shares of a setting differ, where they do, a sentence each."""
    told = []
    p_escape, p_global, p_best, p_final = (cell[c] for c in ("p_escape", "p_global", "p_best", "p_final"))
    if p_escape - p_global > DIFFER and not isnan(cell["returned"]):
        elsewhere = cell["escaped"] - cell["returned"] - cell["left_diverged"] - round(p_global * cell["n"])
        fates = [(cell["returned"], "are back"), (elsewhere, "end in another false basin")]
        said = [f"{int(count)} {fate}" for count, fate in fates if count > 0]
        if said:
            told.append(f"Of {int(cell['escaped'])} that left, {', '.join(said)}.")
    if (p_global - p_final > DIFFER and p_global * cell["n"] > FEW) or p_best - p_final > DIFFER:
        if is_noisy(cell):
            told.append(held_up(cell, context, gradient))
        else:
            told.append(moving(cell, p_best - p_final > DIFFER))
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
        own = "temperature" if cell["gradient_noise"] == 0 else "(temperature + h noise²/2)"
        each = f"{'' if dim == 1 else f'{dim} × '}{own}/2 = {excess:.3g}"
        return f"Noise holds mean L about {each} above a minimum."
    return "Noise keeps it moving, so that it does not stay there."


def moving(cell: Cell, passed: bool) -> str:
    """Why a noiseless rule is not at the target in the end."""
    most = MOST[commonest([cell])[0]]
    if passed:
        return f"Some come that near and move on: at the end most {most}."
    return f"Some in that basin are not that near yet: most {most}."


def losses(cell: Cell, twin: Cell | None = None) -> list[str]:
    """The median loss before and after, that without noise, and whether leaving was a gain."""
    begin, end = cell.get("loss_start_median", nan), cell["loss_median"]
    if isnan(begin) or isnan(end):
        return []
    before, after = value([cell], "loss_start_median"), value([cell], "loss_median")
    text = f"Median L: {before} at the start, {after} at the end"
    other = nan if twin is None else twin["loss_median"]
    if not isnan(other) and twin is not None:
        text += f", {value([twin], 'loss_median')} without noise"
    least = begin if isnan(other) else min(begin, other)
    loss = ": no gain" if end > (1.0 + TRIFLE) * least and cell["p_escape"] >= 0.5 else ""
    return [f"{text}{loss}."]


def leaps(table: pd.DataFrame, gradient: Collection[str], names: dict[str, list[str]]) -> list[str]:
    """Why plain gradient descent leaves without noise, where it does: the flow that it follows cannot."""
    quiet = (table["temperature"] == 0.0) & (table["gradient_noise"] == 0.0)
    rows = table[table["dynamics"].isin(list(gradient)) & quiet & (table["escaped"] > 0)]
    if rows.empty:
        return []
    cell = rows.iloc[int(rows["escaped"].to_numpy().argmax())]
    count = f"{int(cell['escaped'])} of {int(cell['n'])}"
    return [f"Without noise {named(table, cell, names)} leaves too ({count}): its steps leap over an edge."]


def exactly(table: pd.DataFrame, names: dict[str, list[str]]) -> list[str]:
    """Measured probabilities against exact ones: the largest z, and how large one chance alone makes."""
    if "z" not in table or not table["z"].notna().any():
        return []
    worst = table.iloc[int(np.nanargmax(table["z"].abs().to_numpy(float)))]
    count, known = int(table["z"].notna().sum()), int(table["p_exact"].notna().sum())
    rows = f"{count} rows" if count > 1 else "one row"
    certain = f" (in {known - count} more nothing can differ)" if known > count else ""
    expected, counted = worst["n"] * worst["p_exact"], isnan(worst.get("p_escape_se", nan))
    variance = expected * (1.0 - worst["p_exact"])
    if "p_exact_se" in worst:  # else of an earlier version
        variance = (worst["n"] * worst["p_exact_se"]) ** 2
    if counted and variance < ENOUGH:  # the normal law does not hold yet
        few = f"{short(format(expected, '.3g'))} of {int(worst['n'])} expected to leave"
        if expected > worst["n"] / 2:
            few = f"{short(format(worst['n'] - expected, '.3g'))} of {int(worst['n'])} expected to stay"
        chance = f"With {few} there, that is a rough measure."
    else:
        limit = NormalDist().inv_cdf(1.0 - 0.025 / count)
        what = f"the largest of {count}" if count > 1 else "it"
        chance = f"By chance {what} exceeds {limit:.1f} in 5% of cases."
    return [
        f"Against the exact P(escape) of {rows}{certain}, what was measured is at most"
        f" {abs(worst['z']):.1f} standard errors (of the noise alone) away"
        f" ({named(table, worst, names)}: {share(worst['p_escape'])},"
        f" exactly {beside(worst.to_dict())}). {chance}"
    ]


def from_minimum(table: pd.DataFrame, context: Context, names: dict[str, list[str]]) -> list[str]:
    """The exact P(escape) from the minimum itself, where starts near an edge make that of all another number.

    Of the coldest row of which that of all is known exactly, in one dimension.
    """
    loss = context.loss
    by_start = any(is_start(str(c)) for c in table.columns)
    if by_start or "p_exact" not in table or loss is None or loss.dim != 1:
        return []
    known = table[table["p_exact"].notna() & (table["start_basin"] >= 0)]
    if known.empty:
        return []
    from dynbench.theory.chain import p_exit  # the sweep has it by now, a page may not need it
    from dynbench.theory.nystrom import OutOfReach

    temperatures = (known["temperature"] + 0.5 * known["lr"] * known["gradient_noise"] ** 2).to_numpy(float)
    cell = known.iloc[int(temperatures.argmin())]
    label = int(cell["start_basin"])
    try:
        x = loss.minima[label].x[0]
        p = float(p_exit(loss, label, x, float(cell["lr"]), float(temperatures.min()), (context.steps,))[0][0, 0])
    except OutOfReach:
        return []
    if not 0.0 < p < cell["p_exact"] / MANY_TIMES:
        return []
    return [
        f"Starts beside the basin's edge leave far more easily: with {named(table, cell, names)} P(escape) is"
        f" {beside(cell.to_dict())} over all starts, {short(f'{p:.2g}')} from the minimum itself (exact; --x0 {x:.6g})."
    ]


def warnings(table: pd.DataFrame) -> list[str]:
    """How far the comparisons above can be trusted."""
    if len(table) == 1:
        return []
    noisy = (table["temperature"] > 0) | (table["gradient_noise"] > 0)
    rules = list(dict.fromkeys(table.loc[noisy, "dynamics"].astype(str)))
    only = (
        f" Only {', '.join(rules)} ran with noise." if noisy.any() and len(rules) < table["dynamics"].nunique() else ""
    )
    picked = f"Leaders are picked from {len(table)} settings, which flatters them. " if len(table) > 2 else ""
    overlap = "Intervals that reach one another, as printed, are no test (python -m dynbench.compare makes one)."
    return [f"{picked}{overlap} All intervals: summary.csv.{only}"]
