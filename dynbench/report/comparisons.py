"""Rules against each other, pair by pair: from the same starts and with the same noise.

Of every rule the settings with the highest P(final) stand for it.  They are chosen on the data they are compared on.
"""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import pandas as pd

from dynbench.outcomes.compare import Paired, benjamini_hochberg, holm, matched, paired
from dynbench.outcomes.independent import agreement
from dynbench.outcomes.success import SHARES, succeeded
from dynbench.report import arms
from dynbench.report.forest import forest
from dynbench.report.numbers import difference, p_value
from dynbench.report.section import Section, Table

MOST = 5  # rules beyond which each is compared with the best one only
ALPHA = 0.05  # of Holm's family, and the share of false ones among what Benjamini and Hochberg find
ON = {"escape": "P(escape)", "final": "P(final)"}
COLUMNS = (
    "rule a", "rule b", "pairs", "P of a", "P of b", "difference a - b [95%]", "a alone : b alone",
    "McNemar p", "Holm p",
)  # fmt: skip
METHOD = (
    "Pairs are runs from the same start with the same noise (one without noise is the partner of every seed from "
    "there). The difference is that of the two shares, with Tango's 95% interval; `a alone : b alone` counts the "
    "pairs in which one of the two succeeds; McNemar's test of these is exact. Holm p is adjusted for all {family} "
    "claims of these tables: those below 0.05 hold together with an error of at most 5%."
)
SELECTION = (
    "For each rule the settings with the highest P(final) were taken (ties: the highest P(escape)), chosen on the "
    "same data as they are compared on: this describes the run, and favours rules with many settings. To confirm a "
    "difference, run these settings again with another --seed (or, without noise, from other starts) and compare them "
    "there:"
)
GRID = (
    "Where neither rule has noise, pairs are starts that were given: interval and p are as if they had been drawn at "
    "random."
)
SHARED = "With several seeds from each start, what is said holds for these starts."
NOTHING = "nothing random"


@dataclass(frozen=True)
class Claim:
    """Arm a against arm b, places in the table of arms, in one kind of success."""

    a: int
    b: int
    on: str
    found: Paired
    random: bool  # there is noise, or more than one start
    p: float  # nan where nothing is random
    adjusted: float = float("nan")


def best(table: pd.DataFrame) -> pd.DataFrame:
    """One arm of every rule, the best first: by p_final, then p_escape, then order of appearance."""
    ranked = table.assign(p_final=table["p_final"].fillna(0.0))
    order = ranked.sort_values(["p_final", "p_escape"], ascending=False, kind="stable").index
    return table.loc[order].drop_duplicates("dynamics")


def claims(chosen: pd.DataFrame, rows: pd.DataFrame) -> list[Claim]:
    """Every pair of rules, or each against the first where they are many, with p-values adjusted over all."""
    places = chosen.index.tolist()
    pairs = list(combinations(places, 2)) if len(places) <= MOST else [(places[0], b) for b in places[1:]]
    kinds = [on for on in ON if chosen[SHARES[on]].max() > 0.0]  # where nobody succeeds no test can tell two apart
    own = {place: rows[rows["arm"] == place] for place in places}
    for place, part in own.items():
        made = {f"on {on}": succeeded(part, on, chosen.loc[[place]]) for on in kinds}
        own[place] = part.assign(**made)
    found = []
    for on in kinds:
        for a, b in pairs:
            first, second = matched(own[a], own[b])
            result = paired(first[f"on {on}"], second[f"on {on}"])
            noisy = any(arms.is_noisy(chosen.loc[place].to_dict()) for place in (a, b))
            random = noisy or len(first) > 1
            found.append(Claim(a, b, on, result, random, float(result.p_value[0]) if random else float("nan")))
    adjusted = holm([claim.p for claim in found])
    return [Claim(c.a, c.b, c.on, c.found, c.random, c.p, float(q)) for c, q in zip(found, adjusted, strict=True)]


