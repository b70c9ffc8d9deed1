"""The command line."""

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command, by default that of the process; returns the exit code.

    0: done. 1: a bug of ours, with its traceback. 2: what was asked cannot be done; one line on the
    standard error stream says why. 130: interrupted.
    """
    try:
        from .app import run
    except ModuleNotFoundError as error:
        sys.stderr.write(
            f"moonfield: the command line needs {error.name}: pip install 'moonfield[cli]'.\n"
        )
        return 2
    return run(arguments)


__all__ = ["main"]
