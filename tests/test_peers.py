"""The yardstick: peers compute what dynbench computes, and what cannot run is said."""

import dataclasses
import json
import pickle
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from llvmlite.binding import get_host_cpu_features

from suites.peers import c, dynbench_, numpy_
from suites.peers.agree import verdict
from suites.peers.harness import Row, child, environment
from suites.peers.loops import core
from suites.peers.peers import PEERS
from suites.peers.table import BEGIN, END, insert, line, markdown
from suites.peers.works import KINDS, Missing, part, work

ROOT = Path(__file__).parents[1]
ABOUT = {"processor": "a processor, 2 cores", "date": "2026-01-01", "command": "a command", "versions": "versions"}
gcc = pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not on the PATH")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where C is compiled to."""
    return tmp_path_factory.mktemp("peers")


@pytest.fixture(autouse=True)
def own_folder(folder, monkeypatch):
    monkeypatch.setenv("DYNBENCH_PEERS", str(folder))


def peers(*arguments, environment=None):
    """The command, with one repeat and without the times to a first result."""
    command = [sys.executable, "-m", "suites.peers", "--no-first", "--repeats", "1", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, check=False)


@gcc
@pytest.mark.parametrize("name", KINDS)
def test_strict_c_equals_dynbench_to_the_last_bit(name):
    """2000 trajectories, 200 steps, 2 threads; some leave (Himmelblau's wells by long steps), which is compared too."""
    given = work(name, steps=200, count=2000)
    given = dataclasses.replace(given, lr=0.2) if name == "capped-himmelblau" else given
    ours, theirs = dynbench_.ready(given, 2)(), c.ready(given, 2)()
    for column in dataclasses.fields(ours):
        np.testing.assert_array_equal(getattr(ours, column.name), getattr(theirs, column.name), err_msg=column.name)
    assert (ours.t_exit >= 0).any()


@gcc
def test_fast_math_is_close_and_another_thing(tmp_path):
    """In a process of its own: -ffast-math flushes subnormal numbers to zero, in all that runs beside it."""
    given = tmp_path / "work.pickle"
    given.write_bytes(pickle.dumps(work("capped-quartic", steps=10, count=256)))
    arrays = []
    for peer in ("c", "c-fast"):
        said, _ = child([str(given), peer, "1", "1", str(tmp_path / f"{peer}.npz")], environment(1))
        assert len(said["seconds"]) == 1
        with np.load(tmp_path / f"{peer}.npz") as kept:
            arrays.append(dict(kept))
    np.testing.assert_allclose(arrays[1]["x"], arrays[0]["x"], rtol=1e-9)
    assert not np.array_equal(arrays[1]["x"], arrays[0]["x"])


@gcc
@pytest.mark.skipif(shutil.which("objdump") is None, reason="objdump is not on the PATH")
@pytest.mark.skipif(not get_host_cpu_features().get("avx2"), reason="reads x86-64 machine code, 256 bits or more")
@pytest.mark.parametrize("name", KINDS)
def test_c_is_a_serious_opponent(name):
    """Full-width arithmetic, and no elementary function of libm."""
    path = c.build(name, c.STRICT)
    code = subprocess.run(["objdump", "-d", str(path)], capture_output=True, text=True, check=True).stdout
    assert len(re.findall(r"\bv(?:mul|add|sub)pd\b[^\n]*%[yz]mm", code)) > 10
    assert re.search(r"\bvdivpd\b[^\n]*%[yz]mm", code)
    assert not re.search(r"\b(?:call|jmp)\b[^\n]*<(?:sin|cos|sincos|log|exp|pow|sqrt|rint)(?:@plt)?>", code)


