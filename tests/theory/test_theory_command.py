"""The command: one JSON object, a table, one line for a mistake."""

import json
import math
import subprocess
import sys
from dataclasses import replace

import pytest

from dynbench import find
from dynbench.theory.__main__ import digits, main, of_all
from dynbench.theory.prediction import Prediction

pytestmark = pytest.mark.quick

NAMES = {"label", "x", "is_global", "value", "curvature", "barrier", "distance",
         "step_limit", "sign_eps_limit", "rmsprop_eps_limit",
         "critical_cap", "two_cycle_cap", "boole_scale", "escape_rate", "capped_time", "crossover_temperature", "start",
         "p_escape_capped", "p_escape", "p_escape_error", "mean_steps", "mean_steps_error", "late_hazard",
         "passage_time", "passage_time_to_wall_of_chain", "passage_time_to_other_well", "committor", "kramers_time",
         "kramers_prefactor", "kramers_valid", "onset_cap", "onset_cap_anywhere", "predictions", "notes",
         "rmsprop_eps_inside_limit", "crossover_temperature_chain", "log10_p_escape", "log10_mean_steps",
         "log10_late_hazard", "log10_passage_time", "log10_passage_time_to_wall_of_chain",
         "log10_passage_time_to_other_well", "log10_committor", "log10_kramers_time"}  # fmt: skip


def asked(capsys, line):
    assert main(line.split()) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


def printed(one):
    """How the table writes a prediction of JSON: its number, with the digits that its bound supports."""
    text = digits(Prediction(**{name: math.nan if value is None else value for name, value in one.items()}))
    assert float(text) == pytest.approx(one["value"], rel=6.0 * one["bound"] + 1e-9)  # half a unit of the last digit
    return text


def test_json(capsys):
    found = json.loads(asked(capsys, "--loss quartic --temperature 0.5 --lr 0.01 --json"))
    assert found["steps"] == [100, 500, 2500]
    assert found["lyapunov"] == pytest.approx(0.13196410, abs=5e-9)
    zero, false = found["minima"]
    assert set(zero) == set(false) == NAMES
    assert false["p_escape"] == pytest.approx([0.02538597112, 0.1518980382, 0.5768297394], rel=5e-10)
    assert false["critical_cap"] == pytest.approx(71.29397223, abs=5e-9)
    assert false["kramers_valid"] is True
    assert zero["critical_cap"] is None
    assert zero["p_escape_capped"] == [None] * 3


def test_json_without_noise_and_with_a_start(capsys):
    found = json.loads(asked(capsys, "--loss quartic --x0 3.5 --f-star 0.5 --steps 10 --json"))
    assert found["temperature"] is None
    assert found["x0"] == found["minima"][1]["start"] == 3.5
    assert found["minima"][1]["p_escape"] is None
    assert found["minima"][1]["passage_time"] is None


@pytest.mark.parametrize("name", find.losses())
def test_every_loss_prints(capsys, name):
    shown = asked(capsys, f"--loss {name} --temperature 1 --steps 10")
    assert f"{name}: L = " in shown
    assert "nan" not in shown
    assert set(json.loads(asked(capsys, f"--loss {name} --steps 10 --json"))["minima"][0]) == NAMES


def test_the_table(capsys):
    shown = asked(capsys, "--loss quartic --temperature 0.5 --lr 0.01")
    for words in ("71.29397223", "2903.270408", "25.57275385", "0.5768297394", "minimum 1: x = 3,"):
        assert words in shown
    assert "Kramers: mean time to the next minimum" in shown
    assert "noisy gradient from the minimum, x = 3:" in shown
    assert "52 more minima" in asked(capsys, "--loss rastrigin --dim 2")


@pytest.mark.parametrize(
    ("line", "words"),
    [("--loss quartc", "did you mean 'quartic'"), ("--loss quartic --dim 2", "has dimension 1"),
     ("--loss quartic --lr 0", "above 0"), ("--loss quartic --temperature -1", "not below"),
     ("--loss quartic --steps 1.5", "--steps"), ("--loss himmelblau --x0 3", "needs 2 numbers"),
     ("--loss quartic --temperature x", "not a number"), ("--loss quartic --lr inf", "finite")],
)  # fmt: skip
def test_a_mistake_is_told_in_one_line(capsys, line, words):
    assert main(line.split()) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith("error: ")
    assert words in err


def test_a_flag_without_its_value_too(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["--loss", "quartic", "--dim"])
    assert stopped.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_help_imports_nothing_heavy():
    script = "import sys, dynbench.theory.__main__ as m; m.parser().format_help(); print('numpy' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "False"


