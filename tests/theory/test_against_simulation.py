"""Every number that theory prints, against simulation of what it is said of.

The test walks over the predictions themselves: each says by its `quantity` what a simulation measures (or by its name,
for those of the capped flow), and one that no measurement here knows fails.  So a new prediction is checked, or asks
for its measurement.

Shares and means: the compiled engine, n for a half-width of 0.5% (of a share) and at least 400 exits where P > 1e-4.
One fails where seeds 11 and 12 both give |z| >= 4 beyond its own bound: 4e-9 a number, below 1e-6 for all of them.
Rarer ones: the solved chain at another resolution, and one by splitting.  The SDE's numbers: finite differences, whose
error is that of half as many points.  Limits: the rule itself, in plain Python, on either side.
"""

import math
from functools import cache

import numpy as np
import pytest
from batches import batch, run
from scipy.linalg import eigh_tridiagonal, solve_banded
from scipy.optimize import newton

from dynbench import find
from dynbench.theory import chain, kramers, nystrom, passage, rare, thresholds
from dynbench.theory.coordinate import coordinate, neighbours, walls
from dynbench.theory.predictions import predictions

STEPS = (30, 300, 2500)
SEEDS = (11, 12)
BY_NAME = {
    "critical_cap": "first step",
    "two_cycle_cap": "2-cycle",
    "onset_cap": "onset near",
    "onset_cap_anywhere": "onset anywhere",
    "escape_rate": "capped rate",
    "capped_time": "capped mean",
    "p_escape_capped": "capped left within",
}
CHOSEN = [  # loss, dimension, lr, T, x0, labels: a fixed few, from every loss
    ("quartic", 1, 0.01, 0.5, None, (0, 1)),
    ("quartic", 1, 0.1, 0.3, 2.5, (1,)),
    ("quartic", 1, 0.01, 0.1, None, (1,)),
    ("quartic", 1, 0.02, 0.004, None, (1,)),
    ("quartic_article", 1, 0.02, 0.7, 3.3, (1,)),
    ("double_well_tilted", 1, 0.1, 0.05, None, (0, 1)),
    ("rastrigin", 1, 0.002, 3.0, None, (1, 4)),
    ("rastrigin", 2, 0.002, 3.0, None, (1,)),
    ("himmelblau", 2, 0.002, 1.0, None, (0, 1, 2, 3)),
    ("quadratic", 1, 0.1, 1.0, None, (0,)),
]


def stiffest(name):
    return max(m.curvatures[-1] for m in find.loss(name).minima)


def barrier(name):
    """The lowest way out of the minima asked about; 1 where there is none."""
    return min((m.barrier for m in find.loss(name).minima[:11] if math.isfinite(m.barrier)), default=1.0)


EVERY = [
    (name, dim, scale / stiffest(name), share * height, None, labels)
    for name, dim, labels in (
        ("quartic", 1, (0, 1)),
        ("quartic_article", 1, (0, 1)),
        ("double_well_tilted", 1, (0, 1)),
        ("rastrigin", 1, tuple(range(11))),
        ("rastrigin", 2, tuple(range(11))),
        ("himmelblau", 2, (0, 1, 2, 3)),
        ("quadratic", 2, (0,)),
    )
    for scale in (0.03, 0.2, 0.8)
    for height in (barrier(name),)
    for share in (1 / 100, 1 / 20, 1 / 6, 1 / 2)
]


def named(setting):
    name, dim, lr, T, x0, _ = setting
    return f"{name}-{dim}-h{lr:.3g}-T{T:.3g}" + (f"-from{x0:g}" if x0 is not None else "")


class Case:
    """One minimum of one setting: what is predicted of it, and the loss, lr and temperature it is predicted at."""

    def __init__(self, loss, label, lr, temperature, record):
        self.loss, self.label, self.lr, self.temperature = loss, label, lr, temperature
        self.record, self.minimum = record, loss.minima[label]
        self.centre = np.array(record["x"])
        self.start = self.centre if record["start"] is None else np.array([record["start"]])


