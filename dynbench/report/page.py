"""Runs -> one self-contained HTML page that opens from disk without a network.

`build(runs)` makes the page; `Section` is what it is made of, so that other pages can add their own.
All text is escaped; give `markupsafe.Markup` where a paragraph is HTML on purpose.
"""

import base64
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from dynbench.losses.base import Loss
from dynbench.outcomes.aggregate import BINNED
from dynbench.outcomes.cells import Context
from dynbench.report import arms, budgets, causes, figures, further, times, wells, words
from dynbench.report.facts import facts_of
from dynbench.report.numbers import interval
from dynbench.report.section import Section, Table
from dynbench.report.style import Picture
from dynbench.report.trapped import origin, trapped
from dynbench.store import Run, context_of
from dynbench.sweep.headline import sentences
from dynbench.sweep.table import begun, nowhere, remarks, shown

__all__ = ["Section", "Table", "build", "environment", "of_run", "tables"]

MOST_ROWS = 300  # of a table on the page; the rest stays in cells.csv
EXACT = "exact (z)"
LOST = {"left_diverged": "left, then diverged", "diverged_inside": "diverged inside", "unknown": "end not known"}
COLUMNS = (
    "rule", "start", "n", "stayed", "escaped", *LOST.values(), "P(escape) [95%]", EXACT, "median escape step",
    "P(final) [95%]", "median final L", "at rest", "cycling", "wandering", "diverged",
)  # fmt: skip
DEFINITIONS = (
    "Basin: the points from which gradient flow leads to the same minimum; a false minimum lies above the global one.",
    "Stayed: never outside its start's basin, and not diverged. Escaped: outside after some step, whatever it did "
    "later; a step that ends in divergence is no escape. Stayed, escaped and diverged inside add up to n; those of the "
    "escaped that diverged later have a column of their own. End not known: ends, not diverged, of which no basin is "
    "known.",
    "P(escape): escaped/n, with its 95% interval: Clopper and Pearson's, which holds the true value in at "
    "least 95% of runs, and is rounded outward. "
    "An interval alone: exits are known between bounds only, and P(escape) lies between these; outside then means "
    "certainly outside.",
    "Median escape step: by when half of all n had escaped; `not reached` where fewer did.",
    "At rest, cycling, wandering, diverged: what the last 100 steps were like; cycling: each like the one p steps "
    "before, for a period p of 2 to 64 (sweep --record cycle_period tells it); wandering: moving otherwise.",
    "P(final): the share whose last L lies within the first target of the global minimum Lmin.",
    "D/(h(L* - f_star)): the cap at which the longest step of the capped flow from a minimum of height L* reaches the "
    "basin's boundary, at distance D; h is the step. In one dimension, where the basin has one wall and h < 1, nothing "
    "leaves below that cap. Where it has two, starts right beside a wall leave at smaller caps, and all others at "
    "slightly smaller ones: python -m dynbench.theory says from which.",
)
EXACTLY = (
    "Exact (z): P(escape) of the noisy chain worked out without simulation, where that is possible, and how many "
    "standard errors the measured one lies above it."
)


@dataclass(frozen=True)
class Page:
    """The page as HTML, and a sentence for each picture and part that it lacks, as it could not be made."""

    html: str
    missing: tuple[str, ...]


def build(runs: Sequence[Run], title: str | None = None, sections: Sequence[Section] = ()) -> str:
    """The page: `sections` first, then one for each run.  Raises ValueError for a run that has no results yet."""
    return page_of(runs, title, sections).html


def page_of(runs: Sequence[Run], title: str | None = None, sections: Sequence[Section] = ()) -> Page:
    """The page of `build`, and what it lacks."""
    made = [*sections, *(of_run(run) if not run.outdated else of_old_run(run) for run in runs)]
    if title is None:
        title = "dynbench report" if len(made) == 1 else f"dynbench report: {len(made)} runs"
    template = environment().get_template("report.html.j2")
    current = [run for run in runs if not run.outdated]
    shown = [*sections_or_reason("Budgets", lambda: budgets.sections(current, MOST_ROWS)), *made]
    return Page(template.render(title=title, sections=shown), tuple(lacking(shown)))


