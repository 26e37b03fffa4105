"""Mistakes in a user's rule or loss file: each is one sentence when the file is read, none a traceback later."""

import re
import unicodedata
from pathlib import Path

import pytest
from batches import batch, run

from dynbench import find
from dynbench.kernels.compile import reason
from dynbench.kernels.rewrite import CannotLift
from dynbench.kernels.step import Variant
from dynbench.kernels.texts import pair_source
from dynbench.sweep import arguments
from dynbench.sweep.grid import Arm, Plan

pytestmark = pytest.mark.quick

RULE = "def step(x, g, value, norm, lr, state, k=0.5):\n    return -lr * g * k, state\n"
HEAD = "from dynbench import Loss, Minimum\n"
ONE = """
def value(x):
    return x * x

def grad(x):
    return 2 * x

LEFT, RIGHT = Minimum((-1.0,), 0.0, (2.0,), 1.0, 1.0), Minimum((1.0,), 0.5, (2.0,), 1.0, 1.0)
loss = Loss("x²", "mine", {domain}, 1, {minima}, value, grad, separators={walls})
"""
TWO = """
def value_grad(x, g):
    g[0] = 2 * x[0]
    g[1] = 2 * x[1]
    return x[0] * x[0] + x[1] * x[1]

UNIT = ((1.0, 0.0), (0.0, 1.0))
HESSE = {hessian}
M = Minimum((0.0, 0.0), 0.0, (2.0, 2.0), 1.0, 1.0, UNIT), Minimum({x}, 0.0, (2.0, 2.0), 1.0, 1.0, HESSE)
loss = Loss("x² + y²", "mine", {domain}, {dim}, M, value_grad=value_grad, quench_lr={lr}{more})
"""


def one(domain="((-2.0, 2.0),)", minima="(LEFT, RIGHT)", walls="(0.0,)"):
    return HEAD + ONE.format(domain=domain, minima=minima, walls=walls)


def two(domain="((-2.0, 2.0),)", dim="2", x="(1.0, 1.0)", hessian="UNIT", lr="0.1", more=""):
    return HEAD + TWO.format(domain=domain, dim=dim, x=x, hessian=hessian, lr=lr, more=more)


def scored(text, arguments="x"):
    """One bowl, as two of them would be refused for L' at (1, 1)."""
    return bowl(two(more=", score=score")).replace("UNIT =", f"def score({arguments}):\n    return {text}\n\nUNIT =")


def bowl(text):
    """The loss of `two` without its second minimum, which is none; with its right curvatures."""
    return re.sub(r"M = (.*?UNIT\)), Minimum.*", r"M = (\1,)", text).replace("UNIT = ((1.0, 0.0), (0.0, 1.0))",
        "UNIT = ((2.0, 0.0), (0.0, 2.0))")  # fmt: skip


def wells():
    """The double well (x² - 1)² with both its minima."""
    right = (
        one().replace("return x * x", "return (x * x - 1) ** 2").replace("return 2 * x", "return 4 * x * (x * x - 1)")
    )
    return right.replace("0.5, (2.0,)", "0.0, (8.0,)").replace("0.0, (2.0,)", "0.0, (8.0,)")


def write(folder: Path, text: str) -> str:
    (folder / "mine.py").write_text(text, encoding="utf-8")
    return str(folder / "mine.py")


