"""Second derivatives of a log density, and the Gaussians that they make."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from .._core.trees import Structure, split

_ROWS_AT_ONCE = 8  # of a Hessian: bounds the memory that it takes
_LARGEST = 10_000  # a matrix of this many rows takes 0.8 GB


class Inverse(NamedTuple):
    """The inverse of a symmetric matrix, made positive definite where it was not."""

    root: np.ndarray  # lower triangular, root @ root.T is the inverse
    log_det: float  # of the inverse
    replaced: int  # how many of its eigenvalues were not positive


def check_size(size: int, remedy: str) -> None:
    """Raise `ValueError` for a matrix that would not fit."""
    if size > _LARGEST:
        raise ValueError(
            f"A covariance of {size:,} numbers is too large to compute (at most {_LARGEST:,}). "
            f"{remedy}"
        )


def hessian_of(function: Callable, z: Float[Array, " size"]) -> Float[Array, "size size"]:
    """The Hessian, a few rows at a time."""
    return _rows(function, z, jnp.arange(z.size))


def precision_at(
    density: Any, z: Float[Array, " size"], indices: Int[np.ndarray, " k"] | None = None
) -> np.ndarray:
    """Minus the Hessian of a callable tree at z; of these coordinates, the others held."""
    indices = np.arange(z.size) if indices is None else indices
    structure, arrays = split(density)
    return -np.asarray(_block(structure, arrays, z, indices), np.float64)


def diagonal_precision_at(
    density: Any, z: Float[Array, " size"], indices: Int[np.ndarray, " k"] | None = None
) -> np.ndarray:
    """The diagonal of minus the Hessian of a callable tree at z; of these coordinates."""
    indices = np.arange(z.size) if indices is None else indices
    structure, arrays = split(density)
    return -np.asarray(_diagonal(structure, arrays, z, indices), np.float64)


def invert(matrix: np.ndarray) -> Inverse:
    """The inverse of a precision or Hessian, in 64 bits on the host.

    The matrix is brought to a unit diagonal first, so that differently scaled coordinates cost no
    digits. Eigenvalues of what is left that are not positive are replaced by their size, those
    below rounding error (size times 2^-23) by that.

    Raises:
        LinAlgError: the matrix is not finite.
    """
    if not np.isfinite(matrix).all():
        raise np.linalg.LinAlgError("The matrix is not finite.")
    scale = 1.0 / np.sqrt(np.maximum(np.abs(matrix.diagonal()), np.finfo(np.float32).tiny))
    values, vectors = np.linalg.eigh(scale[:, None] * matrix * scale)
    floor = len(values) * float(np.finfo(np.float32).eps)
    positive = np.maximum(np.abs(values), floor)
    upper = np.asarray(np.linalg.qr((scale[:, None] * vectors / np.sqrt(positive)).T, mode="r"))
    root = upper.T
    log_det = 2.0 * np.log(scale).sum() - np.log(positive).sum()
    return Inverse(root * np.sign(root.diagonal()), float(log_det), int((values <= 0).sum()))


@functools.partial(jax.jit, static_argnames="structure")
def _block(structure: Structure, arrays: list[Array], z: Array, indices: Array) -> Array:
    return _rows(structure.join(arrays), z, indices)[:, indices]


@functools.partial(jax.jit, static_argnames="structure")
def _diagonal(structure: Structure, arrays: list[Array], z: Array, indices: Array) -> Array:
    gradient = jax.grad(structure.join(arrays))

    def entry(index: Array) -> Array:
        return jax.jvp(gradient, (z,), (_unit(z, index),))[1][index]

    return jax.lax.map(entry, indices, batch_size=min(_ROWS_AT_ONCE, len(indices)))


def _rows(function: Callable, z: Array, indices: Array) -> Array:
    """Rows of the Hessian: forward over reverse."""
    gradient = jax.grad(function)

    def row(index: Array) -> Array:
        return jax.jvp(gradient, (z,), (_unit(z, index),))[1]

    return jax.lax.map(row, indices, batch_size=min(_ROWS_AT_ONCE, len(indices)))


def _unit(z: Array, index: Array) -> Array:
    return jnp.zeros_like(z).at[index].set(1.0)
