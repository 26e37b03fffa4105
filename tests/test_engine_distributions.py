"""Random runs of the compiled engine against exact laws: escapes, the Cauchy law, the noisy chain, its variance."""

from math import inf, log, nextafter, sqrt

import numpy as np
import pytest
from batches import of, path
from raised import RAISED
from scipy import stats

from dynbench import find

QUARTIC = find.loss("quartic")
QUADRATIC = find.loss("quadratic", 1)
L_STAR, WALL = QUARTIC.minima[1].value, QUARTIC.separators[0]
COUNT = 100_000


@pytest.mark.statistics
def test_the_critical_cap():
    """M_c = D/(h L*): nothing leaves below it, some trajectories do just above (4096 starts, 20000 steps, seed 1)."""
    critical = QUARTIC.minima[1].distance / (0.01 * L_STAR)
    x0 = 3.0 + 0.5 * np.random.default_rng(1).uniform(-1, 1, 4096)
    for share, some in ((0.3, False), (0.9, False), (0.9995, False), (1.0002, True), (1.003, True)):
        left = (of(QUARTIC, "capped", x0, 20000, cap=share * critical).t_exit >= 0).sum()
        assert (left > 0) == some
    just = nextafter(3.0, inf)
    assert of(QUARTIC, "capped", [just], 1, cap=0.99999 * critical).x[0, 0] > WALL
    assert of(QUARTIC, "capped", [just], 1, cap=1.00001 * critical).x[0, 0] < WALL


@pytest.mark.statistics
@pytest.mark.parametrize("steps", [1, 20, 200])
def test_the_exact_cauchy_law(steps):
    """Boole-Cauchy: u_0 ~ Cauchy(z_0) gives u_n ~ Cauchy(z_n), z -> (1 - h/2) z - c/z, complex, c = h L*/lambda.

    Kolmogorov-Smirnov, alpha = 1e-8 for each of three n, 100000 starts, seed 7.
    """
    lr, z = 0.05, 0.3 + 0.2j
    u0 = stats.cauchy(z.real, z.imag).rvs(COUNT, random_state=np.random.default_rng(7))
    for _ in range(steps):
        z = (1 - lr / 2) * z - lr * L_STAR / 12.0 / z
    u = of(RAISED, "global_flow", u0, steps, lr).x[0]
    assert stats.kstest(u, stats.cauchy(z.real, z.imag).cdf).pvalue > 1e-8


@pytest.mark.statistics
@pytest.mark.parametrize(("lr", "within"), [(0.01, 8e-3), (1.0, 8e-3)])
def test_the_lyapunov_exponent(lr, within):
    """ln(1 + 2 sqrt(a (1 - a))), a = 1 - h/2: the mean of ln |a + c/u^2| over u, 1024 runs of 2000 steps, seed 8.

    `within` is over six of the standard errors that the spread of the runs' means gives (asserted).
    """
    a, c = 1 - lr / 2, lr * L_STAR / 12.0
    scale = sqrt(2 * L_STAR / 12.0)
    u0 = stats.cauchy(0, scale).rvs(1024, random_state=np.random.default_rng(8))
    u = path(RAISED, "global_flow", u0, 2000, lr)[:, :-1, 0]
    runs = np.log(np.abs(a + c / u**2)).mean(axis=1)
    assert 6 * runs.std() / sqrt(len(runs)) < within
    assert abs(runs.mean() - log(1 + 2 * sqrt(a * (1 - a)))) < within


def agrees(successes, probability):
    """|z| < 6 (alpha 2e-9 where the normal law holds): the share of COUNT trajectories against its exact value."""
    return abs(successes - COUNT * probability) < 6 * sqrt(COUNT * probability * (1 - probability)) + 1


@pytest.mark.statistics
@pytest.mark.parametrize(
    ("temperature", "steps", "exact"),
    [
        (0.5, 100, 0.02538597112),
        (0.5, 500, 0.1518980382),
        (0.5, 2500, 0.5768297394),
        (0.2, 500, 3.318547873e-4),
        (0.2, 2500, 1.774112105e-3),
    ],
)
def test_the_noisy_chain_leaves_with_its_exact_probability(temperature, steps, exact):
    """P(out of the well by step n) from x = 3, h = 0.01, by Nystrom's method; 100000 trajectories, seed 11."""
    endings = of(QUARTIC, "gradient", np.full(COUNT, 3.0), steps, temperature=temperature, seed=11)
    assert agrees((endings.t_exit >= 0).sum(), exact)


@pytest.mark.statistics
@pytest.mark.parametrize("kind", ["temperature", "gradient_noise"])
def test_the_variance_of_the_noisy_chain_on_a_quadratic(kind):
    """AR(1), rho = 1 - h lambda: Var_n = s^2 (1 - rho^2n)/(1 - rho^2), where s^2 = 2 T h, or (h sigma)^2 for gradients.

    100000 trajectories, seed 12; a sample variance of normals has relative spread sqrt(2/n) = 0.0045; |z| < 6.
    """
    lr, stiffness, strength = 0.05, 3.0, 0.4
    each = 2 * strength * lr if kind == "temperature" else (lr * strength) ** 2
    rho = 1 - lr * stiffness
    for steps in (1, 2, 7, 101):
        x = of(QUADRATIC, "gradient", np.zeros(COUNT), steps, lr, seed=12, curvature=stiffness, **{kind: strength}).x[0]
        exact = each * (1 - rho ** (2 * steps)) / (1 - rho**2)
        assert abs(x.var() / exact - 1) < 6 * sqrt(2 / COUNT)
        assert abs(x.mean()) < 6 * sqrt(exact / COUNT)
        assert abs(stats.kurtosis(x)) < 6 * sqrt(24 / COUNT)


@pytest.mark.statistics
def test_coordinates_and_steps_are_independent():
    """Correlations of three moves of three coordinates: 100000 trajectories, seed 13, |z| < 6."""
    loss = find.loss("quadratic", 3)
    moved = path(loss, "gradient", np.zeros((3, COUNT)), 3, 0.05, temperature=0.5, seed=13)[:, :, :3]
    rho = 1 - 0.05
    kicks = (moved[:, 1:] - rho * moved[:, :-1]).reshape(COUNT, 9)
    off = np.corrcoef(kicks.T) - np.eye(9)
    assert abs(off).max() < 6 / sqrt(COUNT)
    np.testing.assert_allclose(kicks.var(axis=0), 2 * 0.5 * 0.05, rtol=6 * sqrt(2 / COUNT))
