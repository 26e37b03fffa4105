"""python -m suites.verdict: is the capped flow useless, is noise better?  A page in results/published/verdict/.

The experiment of suites/verdict.toml (`verdict_arms`, `verdict_study`) in words, tables and a picture; every sentence
is made from the measured numbers.
"""

import io
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.ticker import FixedLocator, NullLocator

from dynbench.losses.base import Minimum
from dynbench.report.page import Section, Table, build
from dynbench.report.style import Picture, blank, drawn, line
from dynbench.store import write_whole
from dynbench.theory.thresholds import critical_cap, step_limit
from suites.verdict_arms import CONFIG, Study
from suites.verdict_study import DEFAULT, TUNED, run

HERE = Path(__file__).parent
TARGET = HERE.parent / "results" / "published" / "verdict"
TITLE = "Is the capped flow useless? A first verdict"
SMALLEST = 1e-12  # p-values below it are printed so
DIGITS = "%.6g"
FILES = (
    "Budgets, boxes, seeds and defaults are in suites/verdict.toml; every number of this page is in results.csv, and "
    "every configuration that was tried in tuning.csv, both beside it. Equal runs give equal bytes."
)


def cell(row: pd.Series, name: str = "p_final") -> str:
    return f"{row[name]:.4f} [{row[f'{name}_lo']:.4f}, {row[f'{name}_hi']:.4f}]"


def small(p: float) -> str:
    return f"< {SMALLEST:g}" if p < SMALLEST else f"{p:.2g}"


def listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def rows_of(table: pd.DataFrame, arm: str, setting: str = TUNED) -> pd.DataFrame:
    """One row a budget."""
    return table[(table["arm"] == arm) & (table["setting"] == setting)].sort_values("budget")


def series(table: pd.DataFrame, arm: str, setting: str = TUNED) -> str:
    return listed([f"{p:.3f}" for p in rows_of(table, arm, setting)["p_final"]])


def span(table: pd.DataFrame, arm: str, setting: str) -> str:
    p = rows_of(table, arm, setting)["p_final"]
    return f"{p.min():.3f}" if f"{p.min():.3f}" == f"{p.max():.3f}" else f"{p.min():.3f} to {p.max():.3f}"


def standing(study: Study, table: pd.DataFrame, arm: str) -> str:
    """Where the subject is better than the arm, where worse, where not told apart, at the family's level."""
    rows = rows_of(table, arm)
    clear = rows["p_holm"] < study.alpha
    kinds = {
        "better": clear & (rows["difference"] > 0),
        "worse": clear & (rows["difference"] < 0),
        "not told apart": ~clear,
    }
    told = []
    for kind, chosen in kinds.items():
        if chosen.all():
            return f"{kind} at every budget"
        if chosen.any():
            told.append(f"{kind} at {listed([str(b) for b in rows[chosen]['budget']])}")
    return ", ".join(told)


