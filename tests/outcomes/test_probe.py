"""What a rule is, asked of its definition: the name of its file tells nothing."""

from pathlib import Path

import pytest

from dynbench import find
from dynbench.outcomes.probe import is_capped_flow, is_plain_gradient

STEP = "def step(x, g, value, norm, lr, state{more}):\n{body}\n"
PLAIN = {
    "gradient": "    return -lr * g, state",
    "sgd": "    return -(lr * g), state",
    "in_lines": '    """Down the slope."""\n    size = lr * g\n    dx = 0.0 - size\n    return dx, state',
    "no_state": "    return -g * lr, ()",
}
OTHER = {
    "gradient": "    return -0.5 * lr * g, state",
    "shifted": "    return -lr * g + 1e-30, state",
    "steeper": "    return -lr * g * (1.0 + 1e-20 * g), state",
    "uphill": "    return lr * g, state",
    "elsewhere": "    return (-lr * g if x < 1e7 else 0.0), state",
    "clipped": "    return -lr * max(min(g, 1e6), -1e6), state",
    "lower": "    return -lr * g * (value - value + 1.0), state",
    "of_x": "    return -lr * g + 0.0 * x, state",
    "no_number": "    return -lr * g + state, state",
}
CAPPED = """
    inverse = 1.0 / norm if norm > 1e-300 else 0.0
    return -(g * inverse) * (min(inverse, cap) * (lr * {value})), state"""


def rule(folder: Path, name: str, body: str, more: str = ""):
    (folder / f"{name}.py").write_text(STEP.format(body=body.strip("\n"), more=more), encoding="utf-8")
    return find.dynamics(str(folder / f"{name}.py"))


@pytest.mark.parametrize("name", PLAIN)
def test_plain_gradient_steps_of_any_name(tmp_path, name):
    assert is_plain_gradient(rule(tmp_path, name, PLAIN[name]))


@pytest.mark.parametrize("name", OTHER)
def test_steps_that_are_something_else_somewhere(tmp_path, name):
    assert not is_plain_gradient(rule(tmp_path, name, OTHER[name]))


def test_one_with_a_parameter_or_a_memory_is_another(tmp_path):
    assert not is_plain_gradient(rule(tmp_path, "scaled", "    return -scale * lr * g, state", ", scale=1.0"))
    path = tmp_path / "late.py"
    path.write_text(
        "def start(lr):\n    return (0.0,)\n" + STEP.format(body="    return -lr * g, state", more=""), encoding="utf-8"
    )
    assert not is_plain_gradient(find.dynamics(str(path)))


def test_of_dynbenchs_own_rules():
    rules = [find.dynamics(name) for name in find.rules()]
    assert [r.name for r in rules if is_plain_gradient(r)] == ["gradient"]
    assert [r.name for r in rules if is_capped_flow(r)] == ["capped"]


def test_capped_flows_of_any_name(tmp_path):
    """Without f_star it is L itself that sets the speed."""
    assert is_capped_flow(rule(tmp_path, "mine", CAPPED.format(value="value"), ", cap=10.0"))
    shifted = rule(tmp_path, "shifted", CAPPED.format(value="(value - f_star)"), ", cap=10.0, f_star=0.25")
    assert is_capped_flow(shifted)
    assert not is_capped_flow(rule(tmp_path, "capped", CAPPED.format(value="(value + 1.0)"), ", cap=10.0"))
    assert not is_capped_flow(rule(tmp_path, "capped", "    return -lr * min(g, cap), state", ", cap=10.0"))
    other = CAPPED.format(value="value").replace("cap)", "limit)")
    assert not is_capped_flow(rule(tmp_path, "limit", other, ", limit=10.0, cap=1.0"))
