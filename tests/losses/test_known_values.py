"""What is known in advance of each loss: exact values, published values, saddles."""

import math

import mpmath
import numpy as np
import pytest
from points import evaluate, hessian

from dynbench import find
from dynbench.losses.base import Loss

pytestmark = pytest.mark.quick


def test_quartic_exact_values():
    with mpmath.workdps(40):
        root = mpmath.sqrt(33)
        a, b, lift = (9 - root) / 8, (9 + root) / 8, (165 * root - 117) / 512
        quartic, article = find.loss("quartic"), find.loss("quartic_article")
        deep, false = quartic.minima
        assert deep.x[0] == float(a)
        assert quartic.separators == (float(b),) == article.separators
        assert (deep.value, false.value) == (0.0, float(lift))
        assert false.value == float.fromhex("0x1.9f6d29c096155p+0")
        assert deep.curvatures == (float((33 + 15 * root) / 8),)
        assert (deep.barrier, false.barrier) == (float(165 * root / 256), float((165 * root + 117) / 512))
        assert (deep.distance, false.distance) == (float(root / 4), float((15 - root) / 8))
        assert article.minima[0].value == pytest.approx(float(mpmath.mpf("1.62276") - lift), rel=1e-15)
        for k in range(-20, 80):
            x = mpmath.mpf(k) / 16
            exact = x * (x - 1) * (x - 3) ** 2
            assert quartic.value(float(x)) == pytest.approx(float(exact + lift), rel=1e-14)
            assert article.value(float(x)) == pytest.approx(float(exact) + 1.62276, rel=1e-12)
            assert quartic.grad(float(x)) == pytest.approx(float((x - 3) * (4 * x * x - 9 * x + 3)), rel=1e-14)
        assert quartic.value(deep.x[0]) == quartic.grad(deep.x[0]) == quartic.grad(3.0) == 0.0
        assert quartic.value(3.0) == false.value


def test_quartic_gradient_keeps_its_digits_near_critical_points():
    grad = find.loss("quartic").grad
    with mpmath.workdps(40):
        root = mpmath.sqrt(33)
        for centre in ((9 - root) / 8, (9 + root) / 8, mpmath.mpf(3)):
            x = mpmath.mpf(float(centre)) * (1 + mpmath.mpf(2) ** -40)
            exact = (x - 3) * (4 * x * x - 9 * x + 3)
            assert abs(grad(float(x)) - exact) <= 1e-15 + 1e-3 * abs(exact)
            assert grad(float(x)) * exact > 0


def test_tilted_double_well_exact_values():
    loss = find.loss("double_well_tilted")
    with mpmath.workdps(40):
        a, b, c = (mpmath.findroot(lambda x: x**3 - x + mpmath.mpf("0.1"), near) for near in (-1.0, 0.1, 0.9))

        def height(x):
            return (x * x - 1) ** 2 / 4 + x / 10

        deep, false = loss.minima
        assert (deep.x[0], loss.separators[0], false.x[0]) == (float(a), float(b), float(c))
        assert (deep.value, false.value) == (0.0, float(height(c) - height(a)))
        assert (deep.barrier, false.barrier) == (float(height(b) - height(a)), float(height(b) - height(c)))
        assert (deep.curvatures[0], false.curvatures[0]) == (float(3 * a * a - 1), float(3 * c * c - 1))
        for x in (-2.0, -0.3, 0.7, 1.9):
            assert loss.value(x) == pytest.approx(float(height(mpmath.mpf(x)) - height(a)), rel=1e-14)


