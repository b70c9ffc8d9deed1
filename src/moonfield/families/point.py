"""A single point: maximum a posteriori as a family."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from .base import AbstractFamily


class PointState(NamedTuple):
    """Where it is."""

    location: Float[Array, " size"]


class Point(AbstractFamily):
    """All mass at one point: the ELBO is the log joint density there, and its optimum the MAP.

    A point has no density. By convention its entropy is 0, and `log_prob` is 0 at the point and
    minus infinity elsewhere, so that all objectives become the log joint density; its ELBO is not
    a bound of the evidence and compares with no other family's. The maximum is that of the density
    of the unconstrained vector, the log-determinant of the bijection included.
    """

    def init(self, location: Float[Array, " size"], sd: float) -> PointState:
        return PointState(location)

    def noise_size(self, size: int) -> int:
        return 0

    def sample(self, state: PointState, noise: Float[Array, " noise"]) -> Float[Array, " size"]:
        return state.location

    def log_prob(self, state: PointState, z: Float[Array, " size"]) -> Float[Array, ""]:
        there = jnp.all(z == state.location)
        return jnp.where(there, 0.0, -jnp.inf).astype(z.dtype)

    def entropy(self, state: PointState) -> Float[Array, ""]:
        return jnp.zeros((), state.location.dtype)

    def moments(self, state: PointState) -> tuple[Array, Array]:
        return state.location, jnp.zeros_like(state.location)
