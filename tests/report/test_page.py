"""The page: complete, escaped, self-contained, the same bytes for the same run; the command and its mistakes."""

import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from importlib.metadata import version

import pytest
import sweeps
from markupsafe import Markup

from dynbench import find
from dynbench.outcomes.outward import between
from dynbench.report import figures
from dynbench.report.__main__ import main
from dynbench.report.page import Section, Table, build, coded
from dynbench.store import Run, canonical
from dynbench.theory.thresholds import critical_cap

EVIL = "<script>alert('x')</script>"
VOID = {"meta", "img", "br", "link", "hr"}


class Page(HTMLParser):
    """Every tag with its attributes; checks that tags nest."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.text = [], [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)

    def all(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


@pytest.fixture(scope="module")
def html(run):
    return build([run])


def test_it_is_self_contained(html):
    page = Page(html)
    assert page.all("html") == [{"lang": "en"}]
    assert any(m.get("name") == "viewport" for m in page.all("meta"))
    policy = [m["content"] for m in page.all("meta") if m.get("http-equiv") == "Content-Security-Policy"]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:"]
    assert not page.all("script")
    assert not page.all("link")
    for _, attrs in page.tags:
        assert attrs.get("src", "data:").startswith("data:")
        assert attrs.get("href", "#").startswith("#")
        assert not any(name.startswith("on") for name in attrs)
    assert not re.search(r"@import|url\(|https?://", html)


def test_pictures_have_alternatives_and_tables_headers(html):
    page = Page(html)
    images = page.all("img")
    assert len(images) > 5  # those of `draw_all`, and what the page has beside them
    assert all(len(image["alt"]) > 40 for image in images)
    assert len(page.all("table")) > 2
    assert len(page.all("caption")) == len(page.all("table"))
    assert {th["scope"] for th in page.all("th")} == {"col", "row"}
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("`not reached`: fewer did", "<code>not reached</code>: fewer did"),
        ("`a < b` & `c`", "<code>a &lt; b</code> &amp; <code>c</code>"),
        (f"`{EVIL}`", "<code>&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;</code>"),
        ("one ` alone", "one ` alone"),
        (Markup("<b>`meant`</b>"), "<b>`meant`</b>"),
    ],
)
def test_code_in_backticks_is_shown_as_code(text, html):
    assert str(coded(text)) == html


def test_no_backtick_is_left_on_the_page(html):
    page = Page(html)
    assert "`" not in "".join(page.text)
    assert "<code>not reached</code>" in html
    assert "could not be" not in html  # a picture or a part that failed would say so


def test_it_says_what_was_run_found_and_how_to_repeat_it(html, run):
    text = " ".join(" ".join(Page(html).text).split())
    assert "41 values of x0, evenly spaced over [0, 5]" in text
    assert "600 steps, step h = 0.01" in text
    assert "The first target is L - Lmin ≤ 0.001" in text
    assert sweeps.COMMAND in text
    assert f"numba {version('numba')}" in text
    commit = run.manifest["git_commit"]
    assert (f"Commit: {commit}." in text) == (commit is not None)
    assert re.search(
        r"the first escapes are at cap 71\.4 \(\d+ of 26 runs\); none at the 8 smaller caps, up to 71\.2", text
    )
    assert f"= {critical_cap(find.loss('quartic').minima[1], 0.01):.7g}." in text
    assert "not reached" in text
    first = run.cells.query("start_basin == 1 and cap == 71.4").iloc[0]
    limits = between(first["p_escape_lo"], first["p_escape_hi"], ".3f")
    assert f"{first['p_escape']:.3f} {limits}" in text
    assert text.index("Starts in the basin of the false minimum at x = 3") < text.index(
        "Starts in the basin of a global"
    )


def test_equal_runs_give_equal_pages(html, run):
    assert build([Run(run.directory)]) == html


def test_what_users_wrote_is_escaped(run, tmp_path):
    evil = dict.fromkeys(("command", "starts_in_words", "platform", "git_commit", "run"), EVIL)
    evil |= {"loss": {"name": EVIL, "formula": EVIL, "source": EVIL, "dim": 1}, "versions": {EVIL: EVIL}}

    def renamed(table):
        return table.replace({"loss": {"quartic": EVIL}, "dynamics": {"sign": EVIL}})

    html = build([sweeps.changed(run, tmp_path / "evil", evil, renamed, renamed)], title=EVIL)
    page = Page(html)
    assert not page.all("script")
    assert "".join(page.text).count(EVIL) > 8
    assert EVIL not in html


def test_a_bare_manifest_is_enough(run, tmp_path):
    bare = sweeps.changed(run, tmp_path / "bare")
    (bare.directory / "manifest.json").write_bytes(canonical({"schema": 1}))
    text = "".join(Page(build([bare])).text)
    assert "was made under older definitions (results 1; now" in text


def test_sections_of_others(run):
    picture = figures.escape_against_cap(run.cells, None)
    table = Table("Numbers", ["a", "b"], [["1", EVIL]])
    inner = Section("Inner", ["plain <b>", Markup("an <em>accent</em>")], ["item"], "code", [picture], [table])
    html = build([], "An article", [Section("Outer", sections=[inner])])
    page = Page(html)
    assert html.count("<em>accent</em>") == 1
    assert "plain &lt;b&gt;" in html
    assert [t for t, _ in page.tags if re.fullmatch("h[1-6]", t)] == ["h1", "h2", "h3"]
    assert len(page.all("img")) == 1


def test_several_runs_give_one_page(run, html, tmp_path):
    other = sweeps.changed(run, tmp_path / "b", {"run": "other"})
    page = Page(build([run, other]))
    assert [a["href"] for a in page.all("a")] == ["#s1", "#s2"]
    assert len(page.all("img")) == 2 * len(Page(html).all("img"))


def test_command(run, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main([str(run.directory)]) == 0
    assert capsys.readouterr().out.strip() == str(run.directory / "report.html")
    assert main([str(run.directory), str(run.directory), "--quiet"]) == 0
    assert (tmp_path / "report.html").exists()
    assert main([str(run.directory), "--out", "page.html", "--quiet"]) == 0
    assert capsys.readouterr().out == ""
    assert (tmp_path / "page.html").read_bytes() == (run.directory / "report.html").read_bytes()


def test_mistakes_are_one_line(run, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    half, broken = sweeps.changed(run, tmp_path / "half"), sweeps.changed(run, tmp_path / "broken")
    (half.directory / "cells.csv").unlink()
    (broken.directory / "manifest.json").write_text("{")
    (tmp_path / "file").write_text("")
    cases = [
        (["nothing"], 2, "no run called 'nothing'"),
        (["half"], 2, "not finished"),
        (["broken"], 2, "cannot be read"),
        ([str(run.directory), "--out", "file/page.html"], 1, "file"),
    ]
    for argv, code, words in cases:
        assert main(argv) == code
        captured = capsys.readouterr()
        assert re.fullmatch(r"error: [^\n]+\n", captured.err)
        assert words in captured.err
        assert captured.out == ""
    usage = [
        (["a", "--nosuch"], "no flag --nosuch; known: --help, --out, --root, --explain, --quiet"),
        (
            [str(run.directory), "--out", "half"],
            "--out half is a folder; give the page's name as well, half/report.html",
        ),
    ]
    for argv, told in usage:
        with pytest.raises(SystemExit) as stopped:
            main(argv)
        assert stopped.value.code == 2
        assert capsys.readouterr().err == f"error: {told}\n"


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from dynbench.report.__main__ import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "assert not {'pandas', 'numpy', 'matplotlib', 'jinja2'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


@pytest.mark.browser
def test_it_opens_from_disk_without_a_network(html, tmp_path):
    names = ("chromium", "chromium-browser", "google-chrome")
    browser = next((path for path in map(shutil.which, names) if path), None)
    if browser is None:
        assert not os.environ.get("CI"), "CI must have chromium"
        pytest.skip("no chromium here")
    file = tmp_path / "report.html"
    file.write_text(html, encoding="utf-8")
    shot = tmp_path / "shot.png"
    command = [
        browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--enable-logging=stderr", "--v=0",
        "--host-resolver-rules=MAP * ~NOTFOUND", "--proxy-server=127.0.0.1:9", f"--user-data-dir={tmp_path / 'user'}",
        "--window-size=900,2000", f"--screenshot={shot}", "--dump-dom", file.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert "How to repeat it" in done.stdout
    assert "CONSOLE" not in done.stderr  # neither errors nor a violated policy
    from matplotlib.image import imread

    pixels = imread(shot)
    assert pixels.shape[1] == 900
    colours = {tuple(c) for c in (pixels[:, :, :3] * 255).round().astype(int).reshape(-1, 3)[::97]}
    assert len(colours) > 20  # the pictures are there
