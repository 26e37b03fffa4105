"""Every loss that is found: its gradient, its minima, its walls and its labels."""

import math
import random

import numpy as np
import pytest
from points import derivative, evaluate, hessian, make, point

from dynbench import find
from dynbench.losses.base import Loss

pytestmark = pytest.mark.quick

LOSSES = find.losses()


def shape(loss: Loss):
    """One coordinate of a tensor loss: functions L and L' of a number."""
    one = loss if loss.value_grad is None else find.loss(loss.name, 1)
    return (lambda x: evaluate(one, [x])[0]), (lambda x: evaluate(one, [x])[1][0])


tensor = pytest.mark.parametrize("name", [n for n in LOSSES if make(n).tensor])
every = pytest.mark.parametrize("name", LOSSES)


@every
def test_gradient_is_the_derivative(name):
    loss, draw = make(name), random.Random(1)
    others = {p: lo + 1.5 if math.isinf(hi) else (lo + hi) / 2 for p, (lo, hi) in loss.bounds.items()}
    for parameters in [{}, others] if others else [{}]:

        def height(y, given=parameters):
            return evaluate(loss, y, **given)[0]

        for _ in range(50):
            x = [draw.uniform(lo, hi) for lo, hi in loss.box(loss.dim)]
            slopes = [derivative(height, x, d) for d in range(loss.dim)]
            assert evaluate(loss, x, **parameters)[1] == pytest.approx(slopes, rel=1e-7, abs=1e-7)


@every
def test_value_stays_finite_and_above_its_minimum(name):
    loss, draw = make(name), random.Random(2)
    lowest = loss.minimum_value
    for _ in range(300):
        x = [draw.uniform(lo, hi) for lo, hi in loss.box(loss.dim)]
        value, g = evaluate(loss, x)
        assert math.isfinite(value)
        assert all(math.isfinite(c) for c in g)
        assert not value < lowest


@every
def test_minima_are_minima(name):
    loss = make(name)
    for minimum in loss.minima:
        x = point(loss, minimum)
        value, g = evaluate(loss, x)
        terms = loss.dim if loss.separable else 1
        assert value == pytest.approx(terms * minimum.value, rel=1e-13, abs=4e-15)
        assert max(map(abs, g)) <= 1e-14 * (1 + minimum.curvatures[-1]) * (1 + max(map(abs, x)))
        found = np.linalg.eigvalsh(hessian(loss, x))
        expected = sorted(minimum.curvatures * terms)
        assert found == pytest.approx(expected, rel=1e-6)
        if minimum.hessian:
            assert hessian(loss, x) == pytest.approx(np.array(minimum.hessian), rel=1e-6)
        assert list(minimum.curvatures) == sorted(minimum.curvatures)
        assert minimum.curvatures[0] > 0


@every
def test_label_0_is_a_global_minimum(name):
    loss = make(name)
    assert loss.minima[0].value == min(m.value for m in loss.minima)


@tensor
def test_wells_and_walls_alternate(name):
    loss = make(name)
    bottoms = [loss.minima[label].x[0] for label in loss.wells]
    assert len(loss.separators) == len(bottoms) - 1
    for left, wall, right in zip(bottoms, loss.separators, bottoms[1:], strict=False):
        assert left < wall < right
    _, slope = shape(loss)
    for wall in loss.separators:
        assert abs(slope(wall)) < 1e-11 * (1 + abs(wall))
        assert derivative(lambda y: slope(y[0]), [wall], 0) < 0


@tensor
def test_barriers_and_distances_agree_with_a_scan(name):
    loss = make(name)
    value, _ = shape(loss)
    walls = [-math.inf, *loss.separators, math.inf]
    for k, label in enumerate(loss.wells):
        m = loss.minima[label]
        ways = []
        for wall in walls[k : k + 2]:
            end = wall if math.isfinite(wall) else m.x[0] + math.copysign(3.0, wall)
            heights = [value(m.x[0] + (end - m.x[0]) * i / 400) for i in range(401)]
            assert heights == sorted(heights)  # uphill all the way: nothing stands between the minimum and the wall
            if math.isfinite(wall):
                ways.append((heights[-1] - heights[0], abs(wall - m.x[0])))
        assert m.barrier == pytest.approx(min((w[0] for w in ways), default=math.inf), rel=1e-10)
        assert m.distance == pytest.approx(min((w[1] for w in ways), default=math.inf), rel=1e-13)


@tensor
def test_labels_on_both_sides_of_every_wall(name):
    loss = make(name)
    one = loss if loss.value_grad is None else find.loss(name, 1)
    _, slope = shape(loss)
    for k, wall in enumerate(loss.separators):
        for x, expected in (
            (math.nextafter(wall, -math.inf), loss.wells[k]),
            (math.nextafter(wall, math.inf), loss.wells[k + 1]),
        ):
            assert one.basin([x]) == expected
        for x in (wall - 1e-3, wall + 1e-3):  # gradient descent agrees
            end = x
            for _ in range(2000):
                end -= loss.quench_lr * slope(end)
            assert end == pytest.approx(loss.minima[one.basin([x])].x[0], abs=1e-4)


@pytest.mark.parametrize("name", [n for n in LOSSES if find.loss(n).separable])
def test_separable_losses_are_sums_and_label_by_mixed_radix(name):
    loss, draw = make(name), random.Random(3)
    lo, hi = loss.domain[0]
    radix = len(loss.minima)
    for _ in range(20):
        x = [draw.uniform(lo, hi) for _ in range(3)]
        value, _ = evaluate(loss, x)
        one = find.loss(name, 1)
        assert value == pytest.approx(sum(evaluate(one, [c])[0] for c in x), rel=1e-13)
        assert loss.basin(x) == sum(one.basin([c]) * radix**d for d, c in enumerate(x))
    assert loss.basin([0.0] * 3) == 0
