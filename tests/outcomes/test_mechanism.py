"""Flow, step, inertia or noise: cells whose mechanism is known, and what a rule does by itself."""

import re
from dataclasses import replace
from math import inf, log

import numpy as np
import pytest

from dynbench import find
from dynbench.kernels.noise import streams
from dynbench.outcomes.halving import spread
from dynbench.outcomes.label import label
from dynbench.outcomes.mechanism import mechanism
from dynbench.outcomes.probe import halved, is_capped, is_downhill, is_inertial, longest_step

HEAVY = '''"""Heavy ball: v <- momentum v - lr g, dx = v."""
from dynbench.dynamics.base import Dynamics

def start(lr, momentum=0.9):
    return (0.0,)

def step(x, g, value, norm, lr, state, momentum=0.9):
    (v,) = state
    v_next = momentum * v - lr * g
    return v_next, (v_next,)

dynamics = Dynamics(step, source="Polyak 1964", start=start{decays})
'''
ARTICLE = np.linspace(3.9, 4.1, 1001)


@pytest.fixture(scope="module")
def heavy(tmp_path_factory):
    """Heavy ball, which says that its momentum is a decay; and the same rule without that."""
    folder = tmp_path_factory.mktemp("rules")
    paths = [folder / "heavy.py", folder / "mute.py"]
    for path, decays in zip(paths, (', decays=("momentum",)', ""), strict=True):
        path.write_text(HEAVY.replace("{decays}", decays))
    return [find.dynamics(str(path)) for path in paths]


def explained(loss, rule, x0, lr=0.01, steps=2500, temperature=0.0, gradient_noise=0.0, budget=2e8, **parameters):
    x0 = np.atleast_2d(x0).astype(float)
    loss = find.loss(loss, len(x0))
    dynamics = find.dynamics(rule) if isinstance(rule, str) else rule
    stream = streams(x0, np.zeros(x0.shape[1]))
    basin = label(loss, x0)
    noise = (temperature, gradient_noise)
    return mechanism(loss, dynamics, parameters, lr, *noise, x0, basin, stream, steps, 5, 2, budget=budget)


@pytest.mark.statistics
def test_capped_escapes_are_the_steps():
    """P at the first h and with h M held: 0.84, six standard errors of n starts (alpha = 2e-9 each); n >= 192."""
    found = explained("quartic", "capped", ARTICLE, cap=1000.0)
    assert found.label == "step-size", found.reason
    table = found.evidence
    assert list(table) == ["h", "steps", "n", "escaped", "p", "lo", "hi", "held"]
    ode, both = (table[table["held"] == held].reset_index(drop=True) for held in ("ode", "hM"))
    np.testing.assert_allclose(table["h"] * table["steps"], 25.0)
    well = find.loss("quartic", 1).minima[1]
    reach = ode["h"] * 1000.0 * well.value / well.distance
    assert ((ode["escaped"] > 0) == (reach > 1.0)).all()
    assert (reach.iloc[-1] < 1.0) & (reach.iloc[-2] > 1.0)
    np.testing.assert_array_equal(both["h"], ode["h"])
    assert (both["n"] >= 192).all()
    assert (abs(both["p"] - 0.84) < 6.0 * np.sqrt(0.84 * 0.16 / both["n"])).all()
    assert (table["lo"] <= table["p"]).all()
    assert (table["p"] <= table["hi"]).all()


def test_the_longest_step_is_told_with_f_star():
    """It said `h M L* < D` beside an h that is D/(M (L* - f_star)): 0.00141, where D/(M L*) is 0.00071."""
    found = explained("quartic", "capped", ARTICLE[::8], cap=1000.0, f_star=0.8)
    well = find.loss("quartic", 1).minima[1]
    limit = well.distance / (1000.0 * (well.value - 0.8))
    assert f"escapes end where h M (L* - f_star) < D, h < {limit:.3g};" in found.reason


