"""One number, told four times: the terminal, the JSON, the tables on disk and the page agree in all of them.

Six varied runs, and one more that diverges.  Points may differ by rounding, limits of intervals by rounding outward.
"""

import csv
import json
import math
import re
from html.parser import HTMLParser

import pytest

from dynbench.report import arms
from dynbench.report.page import build
from dynbench.store import Run
from dynbench.sweep.__main__ import main
from dynbench.sweep.table import probability

RUNS = {
    "one dimension": "--loss quartic --dynamics gradient,capped,sign --starts grid:101 --temperature 0,0.5,1"
                     " --cap 1,50,80,1000 --steps 400",
    "two dimensions": "--loss rastrigin --dim 2 --dynamics gradient,capped --starts uniform:60 --temperature 0,20"
                      " --cap 10,10000 --steps 60",
    "ten dimensions": "--loss rastrigin --dim 10 --dynamics gradient --starts uniform:30 --temperature 0,20 --steps 40",
    "until": "--loss quartic --dynamics gradient --x0 2.9,3.1 --temperature 0.5,1 --steps 400 --until 0.2",
    "rare": "--loss quartic --dynamics gradient --x0 3 --temperature 0.2,1 --seeds 30 --steps 100 --rare",
    "cells": "--loss quartic --dynamics gradient,capped --starts grid:101 --temperature 0,1 --cap 80,1000 --steps 400"
             " --keep cells",
    "diverging": "--loss quartic --dynamics gradient,capped --starts uniform:80 --temperature 0,1 --lr 0.05,0.25"
                 " --cap 9,90 --steps 100",
}  # fmt: skip
SHARES = {"P global": "p_global", "P best": "p_best", "P final": "p_final", "exact": "p_exact"}
LOSSES = {"L at start": "loss_start_median", "L at end": "loss_median"}
LOST = {"left, lost": "left_diverged", "lost inside": "diverged_inside"}
ENDS = {"rest": ("converged", "absorbed", "stalled"), "cycle": ("cycling",), "wander": ("censored",),
        "diverge": ("diverged",)}  # fmt: skip
NUMBER = r"-?\d[\d.]*(?:e[-+]?\d+)?"


class Page(HTMLParser):
    """The tables of a page by their captions, its list items and its captions of pictures."""

    def __init__(self, text):
        super().__init__()
        self.tables, self.items, self.captions, self.parts = {}, [], [], []
        self.feed(text)

    def handle_starttag(self, tag, _):
        if tag in ("li", "caption", "figcaption", "th", "td"):
            self.parts = []
        if tag == "tr":
            self.row = []

    def handle_data(self, data):
        self.parts.append(data)

    def handle_endtag(self, tag):
        text = " ".join("".join(self.parts).split())
        if tag == "li":
            self.items.append(text)
        elif tag == "caption":
            self.table = self.tables[text] = []
        elif tag == "figcaption":
            self.captions.append(text)
        elif tag in ("th", "td"):
            self.row.append(text)
        elif tag == "tr":
            self.table.append(self.row)

    def of(self, beginning):
        """The table whose caption begins so, as dictionaries."""
        ((head, *rows),) = [table for caption, table in self.tables.items() if caption.startswith(beginning)]
        return [dict(zip(head, row, strict=True)) for row in rows]


def number(text: str) -> float:
    """A field of a CSV file; nan where it is empty."""
    return float(text) if text else math.nan


