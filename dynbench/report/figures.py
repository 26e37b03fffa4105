"""All pictures of a run: tables -> {name: Picture}.  What does not apply to a run is left out."""

from collections.abc import Callable, Iterator, Sequence

import pandas as pd

from dynbench.losses.base import Loss
from dynbench.report.caps import escape_against_cap
from dynbench.report.facts import facts_of, loss_of
from dynbench.report.maps import outcome_map
from dynbench.report.paths import sample_paths
from dynbench.report.rules import rules
from dynbench.report.style import Picture, save, uncollected
from dynbench.report.survival import survival
from dynbench.store import Run

__all__ = [
    "Picture",
    "draw_all",
    "escape_against_cap",
    "loss_of",
    "outcome_map",
    "rules",
    "sample_paths",
    "save",
    "survival",
]

LARGEST = 20_000_000  # trajectories that are read into memory for pictures
NEEDLESS = {"id", "loss", "t_commit", "loss_final", "loss_best", "x_final"}  # columns no picture needs


@uncollected()
def draw_all(run: Run, loss: Loss | None = None) -> dict[str, Picture]:
    """Every picture that makes sense for a run; `loss` where it is not one of dynbench's own."""
    loss = loss or loss_of(run)
    return {picture.name: picture for picture in each(run, loss, budget(run)) if picture is not None}


def budget(run: Run) -> int:
    """Steps of each trajectory."""
    return int(run.manifest.get("sweep", {}).get("steps", 0)) or int(run.cells["steps"].max())


def each(run: Run, loss: Loss | None, steps: int) -> Iterator[Picture | None]:
    yield rules(run.cells, loss)
    yield escape_against_cap(run.cells, loss, facts_of(run))
    trajectories = read(run)
    if trajectories is not None:
        yield outcome_map(trajectories, loss, facts_of(run))
        yield survival(trajectories, steps, loss, run.cells)
    if (run.directory / "paths.parquet").exists():
        yield sample_paths(run.paths, loss)


def drawable(names: Sequence[str]) -> list[str]:
    """Those of the trajectories' columns that `draw_all` needs."""
    return [c for c in names if c not in NEEDLESS and not c.startswith(("t_hit", "x_final_"))]


def read(run: Run, choose: Callable[[Sequence[str]], list[str]] = drawable) -> pd.DataFrame | None:
    """The trajectories' columns that are chosen of all; None where they were not kept or are too many."""
    import pyarrow.parquet

    chunks = run.chunks()
    if run.manifest.get("sweep", {}).get("keep", "all") != "all" or not chunks:
        return None
    kinds = [pyarrow.parquet.ParquetFile(path) for path in chunks]
    names = kinds[0].schema_arrow.names
    if sum(kind.metadata.num_rows for kind in kinds) > LARGEST or "t_exit" not in names:
        return None
    tables = list(run.each_chunk(choose(names)))
    return tables[0] if len(tables) == 1 else pd.concat(tables, ignore_index=True)
