"""Random keys: one integer seed, one stream per purpose, one key per step or draw.

A stream's words are NumPy's `SeedSequence((seed, purpose))`, so that making a key compiles nothing.
Within a stream, block `b` or draw `d` uses `fold_in(stream, b)`: results never depend on how often
the host looked in.
"""

import enum
import functools
from typing import Any

import jax
import numpy as np


class Stream(enum.IntEnum):
    """What a stream of random numbers is for."""

    start = 0
    noise = 1
    shuffle = 2
    draws = 3
    targets = 4
    prior = 5
    importance = 6


def words(seed: int, purpose: Stream, count: int) -> np.ndarray:
    """`count` random 32-bit words of one purpose under a seed; more words begin with the same."""
    check_seed(seed)
    return np.random.SeedSequence((int(seed), int(purpose))).generate_state(count, np.uint32)


def uniform(seed: int, purpose: Stream) -> float:
    """One uniform number in [0, 1) of one purpose under a seed, beside its keys."""
    return float(words(seed, purpose, 8)[-1]) / 2.0**32


def streams(seed: int, purpose: Stream, count: int) -> jax.Array:
    """Keys (count,) of one purpose under a seed; more keys begin with the same."""
    return _keys(words(seed, purpose, count * _key_words()).reshape(count, -1))


def stream(seed: int, purpose: Stream) -> jax.Array:
    """The key of one purpose under a seed: the first of its keys."""
    return _keys(words(seed, purpose, _key_words()))


def _keys(data: np.ndarray) -> jax.Array:
    return jax.random.wrap_key_data(jax.device_put(data))


def _key_words() -> int:
    """32-bit words of a key of the generator that the user's JAX is set to."""
    return _size(jax.config.jax_default_prng_impl)  # pyright: ignore[reportAttributeAccessIssue]


@functools.lru_cache(maxsize=8)
def _size(generator: str) -> int:
    key = functools.partial(jax.random.key, impl=generator)
    return jax.eval_shape(lambda: jax.random.key_data(key(0))).size


def check_seed(seed: Any) -> None:
    """Raise unless `seed` is a non-negative integer below 2**32."""
    if isinstance(seed, bool) or not hasattr(seed, "__index__"):
        raise TypeError(f"seed must be an integer, got {type(seed).__name__}.")
    if not 0 <= int(seed) < 2**32:
        raise ValueError(f"seed must lie between 0 and 2**32 - 1, got {seed}.")
