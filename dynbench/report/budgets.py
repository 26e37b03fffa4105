"""Runs of one loss whose budgets differ, taken together: Kaplan-Meier curves, or Aalen-Johansen's, and times.

A trajectory depends on its arm, start, repeat and master seed only, so that two runs may hold the same one for
different numbers of steps: it counts once, at its longest.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from dynbench import find
from dynbench.definition import digest
from dynbench.outcomes.cells import is_start
from dynbench.outcomes.censored import Curve, aalen_johansen, kaplan_meier, mean_of, median_of
from dynbench.outcomes.runtime import running_time
from dynbench.outcomes.survival import Estimate, integers
from dynbench.report import arms, figures, timeline
from dynbench.report.escapes import Sample, is_hit, moments, needed, sample
from dynbench.report.hazards import late
from dynbench.report.section import Section
from dynbench.report.style import GREY, Picture, drawn
from dynbench.report.survival import PANELS
from dynbench.report.times import tables, with_estimates
from dynbench.store import Run, canonical

LINES = 8
BUDGET, MASTER = "budget of steps", "master seed"  # columns beside those of trajectories; no parameter has a space
METHOD = (
    "A run tells nothing about the steps beyond its budget: there it counts as no longer watched (censored), which is "
    "sound as long as budgets were not chosen by how trajectories went, nor by their starts. Curves and medians are "
    "Kaplan and Meier's; restricted means are up to a rule's longest budget, late hazards over the last half of the "
    "longest of all."
)
DIVERGED = " Divergence is an end that competes with escape (Aalen and Johansen's curves)."
UNTOLD = " Not all of these runs recorded when they diverged: those count as inside to their budget."


def sections(runs: Sequence[Run], most: int) -> list[Section]:
    """One for each loss of which there are runs with different budgets; tables have no more than `most` rows."""
    groups: dict[bytes, list[Run]] = {}
    for run in runs:
        groups.setdefault(identity(run), []).append(run)
    found = (section(group, most) for group in groups.values() if len({figures.budget(run) for run in group}) > 1)
    return [made for made in found if made is not None]


def identity(run: Run) -> bytes:
    """Equal for runs of one loss, and of rules that are dynbench's or the same: by the digests of definitions."""
    told = (run.manifest.get("sweep") or {}).get("definitions") or {"loss": run.name, "dynamics": {}}
    known = find.rules()
    rules = {n: d for n, d in told["dynamics"].items() if n not in known or d != digest(find.dynamics(n))}
    return canonical([told["loss"], rules])


def section(runs: Sequence[Run], most: int) -> Section | None:
    """Picture and table of runs of one loss; None where fewer than two kept trajectories that can be read."""
    loss = figures.loss_of(runs[0])
    parts: list[tuple[Run, pd.DataFrame]] = []
    for run in runs:
        rows = read(run)
        parts += [(run, rows)] if rows is not None else []
        if sum(len(rows) for _, rows in parts) > figures.LARGEST:
            return None
    if len({figures.budget(run) for run, _ in parts}) < 2:
        return None
    every = together([rows for _, rows in parts])
    once = longest(every)
    found = sample(once, loss)
    if found is None or not found.known:
        return None
    told = [f"{run.name}: {len(rows)} trajectories of {figures.budget(run)} steps" for run, rows in parts]
    twice = len(every) - len(once)
    note = f"Pooled: {'; '.join(told)}."
    note += f" {twice} of these are in another run as well, for as long or longer, and count once." if twice else ""
    laws = {canonical(run.manifest.get("sweep", {}).get("starts")) for run, _ in parts}
    note += " Their starts differ: the curves are those of a mixture." if len(laws) > 1 else ""
    lost = bool(found.lost.any())
    method = METHOD + ("" if not lost else DIVERGED if found.t_diverged is not None else UNTOLD)
    picture = curves(found)
    name = str((runs[0].manifest.get("loss") or {}).get("name", "runs"))
    made = measured(found)
    return Section(
        f"{name}: runs of different budgets together", [note, method], pictures=[picture] if picture else [],
        tables=tables(made, found.names, found.where, most),
    )  # fmt: skip


def read(run: Run) -> pd.DataFrame | None:
    """A run's trajectories with what tells them apart and the budget; times to the first target only."""
    sweep = run.manifest.get("sweep", {})

    def chosen(names: Sequence[str]) -> list[str]:
        later = [c for c in names if is_hit(c)][1:]
        return [c for c in names if (c in needed(names) or is_start(c) or c == "seed") and c not in {*later, "loss"}]

    rows = figures.read(run, chosen)
    if rows is None or "seed" not in rows.columns:
        return None
    target = f"t_hit {sweep.get('targets', [''])[0]}"  # of one target only it is one column
    rows = rows.rename(columns={c: target for c in rows.columns if is_hit(c)})
    rows[BUDGET], rows[MASTER] = figures.budget(run), str(sweep.get("seed", 0))
    return rows


