"""Why the escapes of a run happen and what its single trajectories are worth, in words and tables.

Read off what `python -m dynbench.explain` wrote; its terminal and the page say the same.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import isfinite, isnan

import pandas as pd

from dynbench.losses.base import Loss
from dynbench.outcomes.cells import is_start
from dynbench.outcomes.rounding import MEANING
from dynbench.report import wells
from dynbench.report.section import Section, Table
from dynbench.store import Run
from dynbench.sweep.table import aligned, digits_of, label, probability, varying

__all__ = ["LABELS", "MEANING", "Cause", "of_cells", "sections"]

LABELS = (
    "A cell: the trajectories of one row of the run's table, from all its starts in one basin. To learn why they "
    "leave they run again without noise, with the step h and with h/2, h/4, ..., at the same h · steps and the same"
    " parameters of the ODE (the rule in the limit of small h). Where without noise they surely stay, nothing is "
    "left to explain, and h is not halved; where they leave without noise too, the label is of the starts without "
    "noise. Step-size: escapes end as h gets smaller; singular: the flow itself ends at a false minimum; "
    "noise: they end without it; step-size or noise: at an h where they have ended without noise they "
    "go on with it, so that either alone would do; inertia, flow: they go on, with or without memory; undecided: none "
    "of these is sure. They end where P is surely (95%) below a quarter of the cell's own P, and go on where it is "
    "surely above. M: a rule's cap, and h · M held: h halved while M is doubled; L*: the height of the minimum "
    "above f_star; D: the way from it to the edge of its basin."
)
FILES = ("mechanism.csv", "halvings.csv", "rounding.csv")
HELD = {"ode": "ODE held", "hM": "h · M held"}  # of the levels without noise: the heading has the cell's own P
AXES = ("lr", "temperature", "gradient_noise")


@dataclass(frozen=True)
class Cause:
    """One cell explained."""

    name: str
    heading: str
    reason: str
    caption: str  # of the halvings: what a row is
    columns: list[str]
    rows: list[list[str]]
    rounding: str

    def lines(self) -> list[str]:
        """The halvings as lines of text, columns side by side, under their caption."""
        return [f"{self.caption}:", *aligned([self.columns, *self.rows]).splitlines()] if self.rows else []


def of_cells(
    causes: pd.DataFrame,
    halvings: pd.DataFrame,
    proofs: pd.DataFrame,
    parameters: Iterable[str],
    loss: Loss | None = None,
    cells: pd.DataFrame | None = None,
) -> list[Cause]:
    """One for each row of mechanism.csv, with the rows of the other two tables that are of the same cell.

    `cells`: the run's, so that a cell is called as there (default: those explained).
    """
    named = causes if cells is None else cells
    names = varying(named, parameters)
    places = digits_of(named, names)
    key = [c for c in causes.columns if c in ("dynamics", "start_basin", *parameters, *AXES) or is_start(str(c))]
    groups = dict(iter(halvings.groupby(key, dropna=False, sort=False)))
    several = causes["start_basin"].nunique() > 1
    found: list[Cause] = []
    for (_, cause), (_, proof) in zip(causes.iterrows(), proofs.iterrows(), strict=True):
        rule = str(cause["dynamics"])
        noise = [n for n in AXES[1:] if cause[n] > 0.0 and n not in names[rule]]
        name = label(cause, [*names[rule], *noise], places[rule])
        name += f", minimum at {wells.place(loss, cause['start_basin'])}" if several else ""
        evidence = next((g for k, g in groups.items() if same(k, [cause[c] for c in key])), halvings.iloc[:0])
        columns, rows = table_of(evidence)
        many = "Without noise, a row for each h, the first for the cell's own"
        caption = many if len(rows) > 1 else "Without noise, at the cell's own h"
        found.append(Cause(name, heading(cause), str(cause["reason"]), caption, columns, rows, rounding(proof)))
    return found


def same(one: object, other: list[object]) -> bool:
    """Whether two keys are equal, nan to nan too."""
    return isinstance(one, tuple) and all(a == b or (a != a and b != b) for a, b in zip(one, other, strict=True))


def heading(cause: pd.Series) -> str:
    """The label, and the cell's own P as the run has it."""
    p, lo, hi, n, escaped = (cause[c] for c in ("p_escape", "p_escape_lo", "p_escape_hi", "cell_n", "escaped"))
    if isnan(p):
        return f"{cause['label']}: P(escape) known between bounds only, {probability(p, lo, hi)}: {n} trajectories."
    how = " by splitting" if cause["splitting"] else ""
    return f"{cause['label']}: P(escape) {probability(p, lo, hi)}{how}; {escaped} of {n} trajectories left."


