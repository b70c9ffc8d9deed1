"""Coordinates in which a posterior is about as wide in every direction."""

from typing import NamedTuple

import jax.numpy as jnp
from jax.scipy.linalg import solve_triangular
from jaxtyping import Array, Float


class Coordinates(NamedTuple):
    """An affine map to unconstrained parameters, `z = centre + factor u`.

    A vector as factor stands for its diagonal; a matrix is lower triangular where `back` or
    `log_det` is asked for.
    """

    centre: Float[Array, " size"]
    factor: Float[Array, "size size"] | Float[Array, " size"]

    def at(self, u: Float[Array, " size"]) -> Float[Array, " size"]:
        """The z that u stands for."""
        return self.centre + (self.factor @ u if self.factor.ndim == 2 else self.factor * u)

    def back(self, z: Float[Array, " size"]) -> Float[Array, " size"]:
        """The u that stands for z."""
        if self.factor.ndim == 1:
            return (z - self.centre) / self.factor
        return solve_triangular(self.factor, z - self.centre, lower=True)

    @property
    def log_det(self) -> Float[Array, ""]:
        """Log-determinant of the map."""
        diagonal = self.factor if self.factor.ndim == 1 else jnp.diagonal(self.factor)
        return jnp.sum(jnp.log(jnp.abs(diagonal)))
