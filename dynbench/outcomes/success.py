"""Which rows of trajectories are those of an arm, and which of them succeeded, and in what."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

KINDS = {  # what may be asked of a trajectory -> in words
    "escape": "it left its start's basin",
    "commit": "it entered the core of another minimum",
    "best": "its lowest L came within the first target of Lmin",
    "final": "its last L lies within the first target of Lmin",
}
TIMES = {"escape": "t_exit", "commit": "t_commit"}  # success is a time that is not -1
VALUES = {"best": "loss_best", "final": "loss_final"}  # success is a value low enough
SHARES = {"escape": "p_escape", "best": "p_best", "final": "p_final"}  # columns of cells


def of_arm(frame: pd.DataFrame, arm: Mapping[str, Any]) -> NDArray[np.bool_]:
    """(n,): whether each row has the arm's values in the columns it names; nan equals nan."""
    chosen = np.ones(len(frame), bool)
    for name, value in arm.items():
        chosen &= (frame[name].isna() if value != value else frame[name] == value).to_numpy()
    return chosen


def succeeded(rows: pd.DataFrame, on: str, cells: pd.DataFrame) -> NDArray[np.bool_]:
    """(n,): success in `on` of each row; `cells` are the cells that are made of these very rows.

    For `best` and `final` they are the k lowest values, k = the sum of n p over the cells: the very rows with
    L <= Lmin + target, whatever the loss, for equal values are on the same side.  Raises ValueError where Lmin is not
    known, or where a number of rows is not that of the cells.
    """
    if on in TIMES:
        return rows[TIMES[on]].to_numpy() >= 0
    if int(cells["n"].sum()) != len(rows):
        raise ValueError(f"the cells are made of {int(cells['n'].sum())} trajectories, and {len(rows)} are given")
    share = cells[SHARES[on]]
    if share.isna().any():
        raise ValueError(f"the lowest value of this loss is not known, so `{on}` cannot be told")
    values = rows[VALUES[on]].to_numpy(float)
    k = int((share * cells["n"]).round().sum())
    if k == 0:
        return np.zeros(len(values), bool)
    return np.asarray(values <= np.sort(values)[k - 1])  # nan is sorted last and is never low enough