@pytest.mark.slow
@pytest.mark.statistics
@pytest.mark.parametrize("setting", CHOSEN, ids=named)
def test_every_number_that_theory_prints(setting):
    name, dim, lr, temperature, x0, labels = setting
    loss = find.loss(name, dim)
    for record, label in zip(predictions(loss, lr, temperature, STEPS, None, x0, labels), labels, strict=True):
        case, checked = Case(loss, label, lr, temperature, record), 0
        for one in record["predictions"]:
            if one.known and one.words:
                quantity = one.quantity or BY_NAME.get(one.name, "")
                assert quantity in MEASURED, f"nothing here measures {one.name!r} ({one.quantity!r}): add how"
                MEASURED[quantity](case, one)
                checked += 1
        assert checked >= 4


@pytest.mark.every
@pytest.mark.statistics
@pytest.mark.parametrize("setting", EVERY, ids=named)
def test_every_number_over_the_whole_range(setting):
    test_every_number_that_theory_prints(setting)


# ---- limits: the rule itself, in plain Python ----------------------------------------------------------


def slopes(loss, x):
    """L and its gradient at x (dim,), as floats."""
    if loss.value_grad is None:
        return loss.value(x[0]), [loss.grad(x[0])]
    g = [0.0] * len(x)
    return loss.value_grad(x, g, *loss.parameters.values()), g


def walk(loss, rule, x, lr, count, parameters):
    """The points of a walk, (count, dim)."""
    given = [(rule.parameters | parameters)[name] for name in rule.parameters]
    memory = [rule.start(lr, *given) if rule.start else () for _ in x]
    seen = []
    for _ in range(count):
        value, g = slopes(loss, x)
        norm = math.sqrt(math.fsum(c * c for c in g))
        moved = [rule.step(x[d], g[d], value, norm, lr, memory[d], *given) for d in range(len(x))]
        x, memory = [c + step[0] for c, step in zip(x, moved, strict=True)], [step[1] for step in moved]
        seen.append(x)
    return np.array(seen)


def settles(case, one, at):
    """How far from the minimum a start beside it ends, relative to where it starts."""
    rule, lr = find.dynamics(one.rule), at if one.axis == "lr" else case.lr
    given = dict(one.parameters) | ({} if one.axis == "lr" else {one.axis: at})
    scale = min(case.lr, 1e-2) * 1e-4
    x = [c + scale * (1.0 + 0.3 * d) for d, c in enumerate(case.centre)]
    far = np.abs(walk(case.loss, rule, x, lr, 1500, given)[-40:] - case.centre).max()
    return far / scale


def limit(case, one):
    """On the one side of it the rule ends much nearer than it began, on the other much farther."""
    sign = -1.0 if one.quantity == "settles below" else 1.0
    assert settles(case, one, one.value * (1.0 + sign * 0.02)) < 1e-3, one
    assert settles(case, one, one.value * (1.0 - sign * 0.02)) > 3.0, one


def first_step(case, one):
    """A step from right beside the minimum reaches the edge: exactly from that cap on, in one dimension."""
    if case.loss.dim != 1:
        return
    rule, (lo, hi) = find.dynamics(one.rule), walls(case.loss, case.label)
    beside = 1e-9 * case.minimum.distance
    for factor, leaves in ((1.0 - 1e-6, False), (1.0 + 1e-6, True)):
        given = dict(one.parameters) | {"cap": factor * one.value}
        ends = [
            walk(case.loss, rule, [case.centre[0] + side * beside], case.lr, 1, given)[0, 0] for side in (-1.0, 1.0)
        ]
        assert any(not lo < end < hi for end in ends) is leaves, one


