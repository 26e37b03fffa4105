"""The page of asv's history, what counts as slower, and whether hashes of results are compared."""

import json
import math
import stat
from pathlib import Path

import pytest

from suites import speed_history, speed_slower
from suites.speed import common, results
from suites.speed.kernels import CASES
from suites.speed_files import known, label, read_all
from suites.speed_history import main, page, threshold_of, worse
from suites.speed_slower import FACTOR, escaped, ratios, slower, suspects, table

COLUMNS = ["result", "params", "version", "started_at"]
KERNEL = "kernels.Kernel.track_ns"
FAST, SLOW, NEW = ("'fast'", "'slow <b>'", "'new'")
OLD_HASH, NEW_HASH = "a" * 40, "b" * 40


def file_of(commit, date, found):
    return {
        "commit_hash": commit, "env_name": "env", "date": date, "params": {"machine": "lab"},
        "result_columns": COLUMNS, "results": found,
    }  # fmt: skip


@pytest.fixture
def asv(tmp_path):
    """Results of two commits: 'slow <b>' grows by 30 %, 'fast' by 4 %, hashes change, one benchmark fails."""
    kinds = [[FAST, SLOW, NEW]]
    first = {
        KERNEL: [[1.0, 2.0, math.nan], kinds, "1", 0],
        "results.Results.track_differing": [[0], [], "1", 0],
        "start.Start.timeraw_help": [[0.02], [], "2", 0],
        "gone.Gone.time_it": [[1.0], [], "1", 0],
    }
    second = {
        KERNEL: [[1.04, 2.6, 5.0], kinds, "1", 0],
        "results.Results.track_differing": [[3], [], "1", 0],
        "start.Start.timeraw_help": [None, [], "2", 0],
    }
    units = {
        KERNEL: {"unit": "ns/update", "version": "1"},
        "results.Results.track_differing": {"unit": "quantities", "version": "1"},
        "start.Start.timeraw_help": {"unit": "seconds", "version": "2"},
    }
    (tmp_path / "lab").mkdir()
    (tmp_path / "benchmarks.json").write_text(json.dumps(units | {"version": 2}))
    (tmp_path / "lab" / "machine.json").write_text("{}")
    for commit, date, found in ((NEW_HASH, 1_700_000_000_000, second), (OLD_HASH, 1_600_000_000_000, first)):
        text = json.dumps(file_of(commit, date, found))
        (tmp_path / "lab" / f"{commit[:8]}-env.json").write_text(text)
    return tmp_path


def test_files_are_read_in_the_order_of_the_commits(asv):
    old, new = read_all(asv)
    assert (old.commit, new.commit) == (OLD_HASH, NEW_HASH)
    assert label(KERNEL, (NEW,)) not in old.values, "skipped"
    assert new.values[label(KERNEL, (NEW,))] == 5.0
    assert new.values["start.Start.timeraw_help"] == math.inf, "failed"
    assert "gone.Gone.time_it" not in old.values
    assert known(asv, "unit")[KERNEL] == "ns/update"


def test_results_of_another_version_are_left_out(asv):
    told = json.loads((asv / "benchmarks.json").read_text())
    told[KERNEL]["version"] = "2"
    (asv / "benchmarks.json").write_text(json.dumps(told))
    assert not any(name.startswith(KERNEL) for one in read_all(asv) for name in one.values)


def test_the_page_tells_what_got_worse_and_stands_alone(asv):
    text = page(asv, {".*": 0.1})
    assert "aaaaaaaa of 2020-09-13 to bbbbbbbb of 2023-11-14" in text
    assert "threshold: 2." in text
    marked = text.partition("Points that are worse</h3>")[2]
    assert "bbbbbbbb: kernels.Kernel.track_ns(&#39;slow &lt;b&gt;&#39;), 2 to 2.6 ns/update, after aaaaaaaa" in marked
    assert "track_differing, 0 to 3 quantities" in marked
    assert "Failed at the last commit: start.Start.timeraw_help." in text
    assert "slow <b>" not in text
    assert "fast" not in marked.partition("</ul>")[0]
    assert text.count("data:image/png") == 3
    assert not any(word in text for word in ("http:", "https:", "<script", "<link"))
    assert "threshold: 1." in page(asv, {".*": 0.1, r"kernels\.": 0.5})


def test_one_commit_alone_has_a_page(asv):
    (asv / "lab" / f"{NEW_HASH[:8]}-env.json").unlink()
    assert "threshold: 0." in page(asv, {})


def test_the_command_writes_the_page_or_says_why_not(asv, tmp_path, capsys):
    out = tmp_path / "published" / "index.html"
    assert main(["--results", str(asv), "--out", str(out)]) == 0
    assert out.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert main(["--results", str(tmp_path / "nothing")]) == 2
    assert "there are no results under" in capsys.readouterr().err
    (asv / "lab" / "c-env.json").write_text("[]")
    assert main(["--results", str(asv)]) == 2
    assert "is not a file of asv's results" in capsys.readouterr().err


def test_points_are_compared_with_the_one_before():
    points = [(0, 1.0), (1, 1.05), (3, 1.2), (4, 1.25), (5, 0.9), (6, 1.0)]
    assert worse(points, 0.1) == [(3, 1.2), (6, 1.0)]
    assert worse([(0, 0.0), (1, 0.0), (2, 1.0)], 0.1) == [(2, 1.0)]
    assert threshold_of("start.Cold.timeraw_link", {".*": 0.1, r"start\.": 0.25}) == 0.25
    assert threshold_of("kernels.x", {r"start\.": 0.25}) == speed_history.DEFAULT_THRESHOLD


