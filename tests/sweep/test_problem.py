"""Parameters of a loss that move its minima, and rules that subtract its lowest value."""

import json
from pathlib import Path

import pytest

from dynbench import Arm, Loss, Starts, Sweep, find, label
from dynbench.sweep.__main__ import main
from dynbench.sweep.grid import Plan
from dynbench.sweep.problem import combinations, loss_of
from dynbench.theory.exact import escape_probability

HEAD = """
import math
from dynbench import Loss, Minimum

def value(x, tilt=0.1):
    return 0.25 * ((x * x - 1.0) * (x * x - 1.0)) + tilt * x

def grad(x, tilt=0.1):
    return x * (x * x - 1.0) + tilt
"""
MOVING = (
    HEAD
    + """
def roots(tilt):
    turn = math.acos(-1.5 * math.sqrt(3.0) * tilt) / 3.0
    return [2.0 / math.sqrt(3.0) * math.cos(turn - 2.0 * math.pi * k / 3.0) for k in (2, 1, 0)]

def minima(tilt=0.1):
    left, _, right = roots(tilt)
    return Minimum((left,), value(left, tilt)), Minimum((right,), value(right, tilt))

def separators(tilt=0.1):
    return (roots(tilt)[1],)

loss = Loss("(x² - 1)²/4 + tilt x", "mine", ((-2.0, 2.0),), 1, minima, value, grad, separators=separators)
"""
)
FIXED = (
    HEAD
    + """
loss = Loss("(x² - 1)²/4 + tilt x", "mine", ((-2.0, 2.0),), 1,
    (Minimum((-1.0466805318046,), -0.102386073800035), Minimum((0.945649273923591,), 0.0973605582319907)),
    value, grad, separators=(0.101031257881011,))
"""
)
STEEP = """
from dynbench import Loss, Minimum

def value_grad(x, g, steepness=1.0, floor=0.0):
    u = x[0] * x[0] - 1.0
    g[0] = steepness * (x[0] * u)
    g[1] = x[1]
    return 0.25 * steepness * (u * u) + 0.5 * (x[1] * x[1]) + floor

H = ((2.0, 0.0), (0.0, 1.0))
WELLS = tuple(Minimum((x, 0.0), 0.0, (1.0, 2.0), 0.25, hessian=H) for x in (-1.0, 1.0))
loss = Loss("a well", "mine", ((-2.0, 2.0),), 2, WELLS, value_grad=value_grad, quench_lr=0.1)
"""
UNKNOWN = HEAD + 'loss = Loss("tilted", "mine", ((-2.0, 2.0),), 1, (), value, grad)\n'


def written(folder: Path, text: str) -> str:
    (folder / "mine.py").write_text(text, encoding="utf-8")
    return str(folder / "mine.py")


def planned(name: str, *arms: Arm, dim: int = 1) -> Plan:
    return Plan(Sweep(name, arms, Starts("grid", 3), dim=dim))


def test_the_minima_are_those_of_the_value_that_is_swept(tmp_path):
    name = written(tmp_path, MOVING)
    loss = planned(name, Arm("gradient", {"tilt": (0.0,)}), Arm("sign", {"tilt": (0.0,)})).loss
    assert loss.parameters == {"tilt": 0.0}
    assert loss.separators[0] == pytest.approx(0.0, abs=1e-15)
    assert [m.barrier for m in loss.minima] == [0.25, 0.25]
    assert planned(name, Arm("sign")).loss.separators[0] == pytest.approx(0.101031257881011, rel=1e-12)
    assert label(loss, [[0.05]]).tolist() == [1]  # at tilt 0.1 it lies left of the wall
    gradient = find.dynamics("gradient")
    p, error = escape_probability(loss, gradient, {"tilt": 0.0}, 0.01, 0.1, 0.0, 1, [[1.0]], 100) or (0.0, 1.0)
    even = find.loss("double_well_tilted")
    assert error < 1e-6 * p
    assert p != escape_probability(even, gradient, {}, 0.01, 0.1, 0.0, 1, [[1.0]], 100)


