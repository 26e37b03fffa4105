"""Sentences of the summary: ending basin, best and last L together, and why they differ."""

import math

import pandas as pd
import pytest

from dynbench import find
from dynbench.outcomes.cells import Context
from dynbench.sweep.headline import sentences

pytestmark = pytest.mark.quick
CONTEXT = Context(steps=2500, minimum_value=0.0, targets=(1e-3,), parameters=("cap",), loss=find.loss("quartic"))


def row(**changes) -> dict:
    """A cell of 1000 trajectories that leave a false minimum and stay at the global one."""
    shares = {"p_escape": 0.8, "p_global": 0.8, "p_best": 0.8, "p_final": 0.8}
    given = {"loss": "quartic", "dynamics": "gradient", "cap": math.nan, "lr": 0.01, "temperature": 0.0,
             "gradient_noise": 0.0, "steps": 2500, "start_basin": 1, "start_kind": "false minima", "basins": 1,
             "randomness": "noise", "n": 1000, "escaped": 800, "returned": 0, "left_diverged": 0, "diverged": 0,
             "converged": 0, "absorbed": 0, "stalled": 0, "cycling": 0, "censored": 0,
             "loss_start_median": 3.0, "loss_median": 1e-6} | shares | changes  # fmt: skip
    limits = {f"{name}{end}": given[name] + by for name in shares for end, by in (("_lo", -0.01), ("_hi", 0.01))}
    return given | limits | changes


def told(*rows: dict, gradient: tuple[str, ...] = ("gradient",)) -> str:
    return " ".join(sentences(pd.DataFrame(rows), CONTEXT, gradient))


def test_the_issues_noisy_descent():
    """T = 1: 0.032 are within the target at the end, where 0.809 end in the global basin and 0.979 came that near."""
    text = told(row(temperature=1.0, p_escape=0.999, escaped=999, returned=190, p_global=0.809, p_best=0.979,
                    p_final=0.032, censored=1000, loss_median=0.468))  # fmt: skip
    first = "0.809 end in a global basin, 0.979 come within 0.001 of Lmin, 0.032 end there."
    assert first in text
    assert "Of 999 that left, 190 are back." in text
    assert "Noise holds mean L about temperature/2 = 0.5 above a minimum." in text
    assert "Median L: 3 at the start, 0.468 at the end." in text


def test_of_another_rule_with_noise_no_mean_is_claimed():
    text = told(row(dynamics="adam", temperature=1.0, p_best=0.9, p_final=0.03))
    assert "temperature/2" not in text
    assert "Noise keeps it moving, so that it does not stay there." in text


def test_noise_of_the_gradient_is_a_temperature():
    """T = h s²/2."""
    text = told(row(gradient_noise=10.0, p_best=0.9, p_final=0.03))
    assert "about (temperature + h noise²/2)/2 = 0.25 above a minimum." in text


def test_an_escape_is_told_with_what_it_was_worth():
    """Two dimensions: escaped 0.759, and the median L rose."""
    text = told(row(p_escape=0.759, escaped=759, returned=9, p_global=0.0, p_best=0.0, p_final=0.0,
                    loss_start_median=16.9, loss_median=23.8))  # fmt: skip
    assert "9 are back, 750 end in another false basin" in text
    assert "Median L: 16.9 at the start, 23.8 at the end: no gain." in text
    few = told(row(p_escape=0.2, escaped=200, p_global=0.2, loss_start_median=16.9, loss_median=23.8))
    assert "no gain" not in few  # the median one has not left
    trifle = told(row(p_escape=0.98, escaped=980, p_global=0.02, loss_start_median=37.3, loss_median=37.4))
    assert "no gain" not in trifle