def two_cycle(case, one):
    """From right beside the cycle, which a root finder has: it attracts below its end, and not above."""
    rule, f_star = find.dynamics(one.rule), one.parameters["f_star"]
    a = thresholds.cap_amplitude(case.minimum, case.lr, 0.975 * one.value, f_star)
    given = {"cap": 0.98 * one.value, "f_star": f_star}
    place = newton(
        lambda x: walk(case.loss, rule, [x], case.lr, 2, given)[1, 0] - x,
        case.centre[0] + a,
        tol=1e-15,
        rtol=1e-13,
        disp=False,
    )
    for factor, attracts in ((0.98, True), (1.01, False)):
        start = [place + 1e-4 * a]
        given = {"cap": factor * one.value, "f_star": f_star}
        ends = walk(case.loss, rule, start, case.lr, 4000, given)[-6:, 0]
        off = max(abs(ends[-1] - ends[-3]), abs(ends[-2] - ends[-4]))
        assert bool(off < 1e-6 * a) is attracts, one


# ---- shares and means: the engine ----------------------------------------------------------------------


@cache
def exits(loss, rule, x0, n, lr, temperature, steps, seed, parameters=()):
    """Step of the exit of n trajectories, -1 for never; one that diverges from inside is an exit, as to the chain.

    `x0`: a point, or (lo, hi) of starts spread evenly over an interval.
    """
    points = np.repeat(np.array(x0)[:, None], n, axis=1) if len(x0) == loss.dim else np.linspace(*x0, n)[None]
    whole = batch(loss, find.dynamics(rule), points, lr, temperature, seed=seed, **dict(parameters))
    ended = run(loss, find.dynamics(rule), whole, steps, workers=2)
    return np.where((ended.t_exit < 0) & (ended.t_diverged >= 0), ended.t_diverged, ended.t_exit)


def noisy_exits(case, n, steps, seed):
    return exits(case.loss, "gradient", tuple(case.start), n, case.lr, case.temperature, steps, seed)


def twice(z_of_seed, one):
    """Fails where both seeds are 4 standard errors off."""
    first = z_of_seed(SEEDS[0])
    assert abs(first) < 4.0 or abs(z_of_seed(SEEDS[1])) < 4.0, (one, first)


def many(p, steps):
    """n for a half-width of 0.5% and 400 exits, in reach of a minute for all."""
    return int(min(max(4.0 * p * (1.0 - p) * (1.96 / 0.005) ** 2 / 4.0, 400.0 / p, 2000.0), 1e6, 1.5e8 / steps))


def left_within(case, one):
    p = one.value
    if not p > 1e-4 or many(p, one.steps) * p < 50.0:
        solved_again(case, one)
        return
    n = many(p, one.steps)

    def z(seed):
        t = noisy_exits(case, n, one.steps, seed)
        k = int(((t >= 0) & (t <= one.steps)).sum())
        return (k - n * p) / math.sqrt(max(n * p * (1.0 - p), 1.0))

    twice(z, one)


@cache
def other_resolution(loss, label, start, lr, temperature, steps):
    """p by 14 nodes a panel, and another end of an open side; 0 where floats, or the work allowed, do not do."""
    ahead = np.array([start - lr * coordinate(loss).slope(start)])
    try:
        of = nystrom.chain(loss, label, lr, temperature, nystrom.Grid(14, 9.0, 70.0))
        return tuple(chain.seen(of, ahead, np.array(steps), False)[0][:, 0].tolist())
    except nystrom.OutOfReach:
        return (0.0,) * len(steps)


def solved_again(case, one):
    """The chain at another resolution; a moderately rare one of a single coordinate by splitting as well."""
    start = float(case.start[0])
    p = other_resolution(case.loss, case.label, start, case.lr, case.temperature, (one.steps,))[0]
    if p > 1e-290:
        p = -math.expm1(case.loss.dim * math.log1p(-p))
        assert math.log10(p) == pytest.approx(one.log10, abs=1e-8), one
    else:
        late = next(o for o in case.record["predictions"] if o.name == "late_hazard")
        assert one.log10 < late.log10 + math.log10(one.steps) + 1e-6, one
    if 1e-10 < p < 1e-6 and case.loss.dim == 1 and one.steps == 300:
        splits = [
            rare.escape(
                case.loss, find.dynamics("gradient"), {}, case.lr, case.temperature, start, one.steps, 300, 30, s
            )
            for s in SEEDS
        ]
        assert any(abs(found.p - one.value) < 4.0 * found.se for found in splits), (one, splits)