def table_of(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


class Told:
    """A run as it is told: `said` in the terminal, `json`, `cells` and `summary` on disk, `page`."""

    def __init__(self, line, folder, capsys):
        assert main([*line.split(), "--out", str(folder)]) == 0
        self.said = capsys.readouterr().out
        assert main([*line.split(), "--out", str(folder), "--json"]) == 0
        self.json = json.loads(capsys.readouterr().out)
        (self.folder,) = folder.iterdir()
        self.cells, self.summary = table_of(self.folder / "cells.csv"), table_of(self.folder / "summary.csv")
        self.page = Page(build([Run(self.folder)]))

    @property
    def blocks(self):
        """What was printed, cut at empty lines: name, table, notes, heads, findings, the rest."""
        return self.said.split("\n\n")

    @property
    def rows(self):
        """The printed table: {head: text} for each row, cut where a column of blanks two letters wide runs through."""
        lines = self.blocks[1].split("\n")
        width = max(map(len, lines))
        blank = [all(line[k : k + 1] in ("", " ") for line in lines) for k in range(width)]
        gap = [blank[k] and (blank[k - 1] or blank[k + 1 : k + 2] == [True]) for k in range(width)]
        begins = [k for k in range(width) if not gap[k] and (k == 0 or gap[k - 1])]
        ends = [*begins[1:], width]
        cut = [[line[a:b].strip() for a, b in zip(begins, ends, strict=True)] for line in lines]
        first = next(k for k, row in enumerate(cut) if row[0] == "rule")
        heads = [" ".join(part for part in parts if part) for parts in zip(*cut[: first + 1], strict=True)]
        return [dict(zip(heads, row, strict=True)) for row in cut[first + 1 :]]

    @property
    def findings(self):
        """The sentences, each in one line."""
        (block,) = [block for block in self.blocks if block.startswith("* ")]
        lines = [line for line in block.split("\n") if line.startswith(("* ", "  "))]
        return [" ".join(part.split()) for part in "\n".join(lines).removeprefix("* ").split("\n* ")]

    def matched(self):
        """(printed row, rows of summary.csv that it stands for)."""
        place = 0
        for row in self.rows:
            count = int((re.search(r" \((\d+)\)$", row["rule"]) or [0, 1])[1])
            yield row, self.summary[place : place + count]
            place += count
        assert place == len(self.summary)


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """Each run once."""
    made = {}

    def of(name, capsys):
        if name not in made:
            made[name] = Told(RUNS[name], tmp_path_factory.mktemp("told"), capsys)
        return made[name]

    return of


def limits(p: float, lo: float, hi: float) -> tuple[float, float]:
    """The limits as they are printed; the probability itself where there are none."""
    found = re.search(r"\[(.*), (.*)\]", probability(p, lo, hi))
    return (float(found[1]), float(found[2])) if found else (p, p)


def step_of(text: str) -> float:
    """The value of a number's last digit."""
    digits, _, exponent = text.partition("e")
    return 10.0 ** (int(exponent or 0) - len(digits.partition(".")[2]))


def is_near(text: str, value: float) -> bool:
    """Whether a printed number is that value, rounded to the nearest; whole numbers that ended in .0 may lack it."""
    if text in ("-", ""):
        return math.isnan(value)
    if text.startswith(">"):
        return float(text[1:]) < value < 1.0
    unit = step_of(text)
    if "." not in text and "e" not in text:  # 117 may stand for 117.3 to three digits, and 0 and 1 for themselves only
        return float(text) == value if abs(value) <= 1.0 else abs(float(text) - value) <= 0.5
    return abs(float(text) - value) <= 0.5000001 * unit or float(text) == pytest.approx(value, rel=5.1e-3 * unit)


def is_interval(text: str, p: float, lo: float, hi: float) -> bool:
    """Whether `0.910 [0.901, 0.919]` holds what was worked out, and its limits are the nearest outward."""
    if text == "-":
        return math.isnan(p) and math.isnan(lo)
    found = re.fullmatch(rf"(?:({NUMBER}) ?)?(?:\[({NUMBER}), ({NUMBER})\]|\(nothing random\))?", text)
    assert found, text
    point, low, high = found.groups()
    assert (point is None) == math.isnan(p)
    assert point is None or is_near(point, p)
    if low is None:
        return math.isnan(lo)
    assert float(low) <= lo < float(low) + step_of(low) or float(low) == lo
    assert float(high) - step_of(high) < hi <= float(high) or float(high) == hi
    return True


@pytest.mark.parametrize("name", RUNS)
def test_the_json_is_what_the_files_say(told, name, capsys):
    it = told(name, capsys)
    for kind, rows in (("cells", it.cells), ("summary", it.summary)):
        assert len(it.json[kind]) == len(rows)
        for given, row in zip(it.json[kind], rows, strict=True):
            assert list(given) == list(row)
            for column, value in given.items():
                if isinstance(value, str):
                    assert row[column] == value
                elif value is None:
                    assert row[column] == ""
                else:
                    assert type(value)(row[column]) == value, column


@pytest.mark.parametrize("name", RUNS)
def test_the_summary_adds_the_cells_up(told, name, capsys):
    it = told(name, capsys)
    keys = [c for c in it.summary[0] if c in ("dynamics", "cap", "step_cap", "lr", "temperature", "gradient_noise")]
    assert {row["start_kind"] for row in it.summary} == {"false minima"}
    for row in it.summary:
        label = row["start_basin"]
        own = [c for c in it.cells if all(c[k] == row[k] for k in keys) and c["start_basin"] != "0"]
        assert label in ("-2", own[0]["start_basin"])
        assert len(own) == int(row["basins"])
        for column in ("n", "inside", "escaped", "diverged", "censored", "returned", "committed"):
            assert sum(int(c[column]) for c in own) == int(row[column])
        counted = not row.get("p_escape_se")
        for column in ("p_escape", "p_best", "p_final", "p_global"):
            if column != "p_escape" or counted:
                total = sum(float(c[column]) * int(c["n"]) for c in own)
                assert float(row[column]) == pytest.approx(total / int(row["n"]), rel=1e-12)


@pytest.mark.parametrize("name", RUNS)
def test_the_printed_table_is_the_summary(told, name, capsys):
    it = told(name, capsys)
    rule = max(len(row["rule"]) for row in it.rows)
    assert max(map(len, it.blocks[1].split("\n"))) <= 120 + max(rule - 28, 0)
    for row, those in it.matched():
        first = those[0]
        assert row["rule"].split()[0] == first["dynamics"]
        p, lo, hi = (number(first[f"p_escape{end}"]) for end in ("", "_lo", "_hi"))
        assert is_interval(row["P(escape) [95%]"], p, lo, hi)
        if "n" in row:
            assert {int(one["n"]) for one in those} == {int(row["n"])}
        if "half left" in row:
            assert is_near(row["half left"], number(first["t_exit_median"]))
        for head, column in {**SHARES, **LOSSES}.items():
            if head in row:
                values = sorted(number(one[column]) for one in those)
                ends = row[head].split("..")
                if math.isnan(values[0]) and row[head].startswith("["):
                    assert is_interval(row[head], *(number(first[column + end]) for end in ("", "_lo", "_hi")))
                    continue
                assert is_near(ends[0], values[0])
                assert is_near(ends[-1], values[-1])
        for head, column in LOST.items():
            if head in row:
                assert int(row[head] or 0) == sum(int(one[column]) for one in those)
        kind, share = row["mostly"].split()
        n = sum(int(one["n"]) for one in those)
        counts = {k: sum(int(one[c]) for one in those for c in columns) for k, columns in ENDS.items()}
        assert counts[kind] == max(counts.values())
        if share == ">99%":
            assert 0.995 <= counts[kind] / n < 1.0
        else:
            assert abs(float(share[:-1]) - 100.0 * counts[kind] / n) <= 0.5
            assert share != "100%" or counts[kind] == n


@pytest.mark.parametrize("name", RUNS)
def test_the_page_has_the_same_table_and_the_same_sentences(told, name, capsys):
    it = told(name, capsys)
    assert it.page.of("The summary, a row for each setting") == it.rows
    for sentence in it.findings:
        assert sentence in it.page.items
    about = " ".join(it.said.split())
    for head in it.rows[0]:
        (line,) = [item for item in it.page.items if item.startswith(f"{head}: ")]
        assert line.removeprefix(f"{head}: ").rstrip(".") in about  # every head is explained, in the same words


@pytest.mark.parametrize("name", RUNS)
def test_sentences_name_the_leaders_of_the_table_and_those_that_tie(told, name, capsys):
    """What leads, and with which interval; who reaches into it; the caption of the picture says the same."""
    it = told(name, capsys)
    kinds = {"Leaves most often: ": "p_escape",
             "Ends most often in the basin of a global minimum: ": "p_global",
             "Is most often within 0.001 of Lmin at the end: ": "p_final"}  # fmt: skip
    (caption,) = [text for text in it.page.captions if "settings compared" in text]
    for beginning, column in kinds.items():
        (sentence,) = [text for text in it.findings if text.startswith(beginning)]
        p, lo, hi = ([number(row[f"{column}{end}"]) for row in it.summary] for end in ("", "_lo", "_hi"))
        best = max(range(len(p)), key=lambda k: -math.inf if math.isnan(p[k]) else p[k])
        if p[best] == 0.0:
            assert sentence.startswith(f"{beginning}none, in ")
            continue
        if round(p[best] * int(it.summary[best]["n"])) <= 5 and not it.summary[best].get("p_escape_se"):
            assert sentence.startswith(
                f"{beginning}too few to tell, at most {round(p[best] * int(it.summary[best]['n']))} of"
            )
            continue
        rest = sentence.removeprefix(beginning)
        assert rest.startswith(it.summary[best]["dynamics"])
        interval = re.search(rf"{NUMBER} \[{NUMBER}, {NUMBER}\]", rest)[0]
        assert is_interval(interval, p[best], lo[best], hi[best])
        low, high = zip(*(limits(*three) for three in zip(p, lo, hi, strict=True)), strict=True)
        alike = [k for k in range(len(p)) if (p[k], lo[k], hi[k]) == (p[best], lo[best], hi[best])]
        tied = [k for k in range(len(p)) if k not in alike and high[k] >= low[best]]
        assert ("Others reach it" in rest or "All other intervals reach it" in rest) == bool(tied)
        assert ("No other reaches it" in rest) == (not tied and len(alike) < len(p))
        assert interval in caption
    never = [text for text in it.findings if text.startswith("Never seen to leave")]
    rules = {row["dynamics"] for row in it.summary}
    silent = {rule for rule in rules if not any(float(r["p_escape"]) for r in it.summary if r["dynamics"] == rule)}
    assert bool(never) == bool(silent)
    for rule in silent:
        assert rule in never[0]


@pytest.mark.parametrize("name", RUNS)
def test_times_on_the_page_are_the_summarys(told, name, capsys):
    it = told(name, capsys)
    heads = {"median escape [95%]": "t_exit_median", "restricted mean [95%]": "t_exit_mean",
             "late hazard [95%]": "late_hazard", "running time to the first target [95%]": "running_time"}  # fmt: skip
    rows = it.page.of("In steps, that is in gradient evaluations")
    assert len(rows) == len(it.summary)
    for row, given in zip(rows, it.summary, strict=True):
        assert int(row["n"]) == int(given["n"])
        for head in heads.keys() & row.keys():
            value = number(given[heads[head]])
            found = re.match(NUMBER, row[head].replace(",", " "))
            if math.isnan(value):
                assert found is None
            else:
                assert float(found[0]) == pytest.approx(value, rel=5.1e-4)


@pytest.mark.parametrize("name", sorted(RUNS.keys() - {"cells"}))
def test_where_they_went_is_the_summarys_too(told, name, capsys):
    it = told(name, capsys)
    own = dict(zip(arms.names(Run(it.folder).summary()), it.summary, strict=True))
    rows = it.page.of("What became of those that escaped")
    assert rows
    for row in rows:
        given = own[row["rule"]]
        for head, column in (("n", "n"), ("escaped", "escaped"), ("came back", "returned")):
            assert int(row[head]) == int(given[column]), head
        assert is_interval(row["P(global) [95%]"], *(number(given[f"p_global{end}"]) for end in ("", "_lo", "_hi")))


@pytest.mark.parametrize("name", ["one dimension", "until", "rare", "cells", "diverging"])
def test_the_cells_on_the_page_are_those_of_the_file(told, name, capsys):
    it = told(name, capsys)
    rows = it.page.of("Starts in the basin of the false minimum")
    own = [cell for cell in it.cells if cell["start_basin"] == "1"]
    assert len(rows) == len(own)
    for row, cell in zip(rows, own, strict=True):
        assert (int(row["n"]), int(row["escaped"])) == (int(cell["n"]), int(cell["escaped"]))
        for head, column in (("P(escape) [95%]", "p_escape"), ("P(final) [95%]", "p_final")):
            assert is_interval(row[head], *(number(cell[column + end]) for end in ("", "_lo", "_hi")))


def test_a_probability_by_splitting_is_told_as_such(told, capsys):
    it = told("rare", capsys)
    cold = it.summary[0]
    assert (cold["escaped"], cold["temperature"]) == ("0", "0.2")
    assert 0.0 < float(cold["p_escape"]) < 1e-4
    text = " ".join([*it.findings, *it.page.items])
    assert "ever seen" not in text  # of it it is known that it leaves
    assert it.rows[0]["P(escape) [95%]"].startswith(f"{float(cold['p_escape']):.3g} [".replace("e-0", "e-"))
