"""What all commands do at their door: one sentence for a mistake, exit codes, readers that leave.

0 done, 1 the disk, 2 usage, 130 interrupted, 141 the reader of a pipe has left.
"""

import argparse
import gc
import os
import sys
from collections.abc import Callable
from typing import NoReturn


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {message}\n")


def replied(act: Callable[[], int], interrupted: str = "interrupted") -> int:
    """The exit code of `act`; its mistakes become one sentence on stderr."""
    try:
        return act()
    except KeyboardInterrupt:
        print(interrupted, file=sys.stderr)
        return 130
    except ValueError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        raise
    except OSError as error:
        print(f"error: {error.filename or 'the disk'}: {error.strerror or error}", file=sys.stderr)
        return 1


def answered(main: Callable[[], int]) -> int:
    """The exit code of a command; a reader that leaves (`| head`) ends it quietly."""
    gc.set_threshold(100_000, 20, 50)  # what a command imports and makes lives to its end: walks over it find nothing
    try:
        code = main()
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    gc.freeze()  # the process is about to end: it need not look for what it could give back
    return code
