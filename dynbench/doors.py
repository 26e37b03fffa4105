"""What all commands do at their door."""

import os
import sys
from collections.abc import Callable

LEFT = 141  # exit code where the reader of a pipe has left


def answered(main: Callable[[], int]) -> int:
    """The exit code of a command; a reader that leaves (`| head`) ends it quietly."""
    try:
        code = main()
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return LEFT
    return code
