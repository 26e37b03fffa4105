"""Corners of the compiled engine: sizes, threads, order, subsets, early exit, odd starts and odd lengths."""

from math import inf, nan, nextafter

import numpy as np
import pytest
from batches import assert_equal_endings, batch, rows, run, scattered
from reference import DIVERGED, assert_same

from dynbench import find
from dynbench.dynamics.base import Dynamics
from dynbench.kernels.step import RECORDS
from dynbench.losses.base import Loss, Minimum

TARGETS = (1.0, 1e-3)
PAIRS = (("quartic", 1, "capped"), ("himmelblau", 2, "rmsprop"), ("rastrigin", 6, "sign"))
pairs = pytest.mark.parametrize("pair", PAIRS, ids=lambda p: "-".join(map(str, p)))


def found(pair: tuple[str, int, str]) -> tuple[Loss, Dynamics]:
    name, dim, rule = pair
    return find.loss(name, dim), find.dynamics(rule)


def same(loss, dynamics, whole, steps, **options):
    endings = run(loss, dynamics, whole, steps, targets=TARGETS, **options)
    assert_same(endings, loss, dynamics, whole, steps, list(TARGETS))
    return endings


@pairs
@pytest.mark.parametrize("n", [1, 63, 64, 65])
def test_numbers_of_trajectories(pair, n):
    loss, dynamics = found(pair)
    same(loss, dynamics, batch(loss, dynamics, scattered(loss, n)), 40, workers=2)


@pairs
@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_threads_order_and_subsets_change_nothing(pair, noise):
    loss, dynamics = found(pair)
    whole = batch(loss, dynamics, scattered(loss, 333), lr=0.02, temperature=noise)
    one = run(loss, dynamics, whole, 300, targets=TARGETS)
    assert_equal_endings(run(loss, dynamics, whole, 300, workers=2, targets=TARGETS), one)
    order = np.random.default_rng(2).permutation(333)
    for chosen in (order, order[:100], np.arange(7, 300, 13), np.array([332])):
        assert_equal_endings(run(loss, dynamics, rows(whole, chosen), 300, targets=TARGETS), one, chosen)


@pairs
@pytest.mark.parametrize("steps", [1, 2, 5, 8, 9, 63, 64, 65, 100, 101, 128, 165])
def test_numbers_of_steps(pair, steps):
    loss, dynamics = found(pair)
    same(loss, dynamics, batch(loss, dynamics, scattered(loss, 3)), steps, paths=3)


@pytest.mark.parametrize("pair", [("quartic", 1, "gradient"), ("quadratic", 1, "sign"), ("rastrigin", 6, "sign")])
@pytest.mark.parametrize("record", [(), RECORDS])
def test_early_exit_changes_nothing(pair, record):
    """Steps of 1/8 and starts that are multiples of 1/64 make sign descent's cycles exact."""
    loss, dynamics = found(pair)
    rule_is_sign = pair[2] == "sign"
    x0 = np.round(scattered(loss, 70, 0.9) * 64) / 64 if rule_is_sign else scattered(loss, 70, 0.9)
    whole = batch(loss, dynamics, x0, lr=0.125 if rule_is_sign else 0.05)
    one = run(loss, dynamics, whole, 3000, targets=TARGETS, record=record)
    other = run(loss, dynamics, whole, 3000, targets=TARGETS, record=record, early=False)
    assert_equal_endings(one, other)
    assert one.updates < other.updates / 2
    assert other.updates == 70 * 3000


def test_early_exit_equals_plain_python():
    loss, dynamics = found(("quartic", 1, "sign"))
    whole = batch(loss, dynamics, [2.0, 1.84375, 3.015625, 0.40625], lr=0.125)  # one cycle sits astride the wall
    endings = same(loss, dynamics, whole, 1000, record=RECORDS)
    assert endings.updates < 4 * 1000 / 2


@pytest.mark.parametrize(
    ("pair", "lr"),
    [
        (("quartic", 1, "gradient"), 0.3),
        (("quartic", 1, "capped"), 9.0),
        (("quartic_article", 1, "gradient"), 0.05),
        (("double_well_tilted", 1, "global_flow"), 9.0),
        (("himmelblau", 2, "gradient"), 0.05),
        (("rastrigin", 6, "gradient"), 1.1),
        (("quadratic", 3, "gradient"), 2.5),
    ],
    ids=str,
)
@pytest.mark.parametrize("record", [(), RECORDS])
def test_divergence(pair, lr, record):
    loss, dynamics = found(pair)
    diverged = 0
    for wide, steps in ((1.0, 150), (30.0, 130), (0.99e6, 64)):
        whole = batch(loss, dynamics, scattered(loss, 5, wide), lr=lr)
        endings = same(loss, dynamics, whole, steps, record=record, paths=1)
        diverged += (endings.status == DIVERGED).sum()
    assert diverged >= 3


