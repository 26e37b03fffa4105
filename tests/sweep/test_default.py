"""The default job answers something on every loss: its numbers follow the loss's scales and the starts' own wells."""

from dataclasses import replace
from math import inf, isfinite
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dynbench import find
from dynbench.losses.base import Loss, Minimum
from dynbench.lowest import false_minima
from dynbench.outcomes.probe import slope_power
from dynbench.scale import rise
from dynbench.store import context_of
from dynbench.sweep import arguments, default
from dynbench.sweep.grid import Arm, Plan, Sweep
from dynbench.sweep.no_escape import has_exits, nothing_to_escape
from dynbench.sweep.printed import printed
from dynbench.sweep.run import run
from dynbench.sweep.scales import bend, default_lr, half_temperature, round_number, steepest
from dynbench.sweep.starts import Starts
from dynbench.sweep.table import remarks, step_sizes
from dynbench.theory.chain import p_exit
from dynbench.theory.thresholds import critical_cap

USERS = [str(Path(__file__).parents[1] / "losses" / f"{name}_camel.py") for name in ("three_hump", "six_hump")]
FEWER = {1: Starts("grid", 301), 2: Starts("grid", 15)}
POWERS = {"gradient": 1, "sps_max": -1, "capped": -1, "global_flow": -1}  # of the others: 0


def default_sweep(name: str) -> Sweep:
    return arguments.sweep_of(arguments.read(["--loss", name]))


def smaller(sweep: Sweep, *rules: str) -> Sweep:
    """The same job from fewer starts, of these rules alone."""
    arms = tuple(arm for arm in sweep.arms if not rules or arm.dynamics in rules)
    return replace(sweep, arms=arms, starts=FEWER[sweep.dim])


def of(arms: tuple[Arm, ...], rule: str, axis: str) -> tuple[float, ...]:
    """The values of an axis over a rule's arms."""
    return tuple(v for arm in arms if arm.dynamics == rule for v in arm.axes.get(axis, ()))


def answers(sweep: Sweep, folder) -> None:
    """Some noisy and some noiseless setting has 0.05 < P(escape) < 0.95, or a sentence says why none can.  What is
    printed is at most 115 letters wide."""
    loss = find.loss(sweep.loss, sweep.dim)
    result = run(sweep, folder)
    table = result.summary()
    text = printed(table, replace(context_of(result), loss=loss), "these", ("capped",), ("gradient",))
    assert max(map(len, text.split("\n"))) <= 115
    text = " ".join(remarks(table, loss, 0))
    if not false_minima(loss):
        assert "There is nothing to escape from" in text
        return
    assert "nothing to escape from" not in text
    between = table[(table["p_escape"] > 0.05) & (table["p_escape"] < 0.95)]
    assert (between["temperature"] > 0).any()
    assert (between["temperature"] == 0).any()


@pytest.mark.statistics
@pytest.mark.parametrize("name", [*find.losses(), *(pytest.param(u, marks=pytest.mark.slow) for u in USERS)])
def test_the_default_table_has_an_answer(name, tmp_path):
    """Seed 0.  A P of 0.05 or 0.95 is a temperature's or a cap's, and the neighbours are far from both."""
    answers(smaller(default_sweep(name), "capped", "gradient"), tmp_path)


@pytest.mark.slow
@pytest.mark.statistics
@pytest.mark.parametrize("name", find.losses())
def test_the_whole_default_job_has_an_answer(name, tmp_path):
    answers(default_sweep(name), tmp_path)


def test_the_flows_arrive_on_himmelblau(tmp_path):
    """A time 25 of dL/dt = -L is enough there too: at h = 0.002 2500 steps were 5, and P(final) 0."""
    table = run(smaller(default_sweep("himmelblau"), "global_flow"), tmp_path).summary()
    assert table["p_final"].tolist() == [1.0]


def test_the_quartic_has_the_numbers_of_the_readme():
    sweep = default_sweep("quartic")
    assert {v for arm in sweep.arms for v in arm.axes["lr"]} == {0.01}
    assert (sweep.steps, sweep.starts) == (2500, Starts("grid", 2001))
    assert of(sweep.arms, "gradient", "temperature") == (0.1, 0.2, 0.3, 0.5, 0.7, 1.0)
    assert of(sweep.arms, "sps_max", "step_cap") == (0.01, 0.1, 1.0)
    caps = of(sweep.arms, "capped", "cap")
    assert (len(caps), caps[0], caps[-1]) == (49, 1.0, 1e6)
    assert sum(71.2939 / 2 < cap < 71.2939 * 1.6 for cap in caps) == 26
    assert Plan(sweep).updates == 330_165_000


