"""The matrix normal: correlated rows and columns of every weight matrix."""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .base import AbstractFamily
from .standard_normal import standard_entropy, standard_log_density
from .triangular import Factor, diagonal_factor


class Matrix(NamedTuple):
    """The two factors of one weight matrix."""

    row: Factor
    column: Factor


class Vector(NamedTuple):
    """Log sds of what is no matrix."""

    log_sd: Float[Array, " entries"]


class KroneckerState(NamedTuple):
    """The mean of all coordinates, and what spreads each array of the parameters."""

    mean: Float[Array, " size"]
    blocks: tuple[Matrix | Vector, ...]


class Kronecker(AbstractFamily):
    """Matrix normals: `W = M + A E B^T` for each weight matrix, E standard normal.

    A and B are lower triangular, so that `cov(vec W)` is the Kronecker product of `A A^T` (rows,
    outputs) and `B B^T` (columns, inputs): Louizos & Welling, 2016, "Structured and efficient
    variational deep learning with matrix Gaussian posteriors", section 3.1. An array with more axes
    is a matrix of its first axis by all others; vectors and single numbers are independent normals.

    It must know the shapes: `mf.fit` calls `bind(space)`, which returns the family for a model.

    Args:
        shapes: the parameters' shapes; left out, `bind` sets them.
    """

    shapes: tuple[tuple[int, ...], ...] | None = eqx.field(
        static=True, default=None, metadata={"bound": True}
    )

    def bind(self, space: Any) -> "Kronecker":
        return Kronecker(tuple(tuple(shape) for shape in space.shapes))

    def init(self, location: Float[Array, " size"], sd: float) -> KroneckerState:
        def block(matrix: tuple[int, int] | None, part: Array) -> Matrix | Vector:
            if matrix is None:
                return Vector(jnp.full_like(part, math.log(sd)))
            each = (jnp.full(count, 0.5 * math.log(sd), part.dtype) for count in matrix)
            return Matrix(*map(diagonal_factor, each))

        return KroneckerState(location, tuple(block(*pair) for pair in self._parts(location)))

    def noise_size(self, size: int) -> int:
        return size

    def sample(self, state: KroneckerState, noise: Float[Array, " size"]) -> Float[Array, " size"]:
        pairs = zip(state.blocks, self._parts(noise), strict=True)
        return state.mean + _joined(noise, [_spread(block, *part) for block, part in pairs])

    def log_prob(self, state: KroneckerState, z: Float[Array, " size"]) -> Float[Array, ""]:
        pairs = zip(state.blocks, self._parts(z - state.mean), strict=True)
        noise = _joined(z, [_whiten(block, *part) for block, part in pairs])
        return standard_log_density(noise) - _log_det(state)

    def entropy(self, state: KroneckerState) -> Float[Array, ""]:
        return _log_det(state) + standard_entropy(state.mean.size)

    def moments(self, state: KroneckerState) -> tuple[Array, Array]:
        return state.mean, _joined(state.mean, [_sds(block) for block in state.blocks])

    def _parts(self, vector: Array) -> Iterator[tuple[tuple[int, int] | None, Array]]:
        """Each array's shape as a matrix (None for a vector) and its entries of a vector."""
        if self.shapes is None:
            raise ValueError(
                "Kronecker does not know the weight matrices yet. Give it to mf.ADVI and mf.fit, "
                "or call family.bind(space) with the space of a model."
            )
        begin = 0
        for shape in self.shapes:
            count = math.prod(shape)
            matrix = (shape[0], count // shape[0]) if len(shape) > 1 else None
            yield matrix, vector[begin : begin + count]
            begin += count


def _joined(like: Array, parts: list[Array]) -> Array:
    """One vector of several, also where there are none."""
    return jnp.concatenate([like[:0], *parts])


def _spread(block: Matrix | Vector, shape: Any, noise: Array) -> Array:
    """Noise with the covariance of a block."""
    if isinstance(block, Vector):
        return jnp.exp(block.log_sd) * noise
    return block.column.times(block.row.times(noise.reshape(shape)).T).T.ravel()


def _whiten(block: Matrix | Vector, shape: Any, z: Array) -> Array:
    """The inverse of `_spread`."""
    if isinstance(block, Vector):
        return jnp.exp(-block.log_sd) * z
    return block.column.solve(block.row.solve(z.reshape(shape)).T).T.ravel()


def _log_det(state: KroneckerState) -> Array:
    """Half the log-determinant of the covariance."""
    total = jnp.zeros((), state.mean.dtype)
    for block in state.blocks:
        if isinstance(block, Vector):
            total = total + jnp.sum(block.log_sd)
        else:
            rows, columns = block.row.log_diagonal.size, block.column.log_diagonal.size
            total = total + columns * block.row.log_det + rows * block.column.log_det
    return total


def _sds(block: Matrix | Vector) -> Array:
    if isinstance(block, Vector):
        return jnp.exp(block.log_sd)
    return jnp.outer(block.row.row_norms, block.column.row_norms).ravel()
