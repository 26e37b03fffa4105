"""A loss file whose declarations contradict its function is refused in one sentence with the right value."""

import math
import random
from dataclasses import replace
from pathlib import Path

import pytest

from dynbench import find
from dynbench.losses._facts import check_facts
from dynbench.losses._gradient import check_gradient
from dynbench.losses.base import Loss, Minimum

pytestmark = pytest.mark.quick

WELL = """
from dynbench import Loss, Minimum

def value(x, tilt=0.1):
    return (x * x - 1.0) ** 2 / 4.0 + tilt * x

def grad(x, tilt=0.1):
    return x * (x * x - 1.0) + tilt

loss = Loss("(x² - 1)²/4 + tilt x", "mine", ((-2.0, 2.0),), 1,
    minima=(
        Minimum((-1.0466805318046,), -0.102386073800035, (2.28662041,), 0.357411589374, 1.14771178968563),
        Minimum((0.945649273923591,), 0.0973605582319907, (1.68275765,), 0.157664957347605, 0.84461801604258),
    ),
    value=value, grad=grad, separators=(0.101031257881011,))
"""
THREE = """
from dynbench import Loss, Minimum

def value(x):
    return x * x * (x * x - 1.0) ** 2

def grad(x):
    return 2.0 * x * (x * x - 1.0) * (3.0 * x * x - 1.0)

loss = Loss("x² (x² - 1)²", "mine", ((-1.5, 1.5),), 1,
    minima=(Minimum((-1.0,), 0.0), Minimum((1.0,), 0.0),), value=value, grad=grad, separators=(0.0,))
"""
BOWL = """
from dynbench import Loss, Minimum

def value_grad(x, g):
    g[0] = 2.0 * x[0] + x[1]
    g[1] = 4.0 * x[1] + x[0]
    return x[0] * x[0] + 2.0 * x[1] * x[1] + x[0] * x[1]

loss = Loss("x² + 2y² + xy", "mine", ((-1.0, 1.0),), 2,
    minima=(Minimum((0.0, 0.0), 0.0, (1.5857864, 4.4142136), hessian=((2.0, 1.0), (1.0, 4.0))),),
    value_grad=value_grad, quench_lr=0.1)
"""
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


def read(folder: Path, text: str, dim: int | None = None, **parameters: float) -> Loss:
    (folder / "mine.py").write_text(text, encoding="utf-8")
    return find.loss(str(folder / "mine.py"), dim, parameters)


def swapped(text: str, *pairs: tuple[str, str]) -> str:
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    return text


