"""The standard normal vector that Gaussian families transform."""

import math

import jax.numpy as jnp
from jaxtyping import Array, Float

_LOG_2PI = math.log(2.0 * math.pi)


def standard_log_density(noise: Float[Array, " size"]) -> Float[Array, ""]:
    """`log N(noise; 0, I)`, nats."""
    return -0.5 * jnp.sum(noise**2) - 0.5 * noise.size * _LOG_2PI


def standard_entropy(size: int) -> float:
    """Entropy of `N(0, I)`, nats."""
    return 0.5 * size * (1.0 + _LOG_2PI)
