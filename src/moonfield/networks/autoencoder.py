"""The autoencoder."""

from collections.abc import Callable, Sequence

import equinox as eqx
from jaxtyping import Array, Float

from .mlp import MLP


class Autoencoder(eqx.Module):
    """A row through a narrow layer and back: `decode(encode(x))`.

    `encoder` is a perceptron to a code of the last of `sizes`, `decoder` its mirror image. Fit it
    to rows as their own targets, `mf.fit(model, X, X)`, with a likelihood of several numbers a row
    such as `mf.likelihoods.Normal()`; `posterior.representations(X, "encoder")` are the codes.

    Args:
        sizes: numbers of units from inputs to the code, e.g. `[64, 32, 2]`.
        activation, bias: as of `MLP`.

    Raises:
        ValueError: as of `MLP`.

    Example:
        >>> import jax.numpy as jnp, moonfield as mf
        >>> network = mf.nets.Autoencoder([64, 32, 2])
        >>> row = jnp.ones(64)
        >>> network.encode(row).shape, network(row).shape
        ((2,), (64,))
    """

    encoder: MLP
    decoder: MLP

    def __init__(
        self, sizes: Sequence[int], activation: str | Callable = "tanh", bias: bool = True
    ):
        self.encoder = MLP(sizes, activation, bias)
        self.decoder = MLP(tuple(sizes)[::-1], activation, bias)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Numbers of units from inputs to the code."""
        return self.encoder.sizes

    @property
    def activation(self) -> str | Callable:
        """Of both perceptrons."""
        return self.encoder.activation

    @property
    def bias(self) -> bool:
        """Whether layers have biases."""
        return self.encoder.bias

    def encode(self, x: Float[Array, " inputs"]) -> Float[Array, " code"]:
        """The code of a row."""
        return self.encoder(x)

    def decode(self, code: Float[Array, " code"]) -> Float[Array, " inputs"]:
        """The row that a code stands for."""
        return self.decoder(code)

    def __call__(self, x: Float[Array, " inputs"]) -> Float[Array, " inputs"]:
        return self.decode(self.encode(x))