def answer(study: Study, table: pd.DataFrame) -> str:
    """The article's doubt, answered as far as this goes."""
    subject, noisy = study.subject, [arm.name for arm in study.arms if arm.parts]
    others = [arm.name for arm in study.arms if arm.name != subject and arm.name not in noisy]
    against = pd.concat([rows_of(table, arm) for arm in noisy])
    least = against.sort_values("difference").iloc[0]
    ahead = bool(((against["difference"] > 0) & (against["p_holm"] < study.alpha)).all())
    verdict = f"the {subject} is not useless, and noise is not better" if ahead else "noise is not beaten everywhere"
    noise = "; ".join(f"{arm} {series(table, arm)}" for arm in noisy)
    rest = "; ".join(f"{arm} {series(table, arm)} ({subject} {standing(study, table, arm)})" for arm in others)
    plain = "; ".join(f"{arm.name} {series(table, arm.name, DEFAULT)}" for arm in study.arms)
    low, high = (f"Lmin {e:+.0%} of L*" for e in (min(study.errors), max(study.errors)))
    factor, minimum = min(study.factors), false_minimum(study)
    steps = rows_of(table, "SPS_max")["step_cap"]
    return (
        f"On this curve, once all are tuned, {verdict}; but simpler rules do as well as it. With "
        f"{listed([str(b) for b in study.budgets])} gradient evaluations from the false minimum, the tuned {subject} "
        f"ends within {study.target:g} of Lmin with probability {series(table, subject)}. Noise with a noise-free end: "
        f"{noise}; the least difference in favour of the {subject} is {cell(least, 'difference')} (Holm-adjusted "
        f"p {small(least['p_holm'])}; {least['arm']}, {least['budget']} evaluations). The others: {rest}. So the cap "
        f"on the displacement earns nothing by itself: SPS_max does without it, leaving by a step_cap of "
        f"{steps.min():.3g} to {steps.max():.3g}, far above the 2/λ = {step_limit(minimum):.3g} that would hold it. "
        f"Untuned (the capped flow with the article's cap and lr): {plain}. The success of the {subject} is fragile: "
        f"with {factor:g} times the tuned cap it reaches {series(table, subject, f'cap × {factor:g}')}; told an Lmin "
        f"that is too high by {max(study.errors):.0%} of the false minimum's height L*, a value that it then takes for "
        f"the goal, {span(table, subject, high)}; too low by as much, {span(table, subject, low)}. The limits of "
        f"this verdict: one dimension; one curve with one false minimum; Lmin known exactly to the {subject} and to "
        f"SPS_max, and not needed by noise and restarts; parameters tuned on the very problem, with "
        f"{study.configurations} configurations, which are few; and in one dimension restarts are hard to beat."
    )


def false_minimum(study: Study) -> Minimum:
    return max(study.loss.minima, key=lambda m: m.value)


def method(study: Study) -> str:
    minimum = false_minimum(study)
    return (
        f"Loss {study.loss.name}: L = {study.loss.formula}. Starts: {study.starts.words(study.loss)}. Every arm tried "
        f"the same {study.configurations} points of Halton's sequence in its own box, at each budget, with starts and "
        f"noise of master seed {study.tuned_on}; the best (the first of equals) then ran on other starts with other "
        f"noise, master seed {study.reported_on}: all that is reported. Intervals are 95%; differences are paired by "
        f"start (Tango's interval, exact McNemar test), their p-values adjusted by Holm's method over all "
        f"{(len(study.arms) - 1) * len(study.budgets)} claims. A gradient evaluation gives L as well; the comparison "
        f"of the restarts' last values is not charged, and restarts spend nothing on the given start. A step "
        f"of the capped flow from beside this minimum reaches the edge of its basin where cap × lr exceeds D/L* = "
        f"{critical_cap(minimum, 1.0):.4f}; SPS_max with a "
        f"step_cap below 2/λ = {step_limit(minimum):.4f} stays."
    )


def by_budget(study: Study, caption: str, rows: list[tuple[str, list[str]]], folded: bool = False) -> Table:
    columns = ("arm", *(f"{b} evaluations" for b in study.budgets))
    return Table(caption, columns, [(head, *cells) for head, cells in rows], folded=folded)


