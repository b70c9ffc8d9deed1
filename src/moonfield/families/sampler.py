"""A network that turns noise into draws."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .approximation import AbstractApproximation


class SamplerState(NamedTuple):
    """The weights of a sampler."""

    mean: Float[Array, " size"]
    log_sd: Float[Array, " size"]
    inner: Float[Array, "hidden latent"]
    bias: Float[Array, " hidden"]
    outer: Float[Array, "size hidden"]


class Sampler(AbstractApproximation):
    """`z = mean + exp(log_sd) * eps + outer @ tanh(inner @ xi + bias)`, eps and xi standard normal.

    The first two terms are a mean-field Gaussian; the third bends it along `hidden` directions that
    all numbers of z share, into correlations and several modes. It draws, and has no density.
    """

    state: SamplerState

    def draw(self, key: Array, index: Array) -> Float[Array, " size"]:
        size, latent = self.state.mean.shape[0], self.state.inner.shape[1]
        key = jax.random.fold_in(key, index)
        return push(self.state, jax.random.normal(key, (size + latent,), self.state.mean.dtype))

    def moments(self) -> None:
        return None


def push(state: SamplerState, noise: Float[Array, " noise"]) -> Float[Array, " size"]:
    """What a sampler makes of standard normal noise: eps, then xi."""
    eps, xi = jnp.split(noise, [state.mean.shape[0]])
    bent = state.outer @ jnp.tanh(state.inner @ xi + state.bias)
    return state.mean + jnp.exp(state.log_sd) * eps + bent


def first_sampler(
    location: Float[Array, " size"], sd: float, hidden: int, latent: int, key: Array
) -> SamplerState:
    """Draws have mean `location` and sds of about `sd`; `inner` and `bias` are random."""
    keys, dtype = jax.random.split(key, 3), location.dtype
    return SamplerState(
        location,
        jnp.full_like(location, math.log(sd)),
        jax.random.normal(keys[0], (hidden, latent), dtype) / math.sqrt(latent),
        jax.random.normal(keys[1], (hidden,), dtype),
        0.1 * sd * jax.random.normal(keys[2], (location.shape[0], hidden), dtype),
    )