def test_a_diverged_neighbour_changes_nothing():
    loss, dynamics = found(("quartic", 1, "gradient"))
    x0 = scattered(loss, 64, 1.0)
    whole = batch(loss, dynamics, np.where(np.arange(64) % 2, 1e5, x0), lr=0.05)
    endings = run(loss, dynamics, whole, 2000)
    alive = np.arange(0, 64, 2)
    assert (endings.status[1::2] == DIVERGED).all()
    assert (endings.status[alive] != DIVERGED).all()
    assert_equal_endings(run(loss, dynamics, rows(whole, alive), 2000), endings, alive)
    assert (endings.basin[1::2] == -1).all()


@pytest.mark.parametrize("rule", ["gradient", "sign", "capped", "rmsprop"])
@pytest.mark.parametrize("name", ["quartic", "double_well_tilted", "quartic_article"])
def test_starts_on_minima_and_walls(name, rule):
    loss, dynamics = found((name, 1, rule))
    places = [*loss.separators, *(m.x[0] for m in loss.minima), 0.0, -0.0]
    near = [y for x in places for y in (nextafter(x, -inf), x, nextafter(x, inf))]
    same(loss, dynamics, batch(loss, dynamics, near), 120, record=RECORDS)


def test_starts_on_minima_and_walls_in_many_dimensions():
    loss, dynamics = found(("rastrigin", 6, "sign"))
    places = [*loss.separators[29:33], *(m.x[0] for m in loss.minima[:4])]
    x0 = np.array([np.roll(places, k)[:6] for k in range(8)]).T
    same(loss, dynamics, batch(loss, dynamics, x0), 120)
    loss, dynamics = found(("himmelblau", 2, "rmsprop"))
    same(loss, dynamics, batch(loss, dynamics, np.array([m.x for m in loss.minima]).T), 120)


def slope(x, g):
    g[0] = 3.0 * (x[0] * x[0])
    return x[0] * (x[0] * x[0])


def test_a_loss_without_minima_that_falls_for_ever():
    """x -> -inf and L -> -inf: no label, no core, and -inf is not a target that was never set."""
    loss = Loss("x³", "test", ((-1.0, 1.0),), 1, value_grad=slope, name="cubic")
    dynamics = find.dynamics("gradient")
    whole = batch(loss, dynamics, [-0.5, 0.7, 0.0, -1e5, 1e5], lr=0.9)
    endings = same(loss, dynamics, whole, 200)
    assert (endings.t_exit == -1).all()
    assert (endings.basin == -1).all()
    assert (endings.t_hit == -1).all()
    assert list(endings.status == DIVERGED) == [True, True, False, True, True]


def test_parameters_that_are_infinite_or_nan():
    loss, dynamics = found(("quartic", 1, "capped"))
    for cap in (inf, nan, 0.0):
        same(loss, dynamics, batch(loss, dynamics, [3.3, 0.1, 3.0], cap=cap), 130)


def test_times_of_targets_stand_in_the_order_asked_for():
    loss, dynamics = found(("quartic", 1, "gradient"))
    whole = batch(loss, dynamics, [0.1, 1.0, 1.8, 3.5])
    forth = run(loss, dynamics, whole, 400, targets=(1e-6, 1.0, 1e-3))
    back = run(loss, dynamics, whole, 400, targets=(1.0, 1e-3, 1e-6))
    np.testing.assert_array_equal(forth.t_hit[[1, 2, 0]], back.t_hit)
    assert (back.t_hit[0, :3] <= back.t_hit[1, :3]).all()
    assert run(loss, dynamics, whole, 400, targets=()).t_hit.shape == (0, 4)


def valley(x, g):
    u = 1.0 - x[0]
    v = x[1] - x[0] * x[0]
    g[0] = -2.0 * u - 400.0 * (x[0] * v)
    g[1] = 200.0 * v
    return u * u + 100.0 * (v * v)


def test_a_single_minimum_that_is_not_separable():
    """Rosenbrock's valley: there is no other core to enter."""
    bottom = Minimum((1.0, 1.0), 0.0, (0.399, 1001.6), hessian=((802.0, -400.0), (-400.0, 200.0)))
    loss = Loss("Rosenbrock", "test", ((-2.0, 2.0),) * 2, 2, value_grad=valley, minima=(bottom,), name="rosenbrock")
    dynamics = find.dynamics("gradient")
    whole = batch(loss, dynamics, scattered(loss, 5), lr=0.001)
    assert (same(loss, dynamics, whole, 200).t_commit == -1).all()
    endings = run(loss, dynamics, batch(loss, dynamics, scattered(loss, 256), lr=0.001), 2000)
    assert endings.updates == 256 * 2000