def mean_steps(case, one):
    if not one.value < 3000.0:
        late = next(o for o in case.record["predictions"] if o.name == "late_hazard")
        assert one.log10 == pytest.approx(-late.log10, abs=0.05), one  # what is slow to leave forgets its start
        return
    n = int(min(40_000, 3e7 / one.value))

    def z(seed):
        t = noisy_exits(case, n, int(30 * one.value) + 200, seed)
        assert (t >= 0).mean() > 1.0 - 1e-6
        return (t.mean() - one.value) / (t.std() / math.sqrt(n))

    twice(z, one)


def late_hazard(case, one):
    """Of those still inside after 40 relaxations, the share that leaves within the next 1/hazard steps or 2000."""
    slowest = case.minimum.curvatures[0]
    begin = min(int(40.0 / (case.lr * slowest)), 4000)
    if not one.value > 2e-6:
        return  # `mean_steps` and `left_within` look at it
    window = int(min(1.0 / one.value, 2000.0)) + 1
    stay = (1.0 - one.value) ** begin
    p = -math.expm1(window * math.log1p(-one.value))
    n = int(many(p, begin + window) / max(stay, 0.02))
    n = min(n, 400_000)

    def z(seed):
        t = noisy_exits(case, n, begin + window, seed)
        risk = int(((t < 0) | (t > begin)).sum())
        k = int(((t > begin) & (t <= begin + window)).sum())
        return (k - risk * p) / math.sqrt(max(risk * p * (1.0 - p), 1.0)) if risk * p > 20.0 else 0.0

    twice(z, one)


def spread_exits(case, one, steps, n, seed=0):
    """Exits of the capped flow from starts spread as the prediction says."""
    width = 0.05 * case.minimum.distance
    given = tuple(sorted(one.parameters.items()))
    at = (float(case.start[0]) - width, float(case.start[0]) + width)
    shift = seed * 1e-7 * width  # other starts, so other trajectories: all chance is in them
    return exits(case.loss, one.rule, (at[0] + shift, at[1] + shift), n, case.lr, 0.0, steps, 1, given)


def capped_left_within(case, one):
    if not one.parameters:  # from the minimum itself, where nothing moves
        still = walk(case.loss, find.dynamics(one.rule), list(case.start), case.lr, 3, {"cap": 1e6})
        assert (still == case.start).all()
        return
    t = spread_exits(case, one, max(STEPS), 40_000)
    share = float(((t >= 0) & (t <= one.steps)).mean())
    assert one.holds(share, 4.0 * math.sqrt(max(share * (1.0 - share), 1e-6) / len(t))), (one, share)


def capped_mean(case, one):
    steps = int(30 * one.value / case.lr)
    t = spread_exits(case, one, steps, int(min(4000, max(5e8 / steps, 300))))
    gone = t[t >= 0]
    assert len(gone) > 0.999 * len(t)
    mean = case.lr * float(np.where(t < 0, 30 * one.value / case.lr, t).mean())
    assert one.holds(mean, 4.0 * case.lr * float(gone.std()) / math.sqrt(len(t))), (one, mean)


def capped_rate(case, one):
    """Exits over the time at risk, from a third of the mean time on to twice it."""
    mean = 1.0 / one.value / case.lr
    begin, end = int(0.5 * mean), int(2.5 * mean)
    t = spread_exits(case, one, int(2.5 * mean), int(min(8000, max(5e8 / mean, 300))), 1)
    t = np.where(t < 0, end + 1, t)
    late = t[t > begin]
    events = int((late <= end).sum())
    rate = events / (case.lr * float(np.minimum(late, end).sum() - begin * len(late)))
    assert one.holds(rate, 4.0 * rate / math.sqrt(events)), (one, rate)


