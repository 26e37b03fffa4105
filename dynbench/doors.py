"""What all commands do at their door: one sentence for a mistake, exit codes, readers that leave.

0 done, 1 the disk, 2 usage, 130 interrupted, 141 the reader of a pipe has left.
"""

import argparse
import codecs
import gc
import io
import os
import re
import sys
import unicodedata
from collections.abc import Callable
from typing import Any, NoReturn

from dynbench.flags import flags_in, no_such_flags

IN_ASCII = {  # for a terminal or a file whose encoding lacks the letter
    "²": "^2", "³": "^3", "√": "sqrt", "±": "+-", "∓": "-+", "≤": "<=", "≥": ">=", "∞": "inf", "·": "*", "×": "x",
    "–": "-", "…": "...", "←": "<-", "∫": "integral ", "Σ": "sum ", "Δ": "Delta", "α": "alpha", "β": "beta",
    "γ": "gamma", "δ": "delta", "ε": "eps", "ϵ": "eps", "ζ": "zeta", "θ": "theta", "κ": "kappa", "λ": "lambda",
    "μ": "mu", "µ": "mu", "ξ": "xi", "π": "pi", "ρ": "rho", "σ": "sigma", "τ": "tau",
}  # fmt: skip
ERRORS = "dynbench"  # name under which Python knows `in_ascii`


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    @property
    def flags(self) -> list[str]:
        """The command's long flags, as `--json`."""
        return [flag for flag in self._option_string_actions if flag.startswith("--")]

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Refuses flags that the command does not have before it asks for what is missing."""
        words = sys.argv[1:] if args is None else list(args)
        if unknown := [flag for flag in flags_in(words) if flag not in self.flags]:
            self.error(no_such_flags(unknown, self.flags))
        return super().parse_args(words, namespace)

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {in_quotes(message)}\n")


def add_root(parser: argparse.ArgumentParser, file: bool = False) -> None:
    """The folder of runs that a command reads: --root, and sweep's --out unless that is the `file` it writes."""
    words = "holds the runs, as sweep's --out does (default results/runs)"
    flags = ["--root"] if file else ["--out", "--root"]
    parser.add_argument(*flags, dest="root", default="results/runs", metavar="DIR", help=words)


def print_every_letter() -> None:
    """Lets stdout and stderr write letters that their encoding lacks: a formula must not cost the work behind it."""
    codecs.register_error(ERRORS, in_ascii)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=ERRORS)


def in_ascii(error: UnicodeError) -> tuple[str | bytes, int]:
    """Python's handler of a letter that cannot be encoded: `sqrt` or `lambda`, without its accent, or `\\u4e2d`.

    A byte of a path that was no letter to begin with stays that byte.
    """
    if not isinstance(error, UnicodeEncodeError):
        raise error
    letter, after = error.object[error.start], error.start + 1
    if "\udc80" <= letter <= "\udcff":
        return letter.encode("ascii", "surrogateescape"), after
    plain = unicodedata.normalize("NFKD", letter).encode("ascii", "ignore").decode()
    return IN_ASCII.get(letter) or plain or letter.encode("ascii", "backslashreplace").decode(), after


def in_quotes(text: str) -> str:
    """Code in backticks, as messages have it for Python's users, in the quotes of plain text."""
    return re.sub(r"`([^`]*)`", r"'\1'", text)


def replied(act: Callable[[], int], interrupted: str = "interrupted") -> int:
    """The exit code of `act`; its mistakes become one sentence on stderr."""
    try:
        return act()
    except KeyboardInterrupt:
        print(interrupted, file=sys.stderr)
        return 130
    except ValueError as error:
        print(f"error: {in_quotes(' '.join(str(error).split()))}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        raise
    except OSError as error:
        print(f"error: {error.filename or 'the disk'}: {error.strerror or error}", file=sys.stderr)
        return 1


def answered(main: Callable[[], int]) -> int:
    """The exit code of a command; a reader that leaves (`| head`) ends it quietly."""
    gc.set_threshold(100_000, 20, 50)  # what a command imports and makes lives to its end: walks over it find nothing
    print_every_letter()
    try:
        code = main()
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    gc.freeze()  # the process is about to end: it need not look for what it could give back
    return code
