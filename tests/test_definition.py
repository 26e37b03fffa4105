"""The digest of a definition: every declared fact is in it, and nothing else is."""

import dataclasses
import shutil
from pathlib import Path

import pytest

from dynbench import find
from dynbench.definition import DOCUMENTATION, digest
from dynbench.dynamics.base import Dynamics
from dynbench.files import run_file
from dynbench.losses import rastrigin
from dynbench.losses.base import Loss, Minimum

pytestmark = pytest.mark.quick

WELL = '''"""A well."""
import math
from dynbench import Loss, Minimum

WALL = 0.025
HEIGHT = 2.0
TABLE = (1.0, 3.0)

def bend(u, k=1.0):
    """What it bends."""
    return k * math.sin(u) * u

def value(x, a=1.0):
    # a comment
    u = x - a
    return HEIGHT * u * u + bend(u) * TABLE[0]

def grad(x, a=1.0):
    u = x - a
    return 2.0 * HEIGHT * u + math.sin(u) + u * math.cos(u)

loss = Loss("a well", "mine", ((-2.0, 2.0),), 1, (Minimum((-1.0,), 0.0, (2.0,)), Minimum((1.0,), 0.5, (2.0,))),
    value, grad, separators=(WALL,), quench_lr=0.1, bounds={"a": (0.0, 2.0)})
'''
SAME = {
    "a docstring": ('"""What it bends."""', '"""Another text."""'),
    "no docstring": ('    """What it bends."""\n', ""),
    "a comment": ("# a comment", "# another"),
    "lines": ("WALL =", "\n\n\nWALL ="),
    "brackets": ("return k * math.sin(u) * u", "return ((k * math.sin(u)) * u)"),
    "an annotation": ("def bend(u, k=1.0):", "def bend(u: float, k: float = 1.0) -> float:"),
    "an annotated local": ("    u = x - a\n    return HEIGHT", "    u: float = x - a\n    return HEIGHT"),
    "a name": ("bend", "bent"),
    "the name of a constant": ("HEIGHT", "STEEP"),
    "a constant's spelling": ("HEIGHT = 2.0", "HEIGHT = 4.0 / 2.0"),
    "an import": ("import math\n", "import math as m\nfrom math import sin\nimport math\n"),
    "a name imported": ("k * math.sin(u)", "k * sin(u)"),
    "the formula": ('"a well"', '"another well"'),
    "the source": ('"mine"', '"yours"'),
    "a default given": ("quench_lr=0.1", "quench_lr=0.1, separable=False"),
    "whole numbers apart": ("bounds={", "dims=(1, 1), bounds={"),
}
OTHER = {
    "a wall": ("WALL = 0.025", "WALL = 0.5"),
    "a constant": ("HEIGHT = 2.0", "HEIGHT = 2.5"),
    "a constant in a row": ("TABLE = (1.0, 3.0)", "TABLE = (1.5, 3.0)"),
    "a helper": ("math.sin(u) * u\n", "math.sin(u) * u * u\n"),
    "another function": ("k * math.sin(u)", "k * math.cos(u)"),
    "a helper's default": ("def bend(u, k=1.0)", "def bend(u, k=2.0)"),
    "a default": ("a=1.0", "a=1.5"),
    "a parameter's name": ("a=1.0", "b=1.0"),
    "an order of operations": ("HEIGHT * u * u", "HEIGHT * (u * u)"),
    "the domain": ("-2.0, 2.0", "-2.0, 3.0"),
    "a minimum's x": ("(-1.0,)", "(-1.1,)"),
    "a minimum's value": ("0.5, (2.0,)", "0.6, (2.0,)"),
    "a curvature": ("0.5, (2.0,)", "0.5, (3.0,)"),
    "a barrier": ("0.5, (2.0,)", "0.5, (2.0,), 1.0"),
    "a distance": ("0.5, (2.0,)", "0.5, (2.0,), distance=1.0"),
    "the quench step": ("quench_lr=0.1", "quench_lr=0.2"),
    "bounds": ('"a": (0.0, 2.0)', '"a": (0.0, 3.0)'),
}


