"""All pictures of a run: tables -> {name: Picture}.  What does not apply to a run is left out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

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
    "drawings",
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


@dataclass(frozen=True)
class Drawings:
    """The pictures of a run, and a sentence for each that could not be drawn."""

    pictures: dict[str, Picture]
    missing: tuple[str, ...]


def draw_all(run: Run, loss: Loss | None = None) -> dict[str, Picture]:
    """Every picture that makes sense for a run; `loss` where it is not one of dynbench's own."""
    return drawings(run, loss).pictures


@uncollected()
def drawings(run: Run, loss: Loss | None = None) -> Drawings:
    """Every picture that makes sense for a run and can be drawn: one that fails costs none of the others."""
    pictures: dict[str, Picture] = {}
    missing: list[str] = []
    for name, draw in painters(run, loss or loss_of(run)).items():
        try:
            picture = draw()
            if picture is not None:
                assert picture.png  # it is made of the figure only now, which may fail as well
                pictures[picture.name] = picture
        except Exception as error:
            missing.append(not_drawn(name, error))
    return Drawings(pictures, tuple(missing))


def not_drawn(name: str, error: Exception) -> str:
    """The sentence that stands in place of a picture."""
    reason = " ".join(f"{type(error).__name__}: {error}".split())
    return f"the picture {name} is missing, as it could not be drawn ({reason}); the numbers do not depend on it"


def budget(run: Run) -> int:
    """Steps of each trajectory."""
    return int(run.manifest.get("sweep", {}).get("steps", 0)) or int(run.cells["steps"].max())


def painters(run: Run, loss: Loss | None) -> dict[str, Callable[[], Picture | None]]:
    """The drawing of each picture, by the picture's name; it gives None where the run has nothing to show in it."""
    named: dict[str, Callable[[], Picture | None]] = {
        "rules": lambda: rules(run.cells, loss, run.summary()),
        "escape_against_cap": lambda: escape_against_cap(run.cells, loss, facts_of(run), run.summary()),
    }
    trajectories = read(run)
    if trajectories is not None:
        named["outcome_map"] = lambda: outcome_map(trajectories, loss, facts_of(run))
        named["survival"] = lambda: survival(trajectories, budget(run), loss, run.cells)
    if (run.directory / "paths.parquet").exists():
        named["sample_paths"] = lambda: sample_paths(run.paths, loss)
    return named


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
