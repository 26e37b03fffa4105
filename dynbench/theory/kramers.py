"""Kramers: how long the SDE dX = -L' dt + √(2T) dW stays in a well, for T far below the barrier ΔL; one dimension.

    K = 2π/√(λ |λ_b|) e^{ΔL/T}: from the minimum (curvature λ) over the maximum (λ_b) to the next minimum.

Half of it until the top of the barrier, from where either side is as likely.  Asymptotic only: on the quartic it is
10 % low at ΔL/T = 4 and 1.7 % at 21.  The capped flow's time to leave, πD √(2λ/L*), knows neither T nor ΔL; where
the two meet, noise and overshoot are equally fast.
Source: Kramers (1940); Berglund (2013), "Kramers' law: validity, derivations and generalisations".
"""

from math import exp, inf, isfinite, log, nan, pi, sqrt

import numpy as np

from dynbench.losses.base import Loss, Minimum
from dynbench.theory.coordinate import coordinate, walls

LARGEST = log(np.finfo(float).max)  # ln of the largest float
VALID = 4.0  # ΔL/T from which the law is worth printing without a warning


def passes(loss: Loss, label: int) -> list[tuple[float, float]]:
    """(ΔL, 2π/√(λ |λ_b|)) of each way out of the well of one coordinate's minimum, the lowest first."""
    curve, minimum = coordinate(loss), loss.minima[label]
    curvature = minimum.curvatures[-1]
    found = []
    for wall in walls(loss, label):
        if isfinite(wall):
            height = curve.value(wall) - minimum.value
            found.append((height, 2.0 * pi / sqrt(curvature * abs(curve.curvature(wall)))))
    return sorted(found)


def kramers_prefactor(loss: Loss, label: int) -> float:
    """2π/√(λ |λ_b|) of the lowest way out; nan where there is none."""
    ways = passes(loss, label)
    return ways[0][1] if ways else nan


def log_kramers_time(loss: Loss, label: int, temperature: float) -> float:
    """ln K, K from the minimum to the next one; with two ways out their rates add.  inf: there is no way out."""
    rates = [-height / temperature - log(prefactor) for height, prefactor in passes(loss, label)]
    return -float(np.logaddexp.reduce(rates)) if rates else inf


def kramers_time(loss: Loss, label: int, temperature: float) -> float:
    """K itself; inf where there is no way out, or where it is beyond the largest float (see `log_kramers_time`)."""
    time = log_kramers_time(loss, label, temperature)
    return exp(time) if time < LARGEST else inf


def kramers_valid(minimum: Minimum, temperature: float) -> bool:
    """ΔL/T >= 4."""
    return minimum.barrier >= VALID * temperature


def capped_time(minimum: Minimum) -> float:
    """πD √(2λ/L*) = 1/`thresholds.escape_rate`: mean time in which the capped flow leaves, M >> M_c; inf for L* = 0."""
    if minimum.value <= 0.0:
        return inf
    return pi * minimum.distance * sqrt(2.0 * minimum.curvatures[-1] / minimum.value)


def crossover_temperature(loss: Loss, label: int, f_star: float = 0.0) -> float:
    """T_c = ΔL/ln(D λ √(2|λ_b|/(L* - f_star))): K/2 equals the capped flow's time; below it the cap leaves sooner.

    By the lowest way out alone.  nan where the minimum is the target itself (L* <= f_star), where there is no way
    out, or where the capped flow is the slower one at every T.
    """
    minimum, ways = loss.minima[label], passes(loss, label)
    if minimum.value <= f_star or not ways:
        return nan
    height, prefactor = ways[0]
    ratio = 2.0 * pi * minimum.distance * sqrt(2.0 * minimum.curvatures[-1] / (minimum.value - f_star)) / prefactor
    return height / log(ratio) if ratio > 1.0 else nan
