"""The experiment of suites/verdict.toml: every arm tuned on master seed A, reported and compared on master seed B."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import qmc

from dynbench import find
from dynbench.outcomes.compare import holm, paired
from dynbench.outcomes.intervals import interval
from suites.verdict_arms import Contestant, Study, last_values

TUNED, DEFAULT = "tuned", "default"


@dataclass(frozen=True)
class Verdict:
    """Tables; p is the share of starts with L - Lmin <= target at the end."""

    results: pd.DataFrame  # budget x arm x tuned or default or disturbed
    tuning: pd.DataFrame  # budget x arm x configuration, on seed A


def configurations(arm: Contestant, count: int) -> list[dict[str, float]]:
    """lo (hi/lo)^u with the points u of Halton's sequence from its second on: the same u for every arm.

    Restarts are rounded to whole numbers.  Source: Halton (1960).
    """
    points = qmc.Halton(len(arm.box), scramble=False).random(count + 1)[1:]
    made = []
    for u in points:
        config = {name: lo * (hi / lo) ** float(v) for (name, (lo, hi)), v in zip(arm.box.items(), u, strict=True)}
        made.append({name: rounded(name, value) for name, value in config.items()})
    return made


def rounded(name: str, value: float) -> float:
    """Six digits: what the tables print is what ran."""
    return float(max(1, round(value))) if name == "restarts" else float(f"{value:.6g}")


def disturbed(study: Study, arm: Contestant, tuned: dict[str, float]) -> dict[str, dict[str, float]]:
    """The tuned configuration with its first parameter wrong by a factor, or with a wrong Lmin."""
    first = next(iter(arm.box))
    made = {f"{first} × {f:g}": tuned | {first: rounded(first, f * tuned[first])} for f in study.factors}
    if "f_star" in find.dynamics(arm.dynamics).parameters:
        height = max(m.value for m in study.loss.minima) - study.loss.minimum_value
        made |= {
            f"Lmin {e:+.0%} of L*": tuned | {"f_star": study.loss.minimum_value + e * height} for e in study.errors
        }
    return made


def run(study: Study) -> Verdict:
    """The whole experiment."""
    level = study.loss.minimum_value + study.target
    results, tuning = [], []
    for budget in study.budgets:
        reached: dict[str, np.ndarray] = {}
        rows = []
        for arm in study.arms:
            tried = configurations(arm, study.configurations)
            shares = (last_values(study, arm, tried, budget, study.tuned_on) <= level).mean(axis=1)
            best = int(np.argmax(shares))  # the first of equals
            tuning += [
                {"budget": budget, "arm": arm.name, **config, "p": p} for config, p in zip(tried, shares, strict=True)
            ]
            chosen = {TUNED: tried[best], DEFAULT: arm.default, **disturbed(study, arm, tried[best])}
            values = last_values(study, arm, list(chosen.values()), budget, study.reported_on)
            for (setting, config), success in zip(chosen.items(), values <= level, strict=True):
                row = {"budget": budget, "arm": arm.name, "setting": setting, **config}
                row |= {"n": len(success), "successes": int(success.sum()), "p_final": success.mean()}
                if setting == TUNED:
                    reached[arm.name] = success
                    row |= {"p_tuning": shares[best], "p_tuning_median": np.median(shares)}
                rows.append(row)
        results += compared(study, rows, reached)
    table = pd.DataFrame(results)
    table["p_final_lo"], table["p_final_hi"] = interval(table["successes"], table["n"])
    table["p_holm"] = holm(table["p_mcnemar"])
    return Verdict(table, pd.DataFrame(tuning))


def compared(study: Study, rows: list[dict[str, object]], reached: dict[str, np.ndarray]) -> list[dict[str, object]]:
    """Adds subject minus arm to the rows of the other tuned arms: on the same starts, pair by pair."""
    for row in rows:
        if row["setting"] == TUNED and row["arm"] != study.subject:
            pair = paired(reached[study.subject], reached[str(row["arm"])])
            row |= {"only_subject": int(pair.only_a[0]), "only_arm": int(pair.only_b[0])}
            row |= {"difference": pair.difference[0], "difference_lo": pair.lo[0], "difference_hi": pair.hi[0]}
            row |= {"p_mcnemar": pair.p_value[0]}
    return rows
