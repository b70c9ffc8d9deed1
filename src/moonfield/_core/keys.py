"""Random keys: one integer seed, one stream per purpose, one key per step or draw.

A stream is `fold_in(key(seed), purpose)`. Within a stream, block `b` or draw `d` uses
`fold_in(stream, b)`: results never depend on how often the host looked in.
"""

import enum
from typing import Any

import jax


class Stream(enum.IntEnum):
    """What a stream of random numbers is for."""

    start = 0
    noise = 1
    shuffle = 2
    draws = 3
    targets = 4
    prior = 5


def stream(seed: int, purpose: Stream) -> jax.Array:
    """The key of one purpose under a seed."""
    check_seed(seed)
    return jax.random.fold_in(jax.random.key(seed), int(purpose))


def check_seed(seed: Any) -> None:
    """Raise unless `seed` is a non-negative integer below 2**32."""
    if isinstance(seed, bool) or not hasattr(seed, "__index__"):
        raise TypeError(f"seed must be an integer, got {type(seed).__name__}.")
    if not 0 <= int(seed) < 2**32:
        raise ValueError(f"seed must lie between 0 and 2**32 - 1, got {seed}.")