@pytest.mark.parametrize(
    ("text", "axes", "told"),
    [
        (MOVING, ({"tilt": (0.0, 0.1)},), "the minima of 'mine' move with tilt, and a run has one set of them: give"),
        (MOVING, ({"tilt": (0.2,)}, {}), "give --tilt one value, and run the others one by one"),
        (MOVING, ({"tilt": (0.5,)},), "`minima` stops at tilt = 0.5: ValueError: "),
        (FIXED, ({"tilt": (0.0,)},), "not 0 (from - to +); the nearest minimum is x = -1.0 (at tilt = 0; `minima`"),
        (FIXED, ({"tilt": (0.1, 0.11)},), "(at tilt = 0.11; `minima` and `separators` may be functions of the param"),
        (STEEP, ({"floor": (0.0, 1.0)},), "minimum 0: L is 1.0 at x = (-1, 0), not the value 0.0 that is given (at "),
        (STEEP, ({"steepness": (1.0, 2.0)},), "the basins of 'mine' may move with steepness, and a run has one set"),
        (FIXED, ({"tilt": (float("inf"),)},), "the axes of sign: tilt: inf is not a finite number"),
    ],
)
def test_a_parameter_that_moves_what_is_listed_is_refused(tmp_path, text, axes, told):
    with pytest.raises(ValueError, match=r"^[^\n]*$") as error:
        planned(written(tmp_path, text), *(Arm("sign", one) for one in axes), dim=2 if text == STEEP else 1)
    assert told in str(error.value)


def test_a_parameter_that_leaves_them_where_they_are_may_be_swept(tmp_path):
    name = written(tmp_path, STEEP)
    loss = planned(name, Arm("sign", {"steepness": (4.0,)}), dim=2).loss
    assert loss.values == (4.0, 0.0)
    bowl = planned("quadratic", Arm("gradient", {"curvature": (0.5, 3.0), "condition": (1.0, 10.0)}), dim=3)
    assert (bowl.loss.values, bowl.loss.minima[0].value) == ((), 0.0)


def test_a_long_axis_is_checked_at_its_ends_and_between():
    loss = find.loss("quadratic", 1)
    axes = {"curvature": tuple(0.001 * k for k in range(1, 2001)), "condition": tuple(map(float, range(1, 1001)))}
    some = list(combinations(loss, Arm("sign", axes)))
    assert len(some) == 200
    assert (some[0], some[-1]) == ((0.001, 1.0), (2.0, 1000.0))
    assert list(combinations(loss, Arm("sign", {"condition": (1.0, 0.0)}))) == [(1.0, 1.0)]  # 0 is not allowed


def test_noiseless_descent_does_not_leave_a_basin_whose_wall_moves(tmp_path, capsys):
    """The issue's tilted well with --tilt 0, which printed P = 0.047 of leaving the global basin."""
    name = written(tmp_path, MOVING)
    argv = ["--loss", name, "--dynamics", "gradient", "--starts", "grid:200", "--steps", "200", "--json"]
    for tilt in ("0", "0.1", "-0.2"):
        assert main([*argv, "--tilt", tilt, "--out", str(tmp_path / "out")]) in (0, 2)
        said = capsys.readouterr()
        if tilt == "-0.2":  # then the other minimum is the global one, and must be listed first
            assert "minimum 1 lies below minimum 0, which must be a global one" in said.err
            continue
        cells = json.loads(said.out)["cells"]
        assert [cell["n"] for cell in cells] == ([100, 100] if tilt == "0" else [105, 95])
        assert [cell["escaped"] for cell in cells] == [0, 0]
        assert [cell["p_global"] for cell in cells] == ([1.0, 1.0] if tilt == "0" else [1.0, 0.0])


