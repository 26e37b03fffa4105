"""What the noisy gradient does in one well of a loss, as predictions: the chain itself, the SDE that it steps, Kramers.

The chain and the SDE are solved exactly; where their answers pass the floats, by their logarithms.  Kramers' law and
the SDE with walls moved are held against these, and so their bounds are of this very loss, lr and temperature.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, exp, expm1, inf, isfinite, isnan, log, log1p, log10, nan

import numpy as np
from scipy.optimize import brentq

from dynbench import find
from dynbench.losses.base import Loss, Minimum
from dynbench.theory import kramers, nystrom, passage
from dynbench.theory.chain import course, exits
from dynbench.theory.coordinate import neighbours, walls
from dynbench.theory.exact import TRUSTED, escape_probability
from dynbench.theory.flux import rare_exits
from dynbench.theory.nystrom import OutOfReach
from dynbench.theory.prediction import ABOUT, Prediction, about, deviation, outward, places

RULE = "gradient"
LN10 = log(10.0)
LARGEST = log(np.finfo(float).max)
SMALLEST = log(np.finfo(float).tiny)  # of a float with all its digits
NAMES = ("mean_steps", "late_hazard", "passage_time", "passage_time_to_wall_of_chain",
         "passage_time_to_other_well", "committor", "kramers_time", "kramers_prefactor")  # fmt: skip
SOLVED = 1e-10  # relative error of the SDE's integrals: they change by 1e-13 from one number of panels to the next
STARTS_APART = 4.0  # times 1/λ: how long after its start the SDE is still likelier at the minimum than in the long run
ROUNDS = 60  # of looking for a temperature
RARE = 20.0  # barrier / T from which the chain is followed by logarithms where floats do not do
MOVED = "with walls 0.58 sqrt(2 T h) further out"  # 0.5826: -ζ(1/2)/√(2π)
SMALL_STEP = 0.02  # h λ below which the chain at several temperatures takes long, and hardly differs from the SDE


@dataclass(frozen=True)
class Departure:
    """When one coordinate of the chain leaves its well, by logarithms."""

    log_p: tuple[float, ...]  # ln P(left within n steps); nan: not known
    error: tuple[float, ...]  # relative, of P
    log_mean: float  # ln of the mean number of steps
    log_hazard: float  # ln of the late probability to leave, a step
    whole_error: float  # relative, of the mean
    notes: tuple[str, ...]  # why what is not known is not known


def noisy(
    loss: Loss, label: int, minimum: Minimum, lr: float, temperature: float, steps: tuple[int, ...], start: float
) -> tuple[list[Prediction], list[str]]:
    """The predictions at one temperature, and what is to be said without a number.

    `label`: the well of every coordinate.  `minimum`: in the dimension of the loss.  `start`: in one dimension, else
    every coordinate starts at its minimum.
    """
    if walls(loss, label) == (-inf, inf):
        return [], ["noisy gradient: it never leaves, as this is the only basin"]
    dim = loss.dim or 1
    place = named(loss, label, start)
    left = departure(loss, label, start, lr, temperature, steps)
    stated = of_chain(left, dim, steps, f"noisy gradient from {place}", lr, temperature, start)
    stated += of_sde(loss, label, minimum, lr, temperature, start, left, place)
    notes = [f"noisy gradient: {note}" for note in left.notes]
    if dim == 1 and not any(one.known for one in stated if one.name.startswith("passage_time")):
        notes.append("SDE: its times are not computed at this temperature: the integrals over exp(±L/T) do not settle")
    return stated, notes


def named(loss: Loss, label: int, start: float) -> str:
    """The start in words."""
    if (loss.dim or 1) > 1:
        return "the minimum"
    return f"the minimum, x = {start:.10g}" if start == loss.minima[label].x[0] else f"--x0, x = {start:.10g}"


def departure(loss: Loss, label: int, start: float, lr: float, temperature: float, steps: tuple[int, ...]) -> Departure:
    """One coordinate's chain: in floats where they hold it, else by logarithms."""
    unknown = np.full(len(steps), nan)
    log_p, error = unknown.copy(), unknown.copy()
    log_mean = log_hazard = whole_error = nan
    why = ""
    for whole in (True, False):
        try:
            found = exits(loss, label, start, lr, temperature, steps, whole)
        except OutOfReach as reason:
            why = str(reason)
            continue
        except OverflowError:  # the loss itself, at places where steps of the noise lead
            why = "a step leads to where L is beyond the floats"
            break
        p, doubt = found.p[:, 0], found.p_error[:, 0]
        sure = (p > np.finfo(float).tiny) & (doubt <= TRUSTED * p)
        log_p[sure], error[sure] = np.log(p[sure]), doubt[sure] / p[sure]
        mean, off = float(found.mean[0]), float(found.mean_error[0])
        if mean > 0.0 and off <= TRUSTED * mean:
            log_mean, log_hazard, whole_error = log(mean), log(found.hazard), off / mean
        why = ""
        break
    below = nan
    if (np.isnan(log_p).any() or isnan(log_mean)) and loss.minima[label].barrier > RARE * temperature:
        try:
            rare = rare_exits(loss, label, start, lr, temperature, steps)
            fill = np.isnan(log_p)
            log_p[fill], error[fill] = rare.log_p[fill], rare.log_p_error[fill]
            if isnan(log_mean):
                log_mean, log_hazard, whole_error = rare.log_mean, rare.log_hazard, rare.log_error
            below, why = rare.log_below, ""
        except OutOfReach as reason:
            why = str(reason)
    notes = [f"exact numbers are not computed: {why}"] if why else []
    for n, value in zip(steps, log_p, strict=True):
        if isnan(value) and not why:
            limit = f", but below 10^{ceil(below / LN10)}" if isfinite(below) else ""
            notes.append(f"left within {n} steps: not computed{limit}")
    return Departure(tuple(log_p.tolist()), tuple(error.tolist()), log_mean, log_hazard, whole_error, tuple(notes))