@pytest.mark.parametrize(("T", "kramers", "mean"), [(0.005, 180.496, 182.1981575), (0.002, 451.468, 453.0840674)])
def test_what_passes_the_floats_is_given_by_its_logarithm(capsys, T, kramers, mean):
    line = f"--loss quartic --temperature {T} --steps 5,2500"
    false = json.loads(asked(capsys, f"{line} --json"))["minima"][1]
    assert false["log10_kramers_time"] == pytest.approx(kramers, abs=5e-4)
    assert false["log10_mean_steps"] == pytest.approx(mean, abs=5e-8)
    assert false["log10_late_hazard"] == pytest.approx(-mean, abs=5e-8)
    assert false["log10_p_escape"][0] is None
    assert false["log10_p_escape"][1] < -mean + 3.4
    assert (false["kramers_time"] is None) == (T == 0.002)  # beyond the largest float
    assert (false["p_escape"][1] is None) == (T == 0.002)
    shown = asked(capsys, line)
    assert f"10^{mean:.7f}" in shown
    assert "noisy gradient: left within 5 steps: not computed, but below 10^-" in shown


def test_text_and_json_hold_the_same_numbers(capsys):
    line = "--loss quartic --temperature 0.5 --lr 0.01"
    shown = asked(capsys, line)
    for minimum in json.loads(asked(capsys, f"{line} --json"))["minima"]:
        for one in minimum["predictions"]:
            if one["value"] is not None and one["words"]:
                rows = [row for row in shown.splitlines() if one["words"] in row]
                assert any(printed(one) in row for row in rows), one


def test_no_minimum_is_called_false_where_all_are_global(capsys):
    shown = asked(capsys, "--loss himmelblau --temperature 1")
    assert "false" not in shown
    assert "nothing exact is known" in shown
    assert "it never leaves, as this is the only basin" in asked(capsys, "--loss quadratic --temperature 1")


def test_curvatures_are_those_at_the_parameters(capsys):
    one = json.loads(asked(capsys, "--loss quadratic --dim 1 --curvature 4 --json"))["minima"][0]
    assert one["step_limit"] == pytest.approx(0.5, rel=1e-9)
    two = json.loads(asked(capsys, "--loss quadratic --dim 2 --curvature 4 --condition 100 --json"))["minima"][0]
    assert two["curvature"] == pytest.approx(400.0, rel=1e-9)


def test_an_answer_that_is_not_computed_says_why(capsys):
    shown = asked(capsys, "--loss quartic --temperature 1e-5")
    assert "noisy gradient: exact numbers are not computed: the exact chain needs" in shown
    assert "10^90324" in shown  # the SDE's times are known even so


@pytest.mark.parametrize(
    ("theory", "sweep"),
    [("--loss quartic --x0 3.5", "--loss quartic --x0 3.5"), ("--loss quartic", "--loss quartic --x0 3"),
     ("--loss rastrigin --x0 1,2", "--loss rastrigin --dim 2 --start 1,2")],
)  # fmt: skip
def test_the_sweep_prints_the_same_probability_for_the_same_start(capsys, tmp_path, theory, sweep):
    """In a well that --x0 is in, theory is of that start, and says so; else of the minimum."""
    from dynbench.sweep.__main__ import main as swept

    common = "--temperature 2 --lr 0.002 --json"
    found = json.loads(asked(capsys, f"{theory} {common} --steps 200"))
    assert swept(f"{sweep} {common} --dynamics gradient --steps 200 --seeds 4 --out {tmp_path}".split()) == 0
    (cell,) = json.loads(capsys.readouterr().out)["cells"]
    if found["from_x0"] is None:
        p = found["minima"][1]["p_escape"][0]
        assert found["minima"][1]["start"] == (3.5 if "3.5" in theory else 3.0)
    else:
        p = found["from_x0"][0]["value"]
        assert "from x = (1, 2)" in found["from_x0"][0]["conditions"]
    assert p == pytest.approx(cell["p_exact"], rel=1e-12)


@pytest.mark.parametrize("flag", ["--f-star -1e-3", "--f-star=-1e-3", "--f-star -.001"])
def test_a_negative_f_star_is_no_flag(capsys, flag):
    found = json.loads(asked(capsys, f"--loss quartic {flag} --steps 10 --json"))
    assert found["f_star"] == -1e-3
    assert found["minima"][0]["critical_cap"] == pytest.approx(143614.0662, rel=1e-9)  # L* - f_star = 1e-3