def test_a_fall_that_comes_without_noise_too_is_no_gain():
    """Rastrigin: 37.3 at the start, 31.2 at T = 20, where plain descent reaches 16.9."""
    still = row(p_escape=0.0, escaped=0, p_global=0.0, p_best=0.0, p_final=0.0, loss_start_median=37.3,
                loss_median=16.9)  # fmt: skip
    text = told(still, still | row(temperature=20.0, loss_start_median=37.3, loss_median=31.2))
    assert "Median L: 37.3 at the start, 31.2 at the end, 16.9 without noise: no gain." in text
    other = told(still | {"cap": 9.0}, row(temperature=20.0, loss_start_median=37.3, loss_median=31.2))
    assert "without noise:" not in other
    assert "no gain" not in other


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"p_best": 0.8, "p_final": 0.5, "censored": 900},
            "Some come that near and move on: at the end most still move.",
        ),
        (
            {"p_best": 0.6, "p_final": 0.6, "censored": 1000},
            "Some in that basin are not that near yet: most still move.",
        ),
        ({"p_global": 0.5, "diverged": 300}, "300 of 1000 diverged: they end in no basin."),
        ({"p_global": 0.1, "p_escape": 0.1}, "A false minimum lies within the target of Lmin, too."),
    ],
)
def test_without_noise_the_reason_is_another(changes, sentence):
    assert sentence in told(row(**changes))


def test_nothing_is_explained_where_nothing_differs():
    text = told(row())
    assert not any(word in text for word in ("Noise", "Some", "diverged", "false"))


def test_ties_are_told_with_their_range():
    caps = [row(dynamics="capped", cap=cap, p_escape=p) for cap, p in ((72.0, 0.90), (73.0, 0.91), (90.0, 0.85))]
    first = sentences(pd.DataFrame([*caps, row(p_escape=0.895)]), CONTEXT)[0]
    assert first.startswith("Leaves most often: capped cap 73, 0.910 [0.900, 0.920].")
    assert "Others reach it: capped cap 72; gradient." in first
    wide = [row(dynamics="capped", cap=cap, p_escape=p) for cap, p in ((72.0, 0.90), (73.0, 0.91), (90.0, 0.895))]
    low = row(p_escape=0.1)
    assert "Others reach it: capped (2 settings, cap 72 to 90)." in sentences(pd.DataFrame([*wide, low]), CONTEXT)[0]
    assert "All other intervals reach it." in sentences(pd.DataFrame(wide), CONTEXT)[0]
    gap = [row(dynamics="capped", cap=80.0, p_escape=0.5), *wide, low]
    assert "capped (2 of the 3 settings, cap 72 to 90)." in sentences(pd.DataFrame(gap), CONTEXT)[0]


def test_settings_that_do_alike_lead_together():
    both = [row(temperature=1.0, loss_median=0.5), row(dynamics="adam", temperature=1.0, loss_median=0.25)]
    first = sentences(pd.DataFrame([*both, row(dynamics="sign", p_escape=0.1)]), CONTEXT)[0]
    assert first.startswith("Leaves most often: gradient; adam, each 0.800 [0.790, 0.810].")
    assert "Lowest in L, adam: 0.800 end in a global basin" in first


def test_one_of_many_leads_nothing():
    rare = {"p_escape": 0.002, "escaped": 2, "p_global": 0.0, "p_best": 0.0, "p_final": 0.0}
    text = told(row(temperature=0.1, **rare), row(temperature=0.05, **rare | {"p_escape": 0.0, "escaped": 0}))
    assert "Leaves most often: too few to tell, at most 2 of 1000 (gradient temperature 0.1)." in text


def test_what_flatters_the_leaders_is_told():
    text = told(row(temperature=1.0), row(dynamics="sign", p_escape=0.1), row(dynamics="adam", p_escape=0.2))
    assert "Leaders are picked from 3 settings, which flatters them." in text
    assert text.endswith("Only gradient ran with noise.")


def test_descent_that_leaves_without_noise_leaps():
    text = told(row(p_escape=0.001, escaped=1), row(temperature=1.0))
    assert "Without noise gradient temperature 0 leaves too (1 of 1000): its steps leap over an edge." in text