def written(path: Path, text: str = WELL) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def changed(pair: tuple[str, str]) -> str:
    before, after = pair
    assert before in WELL
    text = WELL.replace(before, after)
    if after == "b=1.0":
        text = text.replace("x - a", "x - b").replace('"a":', '"b":')
    if after == "k * sin(u)":
        text = text.replace("import math\n", "import math\nfrom math import sin\n", 1)
    return text


@pytest.mark.parametrize("what", SAME)
def test_what_changes_no_result_changes_no_digest(tmp_path, what):
    before = run_file(written(tmp_path / "well.py")).loss
    after = run_file(written(tmp_path / "other" / "pit.py", changed(SAME[what]))).loss
    assert digest(after) == digest(before)


@pytest.mark.parametrize("what", OTHER)
def test_what_changes_a_result_changes_the_digest(tmp_path, what):
    before = run_file(written(tmp_path / "well.py")).loss
    after = run_file(written(tmp_path / "well.py", changed(OTHER[what]))).loss
    assert digest(after) != digest(before)


def replacement(value):
    """Another value of the same kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1 if value == value and abs(value) < 1e300 else 0.5
    if isinstance(value, str):
        return value + " "
    if isinstance(value, dict):
        return {**value, "another": (0.0, 1.0)}
    if isinstance(value, tuple):
        return (*value, *(value[-1:] or (1.0,)))
    return lambda *given: len(given)


@pytest.mark.parametrize(
    ("definition", "field"),
    [
        (definition, field.name)
        for definition in (find.loss("himmelblau"), find.dynamics("adam"), find.loss("quartic").minima[1])
        for field in dataclasses.fields(definition)
    ],
    ids=lambda v: v if isinstance(v, str) else type(v).__name__,
)
def test_every_declared_field_is_in_the_digest_but_documentation(definition, field):
    """Ranges over the fields that there are, so that one which is added later is tested as well."""
    other = dataclasses.replace(definition, **{field: replacement(getattr(definition, field))})
    assert (digest(other) != digest(definition)) is (field not in DOCUMENTATION)


def test_documentation_is_a_field_of_one_of_them():
    fields = {field.name for kind in (Loss, Dynamics) for field in dataclasses.fields(kind)}
    assert fields >= DOCUMENTATION
    assert not DOCUMENTATION & {field.name for field in dataclasses.fields(Minimum)}


def test_no_two_definitions_of_dynbench_are_alike():
    found = [*map(find.loss, find.losses()), *map(find.dynamics, find.rules())]
    assert len({digest(definition) for definition in found}) == len(found)


BUILT_IN = [("losses", name) for name in find.losses()] + [("dynamics", name) for name in find.rules()]


@pytest.mark.parametrize(("folder", "name"), BUILT_IN)
def test_a_file_moved_elsewhere_under_another_name_keeps_its_digest(tmp_path, folder, name):
    """Its functions have other names, files and modules then."""
    shutil.copy(find.HOME / folder / f"{name}.py", tmp_path / "moved.py")
    read = find.loss if folder == "losses" else find.dynamics
    assert digest(read(str(tmp_path / "moved.py"))) == digest(read(name))


MAKER = """
def made(k, *more):
    def step(x, g, value, norm, lr, state):
        return -k * lr * g, state
    return step

