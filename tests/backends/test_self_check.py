"""Every run of a user's text compares a few trajectories with plain Python before it believes the kernel."""

import math
from pathlib import Path

import numpy as np
import pytest
from batches import batch, scattered
from kernel_cache import with_drivers

from dynbench import find
from dynbench.backends import reference, self_check
from dynbench.backends.cpu import Cpu
from dynbench.backends.reference import Ieee, steps_of
from dynbench.backends.self_check import Checked, of_package
from dynbench.sweep.__main__ import main

RULE = "def step(x, g, value, norm, lr, state, k=1.0):\n    return -lr * k * g, state\n"
# quotients that Python refuses, and a root of a negative number
ODD = "import math\n\n\ndef step(x, g, value, norm, lr, state, k=1.0):\n"
ODD += "    y = 1.0 / (x - x) + math.sqrt(-1.0 - x * x) + math.log(-1.0)\n"
ODD += "    return (y if norm < 0.0 else -lr * k * g), state\n"


def write(folder: Path, text: str) -> str:
    (folder / "mine.py").write_text(text, encoding="utf-8")
    return str(folder / "mine.py")


def asked(folder: Path, rule: str, *more: str) -> list[str]:
    command = ["--loss", "quartic", "--dynamics", rule, "--x0", "2.5:3.5:9", "--steps", "70", "--temperature", "0,0.2"]
    return [*command, "--out", str(folder / "runs"), *more]


def test_it_is_told_and_written_down(tmp_path, capsys):
    assert main(asked(tmp_path, write(tmp_path, RULE))) == 0
    assert "checked   3 trajectories x 70 steps equal to plain Python, 0." in capsys.readouterr().out
    (log,) = (tmp_path / "runs").rglob("run.log")
    assert " self-check: 3 trajectories x 70 steps equal to plain Python, " in log.read_text()


def test_it_compiles_nothing_that_the_run_does_not_need(tmp_path, monkeypatch):
    monkeypatch.setenv("DYNBENCH_CACHE", str(with_drivers(tmp_path / "cache")))
    more = ["--record", "t_best", "--quiet"]
    assert main(asked(tmp_path, write(tmp_path, RULE), *more, "--no-self-check", "--out", str(tmp_path / "one"))) == 0
    before = sorted((tmp_path / "cache").glob("*.o"))
    assert main(asked(tmp_path, write(tmp_path, RULE), *more, "--out", str(tmp_path / "other"))) == 0
    assert sorted((tmp_path / "cache").glob("*.o")) == before


def test_a_kernel_that_computes_something_else_is_an_error(tmp_path, capsys, monkeypatch):
    plain = reference.plain

    def other(function):
        return (
            (lambda *told: (plain(function)(*told)[0] * (1.0 + 1e-9), ()))
            if function.__name__ == "step"
            else plain(function)
        )

    monkeypatch.setattr(reference, "plain", other)
    rule = write(tmp_path, RULE)
    assert main(asked(tmp_path, rule)) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: the kernel of loss 'quartic' and rule 'mine' computes x = ")
    assert "at step 1, where plain Python has " in said
    assert said.count("\n") == 1
    assert not list((tmp_path / "runs").rglob("*"))
    assert main(asked(tmp_path, rule, "--no-self-check")) == 0
    out = capsys.readouterr().out
    assert "checked" not in out
    assert "--no-self-check" not in out  # it is not in `again`


def test_what_python_refuses_goes_on_as_in_the_kernel(tmp_path):
    rule, loss = find.dynamics(write(tmp_path, ODD)), find.loss("quartic")
    done = self_check.self_check(loss, rule, batch(loss, rule, [2.5, 3.9], temperature=0.1), 500)
    assert (done.trajectories, done.steps) == (2, 200)


def test_a_diverging_trajectory_is_compared_to_its_end(tmp_path):
    rule, loss = find.dynamics(write(tmp_path, RULE)), find.loss("quartic")
    done = self_check.self_check(loss, rule, batch(loss, rule, [50.0], lr=0.3), 200)
    assert 1 <= done.steps < 10


def test_noise_and_many_coordinates(tmp_path):
    rule, loss = find.dynamics(write(tmp_path, RULE)), find.loss("rastrigin", 6)
    whole = batch(loss, rule, scattered(loss, 2), temperature=0.2, gradient_noise=0.3)
    assert self_check.self_check(loss, rule, whole, 20).steps == 20


@pytest.mark.parametrize(("name", "dim"), [("quartic", 1), ("rastrigin", 2), ("rastrigin", 6)])
def test_every_lane_has_the_noise_of_plain_python(name, dim):
    """In half of the lanes the noise in gradients of coordinate 0 was once that in displacements."""
    loss, rule = find.loss(name, dim), find.dynamics("gradient")
    whole = batch(loss, rule, scattered(loss, 64), temperature=0.2, gradient_noise=0.3)
    paths = Cpu(1).run(loss, rule, whole, 5, paths=64).paths
    with np.errstate(all="ignore"):
        for row in range(64):
            for k, (x, value) in zip(range(6), steps_of(loss, rule, whole, row), strict=False):
                np.testing.assert_array_equal(paths[row, k], [*x, value])


def test_where_python_stops_is_named(tmp_path):
    text = "def step(x, g, value, norm, lr, state, k=1.0):\n    return -lr * k * g, state\n"
    rule, loss = find.dynamics(write(tmp_path, text)), find.loss("quartic")
    path = write(tmp_path, "\n\ndef late(x, g):\n    g[0] = x[0]\n    return x[0] + [][0]\n")
    module, _ = find.load(path, "losses", "loss")
    from dataclasses import replace

    broken = replace(loss, value=None, grad=None, value_grad=module.late)
    with pytest.raises(ValueError, match=r"^mine\.py, line 5: plain Python stops here: IndexError: list index out of"):
        self_check.following(steps_of(broken, rule, batch(loss, rule, [1.0]), 0), broken, rule)


def test_what_comes_with_dynbench_is_not_compared(tmp_path):
    mine = find.dynamics(write(tmp_path, RULE))
    assert of_package(find.loss("quartic"), find.dynamics("gradient"))
    assert not of_package(find.loss("quartic"), mine)
    assert str(Checked(3, 7, 0.5) + Checked(3, 200, 0.25)) == "6 trajectories x 200 steps equal to plain Python, 0.75 s"


NUMBERS = (0.0, -0.0, 1.0, -2.5, 3.0, 1e300, 5e-324, math.inf, -math.inf, math.nan)


def test_an_ieee_float_is_numpys_where_python_stops_and_python_s_elsewhere():
    def bits(x):
        return "nan" if x != x else float(x).hex()

    with np.errstate(all="ignore"):
        for a in NUMBERS:
            for b in NUMBERS:
                for one, other in ((Ieee(a), b), (a, Ieee(b)), (Ieee(a), Ieee(b))):
                    assert bits(one / other) == bits(np.float64(a) / np.float64(b))
                    assert bits(one + other) == bits(a + b)
                    assert bits(one - other) == bits(a - b)
                    assert bits(one * other) == bits(a * b)
                    assert (one < other) == (a < b)
                    if b != 0.0:
                        assert bits(one // other) == bits(a // b)
                        assert bits(one % other) == bits(a % b)
                    else:
                        assert bits(one // other) == bits(np.float64(a) // np.float64(b))
                        assert bits(one % other) == "nan"
    assert type(-Ieee(1.0)) is type(abs(Ieee(-1.0))) is type(2 * Ieee(1.0)) is type(1 - Ieee(1.0)) is Ieee
