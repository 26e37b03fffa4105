"""The compiled engine equals plain Python to the last bit, over losses, rules and variants (corners: test_corners).

Plain Python takes 0.1 s for a case and compiling it up to 2 s, hence the processes that compile all cases first.
"""

import hashlib
import itertools
import subprocess
from pathlib import Path

import pytest
from batches import batch, run, scattered
from kernel_cache import compiled
from reference import assert_same

from dynbench import find
from dynbench.backends.cpu import cores
from dynbench.kernels.link import sources
from dynbench.kernels.step import RECORDS, Variant

TARGETS = (1.0, 1e-3)
# name: temperature, noise in the gradient, step, records
VARIANTS = {
    "plain": (0.0, 0.0, 0.01, ()),
    "coarse": (0.0, 0.0, 0.1, RECORDS),
    "noisy": (0.3, 0.0, 0.01, ()),
    "all": (0.2, 0.5, 0.3, RECORDS),
}
OTHERS = 40  # pairs chosen by the commit
THREE_RULES = ("gradient", "capped", "rmsprop")
THREE_LOSSES = (("quartic", 1), ("himmelblau", 2), ("rastrigin", 6))


def members() -> list[tuple[str, int]]:
    """Every loss in every dimension that is tested: unrolled (1, 2, 3) and in rows (6)."""
    found = []
    for name in find.losses():
        loss = find.loss(name)
        lo, hi = loss.dims
        found += [(name, d) for d in ((loss.dim,) if loss.dim else (1, 2, 3, 6)) if loss.dim or lo <= d <= hi]
    return found


def commit() -> str:
    """The commit's hash; without git one fixed sample."""
    asked = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=Path(__file__).parent, capture_output=True, text=True, check=False
    )
    return asked.stdout.strip()


def always() -> list[tuple]:
    """Every loss with three rules (dimensions in turn), every rule with three losses; variants in turn."""
    dims = {name: [d for n, d in members() if n == name] for name in find.losses()}
    pairs = [(name, dims[name][(2 * j + 1) % len(dims[name])], r) for name in dims for j, r in enumerate(THREE_RULES)]
    pairs += [(name, dim, rule) for rule in find.rules() for name, dim in THREE_LOSSES]
    return [(*pair, variant) for pair, variant in zip(dict.fromkeys(pairs), itertools.cycle(VARIANTS), strict=False)]


EVERY = [(*member, rule, v) for member, rule, v in itertools.product(members(), find.rules(), VARIANTS)]
ALWAYS = always()
SEED = commit()
SHUFFLED = sorted(set(EVERY) - set(ALWAYS), key=lambda case: hashlib.sha256(f"{SEED}{case}".encode()).digest())


@pytest.fixture(scope="module", autouse=True)
def _compiled(request):
    """The kernels of the chosen cases, compiled by several processes, once for all workers of pytest."""
    cases = [i.callspec.params["case"] for i in request.session.items if i.module is request.module]
    texts = []
    for name, dim, rule, variant in cases:
        temperature, noise, _, record = VARIANTS[variant]
        which = Variant(temperature > 0.0, noise > 0.0, record)
        texts += sources(find.loss(name, dim), find.dynamics(rule), which)
    compiled(texts, cores())


def check(name: str, dim: int, rule: str, variant: str, n: int, steps: int) -> None:
    """Noise is what costs time in plain Python, hence fewer trajectories with it."""
    loss, dynamics = find.loss(name, dim), find.dynamics(rule)
    temperature, noise, lr, record = VARIANTS[variant]
    n = max(1, n // (1 + dim // 2)) if temperature or noise else n
    whole = batch(loss, dynamics, scattered(loss, n), lr, temperature, noise)
    endings = run(loss, dynamics, whole, steps, targets=TARGETS, record=record, paths=2)
    assert_same(endings, loss, dynamics, whole, steps, list(TARGETS))


@pytest.mark.parametrize("case", ALWAYS, ids=lambda c: "-".join(map(str, c)))
def test_pairs(case):
    check(*case, n=5, steps=170)


@pytest.mark.slow
@pytest.mark.parametrize("case", SHUFFLED[:OTHERS], ids=lambda c: "-".join(map(str, c)))
def test_pairs_chosen_by_the_commit(case):
    check(*case, n=5, steps=170)


@pytest.mark.every
@pytest.mark.parametrize("case", EVERY, ids=lambda c: "-".join(map(str, c)))
def test_every_pair(case):
    check(*case, n=9, steps=333)
