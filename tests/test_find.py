"""Losses and rules by name and by path; what a newcomer is told after a mistake."""

import math
from dataclasses import replace
from pathlib import Path

import pytest

from dynbench import find

pytestmark = pytest.mark.quick

ONE_LINE = r"^[^\n]*$"
RULE = """
'''Lazy descent: dx = -lr g/2.'''

def step(x, g, value, norm, lr, state, part=0.5):
    return -lr * g * part, state
"""
LOSS = """
from dynbench.losses.base import Loss, Minimum

def value(x, tilt=0.0):
    return x * x + tilt * x

def grad(x, tilt=0.0):
    return 2 * x + tilt

loss = Loss("x² + tilt x", "mine", ((-1.0, 1.0),), 1, (Minimum((0.0,), 0.0, (2.0,)),), value, grad)
"""


def write(folder: Path, name: str, text: str) -> str:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return str(file)


def test_names_are_the_files():
    home = Path(find.__file__).parent
    for folder, names in (("losses", find.losses()), ("dynamics", find.rules())):
        files = {f.stem for f in (home / folder).glob("*.py")}
        assert set(names) == {f for f in files if f != "base" and not f.startswith("_")}
        assert names == sorted(names)


def test_what_is_found_carries_its_name():
    assert [find.loss(n).name for n in find.losses()] == find.losses()
    assert [find.dynamics(n).name for n in find.rules()] == find.rules()
    assert find.dynamics("gradient").formula.startswith("Gradient flow (2): dx/dt = -g")
    assert find.loss("rastrigin", 7).dim == 7
    assert find.loss("rastrigin").dim is None


def test_no_pair_of_ours_clashes():
    for loss in find.losses():
        for rule in find.rules():
            find.check_pair(find.loss(loss), find.dynamics(rule))


def test_a_rule_is_a_file_with_a_step(tmp_path):
    rule = find.dynamics(write(tmp_path, "lazy.py", RULE))
    assert (rule.name, rule.formula, rule.source) == ("lazy", "Lazy descent: dx = -lr g/2.", "user file lazy.py")
    assert rule.parameters == {"part": 0.5}
    assert rule.step(0.0, 2.0, 1.0, 2.0, 0.1, (), 0.5) == (-0.1, ())


def test_a_rule_file_may_say_more(tmp_path):
    more = "\nbounds = {'part': (0.0, 1.0)}\nsource = 'a paper'\ndef start(lr, part=0.5):\n    return (0.0,)\n"
    rule = find.dynamics(write(tmp_path, "lazy.py", RULE + more))
    assert rule.bounds == {"part": (0.0, 1.0)}
    assert rule.source == "a paper"
    assert rule.start(0.1, 0.5) == (0.0,)


def test_a_users_loss(tmp_path):
    loss = find.loss(write(tmp_path, "mine.py", LOSS), 1)
    assert (loss.name, loss.parameters, loss.value(2.0)) == ("mine", {"tilt": 0.0}, 4.0)


