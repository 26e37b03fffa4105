"""A child process that answers SIGINT, even where the tests themselves run in the background and ignore it."""

import signal


def answered() -> None:
    """For `preexec_fn`: what a shell ignores for a job in the background would be ignored by the child as well."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