def refused(read, path: str, told: str) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]{1,250}$") as error:
        read(path)
    assert told in str(error.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (RULE + "bounds = 3", "rule 'mine': `bounds` must be like {'k': (0.0, 1.0)}, not 3"),
        (RULE + "bounds = {'k': 3}", "the bounds of 'k' must be a pair (lo, hi) with lo <= hi, not 3"),
        (
            RULE + "bounds = {'k': (1.0, 0.0)}",
            "the bounds of 'k' must be a pair (lo, hi) with lo <= hi, not (1.0, 0.0)",
        ),
        (RULE + "bounds = {'k': (float('nan'), 1.0)}", "the bounds of 'k' must be a pair"),
        (RULE + "bounds = {'k': '01'}", "the bounds of 'k' must be a pair"),
        (RULE + "defaults = {'q': 'lmin'}", "`defaults` says which parameters are the loss's lowest value"),
        (RULE + "defaults = {'k': 'lmax'}", "like {'f_star': 'lmin'}, not {'k': 'lmax'}"),
        (RULE + "defaults = 3", "like {'f_star': 'lmin'}, not 3"),
        (RULE + "source = 3", "rule 'mine': `source` must be a text in quotes, not 3"),
        (RULE + "start = 3", "rule 'mine': `start` must be a function written with `def`, not 3"),
        (RULE + "import sys\nsys.exit(3)", "stops while it is read: SystemExit: 3"),
        (RULE + "raise OSError('a\\nb')", "stops while it is read: OSError: a b"),
        (RULE.replace("0.5", "-1.0") + "bounds = {'k': (0, 1)}", "the default k = -1 is outside its bounds, 0 to 1"),
        (RULE.replace("0.5", "float('nan')"), "the default k = nan must be a number"),
        (RULE.replace("0.5", "float('nan')") + "bounds = {'k': (0, 1)}", "the default k = nan is outside its bounds"),
        (RULE.replace("0.5", "float('inf')") + "bounds = {'k': (0, 1)}", "the default k = inf is outside its bounds"),
        (RULE.replace("k=", "*, k="), "rule 'mine': step takes 'k' behind or with a `*`: write its parameters plainly"),
        (RULE.replace("0.5", "10**400"), "rule 'mine': every parameter of step needs a number as its default"),
        (RULE.replace("0.5", "'0.5'"), "rule 'mine': every parameter of step needs a number as its default"),
        (RULE.replace("0.5", "None"), "rule 'mine': every parameter of step needs a number as its default"),
        (RULE + "bounds = {'k': (0.0, 10**400)}", "the bounds of 'k' must be a pair"),
        (RULE.replace("k=0.5", "*k"), "step takes 'k' behind or with a `*`"),
        (RULE.replace("k=0.5", "**k"), "step takes 'k' behind or with a `*`"),
        (RULE + "def start(lr, *, k=0.5):\n    return ()", "start takes 'k' behind or with a `*`"),
    ],
)
def test_rules(tmp_path, text, told):
    refused(find.dynamics, write(tmp_path, text), told)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (one(domain="(-2.0, 2.0)"), "`domain` must be pairs of numbers, like ((-2.0, 2.0),), not (-2.0, 2.0)"),
        (one(domain="()"), "`domain` must be pairs of numbers"),
        (one(domain="((0.0, float('inf')),)"), "`domain` must be pairs of numbers"),
        (one(domain="((-2.0, 2.0), (0.0, 1.0))"), "`domain` has 2 pairs, and needs one pair"),
        (two(domain="((0.0, 1.0),) * 3"), "`domain` has 3 pairs, and needs one pair for all coordinates, or 2"),
        (one(domain="((2.0, -2.0),)"), "the domain's pair (2, -2) must rise, from lo to hi"),
        (one(domain="((2.0, 2.0),)"), "the domain's pair (2, 2) must rise"),
        (one(walls="()"), "2 minima have 1 separators (maxima) between them, not 0"),
        (one(walls="(0.0, 0.5)"), "2 minima have 1 separators (maxima) between them, not 2"),
        (one(walls="0.0"), "`separators` must be a tuple of numbers, not 0.0"),
        (one(walls="[None]"), "`separators` must be a tuple of numbers, not (None,)"),
        (one(domain="((-10**400, 10**400),)"), "`domain` must be pairs of numbers"),
        (
            one(minima="(LEFT, Minimum((1.0,), 0.0, None))"),
            "minimum 1 needs `curvatures`, a tuple of numbers (or () to have them worked out), not None",
        ),
        (one(minima="(LEFT, Minimum((1.0,), 0.0, 8.0))"), "minimum 1 needs `curvatures`, a tuple of numbers"),
        (one(minima="(LEFT, Minimum((1.0,), 0.0, '8'))"), "minimum 1 needs `curvatures`, a tuple of numbers"),
        (one(minima="(LEFT, Minimum((1.0,), 0.0, (8.0,), None))"), "minimum 1: `barrier` must be a number, not None"),
        (one(minima="(LEFT, Minimum((1.0,), 0.0, (8.0,), 1.0, '1'))"), "minimum 1: `distance` must be a number"),
        (one(minima="(LEFT, Minimum((1.0,), 10**400, (8.0,)))"), "minimum 1 needs a finite value, not 1000"),
        (two(lr="10**400"), "`quench_lr` must be a number above 0"),
        (one(walls="(3.0,)"), "the separator 3 must lie between the minima -1 and 1"),
        (
            one(minima="(LEFT, Minimum((0.5,), 1.0, (1.0,)), RIGHT)", walls="(0.7, -0.2)"),
            "`separators` must ascend, unlike (0.7, -0.2)",
        ),
        (one(minima="(RIGHT, LEFT)"), "minimum 1 lies below minimum 0, which must be a global one: put it first"),
        (one(minima="LEFT"), "`minima` must be a tuple of Minimum(...)"),
        (one(minima="(LEFT, Minimum((1.0, 1.0), 0.0, (2.0,)))"), "minimum 1 needs an x of 1 number, not (1.0, 1.0)"),
        (one(minima="()"), "`separators` are for losses with minima"),
        (two(x="(1.0,)"), "minimum 1 needs an x of 2 numbers, not (1.0,)"),
        (two(x="1.0"), "minimum 1 needs an x of 2 numbers, not 1.0"),
        (
            two(more=", separable=True"),
            "minimum 0 needs an x of 1 number (of one coordinate, as the loss is separable)",
        ),
        (
            two().replace("(2.0, 2.0), 1.0, 1.0, HESSE", "(2.0, 2.0), hessian=HESSE"),
            "minimum 1 needs `barrier`, a number above 0 (for its core): its lowest pass out minus its value, or less",
        ),
        (
            two().replace("(2.0, 2.0), 1.0, 1.0, HESSE", "(2.0, 2.0), 0.0, 1.0, HESSE"),
            "where that is not known, and not 0.0",
        ),
        (two(hessian="()"), "minimum 1 needs `hessian`, 2 rows of 2 numbers (for its core)"),
        (two(hessian="((1.0, 0.0),)"), "minimum 1 needs `hessian`, 2 rows of 2 numbers"),
        (two(hessian="((1.0, 1.0), (1.0, 1.0))"), "the hessian of minimum 1 must be symmetric and positive definite"),
        (two(hessian="((1.0, 0.5), (0.0, 1.0))"), "the hessian of minimum 1 must be symmetric and positive definite"),
        (two(hessian="((0.0, 0.0), (0.0, 0.0))"), "the hessian of minimum 1 must be symmetric and positive definite"),
        (two(dim="None", more=", dims=(1, 3)"), "a loss with minima needs `dim`"),
        (two(dim="2.0"), "`dim` must be a whole number from 1"),
        (two(more=", dims=3"), "`dims` must be the smallest and the largest dimension, not 3"),
        (two(lr="-1.0"), "`quench_lr` must be a number above 0, or 0 for none, not -1.0"),
        (two(more=", value=3"), "`value` must be a function written with `def`, not 3"),
        (two(more=", score=3"), "`score` must be a function written with `def`, not 3"),
        (two(more=", score=lambda: 0.0"), "<lambda> needs 1 arguments, and has 0"),
        (scored("x[0]", "x, k=1.0"), "loss 'mine': score must take the parameters {}, in this order, not {'k': 1.0}"),
        (scored("x[0]", "x, y"), "every parameter of score needs a number as its default"),
        (scored("x[0]", "x, *, k=1.0"), "score takes 'k' behind or with a `*`: write its parameters plainly"),
        (scored("x[2]"), "`score` stops at x = [0.0, 0.0]: IndexError: list index out of range"),
        (scored("1.0 / x[0]"), "`score` stops at x = [0.0, 0.0]: ZeroDivisionError: "),
        (scored("None"), "`score` must give a number, and gives None at x = [0.0, 0.0]"),
        (scored("x"), "`score` must give a number, and gives [0.0, 0.0] at x"),
        (scored("float('nan') * x[0]"), "`score` must give a number, and gives nan at x = [0.0, 0.0]"),
        (scored("x[0] > 1"), "`score` must give a number, and gives False at x"),
        (scored("2.0 - x[0] / 4.0"), "`score` is above 1, so outside, at every minimum; it must be about 0 at one"),
    ],
)
def test_losses(tmp_path, text, told):
    refused(find.loss, write(tmp_path, text), told)


