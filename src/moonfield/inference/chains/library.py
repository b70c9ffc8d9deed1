"""BlackJAX, an extra: imported where it is first needed."""

import functools
from typing import Any


@functools.cache
def blackjax() -> Any:
    """The library.

    Raises:
        ImportError: it is not installed; the message names the extra.
    """
    try:
        import blackjax  # noqa: PLC0415
    except ImportError as error:
        raise ImportError(
            'Chains need BlackJAX: pip install "moonfield[mcmc]".', name="blackjax"
        ) from error
    return blackjax