def of_any(log_p: float, dim: int) -> float:
    """ln(1 - (1 - p)^dim): that one of `dim` independent coordinates did, from ln p of each."""
    if dim == 1 or isnan(log_p):
        return log_p
    if log_p < SMALLEST:
        return log_p + log(dim)
    p = min(exp(log_p), 1.0)
    return log(-expm1(dim * log1p(-p))) if p < 1.0 else 0.0


def stated_by_log(name: str, words: str, logarithm: float, **more: object) -> Prediction:
    """A prediction from the natural logarithm of its value; unknown where that is nan."""
    value = exp(logarithm) if SMALLEST < logarithm < LARGEST else nan
    return Prediction(name, words, value, log10=logarithm / LN10, **more)  # type: ignore[arg-type]


def of_chain(
    left: Departure, dim: int, steps: tuple[int, ...], where: str, lr: float, temperature: float, start: float
) -> list[Prediction]:
    """The noisy gradient itself, exactly."""
    given = {"lr": lr, "temperature": temperature} | ({"x0": start} if dim == 1 else {})
    common = {"conditions": where, "rule": RULE, "parameters": given}
    stated = [
        stated_by_log(
            "mean_steps", "mean number of steps to leave its basin", left.log_mean if dim == 1 else nan,
            bound=left.whole_error, quantity="mean steps", **common,
        ),
        stated_by_log(
            "late_hazard", "chance to leave in one step, for those long inside", of_any(left.log_hazard, dim),
            bound=left.whole_error, quantity="late hazard", **common,
        ),
    ]  # fmt: skip
    for n, log_p, error in zip(steps, left.log_p, left.error, strict=True):
        words = f"left within {n} steps"
        stated.append(
            stated_by_log("p_escape", words, of_any(log_p, dim), bound=error, steps=n, quantity="left within", **common)
        )
    return stated