def test_an_edited_file_is_read_again(tmp_path):
    before = find.dynamics(write(tmp_path, "lazy.py", RULE))
    assert find.dynamics(str(tmp_path / "lazy.py")).step is before.step
    after = find.dynamics(write(tmp_path, "lazy.py", RULE.replace("0.5", "0.4")))
    assert (before.parameters, after.parameters) == ({"part": 0.5}, {"part": 0.4})
    assert not list(tmp_path.glob("__pycache__"))


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: find.loss("quartc"), "no loss called 'quartc', did you mean 'quartic'? Known: double_well_tilted, "),
        (lambda: find.loss("zzz"), "no loss called 'zzz'. Known: double_well_tilted, "),
        (lambda: find.loss(""), "no loss called ''. Known: "),
        (lambda: find.loss("base"), "no loss called 'base'"),
        (lambda: find.loss("../losses/quartic"), "no loss called '../losses/quartic'. Known: "),
        (lambda: find.dynamics("Capped"), "no rule called 'Capped', did you mean 'capped'? Known: adagrad, "),
        (lambda: find.loss("quartic", 2), "loss 'quartic' has dimension 1, not 2"),
        (lambda: find.loss("rastrigin", 0), "loss 'rastrigin' is defined for dimensions 1 to 32, not 0"),
        (lambda: find.loss("missing.py"), "cannot read missing.py: No such file or directory"),
    ],
)
def test_wrong_names(call, told):
    with pytest.raises(ValueError, match=ONE_LINE) as error:
        call()
    assert str(error.value).startswith(told)
    if "Known" in told:
        assert str(error.value).endswith("; or give the path of a .py file.")


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("my-rule.py", RULE, "the file's name becomes a label"),
        ("mine.py", "def step(:", "line 1: not Python: "),
        ("mine.py", "import numppy", "stops while it is read: ModuleNotFoundError: No module named 'numppy'"),
        ("mine.py", "x = 1", "defines no rule: give it a function `step(x, g, value, norm, lr, state, ...)`"),
        ("mine.py", "dynamics = 3", "defines no rule"),
        ("mine.py", "def step(x, g):\n    return 0.0, ()", "rule 'mine': step needs 6 arguments, and has 2"),
        ("mine.py", RULE.replace("=0.5", ""), "rule 'mine': every parameter of step needs a number as its default"),
        ("mine.py", RULE.replace("=0.5", "='a'"), "every parameter of step needs a number as its default"),
        (
            "mine.py",
            RULE + "def start(lr):\n    return ()",
            "start must take the parameters {'part': 0.5}, in this order",
        ),
        ("mine.py", RULE + "bounds = {'prat': (0, 1)}", "rule 'mine' has bounds for 'prat', which is not one of its"),
    ],
)
def test_wrong_rule_files(tmp_path, name, text, told):
    with pytest.raises(ValueError, match=ONE_LINE) as error:
        find.dynamics(write(tmp_path, name, text))
    assert told in str(error.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x = 1", "defines no loss: it must end in `loss = Loss(...)`"),
        (LOSS.replace("def grad(x, tilt=0.0)", "def grad(x)").replace("2 * x + tilt", "2 * x"), "grad must take"),
        (LOSS.replace("value, grad)", "value)"), "loss 'mine' needs `value_grad`, or `value` and `grad` where dim=1"),
        (LOSS.replace("1.0),), 1,", "1.0),), 2,"), "loss 'mine' needs `value_grad`"),
        (LOSS.replace("Loss, Minimum", "Lost"), "stops while it is read: ImportError"),
    ],
)
def test_wrong_loss_files(tmp_path, text, told):
    with pytest.raises(ValueError, match=ONE_LINE) as error:
        find.loss(write(tmp_path, "mine.py", text))
    assert told in str(error.value)


def test_a_parameter_belongs_to_one_of_the_two(tmp_path):
    loss = find.loss(write(tmp_path, "mine.py", LOSS))
    clash = find.dynamics(write(tmp_path, "lazy.py", RULE.replace("part", "tilt")))
    with pytest.raises(
        ValueError, match="loss 'mine' and rule 'lazy' both have a parameter 'tilt': rename one of them"
    ):
        find.check_pair(loss, clash)
    for name in ("seed", "x0", "x0_3", "temperature", "gradient_noise", "steps", "seeds", "status", "id"):
        taken = find.dynamics(write(tmp_path, "lazy.py", RULE.replace("part", name)))
        with pytest.raises(ValueError, match=f"the parameter '{name}' of rule 'lazy' has a name that sweeps use"):
            find.check_pair(loss, taken)


def test_labels_at_infinity_are_the_outer_wells():
    for name in find.losses():
        loss = find.loss(name)
        if loss.tensor:
            one = loss if loss.dim else loss.at(1)
            assert (one.basin([-math.inf]), one.basin([math.inf])) == (loss.wells[0], loss.wells[-1])
            assert replace(one, minima=()).basin([0.0]) == -1