@pytest.mark.parametrize("name", find.losses())
def test_every_loss_gets_the_same_time(name):
    """2500 steps: a time 25 of the flows, and 375 units of 1/curvature of gradient descent, but for one digit."""
    loss = find.loss(name)
    loss = loss.at(loss.default_dim)
    sweep = default_sweep(name)
    assert sweep.steps == 2500
    assert of(sweep.arms, "capped", "lr") == of(sweep.arms, "global_flow", "lr") == (0.01,)
    for h in of(sweep.arms, "gradient", "lr"):
        assert 0.66 * 375 < h * 2500 * steepest(loss) < 1.5 * 375
    for arm in sweep.arms:  # without axes a rule has the same step
        (rows,) = Plan(Sweep(name, (Arm(arm.dynamics),), Starts("grid", 2), dim=sweep.dim)).arms
        assert rows.column("lr").tolist() == list(arm.axes["lr"])


@pytest.mark.parametrize("name", find.rules())
def test_the_unit_of_a_step(name):
    assert slope_power(find.dynamics(name)) == POWERS.get(name, 0)


def quartic_in(length: float, height: float) -> Loss:
    """The quartic with x in units of 1/length and L in units of 1/height."""
    quartic = find.loss("quartic")
    assert quartic.value is not None
    assert quartic.grad is not None
    value, grad = quartic.value, quartic.grad
    curve = height / length**2
    return Loss(
        "scaled", "here", ((0.0, 5.0 * length),), 1, name="scaled",
        value=lambda x: height * value(x / length), grad=lambda x: height / length * grad(x / length),
        separators=tuple(length * s for s in quartic.separators),
        minima=tuple(
            Minimum((length * m.x[0],), height * m.value, (curve * m.curvatures[0],), height * m.barrier,
                    length * m.distance) for m in quartic.minima
        ),
    )  # fmt: skip


@pytest.mark.parametrize(("length", "height"), [(1e3, 1e-6), (1e-8, 1e12), (1.0, 1e-150)])
def test_other_units_are_the_same_job(length, height, monkeypatch):
    """Every number of the quartic's job, times its unit."""
    loss, known = quartic_in(length, height), default_sweep("quartic").arms
    whole = rise(find.loss("quartic")) * height
    monkeypatch.setattr("dynbench.sweep.scales.rise", lambda _: whole)  # it reads a function's text, which has no units
    arms = default.arms(loss, find.rules(), Starts("grid", 2001))
    units = {
        "lr": {1: length**2 / height, 0: length, -1: 1.0}, "temperature": height, "step_cap": length**2 / height,
        "cap": length / height,
    }  # fmt: skip
    for arm, plain in zip(arms, known, strict=True):
        assert arm.dynamics == plain.dynamics
        power = slope_power(find.dynamics(arm.dynamics))
        assert set(arm.axes) == set(plain.axes)
        for axis, values in arm.axes.items():
            unit = units[axis][power] if axis == "lr" else units[axis]
            np.testing.assert_allclose(np.array(values) / unit, plain.axes[axis], rtol=1e-6)


def tilted(tilt: float, height: float) -> Loss:
    """height ((x² - 1)²/4 + tilt x), lifted to 0."""
    roots = np.sort(np.roots([1.0, 0.0, -1.0, tilt]).real)

    def raw(x):
        return height * (0.25 * (x * x - 1.0) ** 2 + tilt * x)

    low, wall, high = roots.tolist()
    lift = raw(low)
    minima = tuple(
        Minimum((m,), raw(m) - lift, (height * (3 * m * m - 1),), raw(wall) - raw(m), abs(m - wall))
        for m in (low, high)
    )
    return Loss(
        "a well", "here", ((-2.0, 2.0),), 1, name="tilted", value=lambda x: raw(x) - lift,
        grad=lambda x: height * (x * x * x - x + tilt), separators=(wall,), minima=minima,
    )  # fmt: skip


@pytest.mark.parametrize(("tilt", "height"), [(0.01, 1e-3), (0.1, 40.0), (0.25, 1e-3), (0.3, 40.0)])
def test_noise_leaves_a_well_at_a_probability_between(tilt, height):
    """By the noisy chain, without simulation; and the critical cap has default caps on both sides."""
    loss = tilted(tilt, height)
    arms = default.arms(loss, ["gradient", "capped"], Starts("grid", 2001))
    h, false = default_lr(loss), loss.minima[1]
    p = [p_exit(loss, 1, false.x[0], h, T, (2500,))[0].item() for T in of(arms, "gradient", "temperature")]
    assert any(0.1 < value < 0.9 for value in p)
    assert p[0] < 0.05
    assert p[-1] > 0.8
    caps = of(arms, "capped", "cap")
    critical = critical_cap(false, 0.01)
    assert caps[0] < critical / 10 < critical * 100 < caps[-1]
    assert min(abs(cap / critical - 1) for cap in caps) < 1e-3


