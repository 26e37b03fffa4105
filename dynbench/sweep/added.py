"""A piece of a sweep -> its aggregate, without a table of trajectories in between."""

import numpy as np
import pandas as pd

from dynbench.batch import Endings, Integers
from dynbench.outcomes.aggregate import Aggregate, of_cells
from dynbench.outcomes.cells import Context, is_start
from dynbench.outcomes.counts import Trajectories
from dynbench.sweep.grid import Piece, Plan
from dynbench.sweep.rows import keys


def added_up(plan: Plan, piece: Piece, endings: Endings, context: Context) -> Aggregate:
    """What `aggregate` makes of the piece's rows."""
    codes, first = cells_of(piece, plan.sweep.by_start)
    columns = keys(plan, piece, first)
    table = pd.DataFrame({c: v for c, v in columns.items() if c != "seed" and (plan.sweep.by_start or not is_start(c))})
    rows = piece.rows
    f_star = rows.column("f_star")[piece.combination] if "f_star" in rows.names else np.full(len(piece.id), np.nan)
    given = Trajectories(
        t_exit=endings.t_exit, t_exit_lo=endings.t_exit_lo, t_exit_hi=endings.t_exit_hi,
        t_diverged=endings.t_diverged, t_commit=endings.t_commit, t_hit=endings.t_hit[0], status=endings.status,
        best=endings.best, value=endings.value, start_basin=piece.batch.basin, basin=endings.basin, x=endings.x,
        f_star=f_star if "f_star" in context.parameters else None,
    )  # fmt: skip
    return of_cells(table, codes, given, context)


def cells_of(piece: Piece, by_start: bool) -> tuple[Integers, Integers]:
    """(the cell of each row, the first row of each cell), told by numbers instead of values: rows are in order of
    combination, then of start, so that equal ones stand together, but for the basins that starts of one cell share."""
    changed = piece.combination[1:] != piece.combination[:-1]
    if by_start:
        changed |= piece.start[1:] != piece.start[:-1]
    codes = np.zeros(len(piece.id), np.int64)
    np.cumsum(changed, out=codes[1:])
    if not by_start:  # a start has one basin
        basin, labels = pd.factorize(piece.batch.basin)
        codes = pd.factorize(codes * len(labels) + basin)[0] if len(labels) > 1 else codes
    first = np.empty(codes.max(initial=-1) + 1, np.int64)
    first[codes[::-1]] = np.arange(len(codes))[::-1]
    return codes, first
