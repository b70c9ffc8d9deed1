"""Activation functions by name."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

ACTIVATIONS: dict[str, Callable] = {
    "tanh": jnp.tanh,
    "relu": jax.nn.relu,
    "gelu": jax.nn.gelu,
    "silu": jax.nn.silu,
    "elu": jax.nn.elu,
    "softplus": jax.nn.softplus,
    "sigmoid": jax.nn.sigmoid,
    "sin": jnp.sin,
    "identity": lambda x: x,
}


def activation(name: str | Callable) -> Callable:
    """The function of that name; a callable passes through.

    Raises:
        ValueError: no activation has that name.
    """
    if callable(name):
        return name
    if name not in ACTIVATIONS:
        raise ValueError(f"No activation {name!r}. There are {', '.join(ACTIVATIONS)}.")
    return ACTIVATIONS[name]
