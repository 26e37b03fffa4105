"""A user's file that bears a built-in's name is not taken for it, in tables, in pictures or on a page."""

import ast
from pathlib import Path

import numpy as np
import pytest

from dynbench import find
from dynbench.basins import false_labels
from dynbench.report.facts import Facts, facts_of, loss_of
from dynbench.report.page import EXACT, build
from dynbench.store import Run, canonical
from dynbench.sweep import __main__ as command
from dynbench.sweep.grid import Arm, Sweep
from dynbench.sweep.run import run
from dynbench.sweep.starts import Starts

HALF = "def step(x, g, value, norm, lr, state):\n    return -0.5 * lr * g, state\n"
PLAIN = "def step(x, g, value, norm, lr, state):\n    return -(lr * g), state\n"
CAPPED = "def step(x, g, value, norm, lr, state, cap=1000.0):\n    return -lr * g * (cap / (cap + norm)), state\n"
QUARTIC = '''"""A parabola that is called like the quartic."""
from dynbench import Loss, Minimum

def value(x):
    return (x - 2.0) * (x - 2.0)

def grad(x):
    return 2.0 * (x - 2.0)

loss = Loss("(x - 2)²", "mine", ((0.0, 5.0),), 1, (Minimum((2.0,), 0.0, (2.0,)),), value, grad)
'''
NOISY = {"temperature": (0.5,)}


def written(folder: Path, name: str, text: str) -> str:
    (folder / name).write_text(text, encoding="utf-8")
    return str(folder / name)


def sweep_of(*arms: Arm, loss: str = "quartic") -> Sweep:
    return Sweep(loss, arms, Starts("points", 1, ((3.0,),)), steps=300, seeds=200)


def test_half_steps_called_gradient_have_no_exact_probability(tmp_path):
    """They were given the built-in's: 0.760 measured beside 0.2872, z = +147.8."""
    right = run(sweep_of(Arm("gradient", NOISY)), tmp_path / "out")
    half = run(sweep_of(Arm(written(tmp_path, "gradient.py", HALF), NOISY)), tmp_path / "out")
    assert 0.0 < right.cells["p_exact"].item() < 1.0
    assert half.cells["p_exact"].isna().all()
    assert half.cells["z"].isna().all()
    assert facts_of(half) == Facts()
    assert facts_of(right) == Facts(gradient=frozenset({"gradient"}))
    assert EXACT not in build([half])
    assert EXACT in build([right])
    told = "From files that are kept with the run, not from dynbench: rule gradient."
    assert told in build([half])
    assert told not in build([right])


def test_a_plain_gradient_step_of_another_name_has_it(tmp_path):
    right = run(sweep_of(Arm("gradient", NOISY)), tmp_path / "out")
    own = run(sweep_of(Arm(written(tmp_path, "mine.py", PLAIN), NOISY)), tmp_path / "out")
    assert own.cells["p_exact"].item() == right.cells["p_exact"].item()


def test_a_users_loss_called_quartic_is_drawn_as_its_own(tmp_path):
    mine = run(sweep_of(Arm("gradient"), loss=written(tmp_path, "quartic.py", QUARTIC)), tmp_path / "out")
    known = loss_of(mine)
    assert known is not None
    assert not known.computable  # its file is not run
    assert [m.x for m in known.minima] == [m.x for m in find.loss(str(tmp_path / "quartic.py")).minima]
    right = run(sweep_of(Arm("gradient")), tmp_path / "out")
    assert loss_of(right) == find.loss("quartic")
    assert "false minimum at x = 3" not in build([mine])


def test_a_loss_of_dynbench_at_another_parameter_is_known_as_that(tmp_path):
    arm = Arm("gradient", {"curvature": (2.0,)})
    made = run(Sweep("quadratic", (arm,), Starts("grid", 11), steps=20), tmp_path)
    found = loss_of(made)
    assert found is not None
    assert found.parameters["curvature"] == 2.0


def test_another_rule_with_a_cap_has_no_threshold_of_the_capped_flow(tmp_path, capsys):
    caps = np.geomspace(1.0, 1e4, 9)
    path = written(tmp_path, "capped.py", CAPPED)
    sweep = Sweep("quartic", (Arm(path, {"cap": tuple(caps)}),), Starts("grid", 41), steps=100)
    page = build([run(sweep, tmp_path / "out")])
    assert "Predicted" not in page
    assert "limits the displacement" not in page
    text = ",".join(f"{cap:.6g}" for cap in caps)
    for rule, predicted in ((path, False), ("capped", True)):
        argv = ["--loss", "quartic", "--dynamics", rule, "--cap", text, "--steps", "100", "--starts", "grid:41"]
        assert command.main([*argv, "--out", str(tmp_path / "out")]) == 0
        printed = " ".join(capsys.readouterr().out.split())
        assert ("no start leaves its basin up to cap" in printed) is predicted


def test_a_manifest_whose_digest_is_another_is_not_believed(tmp_path):
    made = run(sweep_of(Arm("gradient")), tmp_path)
    manifest = made.manifest
    manifest["sweep"]["definitions"]["loss"] = "0" * 64
    (made.directory / "manifest.json").write_bytes(canonical(manifest))
    known = loss_of(Run(made.directory))
    assert known is not None
    assert not known.computable


def test_a_page_knows_which_minima_of_a_users_loss_are_global(tmp_path):
    """Two wells that tie: basin 1 is a global one, although it is not labelled 0."""
    path = written(tmp_path, "even.py", EVEN)
    made = run(Sweep(path, (Arm("gradient", NOISY),), Starts("grid", 9), steps=40), tmp_path / "out")
    known = loss_of(made)
    assert known is not None
    assert false_labels(known, [0, 1]) == []
    page = build([made])
    assert "There is nothing to escape from: all 2 minima of even are equally low." in page
    assert "of the false minimum" not in page
    assert "basin of basin" not in page


@pytest.mark.parametrize("manifest", [{}, {"rules": None}, {"sweep": {"loss": "quartic"}}])
def test_a_bare_manifest_tells_nothing(tmp_path, manifest):
    (tmp_path / "manifest.json").write_bytes(canonical(manifest))
    assert loss_of(Run(tmp_path)) is None
    assert facts_of(Run(tmp_path)) == Facts()


EVEN = """
from dynbench import Loss, Minimum

def value(x):
    return 0.25 * (x * x - 1.0) ** 2

def grad(x):
    return x * (x * x - 1.0)

loss = Loss("(x² - 1)²/4", "textbook", ((-2.0, 2.0),), 1, (Minimum((-1.0,), 0.0), Minimum((1.0,), 0.0)),
    value=value, grad=grad, separators=(0.0,))
"""
KNOWN = {*find.losses(), *find.rules()}
ALLOWED = {
    "report/arms.py": "an order in which rules are shown",
    "theory/predictions.py": "names the rules that it states numbers of",
    "theory/noisy.py": "names the rule that it states numbers of",
    "theory/settling.py": "names the rules that it states numbers of",
}


def test_no_file_compares_with_a_name_of_a_loss_or_a_rule():
    """Their names stand where they are defined, and nowhere else."""
    for path in sorted(find.HOME.rglob("*.py")):
        place = path.relative_to(find.HOME).as_posix()
        if place.startswith(("losses/", "dynamics/")) or place in ALLOWED:
            continue
        literals = {
            n.value for n in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(n, ast.Constant)
        }
        assert not literals & KNOWN, place