def from_point(
    loss: Loss, x0: tuple[float, ...], lr: float, temperature: float, steps: tuple[int, ...]
) -> list[Prediction]:
    """Shares that leave the basin of any point of a separable loss: what a sweep prints as `exact` for that start."""
    where = f"noisy gradient from x = ({', '.join(f'{c:.10g}' for c in x0)})"
    stated = []
    for n in steps:
        found = escape_probability(
            loss, find.dynamics(RULE), {}, lr, temperature, 0.0, loss.basin(x0), np.array(x0)[:, None], n
        )
        if found is None or not found[0] > 0.0:
            continue
        stated.append(
            Prediction(
                "p_escape", f"left within {n} steps", found[0], bound=found[1] / found[0], log10=log10(found[0]),
                steps=n, conditions=where, rule=RULE, parameters={"lr": lr, "temperature": temperature},
                quantity="left within",
            )
        )  # fmt: skip
    return stated


def of_sde(
    loss: Loss, label: int, minimum: Minimum, lr: float, temperature: float, start: float, left: Departure, place: str
) -> list[Prediction]:
    """dx = -L' dt + √(2T) dW, exactly; and Kramers' law, and the walls moved, by how far they are off."""
    dim = loss.dim or 1
    given = {"temperature": temperature} | ({"x0": start} if dim == 1 else {})
    centre = loss.minima[label].x[0]
    try:
        from_centre = passage.log_passage_time_to_other_well(loss, label, centre, temperature)
        wall, moved, other = (
            passage.log_passage_time(loss, label, start, temperature),
            passage.log_passage_time(loss, label, start, temperature, lr),
            passage.log_passage_time_to_other_well(loss, label, start, temperature),
        )
    except (OverflowError, ValueError):  # L beyond the floats; or it does not rise enough for a stationary law
        from_centre = wall = moved = other = nan
    stated = []
    if dim == 1:
        sde = {"conditions": limit_from(place), "bound": SOLVED, "parameters": given}
        stated += [
            stated_by_log("passage_time", "mean time to leave its basin", wall, quantity="SDE time", **sde),
            stated_by_log(
                "passage_time_to_other_well", "mean time to the next minimum", other, quantity="SDE time", **sde
            ),
        ]
        before = log_committor(loss, label, start, temperature)
        words = "probability to reach the next minimum before its own"
        stated.append(
            stated_by_log("committor", words, before, quantity="SDE probability", **sde)
            if before > -inf else Prediction("committor", "", 0.0, **sde)  # type: ignore[arg-type]
        )  # fmt: skip
        chain_time = left.log_mean + log(lr)
        if isfinite(chain_time) and isfinite(moved):
            stated.append(
                approximate(
                    "passage_time_to_wall_of_chain",
                    "h times its mean number of steps to leave",
                    moved, chain_time, 0.0, quantity="lr mean steps",
                    conditions=f"noisy gradient from {place}, by the SDE {MOVED}",
                    rule=RULE, parameters=given | {"lr": lr},
                )
            )  # fmt: skip
    law = kramers.log_kramers_time(loss, label, temperature) - log(dim)
    if minimum.curvatures and isfinite(law) and isfinite(from_centre):
        relax = STARTS_APART * dim / minimum.curvatures[0] * exp(-max(from_centre, -700.0)) if dim > 1 else 0.0
        words = "Kramers: mean time to the next minimum"
        words += " of any coordinate" if dim > 1 else ""
        stated.append(
            approximate(
                "kramers_time", words, law, from_centre - log(dim), relax, quantity="SDE time of any",
                conditions=limit_from(named(loss, label, centre)), parameters={"temperature": temperature},
            )
        )  # fmt: skip
    return stated


def limit_from(place: str) -> str:
    """The SDE and its start in words."""
    return f"SDE dx = -L' dt + sqrt(2 T) dW from {place}"


