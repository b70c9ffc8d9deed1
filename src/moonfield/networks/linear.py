"""The one function through which layers of `mf.nets` use their weights."""

from typing import Any

from jaxtyping import Array, Float


def linear(weight: Any, bias: Any, x: Float[Array, " inputs"]) -> Array:
    """`weight @ x + bias` for one row.

    `weight` (outputs, inputs) is an array, or any object with `@` and `+`: a Gaussian in its place
    can be propagated (local reparameterisation) without rewriting a layer. `bias` may be None.
    """
    y = weight @ x
    return y if bias is None else y + bias
