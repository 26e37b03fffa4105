"""Adam against PyTorch's formula, and the laws that it obeys."""

import math

import numpy as np
import pytest
from walks import ON_QUARTIC, QUARTIC, walk

from dynbench import find

pytestmark = pytest.mark.quick


def torch_adam(x, steps, lr, beta1, beta2, eps):
    """As `_single_tensor_adam` computes it."""
    exp_avg = exp_avg_sq = 0.0
    places = [x]
    for step in range(1, steps + 1):
        g = QUARTIC.grad(x)
        exp_avg += (1 - beta1) * (g - exp_avg)
        exp_avg_sq = beta2 * exp_avg_sq + (1 - beta2) * g * g
        denom = math.sqrt(exp_avg_sq) / math.sqrt(1 - beta2**step) + eps
        x -= lr / (1 - beta1**step) * exp_avg / denom
        places.append(x)
    return places


@pytest.mark.parametrize("given", [(0.01, 0.9, 0.999, 1e-8), (0.1, 0.9, 0.9999, 0.0), (0.001, 0.5, 0.9, 1e-3)])
@pytest.mark.parametrize("start", [0.1, 2.5, 4.0])
def test_parity_with_the_formula_of_torch(start, given):
    """torch.optim.Adam itself (2.13, float64) was within 1e-13 at each of 5000 steps."""
    lr, beta1, beta2, eps = given
    path = walk("adam", start, 1500, *ON_QUARTIC, lr=lr, beta1=beta1, beta2=beta2, eps=eps)
    assert path == pytest.approx(torch_adam(start, 1500, *given), rel=1e-12)


def test_under_a_constant_gradient_it_goes_lr_a_step():
    """Its averages are of one number only, from the first step on."""
    for g in (1e-3, -7.0):
        path = walk("adam", 0.0, 3000, lambda _: 0.0, lambda _, g=g: g, eps=0.5)
        assert path == pytest.approx([-0.01 * n * g / (abs(g) + 0.5) for n in range(3001)], rel=1e-12)


def test_without_eps_it_does_not_see_the_scale_of_the_loss():
    """Times 4 is exact, so that not a bit changes; with an ε it does."""

    def path(scale, eps):
        return walk("adam", 4.0, 1000, QUARTIC.value, lambda x: scale * QUARTIC.grad(x), lr=0.1, eps=eps)

    assert path(4.0, 0.0) == path(1.0, 0.0)
    assert path(4.0, 0.1) != path(1.0, 0.1)


def test_without_momentum_it_is_rmsprop_corrected():
    """√(v/(1 - β₂ⁿ)) for √v: steps are √(1 - β₂ⁿ) times as long."""

    def steps_of(rule, **given):
        told = iter(np.random.default_rng(3).normal(size=500).tolist())
        return np.diff(walk(rule, 0.0, 500, lambda _: 0.0, lambda _: next(told), eps=0.0, **given))

    shorter = np.sqrt(1 - 0.999 ** np.arange(1, 501))
    assert steps_of("adam", beta1=0.0) == pytest.approx(steps_of("rmsprop", beta=0.999) * shorter, rel=1e-10)


def test_its_memory_comes_to_rest():
    """No average of 1 creeps on for ever, nor becomes a subnormal number: both would be slow."""
    rule = find.dynamics("adam")
    state = rule.start(0.01)
    for _ in range(40_000):
        _, state = rule.step(0.0, 1.0, 0.0, 1.0, 0.01, state)
    assert rule.step(0.0, 1.0, 0.0, 1.0, 0.01, state)[1] == state
    assert state == pytest.approx((1.0,) * 4, rel=1e-12)