def test_what_is_right_is_taken(tmp_path):
    assert find.loss(write(tmp_path, wells())).basin([0.5]) == 1
    assert find.loss(write(tmp_path, bowl(two()))).dim == 2
    box = find.loss(write(tmp_path, bowl(two(domain="((-2.0, 2.0), (-1.0, 1.0))")))).box(2)
    assert box[1] == (-1.0, 1.0)
    assert find.dynamics(write(tmp_path, RULE + "bounds = {'k': (0, float('inf'))}")).parameters == {"k": 0.5}
    rule = find.dynamics(write(tmp_path, RULE + "defaults = {'k': 'lmin'}"))
    assert (rule.parameters, rule.parameters_on(-2.0)) == ({"k": 0.5}, {"k": -2.0})
    assert find.loss(write(tmp_path, scored("(x[0] + x[1]) / 2"))).score([1.0, 1.0]) == 1.0
    assert find.loss(write(tmp_path, scored("math.inf if x[0] > 0.5 else 0").replace("UNIT =", "import math\nUNIT =")))


def test_lists_and_arrays_are_taken_for_tuples(tmp_path):
    text = wells().replace("loss = Loss(", "import numpy as np\nloss = Loss(")
    listed = re.sub(r"separators=\((.*?),\)", r"separators=[\1]", text)
    listed = re.sub(r'"mine", \(\((.*?)\),\)', r'"mine", np.array([[\1]])', listed)
    assert listed.count("[") >= 3
    one, other = find.loss(write(tmp_path, text)), find.loss(write(tmp_path, listed))
    assert (one.domain, one.separators, one.minima) == (other.domain, other.separators, other.minima)
    assert isinstance(hash(other), int)
    pair_source(other, find.dynamics("gradient"), Variant())