def test_ratios():
    parent = {"a": 2.0, "b": 1.0, "zero": 0.0, "still": 0.0, "failed": math.inf, "only": 1.0}
    head = {"a": 3.0, "b": math.inf, "zero": 2.0, "still": 0.0, "failed": 1.0}
    assert ratios(parent, head) == {"a": 1.5, "b": math.inf, "zero": math.inf, "still": 1.0}


def test_only_a_slowdown_that_repeats_counts():
    first = {"steady": 1.0, "slow": 1.3, "noise": 1.4, "small": 1.14, "faster": 0.5, "exact.Exact.track_z": 1.5}
    assert suspects(first, FACTOR) == ["noise", "slow"]
    passes = [first, {"slow": 1.2, "noise": 0.98}]
    assert slower(passes, FACTOR) == ["slow"]
    assert slower([*passes, {"slow": 1.16}], FACTOR) == ["slow"]
    assert slower([*passes, {"slow": 1.15}], FACTOR) == []
    assert suspects({"exact.Exact.track_z": 2.1}, FACTOR) == ["exact.Exact.track_z"]
    lines = table([*passes, {"slow": 1.16}], FACTOR).splitlines()
    assert [line.split()[-1] for line in lines[1:4]] == ["exact.Exact.track_z", "noise", "slow"]
    assert [line for line in lines if "SLOWER" in line] == [lines[3]]


def test_what_looks_slower_is_measured_again_in_the_other_order(monkeypatch, capsys):
    """Synthetic times: 'slow' takes 1.3 times as long in every pass, 'noise' in the first only."""
    asked = []

    def measure(commits, bench, *_):
        asked.append((tuple(commits), list(bench)))
        again = len(asked) > 1
        return {"old": {"slow(1)": 1.0, "noise": 1.0}, "new": {"slow(1)": 1.3, "noise": 1.0 if again else 1.4}}

    monkeypatch.setattr(speed_slower, "machine", lambda: "lab")
    monkeypatch.setattr(speed_slower, "measure", measure)
    monkeypatch.setattr(speed_slower, "commit", lambda name: {"HEAD": "new", "new^": "old"}[name])
    assert speed_slower.main([]) == 1
    told = capsys.readouterr().out
    assert "new is slower than old by more than 15 % in 1 benchmarks, 3 times." in told
    assert [order for order, _ in asked] == [("old", "new"), ("new", "old"), ("old", "new")]
    assert [bench for _, bench in asked] == [[], ["^noise$", "^slow[(]1[)]$"], ["^slow[(]1[)]$"]]
    asked.clear()
    assert speed_slower.main(["--factor", "1.35"]) == 0
    assert len(asked) == 2, "noise was over 1.35 once"


def test_no_machine_or_no_checkout_is_told_in_one_sentence(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(speed_slower, "MACHINES", tmp_path / "machines.json")
    with pytest.raises(ValueError, match="asv machine --machine NAME --yes"):
        speed_slower.machine()
    (tmp_path / "machines.json").write_text('{"lab": {"machine": "lab"}, "version": 1}')
    assert speed_slower.machine() == "lab"
    monkeypatch.setattr(speed_slower, "ROOT", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert speed_slower.main([]) == 2
    told = capsys.readouterr().err
    assert "not a git checkout" in told
    assert told.count("\n") == 1


def test_a_label_as_a_pattern_is_itself():
    import re

    text = "kernels.Kernel.track_ns_per_update('noisy gradient rastrigin-10')"
    assert re.search(f"^{escaped(text)}$", text)
    assert not re.search(f"^{escaped(text)}$", text.replace(".", "x"))


def test_hashes_that_differ_are_counted():
    expected = json.loads(results.EXPECTED.read_text(encoding="utf-8"))
    assert results.differing(expected | {"new": "0"}, expected) == []
    name = next(iter(expected))
    assert results.differing(expected | {name: "0" * 16}, expected) == [name]
    assert results.differing({}, expected) == [], "a rule that an older commit does not have is no changed number"


def test_the_command_tells_what_differs_and_renews(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(results, "EXPECTED", tmp_path / "expected.json")
    monkeypatch.setattr(results, "measured", lambda: {"a": "1", "b": "2"})
    (tmp_path / "expected.json").write_text('{"a": "0", "c": "3"}')
    assert results.main([]) == 1
    assert capsys.readouterr().out.splitlines()[:2] == ["differs: a", "missing: c"]
    assert results.main(["--renew"]) == 0
    assert results.main([]) == 0
    assert "2 quantities, 0 differ, 0 are missing, 0 are new" in capsys.readouterr().out


@pytest.mark.parametrize("case", CASES)
def test_results_are_the_expected_ones(case):
    """Where this fails after a change of speed or form only, the change is wrong; see suites/speed/results.py."""
    found, expected = results.of_case(case), json.loads(results.EXPECTED.read_text(encoding="utf-8"))
    assert found == {name: told for name, told in expected.items() if name.startswith(f"{case}: ")}
    assert len(set(found.values())) >= 4, "the fields are different things"


def test_the_cache_of_benchmarks_is_private(tmp_path, monkeypatch):
    monkeypatch.setenv("ASV_COMMIT", "abc")
    folder = common.private_cache(tmp_path)
    assert folder.name == "abc"
    assert stat.S_IMODE(folder.parent.stat().st_mode) == 0o700
    folder.parent.chmod(0o755)
    with pytest.raises(PermissionError, match="private"):
        common.private_cache(tmp_path)
    folder.parent.rmdir()
    (tmp_path / "elsewhere").mkdir()
    Path(folder.parent).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(PermissionError, match="private"):
        common.private_cache(tmp_path)
