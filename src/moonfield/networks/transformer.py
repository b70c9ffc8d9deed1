"""The transformer encoder."""

import math
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._core.checks import whole
from .activations import activation as activation_function
from .mlp import MLP, Linear
from .normalisation import LayerNorm

_EXPANSION = 4  # hidden units of a block's perceptron, as a multiple of the width


class Attention(eqx.Module):
    """Self-attention of several heads: `softmax(Q K' / sqrt(size)) V` for each, then an affine
    layer (Vaswani et al., 2017, "Attention is all you need", section 3.2).
    """

    query: Linear
    key: Linear
    value: Linear
    out: Linear
    heads: int = eqx.field(static=True)

    def __init__(self, width: int, heads: int):
        self.query, self.key, self.value, self.out = (Linear(width, width) for _ in range(4))
        self.heads = heads

    def __call__(self, x: Float[Array, "tokens width"]) -> Float[Array, "tokens width"]:
        def split(layer: Linear) -> Float[Array, "tokens heads size"]:
            return jax.vmap(layer)(x).reshape(len(x), self.heads, -1)

        query, key, value = split(self.query), split(self.key), split(self.value)
        scores = jnp.einsum("qhs,khs->hqk", query, key) / math.sqrt(query.shape[-1])
        mixed = jnp.einsum("hqk,khs->qhs", jax.nn.softmax(scores), value)
        return jax.vmap(self.out)(mixed.reshape(len(x), -1))


class EncoderBlock(eqx.Module):
    """`h = x + attention(norms_0(x))`, `h + perceptron(norms_1(h))`."""

    norms: list[LayerNorm]
    attention: Attention
    perceptron: MLP

    def __init__(self, width: int, heads: int, activation: str | Callable):
        self.norms = [LayerNorm(width), LayerNorm(width)]
        self.attention = Attention(width, heads)
        self.perceptron = MLP([width, _EXPANSION * width, width], activation)

    def __call__(self, x: Float[Array, "tokens width"]) -> Float[Array, "tokens width"]:
        x = x + self.attention(jax.vmap(self.norms[0])(x))
        return x + jax.vmap(self.perceptron)(jax.vmap(self.norms[1])(x))


class Transformer(eqx.Module):
    """A small transformer encoder of one sequence (Vaswani et al., 2017, "Attention is all you
    need", normalised before each part as in Xiong et al., 2020, "On layer normalization in the
    transformer architecture").

    A row is (tokens, features). `first` maps each token to `width` numbers, to which sines and
    cosines of its place are added; after the blocks, `last` reads the mean over tokens. All tokens
    see one another, and none is masked: rows must be of equal length.

    Args:
        features: numbers a token.
        width: numbers that stand for a token inside.
        outputs: how many outputs.
        depth: how many blocks.
        heads: how many parts of `width` attend on their own, a divisor of it.
        activation: of the perceptron in each block, as of `MLP`.

    Raises:
        ValueError: a number out of range, `heads` does not divide `width`, or an unknown
            activation.

    Example:
        >>> import jax.numpy as jnp, moonfield as mf
        >>> network = mf.nets.Transformer(features=3, width=16, outputs=2)
        >>> network(jnp.ones((20, 3))).shape
        (2,)
    """

    first: Linear
    blocks: list[EncoderBlock]
    norm: LayerNorm
    last: Linear
    features: int = eqx.field(static=True)
    width: int = eqx.field(static=True)
    outputs: int = eqx.field(static=True)
    depth: int = eqx.field(static=True)
    heads: int = eqx.field(static=True)
    activation: str | Callable = eqx.field(static=True)

    def __init__(
        self,
        features: int,
        width: int,
        outputs: int,
        depth: int = 2,
        heads: int = 4,
        activation: str | Callable = "gelu",
    ):
        activation_function(activation)
        self.features, self.width = whole(features, "features"), whole(width, "width")
        self.outputs, self.depth = whole(outputs, "outputs"), whole(depth, "depth")
        self.heads, self.activation = whole(heads, "heads"), activation
        width, heads = self.width, self.heads
        if width % heads:
            raise ValueError(f"{heads} heads do not divide a width of {width}.")
        self.first = Linear(self.features, width)
        self.blocks = [EncoderBlock(width, heads, activation) for _ in range(self.depth)]
        self.norm = LayerNorm(width)
        self.last = Linear(width, self.outputs)

    def __call__(self, x: Float[Array, "tokens features"]) -> Float[Array, " outputs"]:
        if x.ndim != 2 or x.shape[1] != self.features:
            raise ValueError(f"the network is for rows of shape (tokens, {self.features})")
        x = jax.vmap(self.first)(x) + jnp.asarray(places(len(x), self.width), x.dtype)
        for block in self.blocks:
            x = block(x)
        return self.last(self.norm(jnp.mean(x, axis=0)))


def places(tokens: int, width: int) -> Float[np.ndarray, "tokens width"]:
    """Sines and cosines of each token's place at `width / 2` wavelengths from 2 pi to 20,000 pi."""
    rates = 10_000.0 ** (-np.arange(0, width, 2) / width)
    angles = np.arange(tokens)[:, None] * rates
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1)[:, :width]