def onset(case, one, lo, hi):
    """Below the onset nobody leaves, of 4001 starts and 3000 steps."""
    given = tuple(sorted((dict(one.parameters) | {"cap": (1.0 - 1e-4) * one.value}).items()))
    t = exits(case.loss, one.rule, (lo, hi), 4001, case.lr, 0.0, 3000, 1, given)
    assert (t < 0).all(), one


def onset_near(case, one):
    width = 0.05 * case.minimum.distance
    onset(case, one, case.centre[0] - width, case.centre[0] + width)


def onset_anywhere(case, one):
    (a, b), (lo, hi) = walls(case.loss, case.label), case.loss.domain[0]
    edge = 1e-9 * case.minimum.distance
    onset(case, one, max(a + edge, lo), min(b - edge, hi))


# ---- the SDE: finite differences ------------------------------------------------------------------------


def generator(case, a, b, points):
    """Places, and the bands of T d²/dx² - L' d/dx in the form T e^{L/T} d/dx (e^{-L/T} d/dx .), 0 at a and b."""
    curve, T = coordinate(case.loss), case.temperature
    x = np.linspace(a, b, points + 2)
    half, height = (x[1:] + x[:-1]) / 2.0, curve.values(x[1:-1])
    to = T / (x[1] - x[0]) ** 2
    between = curve.values(half)
    left, right = (to * np.exp((height - side) / T) for side in (between[:-1], between[1:]))
    return x[1:-1], left, right


def ends(case, name):
    """Where the SDE is stopped: at the walls, or at the neighbouring minima; an open side far up."""
    if name == "passage_time":
        a, b = walls(case.loss, case.label)
    else:
        left, right = neighbours(case.loss, case.label)
        a = -math.inf if left is None else case.loss.minima[left].x[0]
        b = math.inf if right is None else case.loss.minima[right].x[0]
    curve, centre = coordinate(case.loss), float(case.centre[0])
    far = {
        side: nystrom.end(curve, centre, side, (a, b), case.loss.domain[0], 1e-3, case.temperature, nystrom.COARSE)
        for side, wall in ((-1, a), (1, b))
        if not math.isfinite(wall)
    }
    return far.get(-1, a), far.get(1, b), -1 in far, 1 in far


def mean_by_differences(case, name, start, points):
    a, b, open_left, open_right = ends(case, name)
    x, left, right = generator(case, a, b, points)
    bands = np.zeros((3, points))
    bands[0, 1:], bands[1], bands[2, :-1] = -right[:-1], left + right, -left[1:]
    if open_left:
        bands[1, 0] -= left[0]  # nothing leaves there
    if open_right:
        bands[1, -1] -= right[-1]
    u = solve_banded((1, 1), bands, np.ones(points))
    return float(np.interp(start, np.concatenate([[a], x, [b]]), np.concatenate([[0.0], u, [0.0]])))


def richardson(function):
    """The limit of a second-order sequence, and what it may be off."""
    coarse, fine = function(2000), function(4001)
    return fine + (fine - coarse) / 3.0, abs(fine - coarse)


def sde_time(case, one):
    if case.minimum.barrier > 14.0 * case.temperature:  # differences lose their digits: Kramers' law is near by then
        law = kramers.log_kramers_time(case.loss, case.label, case.temperature) / math.log(10.0)
        walls_only = math.log10(2.0) if one.name == "passage_time" else 0.0
        assert one.log10 == pytest.approx(law - walls_only, abs=0.1), one
        return
    truth, off = richardson(lambda points: mean_by_differences(case, one.name, float(case.start[0]), points))
    assert one.value == pytest.approx(truth, rel=1e-4, abs=off), one