def test_temperatures_are_those_of_the_starts_own_wells():
    """Rastrigin's outermost well has a barrier of 0.058 where those of the domain have 15 to 20."""
    loss = find.loss("rastrigin", 1)
    inside, outside = (
        default.temperatures(default.wells_of(loss, begin, 0))
        for begin in (Starts("grid", 2001), Starts("points", 1, ((-30.8,),)))
    )
    assert inside[3] == pytest.approx(15.7 / 5, rel=0.5)
    assert outside[3] == pytest.approx(0.058 / 5, rel=0.5)


def test_more_ways_out_need_less_heat():
    temperatures = [
        half_temperature(default.wells_of(find.loss("rastrigin", dim), default.starts(dim), 0), 1.0)
        for dim in (1, 2, 10, 32)
    ]
    assert temperatures == sorted(temperatures, reverse=True)
    assert temperatures[-1] < 0.8 * temperatures[0]


def flat(x):
    return 0.0 * x


def cubic(x, g, k=1.0):
    g[0], g[1] = k * x[0], x[1] * x[1]
    return 0.5 * k * x[0] * x[0] + x[1] * x[1] * x[1] / 3


BOWL = Minimum((0.0, 0.0), 0.0, (2.0, 2.0))


def bowl(x, g):
    g[0], g[1] = 2.0 * x[0], 2.0 * x[1]
    return x[0] * x[0] + x[1] * x[1]


@pytest.mark.parametrize(
    "loss",
    [
        Loss("0", "here", ((-1.0, 1.0),), 1, value=flat, grad=flat, name="flat"),
        Loss("no minima", "here", ((-3.0, 3.0),), 2, value_grad=cubic, name="cubic"),
        Loss("no minima, stiff", "here", ((-3.0, 3.0),), 2, value_grad=cubic, name="stiff", values=(1e9,)),
        Loss("|x|", "here", ((-1.0, 1.0),), 1, value=abs, grad=lambda x: (x > 0) - (x < 0), name="cone",
             minima=(Minimum((0.0,), 0.0, (inf,)),)),
        find.loss("rastrigin", 32), find.loss("quadratic", 64, {"condition": 1e6}), find.loss("quadratic", 1),
    ],
    ids=lambda loss: f"{loss.name}-{loss.dim}",
)  # fmt: skip
def test_defaults_are_numbers_on_any_loss(loss):
    arms = default.arms(loss, find.rules(), default.starts(loss.dim), f_star=0.0)
    values = [v for arm in arms for axis in arm.axes.values() for v in axis]
    assert all(isfinite(v) and v > 0.0 for v in values)
    assert default_lr(loss) * steepest(loss) == pytest.approx(0.15, rel=0.34)


def test_curvature_is_looked_for_where_no_minimum_is_known():
    stiff = Loss("no minima", "here", ((-3.0, 3.0),), 2, value_grad=cubic, name="cubic", values=(1e9,))
    assert bend(stiff) == pytest.approx(1e9, rel=0.3)


@pytest.mark.parametrize(
    ("x", "rounded"), [(0.42, 0.5), (1.0, 1.0), (8.4, 10.0), (0.0861, 0.1), (3.2e-9, 3e-9), (1.23, 1.5), (1.2, 1.0)]
)
def test_round_numbers(x, rounded):
    assert round_number(x) == rounded


def test_why_there_is_nothing_to_escape_from():
    one, four = (nothing_to_escape(find.loss(name).at(2)) for name in ("quadratic", "himmelblau"))
    assert "quadratic has a single minimum, so no start can be trapped" in one
    assert "all 4 minima of himmelblau are equally low" in four
    assert "--starts trapped:1000 begins in them" in nothing_to_escape(find.loss("quartic"))
    assert [has_exits(find.loss(name).at(2)) for name in ("quadratic", "himmelblau", "rastrigin")] == [
        False,
        True,
        True,
    ]


def test_the_table_tells_each_rules_step():
    lrs = pd.Series({"adam": 0.005, "capped": 0.01, "global_flow": 0.01, "gradient": 0.07, "sign": 0.005, "rms": 0.005})
    assert step_sizes(lrs) == "0.01 for capped, global_flow; 0.07 for gradient; 0.005 for the other rules"
    assert step_sizes(lrs[["capped", "gradient"]]) == "0.07 for gradient; 0.01 for capped"