def approximate(name: str, words: str, logarithm: float, truth: float, more: float, **rest: object) -> Prediction:
    """A prediction of kind `about` from ln value and ln truth, with the digits that its bound supports.

    `more`: how far off the truth itself may be, relatively.  The bound is of the value and of its logarithm as they
    are printed.
    """
    if not more < 1.0:
        return Prediction(name, words, nan, ABOUT, **rest)  # type: ignore[arg-type]
    lo, hi = truth + log1p(-more), truth + log1p(more)
    count = places(max(deviation(lo, hi, logarithm), 1e-12))
    log10_value = round(logarithm / LN10, count)
    printed = [log10_value * LN10]
    value = nan
    if SMALLEST < logarithm < LARGEST:
        value = float(f"{exp(logarithm):.{count - 1}e}")
        printed.append(log(value))
    bound = outward(deviation(lo, hi, *printed))
    return Prediction(name, words, value, ABOUT, bound, log10=log10_value, **rest)  # type: ignore[arg-type]


def log_committor(loss: Loss, label: int, x: float, temperature: float) -> float:
    """ln P(the SDE from x reaches the neighbouring minimum on its side before its own); -inf at its own."""
    own = loss.minima[label].x[0]
    other = neighbours(loss, label)[0 if x < own else 1]
    return passage.log_committor(loss, x, own, loss.minima[other].x[0], temperature) if other is not None else -inf


def crossovers(loss: Loss, label: int, lr: float, rate: float, bound: float) -> list[Prediction]:
    """The temperatures at which noise leaves as fast as a flow of that late `rate` a unit of time, known to `bound`."""
    minimum = loss.minima[label]
    if not (isfinite(rate) and rate > 0.0 and isfinite(minimum.barrier)):
        return []

    def sde(temperature: float) -> float:
        return -passage.log_passage_time(loss, label, minimum.x[0], temperature)

    def chain(temperature: float) -> float:
        return log(course(nystrom.chain(loss, label, lr, temperature, nystrom.COARSE), (), True).hazard / lr)

    where = {"conditions": "noise as fast as the capped flow's late rate", "rule": RULE}
    temperature = meeting(sde, log(rate), minimum.barrier / 60.0, 3.0 * minimum.barrier)
    if not isfinite(temperature):
        return []
    given = {"lr": lr, "rate": rate}
    words = "SDE: 1/(mean time to leave its basin), at temperature"
    stated = [
        about(
            "crossover_temperature", words, temperature, off_by(sde, temperature, bound),
            quantity="SDE rate", parameters=given, **where,
        )
    ]  # fmt: skip
    if lr * minimum.curvatures[-1] < SMALL_STEP:
        return stated
    words = "noisy gradient with this h: its late rate, at temperature"
    try:
        near = meeting(chain, log(rate), 0.8 * temperature, 1.3 * temperature)
        if isfinite(near):
            off = off_by(chain, near, bound)
            stated.append(
                about("crossover_temperature_chain", words, near, off, quantity="late rate", parameters=given, **where)
            )
    except nystrom.OutOfReach:
        pass
    return stated


def off_by(logarithm: Callable[[float], float], temperature: float, bound: float) -> float:
    """How far off a temperature is, relatively, where a rate is off by `bound`: by the slope of ln rate over ln T."""
    slope = (logarithm(1.02 * temperature) - logarithm(temperature)) / log(1.02)
    return 1.2 * bound / slope + 1e-3


def meeting(logarithm: Callable[[float], float], target: float, lo: float, hi: float) -> float:
    """The temperature between `lo` and `hi` at which `logarithm` of it, which grows, is `target`; nan: none is."""
    ends = logarithm(lo) - target, logarithm(hi) - target
    if not (ends[0] < 0.0 < ends[1]):
        return nan
    found = brentq(lambda s: logarithm(exp(s)) - target, log(lo), log(hi), xtol=1e-6, rtol=1e-6, maxiter=ROUNDS)
    return exp(float(found))