def sections(cells: pd.DataFrame, chosen: pd.DataFrame, rows: pd.DataFrame, names: Mapping[int, str]) -> list[Section]:
    """The section; of rules, where there are two and one of them succeeds.  `names` of arms by their index."""
    made = claims(chosen, rows)
    if not made:
        return alone(cells)
    family = sum(c.p == c.p for c in made)
    told = [METHOD.format(family=family)] if family else []
    given = {"grid starts", "none"} & set(cells["randomness"].astype(str))
    if given and any(c.random and not noisy(chosen, c) for c in made):
        told.append(GRID)
    if (rows["seed"] > 0).any():
        told.append(SHARED)
    if not all(c.random for c in made):
        told.append("Two rules without noise from a single start: nothing is random there, and nothing to test.")
    picture = forest(made, names)
    return [
        Section(
            "Comparisons",
            [" ".join(told), *([SELECTION] if family else [])],
            items=[*standing(made, names), *exactly(cells)],
            code=command(chosen, cells) if family else "",
            pictures=[picture] if picture else [],
            tables=[table(on, [c for c in made if c.on == on], names) for on in ON if any(c.on == on for c in made)],
        )
    ]


def alone(cells: pd.DataFrame) -> list[Section]:
    """Simulation against exact probabilities, where no rules are compared."""
    told = exactly(cells)
    return [Section("Comparisons", items=told)] if told else []


def noisy(chosen: pd.DataFrame, claim: Claim) -> bool:
    return any(arms.is_noisy(chosen.loc[place].to_dict()) for place in (claim.a, claim.b))


def table(on: str, made: list[Claim], names: Mapping[int, str]) -> Table:
    rows = []
    for claim in made:
        pair = claim.found
        known = claim.random
        rows.append([
            names[claim.a], names[claim.b], str(int(pair.n[0])), arms.share(pair.p_a[0]), arms.share(pair.p_b[0]),
            ends(pair) if known else f"{pair.difference[0]:+.0f}",
            f"{int(pair.only_a[0])} : {int(pair.only_b[0])}",
            p_value(claim.p) if known else NOTHING, p_value(claim.adjusted),
        ])  # fmt: skip
    return Table(f"{ON[on]}, rule against rule", COLUMNS, rows)


def ends(pair: Paired) -> str:
    return difference(float(pair.difference[0]), float(pair.lo[0]), float(pair.hi[0]))


def standing(made: list[Claim], names: Mapping[int, str]) -> list[str]:
    """A sentence for each kind of success: what is told apart, at the family's level."""
    told = []
    for on in dict.fromkeys(c.on for c in made):
        family = [c for c in made if c.on == on and c.p == c.p]
        clear = [c for c in family if c.adjusted <= ALPHA]
        if not family:
            continue
        text = f"{ON[on]}: {len(clear)} of {len(family)} differences are told apart (Holm p ≤ {ALPHA:g})"
        if clear:
            widest = max(clear, key=lambda c: abs(c.found.difference[0]))
            text += f"; the largest is {names[widest.a]} against {names[widest.b]}, {ends(widest.found)}"
        told.append(f"{text}.")
    return told


def exactly(cells: pd.DataFrame) -> list[str]:
    """Measured escapes against exact probabilities, adjusted for their number."""
    if "p_exact" not in cells.columns or not cells["p_exact"].notna().any():
        return []
    known = cells[cells["p_exact"].notna() & cells["escaped"].notna()]
    p = agreement(known["escaped"], known["n"], known["p_exact"])
    adjusted = benjamini_hochberg(p)
    apart = int((adjusted <= ALPHA).sum())
    return [
        f"Simulation against the exact chain: {apart} of {len(known)} escape counts disagree with their exact "
        f"probability (exact binomial test, Benjamini-Hochberg at {ALPHA:g}; smallest adjusted p "
        f"{p_value(float(adjusted.min()))})."
    ]


def command(chosen: pd.DataFrame, cells: pd.DataFrame) -> str:
    """How to compare the two best arms on a run: python -m dynbench.compare RUN --a .. --b .."""
    texts = []
    for arm in chosen.head(2).to_dict("records"):
        varying = arms.varying(cells[cells["dynamics"] == arm["dynamics"]])
        noise = [c for c in arms.AXES[1:] if arm[c] > 0.0 and c not in varying]
        shown = [f"{c}={float(arm[c])!r}" for c in (*varying, *noise) if arm[c] == arm[c]]
        texts.append(shlex.quote(",".join([str(arm["dynamics"]), *shown])))
    return f"python -m dynbench.compare RUN --a {texts[0]} --b {texts[1]} --on final"
