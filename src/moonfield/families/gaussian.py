"""A Gaussian, and a point some of whose coordinates are distributed."""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from .approximation import AbstractApproximation

_LOG_2PI = math.log(2.0 * math.pi)


class Gaussian(AbstractApproximation):
    """`N(mean, scale_tril scale_tril')`, scale_tril (size, size) lower triangular."""

    mean: Float[Array, " size"]
    scale_tril: Float[Array, "size size"]

    def draw(self, key: Array, index: Array) -> Float[Array, " size"]:
        key = jax.random.fold_in(key, index)
        noise = jax.random.normal(key, self.mean.shape, self.mean.dtype)
        return self.mean + self.scale_tril @ noise

    def moments(self) -> tuple[Array, Array]:
        return self.mean, jnp.sqrt(jnp.sum(self.scale_tril**2, axis=1))

    def log_prob(self, z: Float[Array, " size"]) -> Float[Array, ""]:
        """Log-density at z, nats."""
        standardised = jax.scipy.linalg.solve_triangular(self.scale_tril, z - self.mean, lower=True)
        return -0.5 * (jnp.sum(standardised**2) + z.size * _LOG_2PI) - self._half_log_det()

    def entropy(self) -> Float[Array, ""]:
        """Entropy, nats."""
        return 0.5 * self.mean.size * (1.0 + _LOG_2PI) + self._half_log_det()

    def _half_log_det(self) -> Array:
        return jnp.sum(jnp.log(jnp.abs(jnp.diagonal(self.scale_tril))))


class Conditional(AbstractApproximation):
    """A Gaussian over some coordinates of z, the others held at a point.

    `free` (k,) says which coordinates the k of `gaussian` are; all others have sd 0.
    """

    point: Float[Array, " size"]
    free: Int[Array, " k"]
    gaussian: Gaussian

    def draw(self, key: Array, index: Array) -> Float[Array, " size"]:
        return self.point.at[self.free].set(self.gaussian.draw(key, index))

    def moments(self) -> tuple[Array, Array]:
        mean, sd = self.gaussian.moments()
        return self.point.at[self.free].set(mean), jnp.zeros_like(self.point).at[self.free].set(sd)
