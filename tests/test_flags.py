"""A flag that a command does not have is told as that, with the one that was meant."""

from contextlib import suppress

import pytest

from dynbench.__main__ import main

NO_LOSS = "--loss is needed, such as --loss quartic; 'python -m dynbench.list' shows them all"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("sweep --losss quartic", "no flag --losss, did you mean --loss?"),
        ("sweep --losss=quartic", "no flag --losss, did you mean --loss?"),
        ("sweep --losss quartic --stesp 5",
         "no flags --losss (did you mean --loss?) and --stesp (did you mean --steps?)"),
        ("sweep --loss quartic --stesp 5", "no flag --stesp, did you mean --steps?"),
        ("sweep --loss quartic --tempreature 5", "no flag --tempreature, did you mean --temperature?"),
        ("sweep --loss quartic --jsno", "no flag --jsno, did you mean --json?"),
        ("sweep --jsno --loss quartic", "no flag --jsno, did you mean --json?"),
        ("sweep --loss quartic --xylophone 1 --zinc 2", "no flags --xylophone and --zinc"),
        ("sweep --lambda 1", NO_LOSS),
        ("sweep --cap 1", NO_LOSS),
        ("theory --losss quartic", "no flag --losss, did you mean --loss?"),
        ("theory --loss quartic --tempreature 1", "no flag --tempreature, did you mean --temperature?"),
        ("theory --loss quartic --jsno", "no flag --jsno, did you mean --json?"),
        ("theory", NO_LOSS),
        ("list --jsno", "no flag --jsno, did you mean --json?"),
        ("list --colour", "no flag --colour; known: --help, --json"),
        ("compare --aa capped", "no flag --aa, did you mean --a?"),
        ("compare latest --a capped --bb gradient --onn final",
         "no flags --bb (did you mean --b?) and --onn (did you mean --on?)"),
        ("explain --al", "no flag --al, did you mean --all?"),
        ("replay --cvs file", "no flag --cvs, did you mean --csv?"),
        ("report --quite", "no flag --quite, did you mean --quiet?"),
    ],
)  # fmt: skip
def test_a_flag_that_is_not_there(words, sentence, capsys):
    try:
        code = main(words.split())
    except SystemExit as stopped:  # by argparse
        code = stopped.code
    told = capsys.readouterr()
    assert (code, told.out, told.err) == (2, "", f"error: {sentence}\n")


def test_a_rules_parameters_are_none_of_the_commands_own_flags(capsys):
    """As --beta1 is none, near as it may be to one."""
    assert main(["sweep", "--loss", "quartic", "--dynamics", "adam", "--beta1", "0.5", "--x0", "3", "--dry-run"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("command", ["", "sweep", "list", "compare", "explain", "replay", "theory", "report"])
def test_no_backtick_is_left_in_a_help(command, capsys):
    with suppress(SystemExit):  # by argparse
        main([*command.split(), "--help"])
    told = capsys.readouterr().out
    assert told.startswith("usage: ")
    assert "`" not in told
