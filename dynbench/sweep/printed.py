"""The summary for a terminal: the table, what its columns mean and what it shows."""

from collections.abc import Collection

import pandas as pd

from dynbench.outcomes.cells import Context
from dynbench.sweep.headline import sentences
from dynbench.sweep.table import aligned, predictions, remarks, shown, wrapped


def printed(
    table: pd.DataFrame,
    context: Context,
    starts: str,
    capped: Collection[str] = (),
    gradient: Collection[str] = (),
    nowhere: int = 0,
    whole: int = 0,
) -> str:
    """The summary, what its columns mean and what it shows, for a terminal.

    `starts`: their law in words.  `capped`, `gradient`: names of those of its rules that are capped flows, and plain
    gradient descent.  `nowhere`: trajectories that are left out as no basin is known that they began in.
    `whole`: trajectories of each setting, see `remarks`.
    """
    assert context.loss is not None
    told = shown(table, context)
    body = [aligned([told.heads, *told.rows]), ""]
    body += [f"{told.left_out} more rows are in summary.csv"] if told.left_out else []
    fixed = [f"h = {table['lr'].iloc[0]:g}"] if table["lr"].nunique() == 1 else []
    body += wrapped(f"Starts: {starts}; {', '.join([*fixed, f'{context.steps} steps'])}.")
    body += wrapped(" ".join([*told.notes, *remarks(table, context.loss, nowhere, whole)]))
    width = max(len(column.head) for column in told.columns)
    body.append("")
    for column in told.columns:
        body += wrapped(column.about, f"{column.head.replace(chr(10), ' '):{width}}  ")
    body.append("")
    for sentence in sentences(table, context, gradient):
        body += wrapped(sentence, "* ")
    return "\n".join([*body, *predictions(table[table["dynamics"].isin(list(capped))], context.loss)])