def test_rastrigin_minima_to_the_last_digit():
    loss = find.loss("rastrigin", 1)
    assert len(loss.minima) == 63
    assert [round(loss.minima[k].x[0]) for k in range(5)] == [0, 1, -1, 2, -2]
    with mpmath.workdps(30):

        def slope(x):
            return 2 * x + 20 * mpmath.pi * mpmath.sin(2 * mpmath.pi * x)

        for x in [*(m.x[0] for m in loss.minima), *loss.separators]:
            exact = mpmath.findroot(slope, x)
            assert abs(exact - x) <= 0.51 * math.ulp(x)
    published = (0.994959057093291, 3.97983119055409, 8.95460124148701, 15.9192437924615, 24.8737229345422)
    assert [loss.minima[2 * k - 1].value for k in range(1, 6)] == pytest.approx(published, rel=2e-14)
    assert loss.separators[31] == pytest.approx(0.502546036554675, rel=1e-14)
    assert loss.minima[0].barrier == pytest.approx(20.2512729909901, rel=1e-14)
    assert loss.minima[0].curvatures[0] == pytest.approx(2 + 40 * math.pi**2, rel=1e-15)


def test_rastrigin_labels_wrap_in_many_dimensions():
    loss = find.loss("rastrigin", 32)
    assert loss.basin([0.0] * 31 + [1.0]) == 63**31 % 2**63
    with pytest.raises(ValueError, match="dimensions 1 to 32, not 33"):
        find.loss("rastrigin", 33)


HIMMELBLAU_SADDLES = {  # place, height, the two minima it joins
    (3.385154183607021, 0.07385187983774929): (13.31192627, (0, 3)),
    (0.08667750455539635, 2.884254701174776): (67.71915009, (0, 1)),
    (-3.0730257507643896, -0.08135304428796751): (104.01516292, (1, 2)),
    (-0.12796134673068007, -1.9537149802445764): (178.33723920, (2, 3)),
}


def flow(loss: Loss, points, time=3.0, h=0.003):
    """Gradient flow of many points (2, n) at once, by Runge-Kutta's method."""

    def velocity(z):
        g = [0.0, 0.0]
        loss.value_grad(z, g)
        return -np.array(g)

    z = np.array(points, dtype=float)
    for _ in range(round(time / h)):
        a = velocity(z)
        b = velocity(z + h / 2 * a)
        c = velocity(z + h / 2 * b)
        z = z + h / 6 * (a + 2 * b + 2 * c + velocity(z + h * c))
    places = np.array([m.x for m in loss.minima])
    apart = np.linalg.norm(z.T[:, None] - places, axis=2)
    assert apart.min(axis=1).max() < 1e-6
    return apart.argmin(axis=1)


def test_himmelblau_saddles_join_what_the_docstring_says():
    loss = find.loss("himmelblau")
    lowest = [math.inf] * 4
    for place, (height, pair) in HIMMELBLAU_SADDLES.items():
        value, g = evaluate(loss, list(place))
        assert value == pytest.approx(height, abs=6e-9)
        assert max(map(abs, g)) < 1e-12
        curvatures, directions = np.linalg.eigh(hessian(loss, list(place)))
        assert curvatures[0] < 0 < curvatures[1]
        ends = flow(loss, np.array(place)[:, None] + 1e-3 * np.outer(directions[:, 0], [1, -1]))
        assert sorted(ends) == list(pair)
        for label in pair:
            lowest[label] = min(lowest[label], value)
    assert [m.barrier for m in loss.minima] == pytest.approx(lowest, rel=1e-14)


def test_himmelblau_distances_are_the_nearest_points_of_the_boundary():
    loss = find.loss("himmelblau")
    angle = np.linspace(0, 2 * np.pi, 2000, endpoint=False)
    circle = np.array([np.cos(angle), np.sin(angle)])
    for label, minimum in enumerate(loss.minima):
        centre = np.array(minimum.x)[:, None]
        assert set(flow(loss, centre + (1 - 1e-5) * minimum.distance * circle)) == {label}
        assert set(flow(loss, centre + (1 + 1e-5) * minimum.distance * circle)) > {label}


def test_quadratic_spectrum():
    loss = find.loss("quadratic", 5)
    _, g = evaluate(loss, [1.0] * 5, curvature=0.5, condition=16.0)
    assert g == pytest.approx([0.5, 1.0, 2.0, 4.0, 8.0], rel=1e-14)
    value, g = evaluate(find.loss("quadratic", 1), [3.0], curvature=2.0, condition=10.0)
    assert (value, g) == (9.0, [6.0])