@pytest.mark.parametrize(
    ("text", "pairs", "told"),
    [
        (WELL, [("(-1.0466805318046,)", "(-1.05,)")], "minimum 0: L' is -0.007625 at x = -1.05, not 0"),
        (WELL, [("(-1.0466805318046,)", "(-1.05,)")], "the nearest minimum is x = -1.04668053180460"),
        (WELL, [("-0.102386073800035", "-0.1")], "minimum 0: L is -0.10238607380003"),
        (WELL, [("-0.102386073800035", "-0.1")], "not the value -0.1 that is given"),
        (WELL, [("- 1.0) + tilt", "- 1.0) - tilt")], "the gradient is not that of L: at x = "),
        (WELL, [("return x * (x", "return 0.5 * x * (x")], "`grad` is"),
        (WELL, [("(0.101031257881011,)", "(0.5,)")], "the separator 0.5 between the minima -1.04668 and 0.945649 is"),
        (WELL, [("(0.101031257881011,)", "(0.5,)")], "maximum of L; the maximum is at x = 0.1010312578810"),
        (WELL, [("0.357411589374", "0.3")], "minimum 0: the barrier is 0.357411589374 (by the walls beside it), not"),
        (WELL, [("0.84461801604258", "0.8")], "minimum 1: the distance is 0.844618016043 (by the walls"),
        (WELL, [("1.68275765", "2.0")], "minimum 1: the curvatures are 1.68275765, ascending, not 2"),
        (WELL, [("(1.68275765,)", "(1.0, 2.0)")], "minimum 1 needs 1 curvature, or none (curvatures=()), not 2"),
        (WELL, [("((-2.0, 2.0),)", "((-1.5, -0.5),)"), ("0.945649273923591", "0.9")], "minimum 1: L' is -0.071"),
        (WELL, [("(x * x - 1.0) ** 2 / 4.0", "x[0]")], "`value` stops at x = "),
        (WELL, [("return x * (x * x - 1.0)", "return float('nan')")], "`grad` is no number anywhere in the domain"),
        (THREE, [], "L has a minimum at x = 0.0, where it is 0, and `minima` does not list it"),
        (
            THREE,
            [("separators=(0.0,)", "separators=()"), ("Minimum((-1.0,), 0.0), ", ""), ("-1.5", "-0.9")],
            "L has a minimum at x = 0.0",
        ),
        (
            THREE,
            [("separators=(0.0,)", "separators=()"), ("Minimum((-1.0,), 0.0), ", ""), ("-1.5", "0.2")],
            "L has a maximum at x = 0.577350269189625",
        ),
        (BOWL, [("(0.0, 0.0), 0.0", "(0.1, 0.0), 0.0")], "minimum 0: dL/dx[0] is 0.2 at x = (0.1, 0), not 0"),
        (BOWL, [("(0.0, 0.0), 0.0", "(0.1, 0.0), 0.0")], "the nearest minimum is x = ("),
        (BOWL, [("4.0 * x[1] + x[0]", "2.0 * x[1] + x[0]")], "g[1] is "),
        (BOWL, [("(1.5857864, 4.4142136)", "(2.0, 4.0)")], "the curvatures are (1.58578644, 4.41421356), ascending"),
        (BOWL, [("((2.0, 1.0), (1.0, 4.0))", "((2.0, 0.0), (0.0, 4.0))")], "hessian[0][1] is 1, not 0"),
        (
            BOWL,
            [("2.0 * x[0] + x[1]", "2.0 * x[0] + 4.0 * x[1]"), ("4.0 * x[1] + x[0]", "4.0 * x[1] + 4.0 * x[0]"),
             ("x[0] * x[1]\n", "4.0 * (x[0] * x[1])\n"), ("(1.5857864, 4.4142136)", "(2.0, 4.0)")],
            "minimum 0 at x = (0, 0) is no minimum of L: its lowest curvature is -1.12311",
        ),
        (BOWL, [("x[0] * x[1]\n", "x[0] * x[1] - (5.0 if x[0] > 0.5 else 0.0)\n")], "below minimum 0, which must be"),
        (BOWL, [("2,\n", "2, separable=True,\n"), ("(0.0, 0.0), 0.0", "(0.0,), 0.0")], "`separable=True`, but dL/dx"),
        (ROSENBROCK, [("(1.0,) * dim, 0.0", "(1.0,) * dim, 0.5")], "L is 0.0 at x = (1, 1), not the value 0.5"),
        (ROSENBROCK, [("return (Minimum((1.0,) * dim", "return (Minimum((1.0,) * 3")], "minimum 0 needs an x of 2"),
        (ROSENBROCK, [("return (Minimum", "return (1 / 0, Minimum")], "`minima` stops at steepness = 100: Zero"),
        (ROSENBROCK, [("return (Minimum((1.0,) * dim, 0.0),)", "return Minimum((1.0,), 0.0)")], "`minima` must return"),
        (ROSENBROCK, [("def minima(dim, st", "def minima(st")], "minima must take `dim` first"),
        (ROSENBROCK, [("def minima(dim, steepness=100.0", "def minima(dim, steepness=1.0")], "minima must take the"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_right_value(tmp_path, text, pairs, told):
    with pytest.raises(ValueError, match=r"^loss 'mine'[^\n]{1,300}$") as error:
        read(tmp_path, swapped(text, *pairs))
    assert told in str(error.value)


def test_the_right_ones_are_taken_and_what_is_left_out_is_worked_out(tmp_path):
    well = read(tmp_path, WELL)
    brief = swapped(
        WELL,
        (", (2.28662041,), 0.357411589374, 1.14771178968563)", ")"),
        (", (1.68275765,), 0.157664957347605, 0.84461801604258)", ")"),
    )
    for given, found in zip(well.minima, read(tmp_path, brief).minima, strict=True):
        assert found.x == given.x
        for name in ("barrier", "distance"):
            assert getattr(found, name) == pytest.approx(getattr(given, name), rel=1e-8)
        assert found.curvatures == pytest.approx(given.curvatures, rel=1e-6)
    assert read(tmp_path, BOWL).minima[0].curvatures == (1.5857864, 4.4142136)
    whole = swapped(THREE, ("(Minimum((-1.0,), 0.0),", "(Minimum((-1.0,), 0.0), Minimum((0.0,), 0.0),"))
    third = 1.0 / math.sqrt(3.0)
    middle = read(tmp_path, swapped(whole, ("(0.0,))", f"({-third!r}, {third!r}))"))).minima[1]
    assert middle.barrier == pytest.approx(4.0 / 27.0, rel=1e-8)
    assert middle.distance == pytest.approx(third, rel=1e-8)


@pytest.mark.parametrize("dim", [2, 3])
def test_minima_may_be_a_function_of_the_dimension(tmp_path, dim):
    loss = read(tmp_path, ROSENBROCK, dim)
    assert loss.minima[0].x == (1.0,) * dim
    assert loss.minima[0].curvatures[0] > 0.0
    assert len(loss.minima[0].curvatures) == dim
    free = read(tmp_path, ROSENBROCK)
    assert free.dim is None
    assert free.at(dim).minima[0].x == (1.0,) * dim


MOVING = swapped(
    WELL,
    ("loss = Loss", """
def roots(tilt):
    turn = math.acos(-1.5 * math.sqrt(3.0) * tilt) / 3.0
    return [2.0 / math.sqrt(3.0) * math.cos(turn - 2.0 * math.pi * k / 3.0) for k in (2, 1, 0)]

def minima(tilt=0.1):
    left, _, right = roots(tilt)
    return Minimum((left,), value(left, tilt)), Minimum((right,), value(right, tilt))

def separators(tilt=0.1):
    return (roots(tilt)[1],)

loss = Loss"""),
    ("from dynbench", "import math\nfrom dynbench"),
    ("(0.101031257881011,)", "separators"),
)  # fmt: skip
MOVING = MOVING[: MOVING.index("    minima=(")] + "    minima=minima,\n" + MOVING[MOVING.index("    value=value") :]


def test_minima_may_be_functions_of_the_parameters(tmp_path):
    loss, known = read(tmp_path, MOVING), read(tmp_path, WELL)
    assert loss.separators == pytest.approx(known.separators, rel=1e-12)
    assert [m.barrier for m in loss.minima] == pytest.approx([m.barrier for m in known.minima], rel=1e-8)
    even = read(tmp_path, MOVING, tilt=0.0)
    assert even.parameters == {"tilt": 0.0}
    assert [m.x[0] for m in even.minima] == pytest.approx([-1.0, 1.0], rel=1e-12)
    assert [m.barrier for m in even.minima] == [0.25, 0.25]
    assert even.at(1, {"tilt": 0.1}).separators == loss.separators  # from the functions again
    with pytest.raises(ValueError, match=r"stops at tilt = 0.5: ValueError: "):  # one minimum is left
        read(tmp_path, MOVING, tilt=0.5)


def test_a_parameter_that_moves_constant_minima_is_refused(tmp_path):
    with pytest.raises(
        ValueError, match=r"minimum 0: L' is -0.1 at x = -1.04668053, not 0[^\n]*x = -1\.0 \(at tilt = 0; "
    ):
        read(tmp_path, WELL, tilt=0.0)


def scaled(loss: Loss, length: float, height: float) -> Loss:
    """The loss in other units: height L(x / length)."""

    def point(m: Minimum) -> Minimum:
        factor = height / length**2
        return Minimum(
            tuple(c * length for c in m.x), m.value * height, tuple(c * factor for c in m.curvatures),
            m.barrier * height, m.distance * length, tuple(tuple(c * factor for c in row) for row in m.hessian),
        )  # fmt: skip

    def value(x):
        return height * loss.value(x / length)

    def grad(x):
        return height / length * loss.grad(x / length)

    def value_grad(x, g):
        found = loss.value_grad([c / length for c in x], g)
        g[:] = [height / length * c for c in g]
        return height * found

    return replace(
        loss,
        domain=tuple((lo * length, hi * length) for lo, hi in loss.domain),
        minima=tuple(map(point, loss.minima)),
        separators=tuple(wall * length for wall in loss.separators),
        **({"value": value, "grad": grad} if loss.value_grad is None else {"value_grad": value_grad}),
    )


UNITS = [(1.0, 1.0), (2.0**27, 1.0), (2.0**-27, 1.0), (1e-8, 1e-12), (1e5, 1e9)]


@pytest.mark.parametrize("name", find.losses())
def test_the_built_in_losses_agree_with_their_functions_in_any_units(name):
    loss = find.loss(name)
    for dim in (loss.dim,) if loss.dim else (1, 2) if name != "rastrigin" else (2,):
        for length, height in UNITS if name != "rastrigin" else UNITS[::3]:
            other = scaled(loss.at(dim), length, height)
            check_gradient(name, other)
            check_facts(name, other)


@pytest.mark.parametrize("name", [name for name in find.losses() if find.loss(name).parameters])
def test_the_minima_of_our_losses_hold_at_other_parameters(name):
    """Or are functions of them: no swept value of a parameter of ours is looked at when it runs."""
    loss = find.loss(name)
    for parameter, default in loss.parameters.items():
        lo, hi = loss.bounds.get(parameter, (-math.inf, math.inf))
        for value in (default / 2.0, 2.0 * default, default + 1.0):
            if lo <= value <= hi:
                for dim in (loss.dim,) if loss.dim else (loss.dims[0], loss.default_dim):
                    there = loss.at(dim, {parameter: value})
                    check_gradient(name, there)
                    check_facts(name, there, curved="minima" in there.functions)


KINKS = """
from dynbench import Loss, Minimum

def value(x):
    return abs(x) + 2.0 * (x - 0.3 if x > 0.3 else 0.0) + abs(x - 0.7)

def grad(x):
    return (1.0 if x > 0 else -1.0 if x < 0 else 0.0) + (2.0 if x > 0.3 else 0.0) + (1.0 if x > 0.7 else -1.0)

loss = Loss("kinks", "mine", ((-1.0, 1.0),), 1, minima=(Minimum((0.0,), 0.7, (float("nan"),)),), value=value, grad=grad)
"""


def test_correct_losses_with_kinks_steep_walls_or_flat_ends_pass(tmp_path):
    """A cone, a plateau that ends in exact zeros, a sum of very steep waves, a domain far from 0."""
    flat = swapped(
        KINKS,
        ("return abs(x) + 2.0 * (x - 0.3 if x > 0.3 else 0.0) + abs(x - 0.7)", "return 1.0 - math.exp(-400.0 * x * x)"),
        ("return (1.0 if x > 0 else -1.0 if x < 0 else 0.0) + (2.0 if x > 0.3 else 0.0) + (1.0 if x > 0.7 else -1.0)",
         "return 800.0 * x * math.exp(-400.0 * x * x)"),
        ("0.7, (float", "0.0, (float"), ("from", "import math\nfrom"), ("((-1.0, 1.0),)", "((-9.0, 9.0),)"),
    )  # fmt: skip
    waves = swapped(
        flat,
        ("return 1.0 - math.exp(-400.0 * x * x)", "return 1e-3 * math.sin(5e3 * x) ** 2 + x * x"),
        ("return 800.0 * x * math.exp(-400.0 * x * x)", "return 5.0 * math.sin(1e4 * x) + 2.0 * x"),
    )
    waves = waves[: waves.index("minima=")] + "value=value, grad=grad)\n"
    far = swapped(waves, ("1e-3 * math.sin(5e3 * x) ** 2 + x * x", "1e6 + (x - 1e6) ** 4"),
                  ("5.0 * math.sin(1e4 * x) + 2.0 * x", "4.0 * (x - 1e6) ** 3"),
                  ("((-9.0, 9.0),)", "((999999.0, 1000001.0),)"))  # fmt: skip
    wide = swapped(
        flat,
        ("return 1.0 - math.exp(-400.0 * x * x)", "return x * x / (1.0 + x * x)"),
        ("return 800.0 * x * math.exp(-400.0 * x * x)", "return 2.0 * x / ((1.0 + x * x) * (1.0 + x * x))"),
        ("((-9.0, 9.0),)", "((-1e4, 1e4),)"),
    )  # nearly flat nearly everywhere
    for text in (KINKS, flat, waves, far, wide):
        assert read(tmp_path, text).dim == 1
    with pytest.raises(ValueError, match="the gradient is not that of L"):
        read(tmp_path, swapped(far, ("4.0 * (x - 1e6)", "4.1 * (x - 1e6)")))
    with pytest.raises(ValueError, match="the gradient is not that of L"):  # in one branch only
        read(tmp_path, swapped(KINKS, ("(2.0 if x > 0.3", "(1.9 if x > 0.3")))
    cliff = swapped(BOWL, ("minima=(", "minima=() and ("), ("return x[0]", "return math.sqrt(x[0] - 0.5) + x[0]"),
                    ("g[0] = 2.0", "g[0] = 0.5 / math.sqrt(x[0] - 0.5) + 2.0"),
                    ("from", "import math\nfrom"))  # fmt: skip
    assert read(tmp_path, cliff).dim == 2  # no number in three quarters of its domain


def test_in_many_dimensions_the_wrong_component_is_named(tmp_path):
    text = swapped(ROSENBROCK, ("dims=(2, 3)", "dims=(2, 40)"),
                   ("    return total", "    g[7] += 0.01 if len(x) == 40 else 0.0\n    return total"))  # fmt: skip
    assert read(tmp_path, text, 39).dim == 39
    with pytest.raises(ValueError, match=r"at x = \(.*\) g\[7\] is "):
        read(tmp_path, text.replace("0.01", "g[7]"), 40)


def polynomial(rng: random.Random, wells: int) -> Loss:
    """A loss with L' = height/scale times the product of (t - r) over random roots r, t = (x - shift)/scale."""
    roots = [0.0]
    for _ in range(2 * wells - 2):
        roots.append(roots[-1] + rng.uniform(0.3, 1.5))
    scale, height = 10 ** rng.uniform(-9, 4), 10 ** rng.uniform(-20, 6)
    shift = rng.uniform(-3, 3) * scale
    terms = [1.0]  # of the product, the highest power first
    for r in roots:
        terms = [a - r * b for a, b in zip([*terms, 0.0], [0.0, *terms], strict=True)]

    def grad(x):
        return height / scale * math.prod((x - shift) / scale - r for r in roots)

    def value(x):
        powers = range(len(terms), 0, -1)
        return height * sum(a * ((x - shift) / scale) ** n / n for a, n in zip(terms, powers, strict=True))

    at = [r * scale + shift for r in roots]
    minima = []
    for k in range(0, len(at), 2):
        walls = at[max(k - 1, 0) : k] + at[k + 1 : k + 2]
        steep = height / scale**2 * math.prod(roots[k] - r for r in roots if r != roots[k])
        barrier = min((value(wall) - value(at[k]) for wall in walls), default=math.inf)
        distance = min((abs(wall - at[k]) for wall in walls), default=math.inf)
        minima.append(Minimum((at[k],), value(at[k]), (steep,), barrier, distance))
    minima.sort(key=lambda m: m.value)
    domain = (at[0] - rng.uniform(0.2, 1.0) * scale, at[-1] + rng.uniform(0.2, 1.0) * scale)
    return Loss("p", "", (domain,), 1, tuple(minima), value, grad, separators=tuple(at[1::2]), name="p")


def accepted(loss: Loss) -> bool:
    try:
        check_gradient("p", loss)
        check_facts("p", loss)
    except ValueError:
        return False
    return True


def test_random_losses_pass_and_each_fact_of_theirs_is_checked():
    """8 polynomials of 1 to 4 wells in random units, seed 0; one fact of each is off by a ten thousandth or so."""
    rng = random.Random(0)
    for case in range(8):
        loss = polynomial(rng, case % 4 + 1)
        assert accepted(loss)
        (lo, hi), first, rest = loss.domain[0], loss.minima[0], loss.minima[1:]
        slope = loss.grad(hi) / 100.0
        rise = loss.value(lo) - first.value
        changed = [
            {"x": (first.x[0] + 1e-4 * (hi - lo),)}, {"value": first.value + 1e-4 * rise},
            {"curvatures": (1.01 * first.curvatures[0],)},
        ]  # fmt: skip
        if rest:
            changed += [{"barrier": 1.0001 * first.barrier}, {"distance": 1.0001 * first.distance}]
        wrong = [replace(loss, minima=(replace(first, **one), *rest)) for one in changed]
        wrong.append(replace(loss, grad=lambda x, loss=loss: 1.001 * loss.grad(x)))
        wrong.append(replace(loss, grad=lambda x, loss=loss, slope=slope: loss.grad(x) + slope))
        if rest:
            moved = (loss.separators[0] + 1e-4 * (hi - lo), *loss.separators[1:])
            near = min(loss.separators, key=lambda wall: abs(wall - rest[-1].x[0]))
            others = tuple(wall for wall in loss.separators if wall != near)
            wrong.append(replace(loss, separators=moved))
            wrong.append(replace(loss, minima=(first, *rest[:-1]), separators=others))
        assert [accepted(one) for one in wrong] == [False] * len(wrong)


def test_a_wall_may_be_a_pole(tmp_path):
    """x² + 1/x²: two wells, and no way between them over a finite height."""
    pole = THREE.replace("x * x * (x * x - 1.0) ** 2", "x * x + 1.0 / (x * x)")
    pole = pole.replace("2.0 * x * (x * x - 1.0) * (3.0 * x * x - 1.0)", "2.0 * x - 2.0 / (x * x * x)")
    pole = pole.replace("Minimum((-1.0,), 0.0), Minimum((1.0,), 0.0)", "Minimum((-1.0,), 2.0), Minimum((1.0,), 2.0)")
    (tmp_path / "pole.py").write_text(pole)
    minima = find.loss(str(tmp_path / "pole.py")).minima
    assert [(m.barrier, m.distance) for m in minima] == [(math.inf, 1.0)] * 2