def test_the_global_flow_is_singular():
    found = explained("quartic", "global_flow", ARTICLE, budget=3e8)
    assert found.label == "singular", found.reason
    well, start = find.loss("quartic", 1).minima[1], find.loss("quartic", 1).value(4.0)
    told = float(re.search(r"t\* = ln\(L0/L\*\) = ([\d.]+)", found.reason)[1])
    assert told == pytest.approx(log(start / well.value), abs=0.005)
    assert set(found.evidence["held"]) == {"ode"}


def test_a_cap_that_never_binds_is_singular_too():
    found = explained("quartic", "capped", ARTICLE, cap=1e9, budget=3e8)
    assert found.label == "singular", found.reason
    assert "the cap would end it" in found.reason


def test_noise():
    found = explained("quartic", "gradient", ARTICLE, temperature=0.5)
    assert found.label == "noise", found.reason
    assert found.evidence["held"].tolist() == ["noise", "ode"]
    assert found.evidence["escaped"].tolist()[1] == 0
    assert found.evidence["p"][0] > 0.4
    assert explained("quartic", "gradient", ARTICLE, gradient_noise=20.0).label == "noise"


def test_noise_that_makes_no_difference_is_not_the_mechanism():
    found = explained("quartic", "capped", ARTICLE[::4], cap=1000.0, temperature=1e-12)
    assert found.label == "step-size", found.reason
    assert found.reason.startswith("It does not need the noise")
    assert found.evidence["held"][0] == "noise"


@pytest.mark.parametrize(("noise", "alone"), [({"temperature": 3.0}, True), ({"gradient_noise": 1.0}, False)])
def test_step_or_noise_is_told_where_either_would_do(noise, alone):
    """It said step-size, `escapes end as h does`, of a cell whose escapes go on with the noise: at T = 3 and lr 0.01
    all leave.  All of 200 leave at half the h, or none does: P is not between 0.02 and 0.98 (95 %)."""
    found = explained("quartic", "gradient", [3.9], lr=0.13, steps=2000, **noise)
    assert found.label == ("step-size or noise" if alone else "step-size"), found.reason
    assert "What follows is of the starts without noise." in found.reason
    said = "noise alone would do it too" if alone else "Noise alone does not do it"
    assert f"{said}: at h = 0.065 P is {'1 (200' if alone else '0 (0'} of 200) with noise" in found.reason
    row = found.evidence[found.evidence["held"] == "noise"].iloc[1]
    assert row[["h", "steps", "n", "escaped"]].tolist() == [0.065, 4000, 200, 200 * alone]


def test_both_p_are_told_where_only_some_escape_without_noise():
    found = explained("quartic", "gradient", np.linspace(3.3, 4.0, 200), lr=0.11, steps=2000, temperature=3.0)
    quiet = found.evidence[found.evidence["held"] == "ode"].iloc[0]
    assert 0.25 < quiet["p"] < 0.75
    words = f"with noise P = 1, without it P = {quiet['p']:.3g} ({quiet['escaped']} of 200 starts escape)"
    assert found.reason.startswith(f"Some of the escapes need the noise, others do not: {words}.")


def test_where_noise_alone_is_not_tried_that_is_told(monkeypatch):
    monkeypatch.setattr("dynbench.outcomes.mechanism.TELLING", 1e9)  # trajectories: more than the budget has
    found = explained("quartic", "gradient", [3.9], lr=0.13, steps=2000, temperature=3.0)
    assert found.label == "step-size", found.reason
    assert "Whether noise alone would do it too was not tried" in found.reason
    assert found.evidence["held"].tolist().count("noise") == 1


def test_first_step_overshoot_is_the_steps():
    found = explained("quartic", "gradient", ARTICLE, lr=0.08, steps=300)
    assert found.label == "step-size", found.reason
    assert found.evidence["p"].tolist() == [1.0, 0.0, 0.0, 0.0]


