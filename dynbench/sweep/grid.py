"""A Sweep: all that defines a run, in names and numbers, and nothing that does not; and its rows."""

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from dynbench import find
from dynbench.basins import lowest_value
from dynbench.batch import Batch, Floats, Integers
from dynbench.columns import spelled
from dynbench.dynamics.base import Dynamics
from dynbench.kernels import noise
from dynbench.kernels.step import RECORDS
from dynbench.losses.base import Loss
from dynbench.outcomes.label import label
from dynbench.sweep import fields
from dynbench.sweep.axes import whole
from dynbench.sweep.problem import loss_of
from dynbench.sweep.scales import STEPS, default_lr
from dynbench.sweep.starts import Starts

COMMON = {"lr": (0.0, math.inf), "temperature": (0.0, math.inf), "gradient_noise": (0.0, math.inf)}
MOST_COMBINATIONS = 2_000_000  # of an arm's parameters
MOST_ROWS = 2**62
LABELS_KEPT = 2_000_000  # coordinates of starts, and basin labels, that are kept in memory


@dataclass(frozen=True)
class Arm:
    """A rule and its axes: name -> values, for its parameters and the loss's, lr, temperature, gradient_noise.

    A single number will do for an axis of one value, and lists and arrays for several.  Raises ValueError.
    """

    dynamics: str
    axes: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rule = fields.name(self.dynamics, "dynamics", "the name of a rule or the path of a .py file")
        axes = fields.axes(self.axes, f"the axes of {rule}")
        object.__setattr__(self, "dynamics", rule)
        object.__setattr__(self, "axes", {spelled(name): values for name, values in axes.items()})


@dataclass(frozen=True)
class Sweep:
    """Names and numbers that define a run.  Equal sweeps give equal bytes, whatever the workers and chunks.

    Numbers of NumPy's, whole floats like 1e3 for steps, lists for tuples and a single value for one of them will do.
    Raises ValueError, one sentence, for what is of another type; what the loss and the rules do not take is told when
    the sweep is run.
    """

    loss: str
    arms: tuple[Arm, ...]
    starts: Starts
    dim: int = 1
    steps: int = STEPS
    seeds: int = 1  # repeats of every start with independent noise (a deterministic arm runs once)
    seed: int = 0  # master seed
    targets: tuple[float, ...] = (1e-3,)  # of L - Lmin
    record: tuple[str, ...] = ()
    keep: str = "all"  # all: every trajectory's row on disk; cells: merged aggregates only
    by_start: bool = False  # a cell for every start
    until: float | None = None  # as many seeds as make the interval of each p_escape so narrow
    rare: bool = False  # cells with hardly an escape are estimated by splitting

    def __post_init__(self) -> None:
        arms = (self.arms,) if isinstance(self.arms, Arm) else self.arms
        fields.instance(arms, (list, tuple), "arms", "a list of Arm")
        plain = {
            "loss": fields.name(self.loss, "loss", "the name of a loss or the path of a .py file"),
            "arms": tuple(
                fields.instance(arm, Arm, "arms", "an Arm, such as Arm('capped', {'cap': 71.2})") for arm in arms
            ),
            "starts": fields.instance(self.starts, Starts, "starts", "a Starts, such as Starts('grid', 2001)"),
            "targets": fields.numbers(self.targets, "targets"),
            "record": fields.names(self.record, "record"),
            "keep": fields.instance(self.keep, str, "keep", "'all' or 'cells'"),
            "until": None if self.until is None else fields.number(self.until, "until"),
        }
        plain |= {name: fields.whole(getattr(self, name), name) for name in ("dim", "steps", "seeds", "seed")}
        plain |= {name: fields.truth(getattr(self, name), name) for name in ("by_start", "rare")}
        for name, value in plain.items():
            object.__setattr__(self, name, value)


@dataclass(frozen=True)
class Rows:
    """One arm made ready: its rule, the product of its axes and where its rows stand."""

    dynamics: Dynamics
    names: tuple[str, ...]  # the loss's and the rule's parameters, lr, temperature, gradient_noise
    values: np.ndarray  # (names, combinations)
    repeats: Integers  # (combinations,), rows a start
    offsets: Integers  # (combinations + 1,), first row of each combination, counted from `first`
    first: int  # number of the arm's first row in the whole sweep
    arm: int  # its place in Plan.arms
    begin: Integers  # (combinations,), first repeat

    @property
    def last(self) -> int:
        return self.first + int(self.offsets[-1])

    def column(self, name: str) -> np.ndarray:
        return self.values[self.names.index(name)]


@dataclass(frozen=True)
class Piece:
    """Consecutive rows of one arm: what a backend runs, and what names its rows in a table."""

    rows: Rows
    id: Integers  # (n,)
    combination: Integers  # (n,)
    start: Integers  # (n,)
    repeat: Integers  # (n,), of this very start
    seed: Integers  # (n,), number of its noise: the repeat, counted over all starts that are equal
    batch: Batch


