"""Normalisation within one row: no statistic of other rows, no state."""

import equinox as eqx
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from .._core.checks import whole
from .._core.trees import zeros

_SMALL = 1e-5  # of a variance


class LayerNorm(eqx.Module):
    """A vector with mean 0 and variance 1, then rescaled (Ba, Kiros & Hinton, 2016, "Layer
    normalization", eq. 3).

    `y = (1 + gain) * (x - mean(x)) / sqrt(var(x) + 1e-5) + offset`: with gain and offset 0 it only
    standardises, so that priors around 0 fit both.

    Args:
        size: how many numbers the vector has.

    Example:
        >>> import jax.numpy as jnp, moonfield as mf
        >>> mf.nets.LayerNorm(2)(jnp.asarray([1.0, 3.0]))
        Array([-1.00,  1.00], dtype=float32)
    """

    gain: Array
    offset: Array

    def __init__(self, size: int):
        size = whole(size, "size")
        self.gain, self.offset = zeros(size), zeros(size)

    def __call__(self, x: Float[Array, " size"]) -> Float[Array, " size"]:
        return (1.0 + self.gain) * standardised(x) + self.offset


class GroupNorm(eqx.Module):
    """Groups of channels, each with mean 0 and variance 1 over its channels and all places, then
    rescaled by channel (Wu & He, 2018, "Group normalization", section 3.1).

    `y_c = (1 + gain_c) * (x_c - mean) / sqrt(var + 1e-5) + offset_c`, as `LayerNorm`, which for
    images is that of one group.

    Args:
        groups: how many groups, a divisor of `channels`.
        channels: how many channels, the first axis.

    Raises:
        ValueError: `groups` does not divide `channels`, or a number is below 1.

    Example:
        >>> import jax.numpy as jnp, moonfield as mf
        >>> mf.nets.GroupNorm(2, 8)(jnp.ones((8, 5, 5))).shape
        (8, 5, 5)
    """

    gain: Array
    offset: Array
    groups: int = eqx.field(static=True)

    def __init__(self, groups: int, channels: int):
        self.groups = whole(groups, "groups")
        channels = whole(channels, "channels")
        if channels % self.groups:
            raise ValueError(f"{groups} groups do not divide {channels} channels.")
        self.gain, self.offset = zeros(channels), zeros(channels)

    def __call__(self, x: Float[Array, "channels ..."]) -> Float[Array, "channels ..."]:
        parts = x.reshape(self.groups, -1)
        even = standardised(parts).reshape(len(self.gain), -1)
        return ((1.0 + self.gain)[:, None] * even + self.offset[:, None]).reshape(x.shape)


def standardised(x: Float[Array, "*groups size"]) -> Float[Array, "*groups size"]:
    """Mean 0 and variance 1 along the last axis; 0 where all numbers are the same.

    Raises:
        ValueError: the axis has one number, which would always become 0.
    """
    if x.shape[-1] == 1:
        raise ValueError(
            "A normalisation of one number makes it 0, whatever it is: the network would not see "
            "its inputs. Use a larger width, or fewer groups."
        )
    centred = x - jnp.mean(x, axis=-1, keepdims=True)
    variance = jnp.mean(centred**2, axis=-1, keepdims=True)
    return centred * lax.rsqrt(variance + _SMALL)