def test_cold_starts_beside_an_edge_are_told_from_the_minimum():
    """2001 starts over [0, 5], T = 0.1: 0.026 leave, of the minimum itself 5.5e-8 (the solved chain)."""
    cold = row(temperature=0.1, p_escape=0.026, escaped=26, p_exact=0.02667, z=0.1, p_global=0.02)
    text = told(cold, row(temperature=1.0, p_exact=0.99, z=0.2))
    assert "with gradient temperature 0.1 P(escape) is 0.0267 over all starts, 5.5e-8 from the minimum itself" in text
    assert "(exact; --x0 3)." in text
    assert "minimum itself" not in told(cold | {"p_exact": 5.5e-8})
    assert "minimum itself" not in told(cold | {"x0": 1.9})  # --by start: a row is of one start


def test_splitting_is_told_beside_what_was_counted():
    rare = {"p_escape": 5.4e-8, "p_escape_lo": 5e-8, "p_escape_hi": 6e-8, "escaped": 0, "p_escape_se": 2e-9}
    ends = {"p_global": 0.0, "p_best": 0.0, "p_final": 0.0}
    text = told(row(**rare, **ends, sound=1.0))
    assert "5.4e-8 [5e-8, 6e-8] by splitting (--rare; 0 of 1000 left where they were counted)." in text
    assert "ever seen to leave" not in text
    assert "more likely too low" in told(row(**rare, **ends, sound=0.0))


def test_rules_that_never_left_are_told_with_how_small_p_then_is():
    still = {"p_escape": 0.0, "p_escape_lo": 0.0, "p_escape_hi": 0.0030001, "escaped": 0}
    text = told(row(), row(dynamics="sign", **still))
    assert (
        "Never seen to leave, in 1000 trajectories together: sign. P(escape) of each setting is at most 0.0031" in text
    )


def test_a_single_setting_leads_nobody():
    text = told(row(temperature=1.0, p_exact=0.79, z=0.4))
    assert "most often" not in text
    assert "Leaves: gradient, 0.800 [0.790, 0.810]." in text
    assert "at most 0.4 standard errors (of the noise alone) away (gradient: 0.800, exactly 0.790)." in text
    assert "By chance it exceeds 2.0 in 5% of cases." in text
    sure = told(row(temperature=3.0, p_exact=0.79, z=0.4), row(temperature=20.0, p_exact=1.0, z=math.nan))
    assert "Against the exact P(escape) of one row (in 1 more nothing can differ)" in sure


def test_where_the_lowest_value_is_not_known_the_lowest_median_is_told():
    unknown = dict.fromkeys(("p_escape", "p_global", "p_best", "p_final"), math.nan)
    kind = {"start_kind": "unknown", "start_basin": -1, "escaped": math.nan}
    rows = [row(**unknown, **kind), row(dynamics="sign", loss_median=0.5, **unknown, **kind)]
    text, _ = sentences(pd.DataFrame(rows), CONTEXT)
    assert text.startswith(
        "Has the lowest median of L at the end: gradient, 1e-6. The lowest value of this loss is not"
    )


@pytest.mark.parametrize(("p", "few"), [(0.999, "1 of 1000 expected to stay"), (0.001, "1 of 1000 expected to leave")])
def test_a_rough_comparison_tells_the_few(p, few):
    """It said `With 2e+03 of 2001 expected to leave there` where all but 4.6 were."""
    exact = {"p_escape": p, "p_exact": p, "p_exact_se": math.sqrt(p * (1 - p) / 1000), "z": 0.5}
    assert f"With {few} there, that is a rough measure." in told(row(temperature=1.0, **exact))


def test_a_run_of_an_earlier_version_is_no_rough_measure():
    """Without p_exact_se the page said `With 1.1e+03 of 3822 expected to leave there, that is a rough measure`."""
    assert "rough measure" not in told(row(temperature=1.0, p_escape=0.3, p_exact=0.287, z=0.9))
