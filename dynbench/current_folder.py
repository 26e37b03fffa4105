"""Lets no file of the current folder stand in for a module of Python's or of a library's.

`python -m dynbench.sweep` puts the current folder first among the places where modules are looked for, so that a
user's random.py would be imported by NumPy in place of Python's.  It is taken away here, as the command `dynbench` has
none either; `files` gives it back, as the last place, while a user's loss or rule is run.  Imported before all else;
it imports what is in Python at its start.

A file called collections.py, contextlib.py, functools.py, importlib.py, keyword.py, operator.py, reprlib.py, types.py
or warnings.py is imported by Python's own -m before any module of ours, and stops that.
"""

import os
import sys

TAKEN_AWAY: list[str] = []  # the current folder, where it was first among the places


def is_command(words: list[str]) -> bool:
    """Whether Python was called as `python -m dynbench...`, by its words."""
    for flag, module in zip(words, [*words[1:], ""], strict=True):
        name = module if flag == "-m" else flag.removeprefix("-m") if flag.startswith("-m") else ""
        if name:
            return name.partition(".")[0] == "dynbench"
    return False


def take_away(folder: str) -> None:
    """Looks for no module in that folder."""
    others = [place for place in sys.path if os.path.abspath(place) != folder]  # noqa: PTH100 (pathlib may be a user's)
    if len(others) < len(sys.path):
        sys.path[:] = others
        TAKEN_AWAY.append(folder)


if sys.argv[:1] == ["-m"] and is_command(sys.orig_argv):  # "-m" stands there until the module is found
    take_away(os.getcwd())  # noqa: PTH109
