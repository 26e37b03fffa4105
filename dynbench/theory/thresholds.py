"""Closed forms for single minima: where a rule stops settling, from where it can leave, and how fast it does.

h = `lr`, M = `cap`, L* = `minimum.value` (with the rule's f_star taken off), λ = its largest curvature, D = its
`distance` to the boundary of the basin.  Where nothing else is said they hold in one dimension, and for the capped
flow and the global flow on L = L* + λu²/2 exactly.
Source: derived for this suite from the rules (4), (8) and (11) of Su (2019), except where a paper is named.
"""

from math import expm1, inf, isnan, log, log1p, nan, pi, sqrt

from dynbench.losses.base import Minimum


def step_limit(minimum: Minimum) -> float:
    """2/λ: gradient descent x ← x - h g settles at the minimum if and only if 0 < h < 2/λ (any dimension)."""
    return 2.0 / minimum.curvatures[-1]


def sign_eps_limit(minimum: Minimum, lr: float) -> float:
    """hλ/2: x ← x - h g/(|g| + eps) settles if and only if eps > hλ/2; below, it ends in the cycle |u| = h/2 - eps/λ.

    The same limit holds for RMSprop with eps outside the root, whatever its beta.  Source for that: Ma, Wu and E
    (2020), arXiv:2009.06125, who describe the oscillation.
    """
    return lr * minimum.curvatures[-1] / 2.0


def rmsprop_inside_limit(minimum: Minimum, lr: float) -> float:
    """(hλ/2)²: RMSprop with eps inside the root, x ← x - h g/√(v + eps), settles if and only if eps is above it.

    At the minimum v = 0, and so the size is √eps: `sign_eps_limit` for √eps.
    """
    return sign_eps_limit(minimum, lr) ** 2


def critical_cap(minimum: Minimum, lr: float, f_star: float = 0.0) -> float:
    """M_c = D/(h (L* - f_star)): the cap from which a step of the capped flow from beside the minimum reaches the wall.

    It is the longest step that starts near the minimum.  In one dimension, with one wall and L'' > 0 on the other
    side, h < 1, starts leave if and only if M > M_c.  With two walls they leave from caps up to O(h) smaller on:
    `capped_flow.onset` says from which.  Any dimension: D is the distance to the nearest point of the boundary.
    inf where L* = f_star: the step vanishes at the minimum, and the rule settles there.  nan where L* < f_star, as
    the rule then climbs away from the minimum, or where the distance is not known.
    """
    height = minimum.value - f_star
    if height == 0.0:
        return inf
    return minimum.distance / (lr * height) if height > 0.0 else nan


def two_cycle_cap(minimum: Minimum, lr: float, f_star: float = 0.0) -> float:
    """M_1 = √((2 - h/2)/(h λ (L* - f_star))): where the 2-cycle of the capped flow on L* + λu²/2 stops to be stable.

    At M_1 the cycle reaches the distance 1/(Mλ) beyond which the cap does not bind; above it all is chaos.  Every
    start in the well ends in the cycle where M <= 1/√(h λ (L* - f_star)), about M_1/√2: no step from within 1/(Mλ)
    leads out of it.  Between the two, cycle and bounded chaos share the starts.  On a loss that is not quadratic the
    end lies elsewhere, 1% lower on the quartic: `capped_flow.two_cycle_end`.  inf where L* <= f_star.
    """
    height = minimum.value - f_star
    return sqrt((2.0 - lr / 2.0) / (lr * minimum.curvatures[-1] * height)) if height > 0.0 else inf


def cap_amplitude(minimum: Minimum, lr: float, cap: float, f_star: float = 0.0) -> float:
    """a = (2 - √(4 - 2λh²M²L*))/(hMλ), about hML*/2: the 2-cycle {m - a, m + a} of the capped flow; nan above M_1.

    The smaller root of 2a = hM(L* + λa²/2).  On a loss that is not quadratic this is half the distance between the
    two points, up to O(a³).
    """
    height, curvature = minimum.value - f_star, minimum.curvatures[-1]
    if height <= 0.0:
        return 0.0
    if cap > two_cycle_cap(minimum, lr, f_star):
        return nan
    q = lr * cap
    return 2.0 * q * height / (2.0 + sqrt(4.0 - 2.0 * curvature * q * q * height))  # the root without cancellation


def hitting_time(start_value: float, minimum_value: float) -> float:
    """t* = ln(L0/L*): when the global flow dL/dt = -L reaches a minimum of height L* > 0, and ends; inf for L* = 0."""
    return log(start_value / minimum_value) if minimum_value > 0.0 else inf


def boole_scale(minimum: Minimum, since: float = inf) -> float:
    """γ √(1 - e^-s), γ = √(2L*/λ): scale of the Cauchy law of u under the global flow, a time s = t - t* after hitting.

    At the minimum the rule is the generalised Boole map u ← αu - c/u, α = 1 - h/2, c = hL*/λ, whose stationary
    law is Cauchy(0, γ), whatever h.  Source: Umeno and Okubo (2015), arXiv:1510.08569, for the map.
    """
    return sqrt(2.0 * minimum.value / minimum.curvatures[-1] * -expm1(-since))


def lyapunov(lr: float) -> float:
    """ln(1 + 2√(α(1 - α))) per step, α = 1 - h/2: exponent of the generalised Boole map u ← αu - c/u, whatever c.

    Source: Umeno and Okubo (2015), arXiv:1510.08569.
    """
    alpha = 1.0 - lr / 2.0
    return log1p(2.0 * sqrt(alpha * (1.0 - alpha)))


def escape_rate(minimum: Minimum) -> float:
    """κ = √(L*/(2λ))/(πD) per unit of time t = h k: late rate at which the global flow, or M >> M_c, leaves a well.

    It depends neither on h nor on the barrier's height.  An approximation, for one wall, a quadratic well and small
    h: `transfer_operator.departures` works it out on the loss itself.  nan beyond one dimension.
    """
    if len(minimum.x) > 1:
        return nan
    return sqrt(minimum.value / (2.0 * minimum.curvatures[-1])) / (pi * minimum.distance)


def escape_probability(minimum: Minimum, start_value: float, time: float) -> float:
    """P(t) = 1 - exp(-2κ ln(e^{s/2} + √(e^s - 1))), s = t - ln(L0/L*): share that has left by t = h k (M >> M_c).

    The integral of the rate κ/√(1 - e^-s), which goes as the density 1/(π `boole_scale(s)`) at u = 0; 0 before t*.
    An approximation, as `escape_rate` is.
    """
    since = time - hitting_time(start_value, minimum.value)
    if since <= 0.0:
        return 0.0
    rate = escape_rate(minimum)
    return rate if isnan(rate) else -expm1(-2.0 * rate * (since / 2.0 + log1p(sqrt(-expm1(-since)))))
