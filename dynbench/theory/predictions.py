"""All that is known about each minimum of a loss before anything is simulated: one record a minimum.

Thresholds of the rules need its height, curvature and distance; the noisy gradient's answers need its walls, so a
loss of one dimension or a separable one.  nan: not known, or not defined there; inf: never.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import inf, isfinite, isnan, nan
from typing import Any

from numpy import spacing

from dynbench.basins import lowest_value
from dynbench.losses.base import Loss, Minimum
from dynbench.lowest import global_places
from dynbench.theory import kramers, noisy, settling, thresholds
from dynbench.theory.capped_flow import NEAR, Well, onset, two_cycle_end
from dynbench.theory.coordinate import walls
from dynbench.theory.prediction import Prediction, about, flat
from dynbench.theory.settling import own_curvatures
from dynbench.theory.transfer_operator import departures, width_of_exits

OF_CAPPED = ("two_cycle_cap", "onset_cap", "onset_cap_anywhere", "escape_rate", "capped_time",
             "crossover_temperature", "crossover_temperature_chain")  # fmt: skip
LARGE = 100.0  # times D/(h (L* - f_star)): from there on a larger cap changes nothing that is seen
# the largest deviations from simulation over all built-in losses and minima, with a margin: see their test
RATE_BOUND, TIME_BOUND, SHARE_BOUND = 0.05, 0.03, 0.02
FAR_BOUND = 0.01  # of a share itself, from starts that are not at the minimum
TOO_LONG = "capped: at this h one step leads out of a large part of this basin; shares and times are not worked out"
TOO_FAR = (
    "capped: shares and the mean time are not computed: so far out, the way down is too long to be followed step by"
    " step, or the starts lie too close together for floats to tell them apart"
)
FINEST = 1e-5  # share of their width that floats may be apart at the starts
SHALLOW = 0.25  # `width_of_exits` over D beyond which the numbers are not good to these bounds
ONSET_BOUND = 1e-8  # relative error of the thresholds that are looked for
Record = dict[str, Any]


def predictions(
    loss: Loss,
    lr: float,
    temperature: float | None = None,
    steps: Iterable[int] = (100, 500, 2500),
    f_star: float | None = None,
    x0: float | None = None,
    labels: Iterable[int] | None = None,
) -> list[Record]:
    """One record for each minimum (of those `labels`); its names are those of the functions and of a sweep's columns.

    `f_star`: what rules subtract from L (default: the loss's lowest value).
    Random walks start at the minimum, or at x0 (one dimension) in the basin that holds it.  In more dimensions the
    minima of a separable loss are those with all coordinates in one well.
    """
    chosen = range(len(loss.minima)) if labels is None else labels
    f_star = lowest_value(loss) if f_star is None else f_star
    budgets = tuple(steps)
    records, places = [], global_places(loss)
    for label in chosen:
        whole = replace(product(loss, label), curvatures=own_curvatures(loss, label))
        start = x0 if x0 is not None and loss.dim == 1 and loss.basin((x0,)) == label else whole.x[0]
        record = {"label": basin_of(loss, label), "x": list(whole.x), "value": whole.value}
        record |= {
            "is_global": places[label],
            "curvature": whole.curvatures[-1] if whole.curvatures else nan,
            "barrier": whole.barrier,
            "distance": whole.distance,
        }
        stated = of_rules(whole, lr, f_star)
        notes: list[str] = []
        record["start"] = start if loss.dim == 1 and loss.tensor else None
        if curved(whole) and loss.dim == 1 and loss.tensor:
            flow, notes = capped(loss, label, lr, f_star, budgets, start, start == x0)
            stated += flow
        unknown = None if record["start"] is None else [nan for _ in budgets]
        record |= dict.fromkeys(OF_CAPPED, nan) | {"p_escape_capped": unknown} | flat(stated)
        record |= {"predictions": stated, "notes": notes}
        noise, more = of_noise(loss, label, whole, lr, temperature, budgets, start)
        stated += noise
        notes += more
        records.append(record | unknown_of_noise(loss, label, whole, temperature, budgets) | flat_of_noise(noise))
    return records


def product(loss: Loss, label: int) -> Minimum:
    """The minimum in the dimension of the loss: for a separable one, every coordinate at the same place."""
    minimum, dim = loss.minima[label], loss.dim or 1
    if not loss.separable or dim == 1:
        return minimum
    return replace(minimum, x=minimum.x * dim, value=minimum.value * dim)


def basin_of(loss: Loss, label: int) -> int:
    return loss.basin(loss.minima[label].x * (loss.dim or 1)) if loss.tensor else label


def curved(minimum: Minimum) -> bool:
    """Whether the Hessian is known and positive: else no rule has a threshold in closed form."""
    return bool(minimum.curvatures) and 0.0 < minimum.curvatures[0] <= minimum.curvatures[-1] < inf


def of_rules(minimum: Minimum, lr: float, f_star: float) -> list[Prediction]:
    """What the rules without noise do near it, in any dimension."""
    critical = Prediction(
        "critical_cap",
        "capped: a step from beside it reaches its basin's edge from cap",
        thresholds.critical_cap(minimum, lr, f_star),
        rule="capped",
        parameters={"f_star": f_star},
    )
    if not curved(minimum):
        names = (*settling.NAMES, "boole_scale")
        return [*(Prediction(name, "", nan) for name in names), critical]
    raised = replace(minimum, value=minimum.value - f_star)
    line, false = len(minimum.x) == 1, raised.value > 0.0
    return [
        *settling.settling(minimum, lr),
        Prediction(
            "boole_scale",
            "",
            thresholds.boole_scale(raised) if line and false else nan,
            conditions="in the quadratic well L* + λu²/2",
            rule="global_flow",
        ),
        critical,
    ]


def capped(
    loss: Loss, label: int, lr: float, f_star: float, steps: Sequence[int], start: float, alone: bool
) -> tuple[list[Prediction], list[str]]:
    """What the capped flow does in this well of a line; and what is to be said without a number.

    Without noise all chance is in the starts: they are spread about `start`, as `--starts trapped` spreads them
    about a minimum.  `alone`: `start` was asked for itself, and a place where the gradient is 0 is never left.
    """
    well = Well.of(loss, label, lr, f_star)
    near, everywhere = onset(well), onset(well, everywhere=True)
    cycle = two_cycle_end(well)
    given = {"f_star": f_star}
    stated = [
        Prediction(
            "two_cycle_cap",
            "capped: its 2-cycle at the minimum is stable for cap below",
            nan if cycle is None else cycle.cap,
            bound=ONSET_BOUND,
            rule="capped",
            parameters=given,
        ),
        Prediction(
            "onset_cap",
            f"capped: no start within {NEAR:.0%} of the distance leaves up to cap" if near else "",
            near,
            bound=ONSET_BOUND,
            rule="capped",
            parameters=given,
        ),
        Prediction(
            "onset_cap_anywhere",
            "capped: no start in the whole basin leaves up to cap" if everywhere else "",
            everywhere,
            bound=ONSET_BOUND,
            rule="capped",
            parameters=given,
        ),
    ]
    notes = words_of_height(well, near)
    if not (well.height > 0.0 and isfinite(well.distance)):
        return stated, notes
    if alone and well.curve.slope(start) == 0.0:
        words = "capped: from x0 itself, where the gradient is 0: left within"
        still = [Prediction("p_escape_capped", f"{words} {n} steps", 0.0, steps=n, rule="capped") for n in steps]
        return stated + still, [*notes, "capped: x0 itself never moves, as the gradient is exactly 0 there"]
    if width_of_exits(well) > SHALLOW * well.distance:
        return stated, [*notes, TOO_LONG]
    cap = LARGE * well.distance / (lr * well.height)
    width = NEAR * well.distance
    if spacing(start) > FINEST * width:
        return stated, [*notes, TOO_FAR]
    try:
        left = departures(well, cap, start - width, start + width, steps)
    except (ArithmeticError, ValueError):  # functions of the loss that end, as exp and log do
        return stated, [
            *notes,
            "capped: shares and times are not worked out, as its steps lead to where L is no number",
        ]
    if isnan(left.mean) and all(map(isnan, left.p)):
        notes.append(TOO_FAR)
    given = {"f_star": f_star, "cap": cap}
    where = f"capped flow, cap {cap:.4g} or more, starts spread evenly over {start:.6g} ± {width:.3g}"
    if not (well.lo < start - width and start + width < well.hi):
        where += ", inside the basin"
    more: Record = {"conditions": where, "rule": "capped", "parameters": given}
    stated += [
        about("escape_rate", "late rate (of those long inside), per unit of time h n", left.rate, RATE_BOUND, **more),
        about("capped_time", "mean time h n to leave", left.mean, TIME_BOUND, **more),
    ]
    notes += words_of_haste(left.mean * left.rate)
    far = start != well.bottom  # on the way down the share rises from 0 within a few steps
    for n, p in zip(steps, left.p, strict=True):
        bound = FAR_BOUND if far else SHARE_BOUND
        stated.append(about("p_escape_capped", f"left within {n} steps", p, bound, absolute=far, steps=n, **more))
    return stated + noisy.crossovers(loss, label, lr, left.rate, RATE_BOUND), notes


def words_of_haste(share: float) -> list[str]:
    """Why the mean time is not 1/(late rate), where it is not; `share`: the one over the other."""
    if not abs(share - 1.0) > RATE_BOUND + TIME_BOUND:  # or not known
        return []
    mean, many = ("shorter", "many") if share < 1.0 else ("longer", "few")
    return [f"capped: the mean time is {mean} than 1/(late rate), as {many} leave before the late rate sets in"]


def words_of_height(well: Well, near: float) -> list[str]:
    """What f_star does to the capped flow at a minimum that is not above it, and where nothing can leave."""
    if well.height > 0.0:
        return []
    if well.height == 0.0:
        return ["capped: it settles at this minimum at any cap, as L = f_star there"] if well.lr < 4.0 else []
    over = " or over the wall of its basin that is lower than f_star: starts on that side leave at any cap"
    return [
        "capped: f_star is above this minimum, and so the rule climbs away from it, up to the level L = f_star"
        + (over if near == 0.0 else "")
    ]


def of_noise(
    loss: Loss, label: int, minimum: Minimum, lr: float, temperature: float | None, steps: tuple[int, ...], start: float
) -> tuple[list[Prediction], list[str]]:
    """What the noisy gradient does from `start`; nothing without a temperature or known walls."""
    if temperature is None or not temperature > 0.0:
        return [], []
    if not loss.tensor:
        return [], ["noisy gradient: nothing exact is known, as the loss is no sum over its coordinates"]
    return noisy.noisy(loss, label, minimum, lr, temperature, steps, start)


def unknown_of_noise(
    loss: Loss, label: int, minimum: Minimum, temperature: float | None, steps: tuple[int, ...]
) -> Record:
    """The names of the noisy gradient's numbers, none of them known; and what is said of Kramers' law."""
    record: Record = dict.fromkeys((*noisy.NAMES, "mean_steps_error"), nan)
    record |= {f"log10_{name}": nan for name in noisy.NAMES if name != "kramers_prefactor"}
    record |= {"p_escape": None, "log10_p_escape": None, "p_escape_error": None, "kramers_valid": None}
    if temperature is None or not temperature > 0.0 or not loss.tensor:
        return record
    if curved(minimum):
        record["kramers_prefactor"] = kramers.kramers_prefactor(loss, label) / (loss.dim or 1)
        record["kramers_valid"] = kramers.kramers_valid(minimum, temperature)
    if walls(loss, label) == (-inf, inf):
        never = [0.0 for _ in steps]
        record |= {"p_escape": never, "p_escape_error": never, "late_hazard": 0.0, "committor": 0.0}
    return record


def flat_of_noise(stated: list[Prediction]) -> Record:
    """`flat`, and beside it log10 of every value and the errors of the exact ones."""
    record: Record = flat(stated)
    chances = [one for one in stated if one.name == "p_escape"]
    record |= {f"log10_{one.name}": one.log10 for one in stated if one.steps is None}
    if chances:
        record["log10_p_escape"] = [one.log10 for one in chances]
        record["p_escape_error"] = [one.bound * one.value for one in chances]
    for one in stated:
        if one.name == "mean_steps":
            record["mean_steps_error"] = one.bound * one.value
    return record