def table_of(evidence: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """A row for each h; for each of what was held the P with its 95 % limits, and of how many starts."""
    held = [h for h in HELD if (evidence["held"] == h).any()]
    words = {h: f", {HELD[h]}" for h in held} if len(held) > 1 else {"ode": ""}
    columns = ["h", "steps", *(text for h in held for text in (f"P(escape){words[h]} [95%]", "starts"))]
    rows: list[list[str]] = []
    for (h, steps), group in evidence[evidence["held"] != "noise"].groupby(["h", "steps"], sort=False):
        row = [f"{h:.4g}", str(steps)]
        for kind in held:
            of_kind = group[group["held"] == kind]
            level = of_kind.iloc[0] if len(of_kind) else None
            row += ["", ""] if level is None else [in_words(level), str(level["n"])]
        rows.append(row)
    return columns, rows


def in_words(level: pd.Series) -> str:
    """A level's P: of a single start without noise it is yes or no."""
    if level["n"] == 1:
        return "escapes" if level["escaped"] else "stays"
    return probability(level["p"], level["lo"], level["hi"])


def rounding(proof: pd.Series) -> str:
    """The certificate of a cell: the verdict and the numbers that it follows from."""
    n, total = proof["n"], proof["cell_n"]
    if n == total == 1:
        ends, leaves = (bool(proof[c]) for c in ("differ_outcome", "differ_time"))
        parts = [
            f"From x0 ± 1 ulp (the next floats), with the same noise, it ends {'otherwise' if ends else 'alike'}, and"
        ]
        parts[0] += " leaves at another step." if leaves else " when it leaves does not change."
    else:
        of = f"{n}" if n == total else f"{n} (of its {total}, evenly spread)"
        parts = [
            f"From x0 ± 1 ulp (the next floats), with the same noise, {proof['differ_outcome']} of {of} trajectories"
            " end otherwise, "
            f"{proof['differ_time']} leave at another step ({proof['differ'] / n:.1%} do either)."
        ]
    if isfinite(proof["horizon"]) and proof["followed"] > 1:
        parts.append(f"Half of {proof['followed']} such pairs of paths have parted by step {proof['horizon']:.0f}.")
    parts.append(exponent(proof))
    return f"{proof['verdict'][0].upper()}{proof['verdict'][1:]}. {' '.join(parts)}"


def exponent(proof: pd.Series) -> str:
    """The Lyapunov exponent: how many orbits have one above 0, how far they differ, and its mean with limits."""
    mean, orbits = proof["lyapunov"], proof["orbits"]
    if isnan(mean):
        return "Lyapunov exponents could not be measured: too few stay long enough, or part."
    lo, hi, middle, least, most = (signless(proof[f"lyapunov_{name}"]) for name in ("lo", "hi", "median", "p05", "p95"))
    text = f"mean {signless(mean)}" + ("" if isnan(proof["lyapunov_lo"]) else f" [{lo}, {hi}]")
    if orbits > 1:
        share = ", ".join(f"{proof[c]:.1%}" for c in ("positive_lo", "positive_hi"))
        above = f"above 0 for {proof['positive']} of {orbits} orbits{others(proof)}, "
        above += f"{proof['positive'] / orbits:.1%} [{share}]"
        if isfinite(proof["lyapunov_p05"]):
            above += f"; median {middle}, 90% of orbits between {least} and {most}"
        text = f"{above}; {text}"
    exact = proof["lyapunov_exact"]
    known = f", {exact:.4f} in the parabola at the minimum" if isfinite(exact) else ""
    return f"Lyapunov exponent a step: {text}{known} (brackets: 95% limits)."


def signless(value: float) -> str:
    """To four decimals, a 0 without a sign."""
    return f"{round(float(value), 4) + 0.0:.4f}"


def others(proof: pd.Series) -> str:
    """Why there are fewer orbits than trajectories, where there are."""
    gone, n = proof.get("left_too_soon", 0), proof["n"]
    if gone > 0:
        return f" (the other {gone} of {n} trajectories left or diverged too soon)"
    return f" (a sample of {n} trajectories)" if proof["orbits"] < n else ""


def sections(run: Run, loss: Loss | None) -> list[Section]:
    """`Why they escape`, where `python -m dynbench.explain` was run and wrote what is read here."""
    if not all((run.directory / name).exists() for name in FILES):
        return []
    causes, halvings, proofs = (pd.read_csv(run.directory / name) for name in FILES)
    if "cell_n" not in causes or "cell_n" not in proofs or len(causes) != len(proofs):
        return []  # of an earlier version
    before = list(causes.columns)[: list(causes.columns).index("lr")]
    parameters = [c for c in before if c != "dynamics" and not is_start(c)]
    found = of_cells(causes, halvings, proofs, parameters, loss, run.cells)
    parts = [
        Section(
            cause.name,
            [f"{cause.heading} {cause.reason}", cause.rounding],
            tables=[Table(cause.caption, cause.columns, cause.rows)] if cause.rows else [],
        )
        for cause in found
    ]
    return [Section("Why they escape", [LABELS, MEANING], sections=parts)]