def tables(study: Study, table: pd.DataFrame) -> list[Table]:
    """Tuned and untuned; differences; what was chosen; what a wrong parameter does."""
    names = [arm.name for arm in study.arms]

    def cells(arm: str, setting: str) -> list[str]:
        return [cell(row) for _, row in rows_of(table, arm, setting).iterrows()]

    shown = [(f"{name}, {setting}", cells(name, setting)) for name in names for setting in (TUNED, DEFAULT)]
    apart = []
    for name in names:
        if name != study.subject:
            pairs = [row for _, row in rows_of(table, name).iterrows()]
            apart += [(name, [cell(row, "difference") for row in pairs])]
            apart += [(f"{name}, Holm p", [small(row["p_holm"]) for row in pairs])]
    chosen = [
        (f"{arm.name}, {row['budget']}", ", ".join(f"{name} {row[name]:.4g}" for name in arm.box),
         f"{row['p_tuning']:.4f}", f"{row['p_tuning_median']:.4f}")
        for arm in study.arms for _, row in rows_of(table, arm.name).iterrows()
    ]  # fmt: skip
    wrong = table[~table["setting"].isin([TUNED, DEFAULT])][["arm", "setting"]].drop_duplicates()
    off = [(f"{arm}, {setting}", cells(arm, setting)) for arm, setting in wrong.itertuples(index=False)]
    defaults = "; ".join(f"{a.name}: {', '.join(f'{k} {v:g}' for k, v in a.default.items())}" for a in study.arms)
    return [
        by_budget(study, f"p_final = P(L - Lmin ≤ {study.target:g}) [95%]; defaults are {defaults}", shown),
        by_budget(study, f"p_final of the {study.subject} minus that of the arm, both tuned [95%]", apart),
        Table("What was tuned", ("arm, evaluations", "tuned to", "p_final of it", "median of all tried"), chosen),
        by_budget(study, "The tuned configuration again, with something wrong (not among the claims)", off, True),
    ]


@drawn
def picture(study: Study, table: pd.DataFrame) -> Picture:
    """p_final against the budget, tuned and untuned, one line an arm."""
    count = table["n"].iloc[0]
    figure = blank(4.4, "Where they end after equal budgets", f"{study.loss.name}: {count} trapped starts; bars: 95%")
    for k, setting in enumerate((TUNED, DEFAULT)):
        axes = figure.add_axes((0.075 + 0.47 * k, 0.265, 0.44, 0.55))
        for n, arm in enumerate(study.arms):
            rows = rows_of(table, arm.name, setting)
            shift = 1.05 ** (n - (len(study.arms) - 1) / 2)  # side by side where they would hide each other
            p = rows["p_final"].to_numpy()
            bars = np.abs(rows[["p_final_lo", "p_final_hi"]].to_numpy().T - p)
            axes.errorbar(rows["budget"] * shift, p, yerr=bars, capsize=2, label=arm.name, **line(n))
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(FixedLocator(study.budgets))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter("{x:g}")
        axes.set(ylim=(-0.03, 1.03), xlabel="gradient evaluations", title=setting if k == 0 else "untuned defaults")
        if k == 0:
            axes.set_ylabel(f"P(L - Lmin ≤ {study.target:g}) at the end")
        else:
            axes.tick_params(labelleft=False)
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="lower center", ncols=3, handlelength=3.5)
    ends = [f"{arm.name} {rows_of(table, arm.name)['p_final'].iloc[-1]:.3f}" for arm in study.arms]
    alt = f"Share of starts that end at the global minimum; tuned, {max(study.budgets)} evaluations: {listed(ends)}."
    return Picture("p_final", figure, alt)


def page(study: Study, table: pd.DataFrame, shown: Picture) -> str:
    section = Section(
        "The article's doubt, as far as one curve answers it",
        (answer(study, table),),
        pictures=(shown,),
        tables=tables(study, table),
        sections=(
            Section("How it was measured", (method(study),)),
            Section("How to repeat it", (FILES,), code="python -m suites.verdict"),
        ),
    )
    return build([], TITLE, [section])


def publish(study: Study, target: Path) -> None:
    """Runs the experiment and writes the page, its picture and its tables."""
    verdict = run(study)
    told = {}
    for name, table in (("results", verdict.results), ("tuning", verdict.tuning)):
        text = table.to_csv(index=False, float_format=DIGITS, lineterminator="\n")
        write_whole(target / f"{name}.csv", text.encode())
        told[name] = pd.read_csv(io.StringIO(text))  # the page is made of what the tables say
    shown = picture(study, told["results"])
    write_whole(target / f"{shown.name}.png", shown.png)
    write_whole(target / "index.html", page(study, told["results"], shown).encode())


def main() -> int:
    publish(Study.read(CONFIG), TARGET)
    print(f"{TARGET.relative_to(HERE.parent)}/index.html")
    return 0


if __name__ == "__main__":
    sys.exit(main())