def test_heavy_ball_is_inertia(heavy):
    rule, mute = heavy
    found = explained("quartic", rule, [4.0])
    assert found.label == "inertia", found.reason
    assert found.evidence["escaped"].min() == 1
    assert len(found.evidence) == 11
    assert explained("quartic", rule, ARTICLE).label == "inertia"
    found = explained("quartic", mute, [4.0])
    assert (found.label, "decays" in found.reason) == ("undecided", True)


def test_sign_flow_crosses_other_basins():
    """Himmelblau has no false minima, but gradient flow's basins, which the flow of another rule need not respect."""
    starts = np.random.default_rng(1).uniform(-5, 5, (2, 1000))
    for rule in ("sign", "rmsprop"):
        found = explained("himmelblau", rule, starts, steps=1500)
        assert found.label == "flow", found.reason
    assert explained("himmelblau", "normalized", starts[:, :500], steps=1500).label == "undecided"


def test_nothing_to_explain():
    found = explained("quartic", "gradient", ARTICLE)
    assert (found.label, len(found.evidence)) == ("undecided", 1)
    assert "nothing to explain" in found.reason
    assert explained("quartic", "gradient", ARTICLE, temperature=1e-9).label == "undecided"
    short = explained("quartic", "capped", ARTICLE, cap=1000.0, budget=1e6)
    assert short.label == "undecided"
    assert "budget" in short.reason


def test_twice_the_same():
    one, two = (explained("quartic", "capped", ARTICLE[::10], cap=200.0) for _ in range(2))
    assert one.reason == two.reason
    assert one.evidence.equals(two.evidence)


@pytest.mark.parametrize(
    ("rule", "longest"),
    [("gradient", 0.0), ("sign", 0.01), ("normalized", 0.01), ("capped", 20.0), ("global_flow", inf), ("sps_max", 0.0)],
)
def test_longest_step_beside_a_minimum(rule, longest):
    dynamics = find.dynamics(rule)
    assert longest_step(dynamics, {}, 0.01, 2.0) == pytest.approx(longest, abs=1e-100)
    assert is_capped(dynamics, {}, 0.01, 2.0) == (rule == "capped")
    assert is_downhill(dynamics, {}, 0.01)
    assert not is_inertial(dynamics, {}, 0.01)


def test_capped_with_a_misspecified_minimum_value():
    capped = find.dynamics("capped")
    assert longest_step(capped, {"cap": 50.0, "f_star": 0.5}, 0.01, 2.0) == pytest.approx(0.75)
    assert longest_step(find.dynamics("global_flow"), {"f_star": 2.0}, 0.01, 2.0) == 0.0


def test_halving_holds_the_ode(heavy):
    rule, mute = heavy
    assert halved(find.dynamics("capped"), {"cap": 7.0}, 0.01, 3) == ({"cap": 7.0, "f_star": 0.0}, 0.00125)
    parameters, lr = halved(find.dynamics("rmsprop"), {"beta": 0.81}, 0.01, 1)
    assert (parameters["beta"], lr) == (pytest.approx(0.9), 0.005)
    parameters, lr = halved(rule, {"momentum": 0.81}, 0.01, 1)
    assert parameters["momentum"] == pytest.approx(0.9)
    assert lr == pytest.approx(0.005 * (1 - 0.9) / (1 - 0.81))
    assert halved(find.dynamics("adagrad"), {}, 0.01, 2)[1] == pytest.approx(0.005)
    assert is_inertial(rule, {}, 0.01)
    assert is_inertial(mute, {}, 0.01)
    wrong = replace(find.dynamics("rmsprop"), decays=("gamma",))
    with pytest.raises(ValueError, match="'gamma' a decay"):
        halved(wrong, {}, 0.01, 1)


def test_spread():
    assert spread(10, 3).tolist() == [0, 3, 6]
    assert spread(3, 10).tolist() == [0, 1, 2]