def sde_probability(case, one):
    """Of reaching the next minimum before its own: the integral of e^{L/T} by 200 000 trapezes."""
    x, own = float(case.start[0]), float(case.centre[0])
    other = neighbours(case.loss, case.label)[0 if x < own else 1]
    places = np.linspace(own, case.loss.minima[other].x[0], 200_001)
    weight = np.exp((coordinate(case.loss).values(places) - coordinate(case.loss).value(x)) / case.temperature)
    share = np.concatenate([[0.0], np.cumsum(weight[1:] + weight[:-1])])
    truth = np.interp(abs(x - own), np.abs(places - own), share / share[-1])
    assert one.value == pytest.approx(truth, rel=1e-5), one


def sde_time_of_any(case, one):
    """Kramers' law: against the mean, or that of the first of several coordinates, by eigenvalues of the generator."""
    if case.minimum.barrier > 14.0 * case.temperature:
        exact = passage.log_passage_time_to_other_well(case.loss, case.label, float(case.centre[0]), case.temperature)
        off = abs(math.expm1(one.log10 * math.log(10.0) - exact + math.log(case.loss.dim)))
        assert off <= one.bound * (1.0 + 1e-9), one
        return

    def truth(points):
        a, b, open_left, open_right = ends(case, "passage_time_to_other_well")
        x, left, right = generator(case, a, b, points)
        middle = left + right
        middle[0] -= left[0] if open_left else 0.0
        middle[-1] -= right[-1] if open_right else 0.0
        rates, modes = eigh_tridiagonal(middle, -np.sqrt(right[:-1] * left[1:]), select="i", select_range=(0, 30))
        height = coordinate(case.loss).values(x) / (2.0 * case.temperature)
        shares = (modes * np.exp(height - height.min())[:, None]) * (
            modes * np.exp(height.min() - height)[:, None]
        ).sum(0)
        own = np.array([np.interp(case.centre[0], x, mode) for mode in shares.T])  # S(t) = Σ own e^{-rate t}
        if case.loss.dim == 1:
            return float((own / rates).sum())
        assert case.loss.dim == 2
        return float((own[:, None] * own / (rates[:, None] + rates)).sum())

    value, off = richardson(truth)
    assert one.holds(value, off), (one, value)


def lr_mean_steps(case, one):
    mean = next(o for o in case.record["predictions"] if o.name == "mean_steps")
    if math.isfinite(one.value) and math.isfinite(mean.value):
        assert one.holds(case.lr * mean.value, 1e-9 * case.lr * mean.value), one
    assert one.bound > 0.0


def crossing(one, rate_at):
    """The flow's rate lies between those of the ends of the interval that the bound gives."""
    lo, hi = one.value * (1.0 - one.bound), one.value * (1.0 + one.bound)
    assert rate_at(lo) < one.parameters["rate"] < rate_at(hi), one


def sde_rate(case, one):
    centre = float(case.centre[0])
    crossing(one, lambda T: 1.0 / passage.passage_time(case.loss, case.label, centre, T))


def late_rate(case, one):
    centre = float(case.centre[0])
    crossing(one, lambda T: chain.exits(case.loss, case.label, centre, case.lr, T, ()).hazard / case.lr)


MEASURED = {
    "settles below": limit,
    "settles above": limit,
    "first step": first_step,
    "2-cycle": two_cycle,
    "onset near": onset_near,
    "onset anywhere": onset_anywhere,
    "capped rate": capped_rate,
    "capped mean": capped_mean,
    "capped left within": capped_left_within,
    "left within": left_within,
    "mean steps": mean_steps,
    "late hazard": late_hazard,
    "lr mean steps": lr_mean_steps,
    "SDE time": sde_time,
    "SDE time of any": sde_time_of_any,
    "SDE probability": sde_probability,
    "SDE rate": sde_rate,
    "late rate": late_rate,
}
