"""The one function through which layers of `mf.nets` use their weights."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


def linear(weight: Any, bias: Any, x: Float[Array, " inputs"]) -> Array:
    """`weight @ x + bias` for one row.

    `weight` (outputs, inputs) is an array, or any object with `@` and `+`: a Gaussian in its place
    can be propagated (local reparameterisation) without rewriting a layer. `bias` may be None.
    """
    y = weight @ x
    if bias is None:
        return y
    arrays = isinstance(y, jax.Array) and isinstance(bias, jax.Array)
    return y + (_along(x, bias) if arrays and y.ndim == bias.ndim == 1 else bias)


def _along(x: Array, bias: Array) -> Array:
    """The bias once for every row, where `jax.vmap` gives x many rows.

    Rows of `weight @ x` are then its last axis, in which vectorised code is contiguous. Added to a
    bias without rows they would become the first, and so on through all layers and gradients: up
    to three times as slow.
    """
    one = jnp.where(x[:1] == x[:1], 1, 1).astype(bias.dtype)  # folded away, but for its rows
    return bias[:, None] @ one
