"""Caches of kernels for tests: an almost empty one, and work that two processes of pytest must not do at once."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dynbench import find
from dynbench.kernels.cache_folder import cache_directory
from dynbench.kernels.compile import compile_all
from dynbench.kernels.link import sources
from dynbench.kernels.native import path_of
from dynbench.kernels.step import Variant
from dynbench.kernels.texts import passage_source


@contextmanager
def alone(name: str) -> Iterator[None]:
    """Only one process is in here at a time."""
    try:
        import fcntl
    except ImportError:  # Windows: both do the work, which is slower and no more
        yield
        return
    folder = cache_directory()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def common(noisy: bool = False) -> list[str]:
    """What kernels of the quartic share, whatever the rule: their layout and the driver."""
    return list(sources(find.loss("quartic"), find.dynamics("gradient"), Variant(noisy))[1:])


def drivers() -> list[str]:
    """The texts that take the longest to compile, and that nearly every test needs."""
    return [common()[-1], passage_source()]


def compiled(texts: list[str], workers: int) -> None:
    """Sees to it that the machine code of these texts is in the cache."""
    with alone("tests"):
        compile_all(list(dict.fromkeys(texts)), workers)


def with_drivers(folder: Path) -> Path:
    """The folder as a cache that holds the common parts and no pair of loss and rule."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = [*common(), *common(noisy=True)]
    compiled(texts, 1)
    for text in texts:
        for file in cache_directory().glob(f"{path_of(text).stem}.*"):
            shutil.copy(file, folder)
    return folder