def test_f_star_is_the_lowest_value_of_the_loss(tmp_path):
    article = planned("quartic_article", Arm("capped"), Arm("sps_max", {"f_star": (0.0,)}), Arm("global_flow"))
    assert [arm.column("f_star").tolist() for arm in article.arms] == [[article.loss.minima[0].value], [0.0],
                                                                       [article.loss.minima[0].value]]  # fmt: skip
    name = written(tmp_path, FIXED)
    assert planned(name, Arm("capped")).arms[0].column("f_star").tolist() == [-0.102386073800035]
    unknown = written(tmp_path, UNKNOWN)
    with pytest.raises(ValueError, match=r"^capped subtracts f_star from L, and no lowest value of 'mine' is known"):
        planned(unknown, Arm("capped"))
    assert planned(unknown, Arm("capped", {"f_star": (-1.0,)})).arms[0].column("f_star").tolist() == [-1.0]
    assert isinstance(loss_of(Sweep(unknown, (Arm("capped"),), Starts("grid", 3))), Loss)


def test_with_it_the_flow_settles_where_the_loss_lies_below_zero(tmp_path, capsys):
    """With f_star = 0 the flow climbs from the minimum at -0.1 to where L = 0, and the table says so."""
    name = written(tmp_path, FIXED)
    argv = ["--loss", name, "--dynamics", "global_flow", "--starts", "grid:21", "--steps", "1000", "--lr", "0.05"]
    assert main([*argv, "--out", str(tmp_path / "out"), "--json"]) == 0
    cells = json.loads(capsys.readouterr().out)["cells"]
    assert [cell["f_star"] for cell in cells] == [-0.102386073800035] * 2
    assert cells[0]["p_final"] == 1.0
    assert cells[0]["below_f_star"] <= 2  # by rounding alone
    assert main([*argv, "--f-star", "0", "--out", str(tmp_path / "out")]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "met L < f_star, where a rule that subtracts it climbs (column below_f_star)." in out
    assert main([*argv, "--f-star", "0", "--out", str(tmp_path / "out"), "--json", "--keep", "cells"]) == 0
    zero = json.loads(capsys.readouterr().out)["cells"]
    assert zero[0]["p_final"] < 1.0
    assert zero[0]["below_f_star"] == 3  # the starts at -1.2, -1 and -0.8
    assert main([*argv, "--f-star", "0", "--out", str(tmp_path / "out"), "--json"]) == 0
    assert [cell["below_f_star"] for cell in json.loads(capsys.readouterr().out)["cells"]] == [
        cell["below_f_star"] for cell in zero
    ]


ROSENBROCK = """
from dynbench import Loss, Minimum

def value_grad(x, g, steepness=100.0):
    total = 0.0
    for d in range(len(x)):
        g[d] = 0.0
    for d in range(len(x) - 1):
        a = x[d + 1] - x[d] * x[d]
        b = 1.0 - x[d]
        total = total + (steepness * (a * a) + b * b)
        g[d] = g[d] - 4.0 * steepness * (x[d] * a) - 2.0 * b
        g[d + 1] = g[d + 1] + 2.0 * steepness * a
    return total

def minima(dim, steepness=100.0):
    return (Minimum((1.0,) * dim, 0.0),)

loss = Loss("Rosenbrock", "Rosenbrock 1960", ((-2.0, 2.0),), None, minima, value_grad=value_grad, dims=(2, 3))
"""


def test_rosenbrock_in_three_dimensions(tmp_path, capsys):
    """Minima of a loss of free dimension that is not separable: by a function of the dimension."""
    name = written(tmp_path, ROSENBROCK)
    argv = ["--loss", name, "--dim", "3", "--dynamics", "gradient", "--starts", "uniform:20", "--steps", "4000"]
    assert main([*argv, "--steepness", "10", "--lr", "0.004", "--out", str(tmp_path / "out"), "--json"]) == 0
    (cell,) = json.loads(capsys.readouterr().out)["cells"]
    assert (cell["start_basin"], cell["n"], cell["escaped"]) == (0, 20, 0)
    assert cell["p_final"] > 0.5
    assert planned(name, Arm("sign"), dim=2).loss.minima[0].curvatures[1] == pytest.approx(1001.6, rel=1e-4)
    with pytest.raises(ValueError, match="defined for dimensions 2 to 3, not 4"):
        planned(name, Arm("sign"), dim=4)
