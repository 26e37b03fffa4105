"""A Plan with its kernels' texts: what names a run, and how its rows are cut into chunks."""

import hashlib
import json

import numpy as np

from dynbench.kernels.link import sources
from dynbench.kernels.step import Variant
from dynbench.outcomes import cells as outcomes
from dynbench.sweep.definition import expanded
from dynbench.sweep.grid import Plan, Rows

UPDATES_A_CHUNK = 1e9  # of a chunk file, about a second of two cores: what an interruption can cost
ROWS_A_CHUNK = {"all": (2**12, 2**18), "cells": (2**12, 2**20)}


class Job:
    """A Plan with its kernels' texts: what names a run and fills its folder."""

    def __init__(self, plan: Plan):
        self.plan, self.sweep = plan, plan.sweep
        pairs = [(arm.dynamics, variant) for arm in plan.arms for variant in self.variants(arm)]
        texts = [text for pair in pairs for text in sources(plan.loss, *pair)]
        self.texts = sorted(dict.fromkeys(texts), key=len, reverse=True)  # the longest take the longest to compile
        size = 2 ** int(np.log2(max(UPDATES_A_CHUNK / (self.sweep.steps * self.sweep.dim), 1)))
        size = int(np.clip(size, *ROWS_A_CHUNK[self.sweep.keep]))
        most = max(int(arm.repeats.max()) for arm in plan.arms) * (1 if self.sweep.by_start else plan.starts)
        self.rows = size - size % most if most <= size else size  # so that few cells lie in two chunks
        self.definition = expanded(plan) | {
            "kernels": sorted({hashlib.sha256(t.encode()).hexdigest() for t in self.texts}),
            "rows": self.rows,  # a chunk's: files of another size would not fit together
        }
        compact = json.dumps(self.definition, sort_keys=True, separators=(",", ":"), allow_nan=False)
        self.id = hashlib.sha256(compact.encode()).hexdigest()[:12]

    def variants(self, arm: Rows) -> list[Variant]:
        """The kernels that an arm's combinations need: noise is compiled in only where there is noise."""
        noises = set(zip(arm.column("temperature") > 0, arm.column("gradient_noise") > 0, strict=True))
        kinds = noises if len(arm.offsets) - 1 <= 1 else noises | {tuple(map(any, zip(*noises, strict=True)))}
        return [Variant(bool(a), bool(b), self.sweep.record) for a, b in sorted(kinds)]

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
            loss=loss,
        )
