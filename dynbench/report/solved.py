"""How many runs are at the targets by when: the empirical distribution of running times over targets."""

from collections.abc import Sequence

import numpy as np

from dynbench.batch import Floats
from dynbench.outcomes.runtime import solved
from dynbench.report import arms, timeline
from dynbench.report.escapes import Sample, moments
from dynbench.report.style import Picture, drawn

LINES = 8


@drawn
def solved_shares(found: Sample, steps: int, targets: Sequence[float] = ()) -> Picture | None:
    """Share of (run, target) pairs solved by each step, with bands, of a few arms; None where no target is ever hit.

    `targets` of L - Lmin, in order of the columns t_hit, for words.
    """
    hits = [found.rows[c].to_numpy() for c in found.hits]
    ever = sum((found.tally(hit >= 0) for hit in hits), np.zeros(len(found.table), np.int64))
    if not ever.any():
        return None
    chosen = found.few(LINES, ever / (found.count * len(hits)))
    which, codes = found.of(chosen)
    given = solved(np.stack([hit[which] for hit in hits]), steps, moments(steps), codes, len(chosen))
    banded = found.random[chosen]
    title = "Targets reached" if len(hits) > 1 else "Runs at the target"
    told = [found.where, *([timeline.BANDS] if banded.any() else [])]
    figure, axes = timeline.beside(title, "; ".join(told))
    for k, place in enumerate(chosen):
        timeline.curve(axes, given.at, (given.p[k], given.lo[k], given.hi[k]), k, found.names[place], bool(banded[k]))
    timeline.over_steps(axes, steps, "share of runs" if len(hits) == 1 else "share of pairs of a run and a target")
    timeline.legend_beside(figure)
    never = int((ever == 0).sum())
    return Picture("solved", figure, finding(found, chosen, given.p[:, -1], named(targets, len(hits)), never, steps))


def named(targets: Sequence[float], count: int) -> str:
    """Which targets these are."""
    if len(targets) != count:
        return "the target" if count == 1 else f"{count} targets"
    return f"L - Lmin ≤ {', '.join(arms.number(target) for target in targets)}"


def finding(found: Sample, chosen: Sequence[int], ends: Floats, targets: str, never: int, steps: int) -> str:
    """What the picture shows, in words."""
    told = "; ".join(f"{found.names[place]}: {arms.share(float(p))}" for place, p in zip(chosen, ends, strict=True))
    what = "runs" if not targets.count(",") else "pairs of a run and a target"
    alt = f"Share of {what} with {targets} at one of the steps up to {steps}: {told}."
    alt += f" Never there: {never} of {len(found.table)} settings." if never else ""
    more = len(found.table) - never - len(chosen)
    return alt + (f" {more} more settings that were there are not drawn." if more else "")