def lacking(sections: Sequence[Section]) -> list[str]:
    """What is missing in these sections and in those within them."""
    return [told for section in sections for told in (*section.missing, *lacking(section.sections))]


def environment() -> Environment:
    """Jinja, escaping everything."""
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters |= {"data_uri": data_uri, "coded": coded}
    return made


def coded(text: str) -> Markup:
    """A text as HTML, escaped, what stands in backticks as code; HTML that was meant as such stays as it is."""
    if isinstance(text, Markup):
        return text
    parts = re.split("`([^`]*)`", text)  # every second one stood between backticks
    code = Markup("<code>{}</code>")
    return Markup("").join(code.format(part) if k % 2 else part for k, part in enumerate(parts))


def data_uri(picture: Picture) -> str:
    return "data:image/png;base64," + base64.b64encode(picture.png).decode("ascii")


def of_run(run: Run) -> Section:
    """Everything about one run."""
    if not run.finished:
        raise ValueError(f"run {run.name} has no cells.csv: it is not finished; start its command again to finish it")
    try:
        told, cells = run.manifest.get("loss") or {}, run.cells
    except (OSError, UnicodeDecodeError, ValueError, AttributeError) as error:
        raise ValueError(f"run {run.name}: its manifest.json or cells.csv cannot be read: {error}") from error
    if not len(cells):
        raise ValueError(f"run {run.name}: its cells.csv is empty")
    loss = figures.loss_of(run)
    drawn, facts = figures.drawings(run, loss), facts_of(run)
    pooled, context = run.summary(), replace(context_of(run), loss=loss)
    main, about = summary_table(pooled, context)
    if (run.manifest.get("sweep") or {}).get("keep") == "cells":
        about.append(BINNED)
    details = tables(cells, loss, pooled)
    definitions = [*DEFINITIONS, *([EXACTLY] if any(EXACT in t.columns for t in details) else [])]
    found = [*sentences(pooled, context, facts.gradient), *words.findings(cells, loss, facts, pooled)]
    command, platform = words.repeat(run)
    return Section(
        heading=f"{told.get('name', run.name)}, run {run.manifest.get('run', run.name)}",
        sections=(
            Section("What was run", words.what(run)),
            Section("Findings", items=found),
            Section("The summary", remarks(pooled, loss, nowhere(cells), begun(cells)), tables=[main], items=about),
            Section("Pictures", pictures=list(drawn.pictures.values()), missing=drawn.missing),
            *sections_or_reason("Times", lambda: times.sections(run, loss, MOST_ROWS)),
            *sections_or_reason("Comparisons, maps and destinations", lambda: further.sections(run, loss)),
            *causes.sections(run, loss),
            Section("Cell by cell", tables=details, items=definitions),
            Section("How to repeat it", platform, code=command),
        ),
    )


def sections_or_reason(name: str, make: Callable[[], Sequence[Section]]) -> Sequence[Section]:
    """Sections with their pictures drawn; one that says what is missing where that fails, so that the page is made."""
    try:
        sections = make()
        draw(sections)
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        return [Section(name, missing=[f"the part {name} of the page is missing, as it could not be made ({reason})"])]
    return sections


def draw(sections: Sequence[Section]) -> None:
    """Makes the images of these sections' figures now."""
    for section in sections:
        for picture in section.pictures:
            assert picture.png
        draw(section.sections)


def of_old_run(run: Run) -> Section:
    """A run made under other definitions than today's: its table as it is, under that label and its own words."""
    if not run.finished:
        raise ValueError(f"run {run.name} has no cells.csv: it is not finished; start its command again to finish it")
    try:
        loss = run.manifest.get("loss")
        cells = pd.read_csv(run.directory / "cells.csv", dtype=str, keep_default_na=False)
        command, platform = words.repeat(run)
    except (OSError, UnicodeDecodeError, ValueError, AttributeError) as error:
        raise ValueError(f"run {run.name}: its manifest.json or cells.csv cannot be read: {error}") from error
    name = loss.get("name", run.name) if isinstance(loss, dict) else run.name
    rows = cells.head(MOST_ROWS).to_numpy().tolist()
    caption = f"cells.csv as it was written, the first {len(rows)} of {len(cells)} rows"
    return Section(
        heading=f"{name}, run {run.manifest.get('run', run.name)}",
        sections=(
            Section(
                "Older definitions",
                [f"{run.outdated}. Its table is shown as it was written, its columns under their names of then."],
            ),
            Section("Tables", tables=[Table(caption, [str(c) for c in cells], rows)]),
            Section("How to repeat it", platform, code=command),
        ),
    )


