"""Flags that a command does not have: one sentence, with the flag that was most likely meant."""

from collections.abc import Iterable, Sequence

NEAR = 0.65  # of difflib's ratio: `cvs` is 0.67 from `csv`


def nearest_flag(flag: str, known: Iterable[str]) -> str | None:
    """The known flag that is written most like it, if any is."""
    from difflib import get_close_matches

    names = get_close_matches(flag.removeprefix("--"), [one.removeprefix("--") for one in known], 1, NEAR)
    return f"--{names[0]}" if names else None


def no_such_flags(flags: Sequence[str], known: Sequence[str]) -> str:
    """`no flag --losss, did you mean --loss?`; several flags in one sentence, all known ones where none is near."""
    meant = {flag: nearest_flag(flag, known) for flag in flags}
    if len(meant) == 1:
        ((flag, near),) = meant.items()
        return f"no flag {flag}, did you mean {near}?" if near else f"no flag {flag}; known: {', '.join(known)}"
    told = [f"{flag} (did you mean {near}?)" if near else flag for flag, near in meant.items()]
    return f"no flags {', '.join(told[:-1])} and {told[-1]}"


def flags_in(words: Sequence[str]) -> list[str]:
    """The flags among the words of a command line, each once, without their values; none after `--`."""
    before = words[: words.index("--")] if "--" in words else words
    return list(dict.fromkeys(word.partition("=")[0] for word in before if word.startswith("--")))
