"""When the noisy gradient chain leaves a well, where that is too rare for floats: ln P down to P = 1e-3000 and below.

`chain` sums probabilities; under a barrier of hundreds of T they pass the smallest float.  Here the law f_n of the
chain that is still inside is followed forwards and held as F_n = f_n e^{V/T}, with V about the chain's own potential,

    F_{n+1}(y) = ∫ F_n(x) k(x, y) e^{(V(y) - V(x))/T} dx,      ln flux_n = ln ∫ F_n(x) e^{-V(x)/T} r(x) dx,

so that F is of order one all over the well and only exponents differ.  Any V gives the same flux; V is L - (h/4) L'²
at a high temperature, and on the way down V <- V - T ln F at each, which is where the chain itself says it stands.
P(left within N) is the sum of the fluxes.  Once their logarithm stands still the rest is geometric.
"""

from dataclasses import dataclass
from math import exp, inf, isfinite, log, nan, pi, sqrt

import numpy as np
from scipy.sparse import csr_array, vstack
from scipy.special import log_ndtr, logsumexp

from dynbench.batch import Floats
from dynbench.losses.base import Loss
from dynbench.theory.coordinate import coordinate, walls
from dynbench.theory.nystrom import COARSE, FINE, Grid, OutOfReach, ends, gauss, panels

MOST_NODES = 8000
MOST_WORK = 3e9  # steps times entries of the kernel: some seconds
MOST_STEPS = 20_000
BLOCK = 500  # rows of the kernel made at once
LEAST = -120.0  # entries of the kernel below e^LEAST are left out: an early flux that needs them is not known ...
SURE = 40.0  # ... so that fluxes down to e^(LEAST + SURE) of the late one have a relative error of e^-SURE
WARM_LEAST = -600.0  # the same at the temperatures on the way down, whose V is not known yet
GENTLE = 60.0  # barrier / T up to which the first guess of V will do
COOLING = 3.0  # from one temperature to the next
LOOKS = 8  # steps from one look at the flux to the next
SETTLED = 1e-12  # change of ln flux between two looks at which it stands still
TRUSTED = 1e-6  # largest error of a logarithm worth giving
HIGHEST = 500.0  # V(x0)/T of a start: from higher up, what comes back from the bottom is lost


@dataclass(frozen=True)
class RareExits:
    """When the chain leaves from one start; every error is one of a logarithm."""

    log_p: Floats  # (steps,) ln P(left within n steps); nan: not known, but below `log_below`
    log_p_error: Floats  # (steps,)
    log_below: float  # ln of what P is below where it is not known
    log_hazard: float  # ln of the late probability of leaving, a step
    log_mean: float  # ln of the mean number of steps
    log_error: float  # of the last two


@dataclass(frozen=True)
class Course:
    """The fluxes at one resolution."""

    nodes: Floats  # (m,)
    potential: Floats  # (m,) V - T ln F when the flux stands still
    first: float  # ln of the chance to leave in the first step
    log_flux: Floats  # (n,) of the steps 2, 3, ... until it stands still


def rare_exits(loss: Loss, label: int, x0: float, lr: float, temperature: float, steps: tuple[int, ...]) -> RareExits:
    """ln P(left the well of `label` within n steps) for every n of `steps`, the late hazard and the mean, from x0.

    Raises OutOfReach where there is no way out, or it takes too many nodes or steps.
    """
    curve, ways = coordinate(loss), [wall for wall in walls(loss, label) if isfinite(wall)]
    if not ways:
        raise OutOfReach("there is no way out")
    barrier = min(curve.value(wall) for wall in ways) - loss.minima[label].value
    if curve.value(x0) - loss.minima[label].value > HIGHEST * temperature:
        raise OutOfReach(f"it starts more than {HIGHEST:g} T above the minimum")
    resolved(loss, label, lr, temperature, FINE)
    height: tuple[Floats, Floats] | None = None
    temperatures = [temperature]
    while barrier / temperatures[-1] > GENTLE:
        temperatures.append(COOLING * temperatures[-1])
    for warm in temperatures[:0:-1]:
        for _ in range(2 if warm == temperatures[-1] else 1):  # the first guess may be a poor one
            found = course(loss, label, loss.minima[label].x[0], lr, warm, COARSE, height, WARM_LEAST)
            height = found.nodes, found.potential
    fine, coarse = (course(loss, label, x0, lr, temperature, grid, height) for grid in (FINE, COARSE))
    late = late_hazard(fine)
    log_p, rough = (np.array([left_within(of, n) for n in steps]) for of in (fine, coarse))
    unknown = log_p < late + LEAST + SURE
    error = abs(late - late_hazard(coarse)) + SETTLED
    if error > TRUSTED:
        raise OutOfReach("the exact chain differs from a coarser one")
    return RareExits(
        log_p=np.where(unknown, np.nan, log_p),
        log_p_error=np.abs(log_p - rough) + SETTLED if len(log_p) else log_p,
        log_below=late + LEAST + SURE,
        log_hazard=late,
        log_mean=log_survival(left_within(fine, len(fine.log_flux))) - late,
        log_error=error,
    )


def log_survival(log_p: float) -> float:
    """ln(1 - p) from ln p."""
    return float(np.log(-np.expm1(min(log_p, -1e-16))))


def late_hazard(of: Course) -> float:
    """ln of the last flux over those that are still inside."""
    return float(of.log_flux[-1]) - log_survival(left_within(of, len(of.log_flux)))


