"""The mean-field Gaussian."""

import math
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from .base import AbstractFamily

_LOG_2PI = math.log(2.0 * math.pi)


class MeanFieldState(NamedTuple):
    """Mean and log sd of each coordinate."""

    mean: Float[Array, " size"]
    log_sd: Float[Array, " size"]


class MeanField(AbstractFamily):
    """Independent normals: `q(z) = prod_k N(z_k; mean_k, exp(log_sd_k)^2)`.

    Entropy: `sum_k log_sd_k + size / 2 (1 + log 2 pi)` (Kucukelbir et al., 2017, "Automatic
    differentiation variational inference", section 2.4). Optimised on the log scale of sd, so that
    sds are positive and steps relative.
    """

    def init(self, location: Float[Array, " size"], sd: float) -> MeanFieldState:
        return MeanFieldState(location, jnp.full_like(location, math.log(sd)))

    def noise_size(self, size: int) -> int:
        return size

    def sample(self, state: MeanFieldState, noise: Float[Array, " size"]) -> Float[Array, " size"]:
        return state.mean + jnp.exp(state.log_sd) * noise

    def log_prob(self, state: MeanFieldState, z: Float[Array, " size"]) -> Float[Array, ""]:
        standardised = (z - state.mean) * jnp.exp(-state.log_sd)
        return -jnp.sum(0.5 * standardised**2 + state.log_sd) - 0.5 * z.size * _LOG_2PI

    def entropy(self, state: MeanFieldState) -> Float[Array, ""]:
        return jnp.sum(state.log_sd) + 0.5 * state.log_sd.size * (1.0 + _LOG_2PI)

    def moments(self, state: MeanFieldState) -> tuple[Array, Array]:
        return state.mean, jnp.exp(state.log_sd)