class Plan:
    """A Sweep with its names looked up and checked: trajectory number -> Batch.  Raises ValueError, one sentence."""

    def __init__(self, sweep: Sweep):
        self.sweep = sweep
        self.loss: Loss = loss_of(sweep)
        check(sweep, self.loss)
        self.starts = sweep.starts.size(sweep.dim)
        self.rules: dict[str, Dynamics] = {}
        arms: list[Rows] = []
        for arm in sweep.arms:
            made = self.rows(arm, arms)
            arms += [made] if len(made.repeats) else []
        self.arms = tuple(arms)
        if sweep.rare and not any(is_noisy(rows).any() for rows in arms):
            raise ValueError(
                "--rare: no arm has noise, and without it nothing can be split; give --temperature or --gradient-noise"
            )
        self.total = arms[-1].last
        listed = self.starts if sweep.starts.law == "points" else 1  # the other laws stay within the domain
        sweep.starts.at(self.loss, np.arange(listed), sweep.seed)

    def rows(self, arm: Arm, before: list[Rows]) -> Rows:
        """An arm made ready, its axes checked against what its loss and rule take; nothing twice."""
        dynamics = self.rules.get(arm.dynamics) or find.dynamics(
            arm.dynamics
        )  # once, lest the file be edited meanwhile
        self.rules[arm.dynamics] = dynamics
        find.check_pair(self.loss, dynamics)
        defaults = dict(self.loss.parameters) | dynamics.parameters_on(lowest_value(self.loss)) | {
            "lr": default_lr(self.loss, dynamics), "temperature": 0.0, "gradient_noise": 0.0
        }  # fmt: skip
        bounds = {**self.loss.bounds, **dynamics.bounds, **COMMON}
        for name, values in arm.axes.items():
            if name not in defaults:
                raise ValueError(
                    f"{dynamics.name} on {self.loss.name} has no parameter {name!r}{find.nearest(name, list(defaults))}"
                )
            lo, hi = bounds.get(name, (-math.inf, math.inf))
            for value in values:
                if not (lo <= value <= hi and math.isfinite(value)):
                    raise ValueError(f"{name} = {value:g} is outside its bounds for {dynamics.name}: {lo:g} to {hi:g}")
                if name == "lr" and value == 0.0:
                    raise ValueError("lr = 0 makes no step; it must be above 0")
        for name in dynamics.defaults:
            if name not in arm.axes and math.isnan(defaults[name]):
                flag = f"--{name.replace('_', '-')}"
                raise ValueError(
                    f"{dynamics.name} subtracts {name} from L, and no lowest value of {self.loss.name!r} is known:"
                    f" give {flag}, such as {flag} 0 where L is never below 0"
                )
        axes = [arm.axes.get(name, (value,)) for name, value in defaults.items()]
        if math.prod(len(axis) for axis in axes) > MOST_COMBINATIONS:
            raise ValueError(f"{dynamics.name}: the product of its axes has more than {MOST_COMBINATIONS} combinations")
        done = {c for rows in before if rows.dynamics.name == dynamics.name for c in map(tuple, rows.values.T.tolist())}
        kept = [c for c in dict.fromkeys(itertools.product(*axes)) if c not in done]
        product = np.array(kept, float).reshape(len(kept), len(defaults)).T.copy()
        names = tuple(defaults)
        noisy = (product[-2] > 0) | (product[-1] > 0)  # temperature, gradient_noise
        repeats = np.where(noisy, self.sweep.seeds, 1)
        first = before[-1].last if before else 0
        if first + sum(map(int, repeats)) * self.starts >= MOST_ROWS:
            raise ValueError(f"the sweep has more than {MOST_ROWS:.1e} trajectories")
        offsets = np.concatenate([[0], np.cumsum(repeats * self.starts)]).astype(np.int64)
        return Rows(dynamics, names, product, repeats.astype(np.int64), offsets, first, len(before), 0 * offsets[1:])

    @property
    def parameters(self) -> tuple[str, ...]:
        """Parameter columns of the tables, over all arms."""
        names = [n for arm in self.arms for n in arm.names[:-3]]
        return tuple(dict.fromkeys(names))

    @property
    def updates(self) -> int:
        """Steps asked for, summed over trajectories (exact early exit may save some)."""
        return self.total * self.sweep.steps

    @cached_property
    def labels(self) -> Integers:
        """Basin labels of all starts."""
        return label(self.loss, self.starts_at(np.arange(self.starts)))

    @cached_property
    def points(self) -> Floats:
        """All starts, (dim, starts)."""
        return self.sweep.starts.at(self.loss, np.arange(self.starts), self.sweep.seed)

    def starts_at(self, number: Integers) -> Floats:
        """The starts of these numbers, (dim, n)."""
        if self.starts * self.sweep.dim <= LABELS_KEPT:
            return np.ascontiguousarray(self.points[:, number])
        return self.sweep.starts.at(self.loss, number, self.sweep.seed)

    def pieces(self, first: int, last: int, largest: int, arms: tuple[Rows, ...] = ()) -> list[tuple[Rows, int, int]]:
        """Rows `first` to `last` - 1, cut at the arms' ends and into at most `largest` rows each."""
        cut: list[tuple[Rows, int, int]] = []
        for arm in arms or self.arms:
            a, b = max(first, arm.first), min(last, arm.last)
            cut += [(arm, k, min(k + largest, b)) for k in range(a, b, largest)]
        return cut

    def piece(self, arm: Rows, first: int, last: int) -> Piece:
        """The columns of rows `first` to `last` - 1, all of them the arm's."""
        number = np.arange(first, last)
        within = number - arm.first
        combination = np.searchsorted(arm.offsets, within, side="right") - 1
        within = within - arm.offsets[combination]
        start, repeat = within // arm.repeats[combination], within % arm.repeats[combination]
        return self.made(arm, number, combination, start, arm.begin[combination] + repeat)

    def made(self, arm: Rows, number: Integers, combination: Integers, start: Integers, repeat: Integers) -> Piece:
        x0 = self.starts_at(start)
        basin = self.labels[start] if self.starts <= LABELS_KEPT else label(self.loss, x0)
        values = np.ascontiguousarray(arm.values[:, combination])
        lr, temperature, gradient_noise = (np.ascontiguousarray(row) for row in values[-3:])
        seed = self.sweep.starts.repeat(start, repeat)
        batch = Batch(
            x0, np.ascontiguousarray(values[:-3]), lr, temperature, gradient_noise,
            noise.streams(x0, seed), basin, self.sweep.seed,
        )  # fmt: skip
        return Piece(arm, number, combination, start, repeat, seed, batch)


