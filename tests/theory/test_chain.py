"""The discrete chain: the science page's table, a dense calculation without tricks, and its limit h -> 0."""

import math
from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import norm

from dynbench import find
from dynbench.theory import chain, nystrom, passage
from dynbench.theory.coordinate import coordinate, walls

QUARTIC = find.loss("quartic")
TABLE = [  # T, n, p from 3, p from 4, to 10 digits
    (0.5, 100, 0.02538597112, 0.02163821582),
    (0.5, 500, 0.1518980382, None),
    (0.5, 2500, 0.5768297394, 0.5751988463),
    (0.5, 10000, 0.9687919484, None),
    (0.2, 100, 4.318565977e-5, None),
    (0.2, 500, 3.318547873e-4, None),
    (0.2, 2500, 1.774112105e-3, None),
    (0.2, 10000, 7.164069446e-3, None),
    (0.1, 100, 1.141634726e-9, None),
    (0.1, 500, 1.016744292e-8, None),
    (0.1, 2500, 5.530294722e-8, None),
    (0.1, 10000, 2.245610702e-7, None),
]


@pytest.mark.parametrize("T", [0.5, 0.2, 0.1])
def test_the_table_to_every_digit(T):
    rows = [row for row in TABLE if row[0] == T]
    p, error = chain.p_exit(QUARTIC, 1, [3.0, 4.0], 0.01, T, [row[1] for row in rows])
    for (_, _, from_3, from_4), (here, there) in zip(rows, p, strict=True):
        assert here == pytest.approx(from_3, rel=5e-10)
        assert from_4 is None or there == pytest.approx(from_4, rel=5e-10)
    assert (error <= 1e-11 * p).all()


def test_mean_steps():
    assert chain.mean_steps(QUARTIC, 1, 3.0, 0.01, 0.5)[0] == pytest.approx([2903.270408], rel=2e-10)
    mean, error = chain.mean_steps(QUARTIC, 1, 3.0, 0.01, 0.2)
    assert mean == pytest.approx([1385295.39], rel=5e-9)
    assert (error < 1e-10 * mean).all()


@pytest.mark.parametrize(
    ("name", "label", "lr", "T", "x0"),
    [("quartic", 1, 0.01, 0.5, 3.5), ("quartic", 0, 0.02, 1.0, 0.0), ("double_well_tilted", 1, 0.05, 0.1, 0.9),
     ("rastrigin", 1, 0.002, 4.0, 1.1), ("rastrigin", 0, 0.004, 3.0, 0.0)],
)  # fmt: skip
def test_against_a_dense_calculation(name, label, lr, T, x0):
    """Simpson's rule on 1200 even nodes, forward in time: the density of the chain, not its exit probability."""
    loss = find.loss(name, 1)
    curve, spread = coordinate(loss), math.sqrt(2 * T * lr)
    (lo, hi), (left, right) = walls(loss, label), loss.domain[0]
    margin = 0.25 * (right - left)
    lo, hi = max(lo, left - margin), min(hi, right + margin)
    x = np.linspace(lo, hi, 1201)
    w = np.full(1201, 2.0)
    w[1::2], w[0], w[-1] = 4.0, 1.0, 1.0
    w *= (x[1] - x[0]) / 3
    kernel = norm.pdf(x[:, None], (x - lr * curve.slopes(x))[None, :], spread) * w[None, :]  # from column to row
    density = norm.pdf(x, x0 - lr * curve.slope(x0), spread)
    inside = [w @ density]
    for _ in range(199):
        density = kernel @ density
        inside.append(w @ density)
    p, error = chain.p_exit(loss, label, x0, lr, T, range(1, 201))
    assert p[:, 0] == pytest.approx(1 - np.array(inside), abs=2e-9)
    assert error.max() < 1e-10
    mean = chain.mean_steps(loss, label, x0, lr, T)[0]
    ahead = np.linalg.solve(np.eye(1201) - kernel.T / w[:, None] * w[None, :], np.ones(1201))
    first = norm.pdf(x, x0 - lr * curve.slope(x0), spread)
    assert mean == pytest.approx([1 + (w * first) @ ahead], rel=1e-7)