def together(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """All rows; the rules' parameters before `lr`, as in each part; a target that not all have is left out."""
    before = dict.fromkeys(c for part in parts for c in ["dynamics", *arms.parameters(part)])
    rest = dict.fromkeys(c for part in parts for c in part.columns if c not in before)
    hits = [c for c in rest if c.startswith("t_hit ")]
    kept = [c for c in rest if c not in hits or all(c in part.columns for part in parts)]
    whole = pd.concat(parts, ignore_index=True)[[*before, *kept]]
    return whole.rename(columns=dict.fromkeys(hits, "t_hit"))


def longest(every: pd.DataFrame) -> pd.DataFrame:
    """Each trajectory once, from the run that follows it longest: a noiseless one has no master seed."""
    noisy = np.zeros(len(every), bool)
    for column in (c for c in arms.AXES[1:] if c in every.columns):
        noisy |= (every[column] > 0.0).to_numpy()
    same = [*arms.settings(every), *(c for c in every.columns if is_start(str(c)))]
    keys = every[same].assign(seed=every["seed"], master=every[MASTER].where(noisy, ""))
    order = np.argsort(-every[BUDGET].to_numpy(), kind="stable")
    again = keys.iloc[order].duplicated().to_numpy()
    return every.iloc[np.sort(order[~again])]


def each_arm(found: Sample) -> Iterator[np.ndarray]:
    """The places of each arm's rows."""
    order = np.argsort(found.arm, kind="stable")
    yield from np.split(order, np.cumsum(found.count)[:-1])


def measured(found: Sample) -> pd.DataFrame:
    """The columns of `times`, from budgets that differ."""
    budget, count = integers(found.rows[BUDGET]), len(found.table)
    known = [kaplan_meier(found.t_exit[rows], budget[rows]) for rows in each_arm(found)]

    def columns(values: list[tuple[float, float, float]]) -> Estimate:
        value, lo, hi = np.array(values, float).T
        return value, lo, hi

    estimates = {
        "t_exit_median": columns([median_of(curve) for curve in known]),
        "t_exit_mean": columns([mean_of(curve) for curve in known]),
        "late_hazard": late(found.t_exit, found.until(budget), int(budget.max()), found.arm, count),
    }
    if found.hits:
        ran = running_time(found.rows[found.hits[0]].to_numpy(), budget, found.arm, count)
        estimates["running_time"] = (ran.mean, ran.lo, ran.hi)
    return with_estimates(found, estimates)


@drawn
def curves(found: Sample) -> Picture | None:
    """Shares of a few arms with bands, as far as each was watched; budgets as dotted lines; None without an end."""
    budget, when = integers(found.rows[BUDGET]), found.t_diverged
    ends, places = found.t_exit >= 0, list(each_arm(found))
    split = when is not None and bool(found.lost.any())
    chosen = found.few(LINES, found.tally(ends | found.lost if split else ends) / found.count)
    if not chosen:
        return None
    budgets, subtitle = np.unique(budget).tolist(), f"{found.where}; {timeline.BANDS}; dotted: budgets"
    if split:
        figure, panels = timeline.panels("Who has escaped, diverged, stayed", subtitle, list(PANELS.values()))
    else:
        figure, one = timeline.beside("Share of runs that has not escaped", subtitle)
        panels = [one]
    last = []
    for k, place in enumerate(chosen):
        rows = places[place]
        known: Sequence[Curve]
        if split and when is not None:
            with np.errstate(over="ignore"):  # as above
                known = aalen_johansen(found.t_exit[rows], np.where(found.lost[rows], when[rows], -1), budget[rows])
        else:
            known = [kaplan_meier(found.t_exit[rows], budget[rows])]
        for n, (axes, curve) in enumerate(zip(panels, known, strict=True)):
            at = moments(curve.last)
            told = drawn_at(curve, at, before=float(n == len(panels) - 1))
            timeline.curve(axes, at, told, k, found.names[place], bool(found.random[place]))
        last.append(f"{found.names[place]}: {arms.share(float(told[0][-1]))} after {known[0].last} steps")
    for axes in panels:
        timeline.over_steps(axes, budgets[-1], "" if split else "share still in the start's basin")
        axes.vlines(budgets, 0, 1.03, color=GREY, linewidth=0.8, linestyle=":")
    if split:
        panels[0].set_ylabel("share of runs")
        timeline.legend_under(figure, panels)
    else:
        timeline.legend_beside(figure)
    return Picture(
        "budgets", figure, f"Share of runs still trapped, runs of different budgets pooled: {'; '.join(last)}."
    )


def drawn_at(curve: Curve, at: np.ndarray, before: float) -> Estimate:
    """The curve's value and limits at these steps; `before` its first step with an end."""
    place = np.searchsorted(curve.t, at, side="right")
    firsts = (before, *curve.start)
    parts = zip(firsts, (curve.p, curve.lo, curve.hi), strict=True)
    value, lo, hi = (np.append(first, part)[place] for first, part in parts)
    return value, lo, hi
