"""A progress bar on stderr, on a terminal, for work that takes longer than a moment."""

import sys
from typing import Any

DELAY = 1.0  # seconds before anything is shown


class Bar:
    """`total` units of work, in all; `beyond`: what goes on, in a word, once so many are done.

    On a terminal only, and not where `quiet`.  With it as a context the bar is gone at the end.
    """

    def __init__(self, total: float, quiet: bool, unit: str = "steps", beyond: str = ""):
        self.total, self.unit, self.beyond = total, unit, beyond
        self.quiet = quiet or not sys.stderr.isatty()
        self.bar: Any = None
        self.done: float = 0

    def __enter__(self) -> "Bar":
        if not self.quiet:
            from tqdm import tqdm

            self.bar = tqdm(total=self.total, unit=f" {self.unit}", unit_scale=True, delay=DELAY, leave=False)
        return self

    def update(self, done: float) -> None:
        """So much more is done."""
        self.done += done
        if self.bar is None:
            return
        if self.beyond and self.bar.n >= self.total:
            self.bar.set_description_str(self.beyond, refresh=False)
        self.bar.update(done)

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.close()
