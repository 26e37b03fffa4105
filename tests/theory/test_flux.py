"""Exits too rare for floats: against the chain in floats where it still reaches, and against sums of logarithms."""

import math

import numpy as np
import pytest
from scipy.special import log_ndtr, logsumexp

from dynbench import find
from dynbench.theory import chain, flux, nystrom
from dynbench.theory.coordinate import coordinate, walls

pytestmark = pytest.mark.quick

QUARTIC = find.loss("quartic")
RASTRIGIN = find.loss("rastrigin", 1)
BUDGETS = (10, 100, 2500, 10**12)


@pytest.mark.parametrize(
    ("loss", "label", "x0", "lr", "T"),
    [(QUARTIC, 1, 3.0, 0.01, 0.01), (QUARTIC, 1, 2.0, 0.01, 0.01), (QUARTIC, 0, 0.41, 0.05, 0.02),
     (QUARTIC, 1, 3.0, 0.1, 0.02), (RASTRIGIN, 1, 1.0, 0.002, 0.1), (RASTRIGIN, 5, 3.1, 0.004, 0.1)],
)  # fmt: skip
def test_where_floats_still_reach(loss, label, x0, lr, T):
    found, known = flux.rare_exits(loss, label, x0, lr, T, BUDGETS), chain.exits(loss, label, x0, lr, T, BUDGETS)
    given = np.isfinite(found.log_p)
    assert given[1:].all()
    assert found.log_p[given] == pytest.approx(np.log(known.p[given, 0]), abs=1e-9)
    assert found.log_hazard == pytest.approx(math.log(known.hazard), abs=1e-9)
    assert found.log_mean == pytest.approx(math.log(known.mean[0]), abs=1e-9)
    assert (np.log(known.p[~given, 0]) < found.log_below).all()


def test_against_sums_of_logarithms():
    """The backward equation itself, every kernel's logarithm kept: quartic at T = 0.004, h = 0.02, 12 nodes a panel."""
    lr, T, curve = 0.02, 0.004, coordinate(QUARTIC)
    spread = math.sqrt(2 * T * lr)
    ends = nystrom.ends(curve, 3.0, walls(QUARTIC, 1), QUARTIC.domain[0], lr, T, nystrom.COARSE)
    edges = np.linspace(ends[0], 4.0, math.ceil((4.0 - ends[0]) / (2.5 * spread)))
    points, shares = np.polynomial.legendre.leggauss(12)
    half = np.diff(edges)[:, None] / 2
    y, w = ((edges[1:] + edges[:-1])[:, None] / 2 + half * points).ravel(), (half * shares).ravel()
    norm = np.log(w) - math.log(spread * math.sqrt(2 * math.pi))
    ahead = y - lr * curve.slopes(y)
    moves = -((y[None, :] - ahead[:, None]) ** 2) / (2 * spread**2) + norm
    out = log_ndtr((ends[0] - ahead) / spread)
    p, steps = out.copy(), 40
    for _ in range(steps - 2):
        p = np.logaddexp(out, logsumexp(moves + p, axis=1))
    first = logsumexp(-((y - 3.0) ** 2) / (2 * spread**2) + norm + p)
    found = flux.rare_exits(QUARTIC, 1, 3.0, lr, T, (steps,))
    assert found.log_p[0] == pytest.approx(first, abs=1e-7)
    assert found.log_p[0] < -500.0


def test_the_pinned_logarithms():
    """T = 0.005 and 0.002 on the quartic, h = 0.01: h times the mean is the SDE's time within the bias of the step."""
    for T, mean in ((0.005, 182.19815746), (0.002, 453.08406741)):
        found = flux.rare_exits(QUARTIC, 1, 3.0, 0.01, T, (2500, 10**15))
        assert found.log_mean / math.log(10) == pytest.approx(mean, abs=2e-8)
        assert found.log_error < 1e-10
        assert found.log_p[1] == pytest.approx(15 * math.log(10) - found.log_mean, abs=1e-9)
        assert found.log_p[0] < found.log_p[1]


def test_what_is_not_known_is_said():
    found = flux.rare_exits(QUARTIC, 1, 3.0, 0.01, 0.005, (1, 2500))
    assert math.isnan(found.log_p[0])
    assert log_ndtr((QUARTIC.separators[0] - 3.0) / 0.01) < found.log_below  # the chance to leave in one step
    with pytest.raises(nystrom.OutOfReach, match="no way out"):
        flux.rare_exits(find.loss("quadratic", 1), 0, 0.0, 0.01, 0.01, (10,))
    with pytest.raises(nystrom.OutOfReach, match="panels"):
        flux.rare_exits(QUARTIC, 1, 3.0, 0.01, 1e-6, (10,))
    with pytest.raises(nystrom.OutOfReach, match="above the minimum"):
        flux.rare_exits(QUARTIC, 1, 1.9, 0.01, 0.002, (10,))


@pytest.mark.parametrize("T", [0.02, 0.01])
def test_an_exit_by_way_of_the_far_side_is_not_cut_off(T):
    """At h = 0.1 the quartic is left from the right, where one step leads beyond the wall: 10^8 times more often."""
    exits = chain.exits(QUARTIC, 1, 3.0, 0.1, T, (10, 2500))
    assert (exits.p_error < 1e-9 * exits.p).all()
    assert math.log10(exits.mean[0]) == pytest.approx({0.02: 26.42477443, 0.01: 51.58252990}[T], abs=1e-8)