def is_noisy(rows: Rows) -> np.ndarray:
    """Which combinations of an arm have noise."""
    return np.asarray((rows.column("temperature") > 0) | (rows.column("gradient_noise") > 0))


def check(sweep: Sweep, loss: Loss) -> None:
    """What is wrong with a sweep, its arms aside: a ValueError of one sentence."""
    whole(sweep.steps, "--steps", 1, 10**12)
    whole(sweep.seeds, "--seeds", 1, 10**12)
    whole(sweep.seed, "--seed", 0, 2**64 - 1)
    if whole(sweep.starts.count, "--starts", 1, 10**12) ** (sweep.dim if sweep.starts.law == "grid" else 1) > 10**12:
        raise ValueError(f"--starts: {sweep.starts.count} a coordinate in {sweep.dim} dimensions are more than 1e12")
    if sweep.starts.law == "points" and len(sweep.starts.points[0]) != sweep.dim:
        given, size = len(sweep.starts.points[0]), "s" * (len(sweep.starts.points[0]) > 1)
        raise ValueError(
            f"starts: points of {given} coordinate{size} are given, and {loss.name!r} has {sweep.dim}: give dim={given}"
            " if it leaves its dimension free"
        )
    if not sweep.targets or not all(0 <= t < math.inf for t in sweep.targets):
        raise ValueError("--targets: at least one, each finite and not below 0, as no L - Lmin is")
    if not sweep.arms or not all(len(values) for arm in sweep.arms for values in arm.axes.values()):
        raise ValueError("a sweep needs an arm, and every axis of an arm a value")
    sources: dict[str, str] = {}
    for arm in sweep.arms:
        name = Path(arm.dynamics).stem if arm.dynamics.endswith(".py") else arm.dynamics
        if sources.setdefault(name, arm.dynamics) != arm.dynamics:
            raise ValueError(f"{sources[name]} and {arm.dynamics} would both be called {name!r}; rename the file")
    if sweep.until is not None and not 0 < sweep.until < 1:
        raise ValueError(f"--until: {sweep.until:g} is not a width between 0 and 1")
    if sweep.until is not None and not loss.minima:
        raise ValueError(f"--until: no basin of {loss.name!r} is known, so no escape can be counted")
    if sweep.keep not in ("all", "cells"):
        raise ValueError(f"--keep: {sweep.keep!r} is neither all nor cells")
    for quantity in sweep.record:
        if quantity == "t_diverged":
            raise ValueError("--record t_diverged: it is always recorded; leave it out")
        if quantity not in RECORDS:
            raise ValueError(f"--record: no quantity called {quantity!r}; known: {', '.join(RECORDS)}")
        if quantity in ("crossings", "last_crossing", "global_steps") and not loss.tensor:
            raise ValueError(f"--record {quantity}: the basins of {loss.name!r} are not known at every step")


def with_axes(sweep: Sweep, axes: Mapping[str, tuple[float, ...]]) -> Sweep:
    """The sweep with these axes put into every arm that takes them; one that no arm takes is an error."""
    loss = find.loss(sweep.loss, sweep.dim)
    used: set[str] = set()
    arms: list[Arm] = []
    for arm in sweep.arms:
        takes = {*loss.parameters, *find.dynamics(arm.dynamics).parameters, *COMMON}
        used |= takes & set(axes)
        arms.append(Arm(arm.dynamics, {**arm.axes, **{n: v for n, v in axes.items() if n in takes}}))
    for name in axes:
        if name not in used:
            known = {*loss.parameters, *COMMON}.union(*(find.dynamics(arm.dynamics).parameters for arm in sweep.arms))
            raise ValueError(f"no rule of this sweep has a parameter {name!r}{find.nearest(name, sorted(known))}")
    return replace(sweep, arms=tuple(arms))
