"""The one function through which convolutions of `mf.nets` use their weights."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float


def convolution(weight: Any, bias: Any, x: Float[Array, "inputs height width"]) -> Any:
    """`weight` slides over one image, padded by zeros: (outputs, height, width).

    `y[o, i, j] = bias[o] + sum_{c, a, b} weight[o, c, a, b] x[c, i + a - k // 2, j + b - k // 2]`,
    as the product of a matrix of weights with one of patches: on CPUs many times faster than XLA's
    convolution, above all in derivatives.

    `weight` (outputs, inputs, k, k), k odd, is an array, or any object with `shape`, `reshape` and
    `@`, whose products have `+` and `reshape`; as in `linear`, a Gaussian in its place can be
    propagated. `bias` (outputs,) may be None.
    """
    y = weight.reshape(weight.shape[0], -1) @ patches(x, weight.shape[-1])
    y = y if bias is None else y + bias[:, None]
    return y.reshape(-1, *x.shape[1:])


def patches(
    x: Float[Array, "channels height width"], kernel: int
) -> Float[Array, "numbers places"]:
    """What a square kernel sees at each place of an image, `channels * kernel^2` numbers."""
    channels, height, width = x.shape
    if kernel == 1:
        return x.reshape(channels, -1)
    edge = kernel // 2
    padded = jnp.pad(x, ((0, 0), (edge, edge), (edge, edge)))
    shifted = [
        padded[:, i : i + height, j : j + width] for i in range(kernel) for j in range(kernel)
    ]
    return jnp.stack(shifted, axis=1).reshape(channels * kernel**2, -1)
