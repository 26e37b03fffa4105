"""Rows of trajectories, made up."""

import numpy as np
import pandas as pd

from dynbench.kernels.shape import STATUSES
from dynbench.outcomes.cells import Context

CONTEXT = Context(steps=100, minimum_value=0.5, targets=(0.25, 1e-3), starts="uniform", parameters=("cap", "beta"))


def rows(n: int, **columns) -> pd.DataFrame:
    """n trajectories that never leave, unless said otherwise."""
    usual = {
        "id": range(n), "loss": "quartic", "dynamics": "capped", "x0": np.linspace(3, 4, n), "cap": 7.0,
        "beta": np.nan, "lr": 0.01, "temperature": 0.0, "gradient_noise": 0.0, "seed": 0, "start_basin": 1,
        "status": "censored", "t_exit": -1, "t_commit": -1, "t_hit_0": -1, "t_hit_1": -1, "loss_final": 2.0,
        "loss_best": 1.0, "basin_final": 1, "x_final": 3.0,
    }  # fmt: skip
    return pd.DataFrame(usual | columns)


def mixed(n: int = 3000) -> pd.DataFrame:
    """Many cells in no order: two rules with parameters of their own, ties, losses that are not finite."""
    draw = np.random.default_rng(5)
    rule = draw.integers(0, 2, n)
    t = np.where(draw.random(n) < 0.6, draw.geometric(0.02, n).clip(1, 100), -1)
    loss = 0.5 + draw.standard_normal(n) ** 8
    loss[draw.random(n) < 0.05] = np.nan
    loss[draw.random(n) < 0.05] = np.inf
    loss[draw.random(n) < 0.05] = 0.5
    loss[draw.random(n) < 0.05] -= 1e-16
    return rows(
        n,
        id=draw.permutation(n) + 7,
        dynamics=np.where(rule == 0, "capped", "rmsprop"),
        x0=np.round(draw.uniform(0, 5, n), 1),
        cap=np.where(rule == 0, draw.choice([1.0, 7.0, np.inf], n), np.nan),
        beta=np.where(rule == 1, draw.choice([0.0, -0.0, 0.9], n), np.nan),
        temperature=draw.choice([0.0, 0.5], n),
        start_basin=draw.integers(-1, 3, n),
        status=np.array(STATUSES, object)[draw.integers(0, 6, n)],
        t_exit=t,
        t_commit=np.where(draw.random(n) < 0.5, t, -1),
        loss_final=loss,
        loss_best=np.fmin(loss, 0.5 + draw.random(n)),
        basin_final=draw.integers(-1, 3, n),
    )