def summary_table(table: pd.DataFrame, context: Context) -> tuple[Table, list[str]]:
    """(the table that the terminal prints, what its columns mean)."""
    told = shown(table, context)
    more = f" (the first {len(told.rows)} rows; all are in summary.csv)" if told.left_out else ""
    about = [f"{column.head.replace(chr(10), ' ')}: {column.about}." for column in told.columns]
    caption = f"The summary, a row for each setting{more}. {' '.join(told.notes)}"
    return Table(caption.strip(), [head.replace("\n", " ") for head in told.heads], told.rows), about


def tables(cells: pd.DataFrame, loss: Loss | None, summary: pd.DataFrame | None = None) -> list[Table]:
    """Cells of false minima first; all are folded away."""
    false, places = trapped(cells, loss, True, summary)
    made = [table(f"Starts in the basin of {origin(places)}", false, places, folded=True)] if len(false) else []
    labels = wells.false_labels(loss, cells["start_basin"])
    rest = cells[~cells["start_basin"].isin(labels)]
    for label, caption in ((-1, "Starts whose basin is not known"), (0, "Starts in the basin of a global minimum")):
        rows = rest[rest["start_basin"] < 0] if label else rest[rest["start_basin"] >= 0]
        if len(rows):
            known = {int(b): "not known" if label else wells.place(loss, int(b)) for b in rows["start_basin"].unique()}
            made.append(table(caption, rows, known, folded=True))
    return made


def table(caption: str, cells: pd.DataFrame, places: dict[int, str], folded: bool = False) -> Table:
    """One row a cell."""
    names = arms.names(cells)
    more = f" (the first {MOST_ROWS} of {len(cells)} cells; all are in cells.csv)" if len(cells) > MOST_ROWS else ""
    shown = zip(names, cells.head(MOST_ROWS).iterrows(), strict=False)
    rows = [line(name, row, places) for name, (_, row) in shown]
    empty = {c for c in (EXACT, *LOST.values()) if not any(row[COLUMNS.index(c)] for row in rows)}
    kept = [k for k, c in enumerate(COLUMNS) if c not in empty and (c != "start" or len(places) > 1)]
    return Table(caption + more, [COLUMNS[k] for k in kept], [[row[k] for k in kept] for row in rows], 1, folded)


def told(row: pd.Series, column: str) -> str:
    """A number of trajectories; a dash where it is not known, as in runs of before there was such a column."""
    count = row.get(column, float("nan"))
    return "–" if count != count else str(int(count))


def line(name: str, row: pd.Series, places: dict[int, str]) -> list[str]:
    known = row["p_escape"] == row["p_escape"]
    median = arms.number(row["t_exit_median"])
    if row["t_exit_median"] != row["t_exit_median"]:
        median = "not reached" if known and row["p_escape"] <= 0.5 else "–"
    return [
        name,
        places[int(row["start_basin"])],
        str(int(row["n"])),
        told(row, "inside"),
        told(row, "escaped"),
        *(told(row, name) if row.get(name, 0.0) > 0.0 else "" for name in LOST),
        interval(row, "p_escape"),
        words.beside(row),
        median,
        interval(row, "p_final"),
        f"{row['loss_median']:.4g}" if row["loss_median"] == row["loss_median"] else "–",
        words.percent(row, ["converged", "absorbed", "stalled"]),
        words.percent(row, ["cycling"]),
        words.percent(row, ["censored"]),
        words.percent(row, ["diverged"]),
    ]
