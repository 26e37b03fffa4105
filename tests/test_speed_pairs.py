"""Pairs of commits: the interval on made-up numbers, when pairs are added, the table, and HEAD against itself."""

import os
import subprocess

import numpy as np
import pytest

from suites import speed_pairs
from suites.speed_pairs import KINDS, LEAST, WIDEST, Compared, Kind, compared, line, main, middle, verdict


def test_the_interval_is_that_of_order_statistics():
    """n = 15: the 4th and the 12th, which hold the median with 96.5 %; the 3rd and 13th would be more than is asked."""
    values = np.random.default_rng(1).permutation(np.arange(1.0, 16.0)).tolist()
    assert middle(values) == (8.0, 4.0, 12.0)
    assert middle(np.arange(1.0, 61.0).tolist()) == (30.5, 22.0, 39.0)  # the table of Conover's book: 22 and 39
    assert middle([1.0, 2.0, 3.0, 4.0, 5.0]) == (3.0, -np.inf, np.inf)
    assert middle([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]) == (3.5, 1.0, 6.0)


def test_it_holds_the_median_as_often_as_it_says():
    """alpha: |z| < 6 above 95 %, 2000 samples of 15 from a skew law, seed 2."""
    draw = np.random.default_rng(2)
    ends = [middle(row) for row in np.exp(draw.standard_normal((2000, 15))).tolist()]
    held = sum(lo <= 1.0 <= hi for _, lo, hi in ends)
    assert held / 2000 > 0.95 - 6 * (0.95 * 0.05 / 2000) ** 0.5
    assert held < 2000


class Made:
    """A commit whose repetitions take the given seconds, one after the other."""

    def __init__(self, log: list, name: str, seconds):
        self.log, self.name, self.seconds = log, name, iter(seconds)

    def asked(self, told: str) -> str:
        self.log.append(self.name)
        return str(10**9) if told.startswith("work") else repr(float(next(self.seconds)))


def pairs(base, head, least: int = 15, most: int = 60) -> tuple[Compared, list[str]]:
    log: list[str] = []
    both = Made(log, "a", [9.0, *base]), Made(log, "b", [9.0, *head])  # the first is not counted
    return compared("capped-quartic", KINDS["capped-quartic"], both, least, most), log


def test_commits_take_turns_and_equal_ones_pass_after_the_least_number_of_pairs():
    found, log = pairs([1.0] * 60, [1.0] * 60)
    assert log == ["a", "b"] * (len(log) // 2)
    assert (len(found.base), len(found.head)) == (15, 15)
    assert found.passes
    assert verdict([found], "0" * 40, "1" * 40)[0] == 0


def test_pairs_are_added_until_the_interval_is_narrow():
    """Every other pair is off by 10 % at first: 15 do not tell; later ones are steady."""
    noisy = [1.0, 1.1] * 10 + [1.0] * 200
    found, _ = pairs(noisy, [1.0] * 220, most=60)
    _, lo, hi = middle(found.ratios)
    assert 15 < len(found.base) < 60
    assert hi - lo <= WIDEST
    wild, _ = pairs([1.0, 1.1] * 30, [1.0] * 60, most=40)
    assert len(wild.base) == 40
    assert not wild.passes
    assert line(wild).endswith("not shown")


def test_a_slower_commit_is_told_and_one_for_information_only_is_not_judged():
    slow, _ = pairs([1.0] * 20, [1.05] * 20)
    ratio, lo, hi = middle(slow.ratios)
    assert ratio == lo == hi == 1.0 / 1.05 < LEAST
    assert line(slow).split()[:4] == ["capped-quartic", "15", "1.000", "1.050"]
    assert line(slow).endswith("slower")
    code, said = verdict([slow], "a" * 40, "b" * 40)
    assert code == 1
    assert said == (
        "1 works compared, 1 of them judged; bbbbbbbb against aaaaaaaa: not shown to be as fast in capped-quartic."
    )
    free = Compared("noisy-himmelblau", False, slow.updates, slow.base, slow.head)
    assert line(free).endswith("for information")
    assert verdict([free], "a" * 40, "b" * 40)[0] == 0


def test_head_against_itself(monkeypatch, capsys):
    """Two trees, two processes, two pairs: the whole way of it, whatever the times are."""
    if subprocess.run(["git", "rev-parse", "HEAD"], cwd=speed_pairs.ROOT, capture_output=True).returncode:
        pytest.skip("not a git checkout")
    monkeypatch.setitem(KINDS, "capped-quartic", Kind("quartic", "capped", 1, 0.01, 64, 10))
    asked = ["--works", "capped-quartic", "--pairs", "2", "--most", "2", "--cache", os.environ["DYNBENCH_CACHE"]]
    assert main(["HEAD", "HEAD", *asked]) == 1
    head, row, said = capsys.readouterr().out.splitlines()
    assert head.split()[:4] == ["work", "pairs", "base", "head"]
    assert row.split()[:2] == ["capped-quartic", "2"]
    assert said.startswith("1 works compared, 1 of them judged; ")


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["HEAD", "HEAD", "--works", "capped-quartik"], "there is no work 'capped-quartik'; known: capped-quartic"),
        (["HEAD", "HEAD", "--works", ","], "--works: there is no work"),
        (["HEAD", "HEAD", "--pairs", "9", "--most", "3"], "no more than --most"),
        (["no-such-commit", "HEAD"], "there is no commit 'no-such-commit' here"),
    ],
)
def test_a_mistake_is_one_sentence(capsys, argv, words):
    assert main(argv) == 2
    told = capsys.readouterr().err
    assert words in told
    assert told.count("\n") == 1
