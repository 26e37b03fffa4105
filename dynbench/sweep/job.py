"""A Plan with its identity: what names a run, what kernels it needs, and how its rows are cut into chunks."""

import hashlib
import json
from functools import cached_property

import numpy as np

from dynbench.backends.basins import may_be_exact, no_way_out
from dynbench.kernels.flows import flow_source
from dynbench.kernels.link import sources
from dynbench.kernels.step import Variant
from dynbench.outcomes import cells as outcomes
from dynbench.sweep.definition import identity
from dynbench.sweep.grid import Plan, Rows

UPDATES_A_CHUNK = 1e9  # of a chunk file, about a second of two cores: what an interruption can cost
ROWS_A_CHUNK = {"all": (2**12, 2**18), "cells": (2**12, 2**20)}


class Job:
    """A Plan with what names its run and fills its folder.  `rows` a chunk, where they are given: a stored run's."""

    def __init__(self, plan: Plan, rows: int | None = None):
        self.plan, self.sweep = plan, plan.sweep
        self.rows = rows or self.rows_a_chunk()
        self.definition = identity(plan)
        compact = json.dumps(self.definition, sort_keys=True, separators=(",", ":"), allow_nan=False)
        self.id = hashlib.sha256(compact.encode()).hexdigest()[:12]

    def rows_a_chunk(self) -> int:
        """Rows of a chunk file: files of another size do not fit together."""
        plan = self.plan
        size = 2 ** int(np.log2(max(UPDATES_A_CHUNK / (self.sweep.steps * self.sweep.dim), 1)))
        size = int(np.clip(size, *ROWS_A_CHUNK[self.sweep.keep]))
        most = max(int(arm.repeats.max()) for arm in plan.arms) * (1 if self.sweep.by_start else plan.starts)
        return size - size % most if most <= size else size  # so that few cells lie in two chunks

    @cached_property
    def texts(self) -> list[str]:
        """The kernels' texts; the longest, which take the longest to compile, come first."""
        pairs = [(arm.dynamics, variant) for arm in self.plan.arms for variant in self.variants(arm)]
        texts = [text for pair in pairs for text in sources(self.plan.loss, *pair)]
        texts += [flow_source(self.plan.loss)] if self.plan.loss.minima and not self.plan.loss.tensor else []
        return sorted(dict.fromkeys(texts), key=len, reverse=True)

    @property
    def kernels(self) -> list[str]:
        """The fingerprint of the kernels: which texts were compiled."""
        return sorted(hashlib.sha256(text.encode()).hexdigest() for text in self.texts)

    def variants(self, arm: Rows) -> list[Variant]:
        """The kernels that an arm's combinations need: noise is compiled in only where there is noise."""
        noises = set(zip(arm.column("temperature") > 0, arm.column("gradient_noise") > 0, strict=True))
        kinds = noises if len(arm.offsets) - 1 <= 1 else noises | {tuple(map(any, zip(*noises, strict=True)))}
        loss = self.plan.loss
        bounded = not (loss.tensor or no_way_out(loss) or may_be_exact(loss))
        return [Variant(bool(a), bool(b), self.sweep.record, bounded=bounded) for a, b in sorted(kinds)]

    @property
    def name(self) -> str:
        return f"{self.plan.loss.name}-{self.id}"

    @property
    def context(self) -> outcomes.Context:
        sweep, loss = self.sweep, self.plan.loss
        return outcomes.Context(
            steps=sweep.steps,
            minimum_value=loss.minimum_value,
            targets=sweep.targets,
            starts="point" if sweep.by_start else sweep.starts.kind,
            parameters=self.plan.parameters,
            repeated=sweep.seeds > 1 or sweep.until is not None,
            loss=loss,
        )