def test_nodes_converge_spectrally():
    """The relative change from n to 16 nodes a panel falls below 1e-12 by n = 12."""
    changes = []
    for nodes in (4, 6, 8, 12, 20):
        of = nystrom.chain(QUARTIC, 1, 0.01, 0.1, nystrom.Grid(nodes, 10.0, 80.0))
        p = chain.seen(of, np.array([3.0]), np.array([2500]), False)[0]
        changes.append(abs(p[0, 0] / 5.53029472196e-8 - 1))
    assert all(b < a / 5 or b < 2e-11 for a, b in pairwise(changes))
    assert max(changes[-2:]) < 5e-12


def test_survival_and_exit_add_up_and_the_late_hazard_is_the_late_hazard():
    of = nystrom.chain(QUARTIC, 1, 0.01, 0.5)
    times = (0, 1, 10, 300, 3000)
    after = chain.course(of, times, whole=True)
    assert after.escaped + after.inside == pytest.approx(np.ones_like(after.inside), abs=1e-12)
    assert after.inside[0].tolist() == [1.0] * len(of.nodes)
    p, _ = chain.p_exit(QUARTIC, 1, 3.0, 0.01, 0.5, [5000, 5001])
    assert (p[1] - p[0]) / (1 - p[0]) == pytest.approx([after.hazard], rel=1e-9)


@pytest.mark.parametrize("temperature", [0.05, 0.5, 20.0])
def test_two_steps_at_once_are_two_steps(temperature):
    """At even and odd times, before and after the hazard settles; rare, usual and at once."""
    of = nystrom.chain(QUARTIC, 1, 0.01, temperature)
    times = (0, 1, 2, 3, 100, 101, 5000, 10**6 + 1)
    both = [way(of, times, True) for way in (chain.course, chain.stepped)]
    for name in ("escaped", "inside", "mean", "hazard"):
        twice, once = (np.asarray(getattr(found, name)) for found in both)
        np.testing.assert_allclose(twice, once, rtol=3e-13, atol=1e-250)


def test_a_closed_tail_equals_the_steps_themselves(monkeypatch):
    """The geometric tail against stepping on to the end."""
    quick = chain.p_exit(QUARTIC, 1, 3.0, 0.01, 0.2, [4000])[0]
    monkeypatch.setattr(chain, "SETTLED", -1.0)
    slow = chain.course.__wrapped__(nystrom.chain(QUARTIC, 1, 0.01, 0.2), (3999,))
    of = nystrom.chain(QUARTIC, 1, 0.01, 0.2)
    out, kernel = of.rows(np.array([3.0]))
    assert quick[0] == pytest.approx(out + kernel @ slow.escaped[0], rel=1e-11)


def test_the_mean_time_goes_to_the_first_passage_time_with_root_h():
    """h n̄ at h = 0.01/2^k, extrapolated in √h by the polynomial through all of them, quartic at T = 0.5."""
    exact = 25.57275385
    lrs = [0.01, 0.005, 0.0025, 0.00125, 0.000625]
    means = [h * chain.mean_steps(QUARTIC, 1, 3.0, h, 0.5)[0][0] for h in lrs]
    limits = [np.polyfit(np.sqrt(lrs[:k]), means[:k], k - 1)[-1] / exact - 1 for k in range(1, 6)]
    assert all(abs(b) < abs(a) / 3 for a, b in pairwise(limits))
    assert abs(limits[-1]) < 5e-5
    for h, mean in zip(lrs, means, strict=True):  # the walls moved by 0.5826 √(2Th) leave an error O(h)
        assert abs(mean / passage.passage_time(QUARTIC, 1, 3.0, 0.5, h) - 1) < 2.0 * h + 1e-3