@pytest.mark.parametrize("name", ["capped-quartic", "capped-himmelblau", "adam-rastrigin"])
def test_whole_array_formulas_agree(name):
    """The formulas that NumPy, PyTorch and JAX share: 300 trajectories, 20 steps, times equal and x to 1e-9."""
    given = work(name, steps=20, count=300)
    ours, theirs = dynbench_.ready(given, 1)(), numpy_.ready(given, 1)()
    for column in ("t_exit", "t_commit", "t_hit"):
        np.testing.assert_array_equal(getattr(ours, column), getattr(theirs, column))
    np.testing.assert_allclose(theirs.x, ours.x, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(theirs.best, ours.best, rtol=1e-9, atol=1e-9)


@pytest.mark.statistics
def test_numpy_noise_is_alike():
    """n = 2000, 500 steps, fixed seeds; |z| <= 4.5 for each of five shares: alpha = 3.4e-5."""
    given = work("noisy-quartic", steps=500, count=2000)
    ours, theirs = (vars(peer.ready(given, 1)()) for peer in (dynbench_, numpy_))
    assert verdict(theirs | {"short": theirs["x"]}, ours | {"short": ours["x"]}, noisy=True).startswith("alike")
    hotter = dataclasses.replace(given, temperature=0.8)
    wrong = vars(numpy_.ready(hotter, 1)())
    assert verdict(wrong | {"short": wrong["x"]}, ours | {"short": ours["x"]}, noisy=True).startswith("NO")


def test_a_wrong_x_is_no_agreement():
    n = 100
    ends = {name: np.zeros(n) for name in ("t_exit", "t_commit", "t_hit", "best", "value")}
    ends |= {"x": np.zeros((1, n)), "short": np.zeros((1, n))}
    assert verdict(ends, ends, noisy=False) == "to the bit"
    other = ends | {"x": np.full((1, n), 0.5), "short": np.full((1, n), 1e-3)}
    assert verdict(other, ends, noisy=False).startswith("NO: x differs by 1e-03")
    assert verdict(other | {"short": ends["short"]}, ends, noisy=False).startswith("alike")


def test_a_part_of_a_work_is_its_first_rows():
    whole = work("adam-rastrigin", count=20)
    np.testing.assert_array_equal(part(whole, 5).x0, work("adam-rastrigin", count=5).x0)
    np.testing.assert_array_equal(part(whole, 5, first=3).stream, whole.stream[3:8])
    assert (whole.left <= whole.x0).all()
    assert (whole.x0 < whole.right).all()


def test_cores_of_the_scalar_loop():
    given = work("capped-himmelblau", count=2)
    for j, (x, y) in enumerate(given.centres):
        assert core(x, y, given.centres, given.hessians, given.margins) == j
    assert core(0.0, 0.0, given.centres, given.hessians, given.margins) == -1


def test_the_table_goes_between_its_marks():
    text = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    assert insert(text, "new") == f"before\n{BEGIN}\nnew\n{END}\nafter\n"
    for wrong in ("nothing", f"{END}\n{BEGIN}", f"{BEGIN}{BEGIN}{END}"):
        with pytest.raises(ValueError, match="once each"):
            insert(wrong, "new")


def test_the_markdown_has_every_peer_and_every_reason():
    rows = [
        Row("capped-quartic", "dynbench", 1, 1000, 1000, (0.001, 0.001, 1.0), "the reference"),
        Row("capped-quartic", "c", 1, 1000, 1000, (0.0005,), "to the bit"),
        Row("capped-quartic", "jax", 1, 100, 1000, missing="jax is not installed"),
        Row("capped-quartic", "numpy", 1, 100, 1000, (0.01,), "NO: share of t_hit"),
    ]
    table = markdown(rows, ABOUT)
    assert "| dynbench | 1 | 1 (1) |  |" in table
    assert "| C, strict | 1 | 2 (0.5) | to the bit |" in table
    assert "| NumPy | 1 | 0.01 (100) (!) | NO |" in table
    assert "JAX, jit + vmap + fori_loop: jax is not installed (capped-quartic)" in table
    for word in ABOUT.values():
        assert word in table
    assert line(rows[2], rows[0]).endswith("jax is not installed")


def test_what_is_missing_is_named_and_no_error(tmp_path, monkeypatch):
    """gcc hidden: an empty PATH.  The numbers of the others are there."""
    monkeypatch.setenv("PATH", str(tmp_path))
    target, kept = tmp_path / "README.md", tmp_path / "kept.json"
    target.write_text(f"top\n{BEGIN}\n{END}\nend\n", encoding="utf-8")
    small = ("--works", "capped-quartic", "--threads", "1", "--count", "128", "--steps", "20")
    done = peers(*small, "--peers", "c,numpy", "--markdown", str(target), "--json", str(kept))
    assert done.returncode == 0, done.stderr
    assert "gcc is not on the PATH" in done.stdout
    rows = {row["peer"]: row for row in json.loads(kept.read_text(encoding="utf-8"))["rows"]}
    assert set(rows) == {"dynbench", "c", "numpy"}
    assert rows["numpy"]["rate"] > 0.0
    assert rows["numpy"]["agrees"] != ""
    text = target.read_text(encoding="utf-8")
    assert text.startswith("top\n")
    assert text.endswith("end\n")
    assert "Missing: C, strict: gcc is not on the PATH (capped-quartic)" in text


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--works", "sphere"), "there is no work 'sphere'"),
        (("--peers", "fortran"), "there is no peer 'fortran'"),
        (("--threads", "some"), "--threads takes whole numbers"),
        (("--steps", "0"), "at least 1"),
        (("--count", "0"), "at least 1"),
        (("--works", ","), "--works names none"),
    ],
)
def test_wrong_names_are_one_sentence(arguments, told):
    done = peers(*arguments)
    assert done.returncode == 2
    assert told in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("peer", [name for name, peer in PEERS.items() if peer.module not in ("dynbench_", "c")])
def test_optional_peers_agree_where_they_are_installed(peer):
    """128 trajectories, 10 steps of the capped quartic: x to 1e-9, times equal."""
    given = work("capped-quartic", steps=10, count=128)
    try:
        ready = PEERS[peer].load()
    except ImportError as why:
        pytest.skip(str(why))
    ours, theirs = dynbench_.ready(given, 1)(), ready(given, 1)()
    np.testing.assert_allclose(theirs.x, ours.x, rtol=1e-9)
    np.testing.assert_array_equal(theirs.t_exit, ours.t_exit)


def test_unwritten_works_are_missing_not_wrong():
    given = dataclasses.replace(work("adam-rastrigin", count=4), name="another")
    with pytest.raises(Missing, match="another is not written in C"):
        c.ready(given, 1)