step = made({k})
"""


def test_a_loss_knows_the_digest_of_what_its_file_declares():
    """Whatever is worked out from it: its minima in a dimension, or at some value of its parameters."""
    assert find.loss("rastrigin", 3).digest == find.loss("rastrigin", 2).digest == digest(rastrigin.loss)
    assert find.loss("quadratic", 1, {"curvature": 2.0}).digest == find.loss("quadratic", 1).digest


def test_closures_count_by_value(tmp_path):
    texts = [MAKER.format(k=k) for k in ("1.0", "2.0", "1.0, 7")]
    of = [digest(find.dynamics(str(written(tmp_path / f"r{n}.py", text)))) for n, text in enumerate(texts)]
    assert of[0] == of[2] != of[1]


def test_names_of_locals_are_not_those_of_constants(tmp_path):
    """`k` is a constant of the module that no function uses: a local and an inner loop have the same name."""
    text = "k = {k}\ndef step(x, g, value, norm, lr, state):\n    k = lr * 2.0\n    return -k * g, state\n"
    of = [
        digest(find.dynamics(str(written(tmp_path / f"r{n}.py", text.format(k=k))))) for n, k in enumerate((1.0, 2.0))
    ]
    assert of[0] == of[1]
    rows = "N = {n}\ndef f():\n    return sum(N for N in range(3))\n"
    spaces: list[dict] = [{"__text__": rows.format(n=n)} for n in (1, 2)]
    for space in spaces:
        exec(space["__text__"], space)
    assert digest(spaces[0]["f"]) == digest(spaces[1]["f"])


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("[1.0, 2.0]", "[1.0, 2.5]"),
        ("{'a': 1.0}", "{'a': 2.0}"),
        ("np.array([1.0, 2.0])", "np.array([1.0, 2.5])"),
        ("np.float64(1.0)", "np.float64(2.0)"),
        ("Scale(1.0)", "Scale(2.0)"),
        ("type('T', (), {'k': 1.0})", "type('T', (), {'k': 2.0})"),
        ("Fraction(1, 3)", "Fraction(1, 4)"),
        ("pd.DataFrame({'a': [1.0, 2.0]})", "pd.DataFrame({'a': [1.0, 2.5]})"),
        ("Locked(1.0)", "Locked(2.0)"),
        ("cache(lambda x: x)", "cache(lambda x: 2 * x)"),
        ("partial(pow, 2.0)", "partial(pow, 3.0)"),
        ("math.sin", "math.cos"),
        ("1", "1.0"),
        ("1", "True"),
        ("0.0", "-0.0"),
    ],
)
def test_values_of_any_kind_count(one, two):
    """Whatever a function refers to: lists, arrays, objects, classes, functions."""
    head = "import math\nfrom fractions import Fraction\nfrom functools import cache, partial\nimport numpy as np\n"
    head += "import pandas as pd\nimport threading\n"
    head += "class Scale:\n    def __init__(self, k):\n        self.k = k\n"
    head += "class Locked(Scale):\n    def __reduce__(self):\n        raise RuntimeError\n"

    def made(value: str) -> str:
        space: dict = {"__text__": f"{head}K = {value}\ndef f(x):\n    return K\n", "__name__": "elsewhere"}
        exec(space["__text__"], space)
        return digest(space["f"])

    assert made(one) == made(one)
    assert made(one) != made(two)


def test_a_function_that_calls_itself_has_a_digest():
    space: dict = {"__text__": "def f(n):\n    return g(n)\ndef g(n):\n    return f(n - 1) if n else 0\n"}
    exec(space["__text__"], space)
    assert digest(space["f"]) != digest(space["g"])


def function_of(text: str):
    """The function `f` of a text, as a file would have it."""
    space: dict = {"__text__": text}
    exec(compile(text, "<text>", "exec"), space)
    return space["f"]


def test_lambdas_that_share_a_line_are_told_apart():
    one = function_of("a, f = (lambda x: -2.0 * x), (lambda x: -x)")
    assert digest(one) == digest(function_of("f = lambda x: -x"))
    assert digest(one) != digest(function_of("f, a = (lambda x: -2.0 * x), (lambda x: -x)"))
    nested = function_of("f = lambda x: (lambda y: x + y)")
    assert digest(nested) == digest(function_of("f = lambda x: (\n    lambda y: x + y)"))
    assert digest(nested(1.0)) != digest(nested(2.0)) != digest(nested)


@pytest.mark.parametrize("member", ["K = 5.0", "def K(self):\n            return 5.0"])
def test_what_a_local_class_has_is_no_local_of_the_function(member):
    text = f"K = {{k}}\ndef f(x):\n    class A:\n        {member}\n    return K * x\n"
    assert digest(function_of(text.format(k=1.0))) != digest(function_of(text.format(k=2.0)))
