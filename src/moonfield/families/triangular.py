"""Triangular factors `diag(exp(log_diagonal)) (I + strictly lower)`, their entries packed.

Rows are in units of their diagonal, so that one step size suits coordinates of any scale. Packed
without the zeros, every entry of a state is a variational parameter.
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import solve_triangular
from jaxtyping import Array, Float


class Factor(NamedTuple):
    """A lower-triangular matrix (size, size) with a positive diagonal."""

    log_diagonal: Float[Array, " size"]
    lower: Float[Array, " entries"]  # size (size - 1) / 2

    @property
    def unit(self) -> Float[Array, "size size"]:
        """The factor with its rows divided by their diagonal entry."""
        size = self.log_diagonal.size
        return _strictly_lower(self.lower, size) + jnp.eye(size, dtype=self.lower.dtype)

    def times(self, noise: Float[Array, "size ..."]) -> Float[Array, "size ..."]:
        """The factor times a vector or a matrix."""
        return _rows(jnp.exp(self.log_diagonal), self.unit @ noise)

    def solve(self, z: Float[Array, "size ..."]) -> Float[Array, "size ..."]:
        """The inverse of `times`."""
        scaled = _rows(jnp.exp(-self.log_diagonal), z)
        return solve_triangular(self.unit, scaled, lower=True, unit_diagonal=True)

    @property
    def log_det(self) -> Float[Array, ""]:
        """Log-determinant."""
        return jnp.sum(self.log_diagonal)

    @property
    def row_norms(self) -> Float[Array, " size"]:
        """Square roots of the diagonal of the factor times its transpose."""
        return jnp.exp(self.log_diagonal) * jnp.sqrt(jnp.sum(self.unit**2, axis=1))


def diagonal_factor(log_diagonal: Float[Array, " size"]) -> Factor:
    """The factor without entries below its diagonal."""
    size = log_diagonal.size
    return Factor(log_diagonal, jnp.zeros(size * (size - 1) // 2, log_diagonal.dtype))


def factor_of(covariance: Float[Array, "size size"]) -> Factor:
    """The Cholesky factor of a covariance.

    Eigenvalues below the rounding error of the largest, as negative ones, are raised to it.
    """
    values, vectors = jnp.linalg.eigh(0.5 * (covariance + covariance.T))
    least = values[-1] * len(values) * jnp.finfo(values.dtype).eps
    root = vectors * jnp.sqrt(jnp.maximum(values, least))[None]
    upper = jnp.linalg.qr(root.T, mode="r")
    matrix = (upper * jnp.sign(jnp.diagonal(upper))[:, None]).T
    diagonal = jnp.diagonal(matrix)
    return Factor(jnp.log(diagonal), _pack(matrix / diagonal[:, None]))


def _rows(scale: Array, array: Array) -> Array:
    return scale.reshape(-1, *[1] * (array.ndim - 1)) * array


def _strictly_lower(packed: Array, size: int) -> Array:
    """The strictly lower matrix of packed entries, by slices alone: compilers like no gathers."""
    if size <= 1:
        return jnp.zeros((size, size), packed.dtype)
    rows = size - 1
    square = jnp.concatenate([packed[rows:], packed[::-1]]).reshape(rows, rows)
    return jnp.pad(jnp.tril(square), ((1, 0), (0, 1)))


def _pack(matrix: Array) -> Array:
    """The inverse of `_strictly_lower`."""
    size = len(matrix)
    entries = size * (size - 1) // 2
    below = np.tril_indices(size, -1)
    places = _strictly_lower(jnp.arange(entries), size)[below]
    return jnp.zeros(entries, matrix.dtype).at[places].set(matrix[below])