def test_the_table_and_json_tell_the_same_numbers(capsys):
    """Each line of the capped flow and of the settling rules is one of JSON's predictions, kind and bound with it."""
    line = "--loss rastrigin --dim 1 --lr 0.002 --steps 100,2500"
    shown = asked(capsys, line)
    place = shown.index("minimum 1:")
    shown = shown[place : shown.index("minimum 2:")]
    blocks = dict(zip(("exact", "about"), shown.split("  exact:")[1].split("  about:"), strict=True))
    stated = json.loads(asked(capsys, f"{line} --json"))["minima"][1]["predictions"]
    told = [one for one in stated if one["words"] and one["value"] is not None]
    assert {"critical_cap", "onset_cap", "onset_cap_anywhere", "two_cycle_cap", "escape_rate"} <= {
        o["name"] for o in told
    }
    for one in told:
        lines = [text for text in blocks[one["kind"]].splitlines() if text.strip().startswith(one["words"])]
        assert any(printed(one) in text for text in lines), one
        if one["kind"] == "about":
            assert any("±" in text for text in lines)
            assert one["bound"] > 0.0
    assert sum(one["kind"] == "about" for one in told) >= 4


def test_a_newcomer_is_told_what_the_words_mean(capsys):
    """Whose start, which minimum, what h is, why a mean time is no 1/rate, and how fast nearby starts part."""
    shown = asked(capsys, "--loss quartic --temperature 0.5 --lr 0.01")
    found = json.loads(asked(capsys, "--loss quartic --temperature 0.5 --lr 0.01 --json"))
    rate = math.log1p(2.0 * math.sqrt(0.995 * 0.005))  # the exponent of the generalised Boole map at h = 0.01
    assert f"their distance growing e-fold every {1.0 / rate:.1f} steps" in shown
    assert "x = 0.4069296692, L = 0, global" in shown
    assert "x = 3, L = 1.622759447, false" in shown
    assert [m["is_global"] for m in found["minima"]] == [True, False]
    assert "h 0.01 (--lr), temperature 0.5" in shown
    false = found["minima"][1]
    assert false["capped_time"] * false["escape_rate"] < 0.92
    assert "the mean time is shorter than 1/(late rate), as many leave before the late rate sets in" in shown
    assert "from the minimum, x = 3, by the SDE with walls 0.58 sqrt(2 T h) further out:" in shown
    assert "Walls further out: steps pass a wall unseen" in shown
    assert "SDE: what the noisy gradient becomes as h goes to 0" in shown
    assert "is the mean over its own." in shown
    assert "from --x0, x = 3.5:" in asked(capsys, "--loss quartic --x0 3.5 --temperature 0.5")
    assert " lr" not in shown
    assert max(map(len, shown.splitlines())) <= 120


def test_the_legend_is_of_what_is_shown(capsys):
    shown = asked(capsys, "--loss quadratic")
    assert "SDE" not in shown
    assert "capped:" not in shown
    assert "Lyapunov" not in shown
    assert "Lyapunov" not in asked(capsys, "--loss quartic --f-star 3")  # no minimum is above it


def test_a_start_on_a_wall_is_not_used_and_that_is_told(capsys):
    wall = find.loss("quartic").separators[0]
    found = json.loads(asked(capsys, f"--loss quartic --x0 {wall!r} --steps 10 --json"))
    assert [note for note in found["notes"] if "is not used: it is exactly on a wall" in note]
    assert found["minima"][1]["start"] == 3.0
    assert f"--x0 {wall!r} is not used" in asked(capsys, f"--loss quartic --x0 {wall!r} --steps 10")
    assert "not used" not in asked(capsys, "--loss quartic --x0 3.5 --steps 10")


def test_a_loss_without_a_minimum_says_why_nothing_is_shown():
    loss = replace(find.loss("quartic"), minima=(), separators=())
    assert len(of_all(loss, 1.0, ())) == 1
    assert "lists no minimum" in of_all(loss, 1.0, ())[0]


def test_a_temperature_beyond_the_floats_has_right_numbers_or_a_sentence(capsys):
    """∫ e^{-L/T} over a half line is Γ(5/4) T^(1/4) where T is far above all but x⁴: from 3 to 0.4069 at T = 1e200."""
    shown = asked(capsys, "--loss quartic --temperature 1e308 --steps 10")
    assert "noisy gradient: exact numbers are not computed: a step is longer than a float can hold" in shown
    assert "SDE: its times are not computed at this temperature" in shown
    assert "a step is longer than" in asked(capsys, "--loss rastrigin --dim 1 --temperature 1e308 --steps 10")
    shown = asked(capsys, "--loss quartic_article --temperature 1e308 --steps 10")
    assert "SDE: its times are not computed" in shown
    found = json.loads(asked(capsys, "--loss quartic --temperature 1e200 --steps 10 --json"))["minima"][1]
    right = math.log10((3.0 - 0.4069296692) * math.gamma(1.25)) + 50.0 - 200.0
    assert found["log10_passage_time_to_other_well"] == pytest.approx(right, abs=1e-8)
