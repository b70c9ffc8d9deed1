"""What goes wrong becomes one line; so does what a library warns of."""

import contextlib
import sys
import warnings
from collections.abc import Iterator
from typing import Any


class BadInput(ValueError):
    """What was asked cannot be done; the message says why and names the remedy."""


@contextlib.contextmanager
def explained(about: str = "") -> Iterator[None]:
    """What a library says of bad input, as ours; `about` comes before it."""
    try:
        yield
    except BadInput:
        raise
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "RESOURCE_EXHAUSTED" not in str(error):
            raise
        what = f"{about}: it" if about else "It"
        raise BadInput(
            f"{what} needs more memory than there is. Take a smaller network."
        ) from error
    except (TypeError, ValueError) as error:
        text = str(error) or type(error).__name__
        raise BadInput(f"{about}: {text}" if about else text) from error


@contextlib.contextmanager
def one_line_warnings() -> Iterator[None]:
    """Each warning to the user once, as one line on the standard error stream."""
    said = set()

    def show(message: Warning | str, *_: Any) -> None:
        line = f"moonfield: warning: {' '.join(str(message).split())}\n"
        if line not in said:
            said.add(line)
            sys.stderr.write(line)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = show
        yield