def test_two_walls_at_small_step_are_the_sde_too():
    """Rastrigin's well at +1, T = 4, h from 1e-4 to 1.25e-5: the same extrapolation."""
    loss = find.loss("rastrigin", 1)
    x, lrs = loss.minima[1].x[0], [1e-4, 5e-5, 2.5e-5, 1.25e-5]
    means = [h * chain.mean_steps(loss, 1, x, h, 4.0)[0][0] for h in lrs]
    limit = np.polyfit(np.sqrt(lrs), means, 3)[-1]
    assert limit == pytest.approx(passage.passage_time(loss, 1, x, 4.0), rel=2e-4)


def test_a_start_has_its_bytes_whoever_is_asked_about_with_it():
    """A product of matrices that BLAS takes apart, by its threads or by the shapes, would not do."""
    starts = np.linspace(1.9, 4.0, 401)
    p = chain.p_exit(QUARTIC, 1, starts, 0.01, 0.3, (10, 100))[0]
    for k in (0, 133, 400):
        for row, n in enumerate((10, 100)):
            assert chain.p_exit(QUARTIC, 1, starts[k], 0.01, 0.3, (n,))[0][0, 0] == p[row, k]


def test_small_probabilities_are_not_differences():
    p, error = chain.p_exit(QUARTIC, 1, 3.0, 0.01, 0.05, [100, 2500])
    assert p[:, 0] == pytest.approx([8.9288229713e-19, 5.2052782395e-17], rel=1e-9)
    assert (error < 1e-11 * p).all()


def test_corners():
    bowl = find.loss("quadratic", 1)
    assert chain.p_exit(bowl, 0, [0.1, 0.2], 0.1, 1.0, [5])[0].tolist() == [[0.0, 0.0]]
    assert chain.mean_steps(bowl, 0, 0.1, 0.1, 1.0)[0].tolist() == [math.inf]
    assert chain.p_exit(QUARTIC, 1, 3.0, 0.01, 0.5, [0])[0].tolist() == [[0.0]]
    one = chain.p_exit(QUARTIC, 1, [1.9, 3.0], 0.01, 0.5, [1])[0][0]
    ahead = 1.9 - 0.01 * QUARTIC.grad(1.9)
    assert one[0] == pytest.approx(norm.cdf((QUARTIC.separators[0] - ahead) / 0.1), rel=1e-13)
    with pytest.raises(nystrom.OutOfReach, match="nodes"):
        chain.p_exit(QUARTIC, 1, 3.0, 1e-6, 0.05, [5])
    with pytest.raises(nystrom.OutOfReach, match="300 T"):
        chain.p_exit(QUARTIC, 1, 3.0, 0.01, 1e-3, [5])
    with pytest.raises(ValueError, match="temperature > 0"):
        chain.p_exit(QUARTIC, 1, 3.0, 0.01, 0.0, [5])


def test_variance_of_the_autoregression():
    """λ = 12, h = 0.01, T = 0.5, the science page's example; and the recursion V ← ρ²V + 2Th itself."""
    assert chain.variance(12.0, 0.01, 0.5) == pytest.approx(0.0443262, abs=5e-8)
    v = 0.3
    for n in range(1, 40):
        v = (1 - 0.12) ** 2 * v + 2 * 0.5 * 0.01
        assert chain.variance(12.0, 0.01, 0.5, n, 0.3) == pytest.approx(v, rel=1e-13)
    assert chain.variance(2.0, 1.0, 0.5, 7, 0.3) == pytest.approx(0.3 + 7.0, rel=1e-15)
    assert chain.variance(2.0, 1.0, 0.5) == math.inf


def test_a_step_beyond_the_floats_is_out_of_reach():
    """`sweep --temperature 1e308` ended in `cannot convert float NaN to integer` after the work was done."""
    curve = coordinate(find.loss("quartic"))
    with pytest.raises(nystrom.OutOfReach, match="float"):
        nystrom.panels(curve, -1.7e308, 1.7e308, 0.01, 1e153)
    with pytest.raises(nystrom.OutOfReach, match=r"needs \S{1,12} panels"):
        nystrom.panels(curve, -1e90, 1e90, 0.01, 1.0)