def left_within(of: Course, steps: int) -> float:
    """ln P(left within so many steps): the fluxes so far, and the late hazard for the rest."""
    if steps < 1:
        return -inf
    known = float(logsumexp([of.first, *of.log_flux[: steps - 1]]))
    rest = steps - 1 - len(of.log_flux)
    if rest <= 0:
        return known
    mean = log(rest) + late_hazard(of)  # ln of how many would leave in the rest, were nobody gone by then
    gone = mean if mean < -30.0 else log(-np.expm1(-exp(min(mean, 700.0))))
    return float(min(np.logaddexp(known, log_survival(known) + gone), 0.0))


def resolved(loss: Loss, label: int, lr: float, temperature: float, grid: Grid) -> Floats:
    """Edges of the panels that the well is resolved by.  Raises OutOfReach where they are too many."""
    curve, spread = coordinate(loss), sqrt(2.0 * temperature * lr)
    edges, centre = walls(loss, label), loss.minima[label].x[0]
    lo, hi = ends(curve, centre, edges, loss.domain[0], lr, temperature, grid)
    return panels(curve, lo, hi, lr, spread, MOST_NODES // grid.nodes)


def course(
    loss: Loss,
    label: int,
    x0: float,
    lr: float,
    temperature: float,
    grid: Grid,
    height: tuple[Floats, Floats] | None,
    least: float = LEAST,
) -> Course:
    """The fluxes from x0, until they stand still; `height`: places and values of V, None for L - (h/4) L'²."""
    curve, spread = coordinate(loss), sqrt(2.0 * temperature * lr)
    edges, centre = walls(loss, label), loss.minima[label].x[0]
    parts = resolved(loss, label, lr, temperature, grid)
    points, shares = gauss(grid.nodes)
    middle, half = (parts[1:] + parts[:-1])[:, None] / 2.0, np.diff(parts)[:, None] / 2.0
    nodes, weights = (middle + half * points).ravel(), np.log((half * shares).ravel())
    slopes = curve.slopes(nodes)
    if height is None:
        potential = curve.values(nodes) - curve.value(centre) - 0.25 * lr * slopes * slopes
    else:
        potential = np.interp(nodes, *height)
    phi, ahead = potential / temperature, nodes - lr * slopes
    start = x0 - lr * curve.slope(x0)
    norm = log(spread * sqrt(2.0 * pi))
    first = -((nodes - start) ** 2) / (2.0 * spread * spread) - norm + phi
    if first.max() > HIGHEST:
        raise OutOfReach(f"it starts more than {HIGHEST:g} T above the minimum")
    moves = kernel(nodes, ahead, phi, weights, spread, norm, least)
    inside = weights - phi
    out = log_leaving(edges, ahead, spread) + inside
    return followed(
        Course(nodes, potential, float(log_leaving(edges, np.array([start]), spread)[0]), np.empty(0)),
        np.exp(np.maximum(first, -745.0)),
        moves,
        inside,
        out,
        temperature,
    )


def followed(of: Course, f: Floats, moves: csr_array, inside: Floats, out: Floats, temperature: float) -> Course:
    """The course from F at the first step on.  Raises OutOfReach too where those inside and those gone are not all."""
    fluxes: list[float] = []
    limit, gone, last = int(min(MOST_WORK / moves.nnz, MOST_STEPS)), of.first, nan
    while True:
        with np.errstate(divide="ignore"):
            logs = np.log(f)
        fluxes.append(float(logsumexp(logs + out)))
        if len(fluxes) % LOOKS == 0:
            hazard = fluxes[-1] - log_survival(gone)
            if abs(hazard - last) <= SETTLED * (1.0 + LOOKS):
                break
            last = hazard
        if len(fluxes) >= limit:
            raise OutOfReach(f"the flux out of the well does not settle in {limit} steps of {len(f)} nodes")
        gone = float(np.logaddexp(gone, fluxes[-1]))
        f = moves @ f
    if gone > 0.0 or abs(float(logsumexp(logs + inside)) - log_survival(gone)) > TRUSTED:
        raise OutOfReach("the law of the exact chain does not keep its mass")
    known = np.where(np.isfinite(logs), logs, 0.0)
    return Course(of.nodes, of.potential - temperature * known, of.first, np.array(fluxes))


def log_leaving(edges: tuple[float, float], ahead: Floats, spread: float) -> Floats:
    """ln r: of the chance to land beyond one of the walls from where the drift leads."""
    return np.asarray(np.logaddexp(log_ndtr((edges[0] - ahead) / spread), log_ndtr((ahead - edges[1]) / spread)))


def kernel(
    nodes: Floats, ahead: Floats, phi: Floats, weights: Floats, spread: float, norm: float, least: float
) -> csr_array:
    """(to, from): w_i k(x_i, y_j) e^{phi_j - phi_i}, without what is below e^least."""
    shift = weights - phi - norm
    blocks = []
    for place in range(0, len(nodes), BLOCK):
        rows = slice(place, place + BLOCK)
        exponent = nodes[rows, None] - ahead[None, :]
        exponent *= exponent
        exponent *= -0.5 / (spread * spread)
        exponent += phi[rows, None] + shift[None, :]
        to, start = np.nonzero(exponent > least)
        entries = np.exp(np.minimum(exponent[to, start], 700.0))
        blocks.append(csr_array((entries, (to, start)), shape=exponent.shape))
    return csr_array(vstack(blocks))