@pytest.mark.parametrize(("written", "asked"), [("ϵ", "ϵ"), ("ϵ", "ε"), ("ε", "ϵ"), ("µ", "μ"), ("µ", "µ")])
def test_a_greek_letter_is_the_one_that_python_takes_it_for(written, asked, tmp_path):
    rule = write(tmp_path, RULE.replace("k", written))
    request = arguments.read(["--loss", "quartic", "--dynamics", rule, f"--{asked}", "0.25"])
    (arm,) = Plan(arguments.sweep_of(request)).arms
    (tmp_path / "sweep.toml").write_text(f'loss = "quartic"\n"{asked}" = 0.25\n[[arm]]\ndynamics = "{rule}"\n')
    (toml,) = Plan(arguments.sweep_of(arguments.read(["--config", str(tmp_path / "sweep.toml")]))).arms
    by_hand = Arm(rule, {asked: (0.25,), "lr": (0.1,)})
    assert [*by_hand.axes] == [unicodedata.normalize("NFKC", written), "lr"]
    for found in (arm, toml):
        assert list(found.column(unicodedata.normalize("NFKC", written))) == [0.25]


BESIDE = {
    "    g[d + 1] = 2 * x[d]": ", line 5 of mine.py: IndexError: ",
    "    g[d] = 2 * x[d + 1]": ", line 5 of mine.py: IndexError: ",
    "    g[d] = 2 * x[d]\n    g[-7] = 1.0": ", line 6 of mine.py: IndexError: ",
    "    g[d] = 2 * x[d]\n    g[1000] = 1.0": ", line 6 of mine.py: IndexError: ",
    "    g[d] = 2 * x[d]\n    g[0.5] = 1.0": ", line 6 of mine.py: TypeError: ",
    "    y = 2 * x[d]": "g[0] is no number anywhere in the domain: is it written (mine.py, line 3)?",
}


@pytest.mark.parametrize("body", BESIDE)
@pytest.mark.parametrize("dim", [3, 6])
def test_an_index_beside_the_array_is_told_when_the_file_is_read(body, dim, tmp_path):
    text = f"{HEAD}\ndef value_grad(x, g):\n    for d in range(len(x)):\n    {body}\n    return x[0] * x[0]\n"
    text += f"\nloss = Loss('x²', 'mine', ((-2.0, 2.0),), {dim}, value_grad=value_grad)\n"
    refused(find.loss, write(tmp_path, text), BESIDE[body])


def test_a_score_that_cannot_be_lifted_names_its_line(tmp_path):
    loss = find.loss(write(tmp_path, scored("sorted(x)[0]")))
    with pytest.raises(CannotLift, match=r"^mine\.py, line 9, in score: [^\n]*sorted"):
        pair_source(loss, find.dynamics("gradient"), Variant(scored=True))


@pytest.mark.parametrize("calls", ["f(x)", "h(x)"])
def test_a_helper_that_calls_itself_is_refused_before_compiling(tmp_path, calls):
    text = f"def f(x):\n    return {calls}\n\ndef h(x):\n    return f(x)\n\n"
    rule = find.dynamics(write(tmp_path, text + RULE.replace("* k", "* f(g)")))
    with pytest.raises(CannotLift, match=r"^mine\.py, line 1, in f: a helper cannot call itself here; write `for"):
        pair_source(find.loss("quartic"), rule, Variant())


def test_what_is_no_number_is_named(tmp_path):
    rule = find.dynamics(write(tmp_path, RULE.replace("-lr * g * k", "None")))
    quartic = find.loss("quartic")
    with pytest.raises(
        CannotLift, match=r"^mine\.py, line 2, in step: `None`: a loss or a rule computes with numbers only"
    ):
        run(quartic, rule, batch(quartic, rule, [3.5]), 1)


def test_a_compilers_many_lines_become_one_sentence():
    many = (
        "Failed in nopython mode pipeline (step: nopython frontend)\nNo implementation of f(x) found for signature:\n"
    )
    assert reason(TypeError(many + " \n >>> mul(float64, Literal[str](abc))\n\nThere are")).startswith(
        "there is no `mul(float64, text 'abc')`: a loss or a rule computes with numbers only"
    )
    nothing = reason(TypeError("Failed in nopython mode pipeline (step: x)\nSomething odd\nDuring: typing of a call"))
    assert nothing == "Something odd"
    assert len(reason(TypeError("word " * 200))) == 200
    assert reason(TypeError()) == "TypeError"
