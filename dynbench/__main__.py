"""dynbench sweep|list|compare|explain|replay|report|theory: the same as python -m dynbench.<command>."""

import sys
from importlib import import_module

from dynbench.doors import answered

COMMANDS = {
    "sweep": ("dynbench.sweep.__main__", "run rules from many starts and record whether they escape"),
    "list": ("dynbench.list", "losses and rules, with formula and source"),
    "compare": ("dynbench.compare", "one setting against another, from the same starts with the same noise"),
    "explain": ("dynbench.explain", "why a run's escapes happen: the flow, the step, the inertia or the noise"),
    "replay": ("dynbench.replay", "one trajectory of a stored run again, step by step"),
    "theory": ("dynbench.theory.__main__", "what theory predicts: thresholds, exact escape probabilities, times"),
    "report": ("dynbench.report.__main__", "the offline HTML report of runs"),
}


def main(argv: list[str] | None = None) -> int:
    """Hands over to the command."""
    argv = list(sys.argv[1:] if argv is None else argv)
    if not argv or argv[0] in ("-h", "--help"):
        print("usage: dynbench COMMAND ...\n")
        print("\n".join(f"  {name:8}{text}" for name, (_, text) in COMMANDS.items()))
        print("\ndynbench COMMAND --help tells more.")
        return 0
    if argv[0] not in COMMANDS:
        print(f"error: no command {argv[0]!r}; known: {', '.join(COMMANDS)}", file=sys.stderr)
        return 2
    return answered(lambda: int(import_module(COMMANDS[argv[0]][0]).main(argv[1:])))


if __name__ == "__main__":
    sys.exit(main())
