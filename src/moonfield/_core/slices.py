"""Functions of many rows, some rows at a time."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree


def by_slices(function: Callable[[PyTree], Array], rows: PyTree, size: int | None) -> Array:
    """`function(rows)`, whose result has a row for each, from slices of at most `size` rows.

    What a slice computes on its way is forgotten and computed again for the gradient (Chen, Xu,
    Zhang & Guestrin, 2016, "Training deep nets with sublinear memory cost"), so that memory is that
    of one slice and gradients add up from slice to slice. None: all rows at once.
    """
    count = len(jax.tree.leaves(rows)[0])
    if size is None or size >= count:
        return function(rows)
    slices = -(-count // size)
    each = -(-count // slices)

    def cut(leaf: Array) -> Array:
        edges = [(0, slices * each - count), *[(0, 0)] * (leaf.ndim - 1)]
        return jnp.pad(leaf, edges, mode="edge").reshape(slices, each, *leaf.shape[1:])

    found = jax.lax.map(jax.checkpoint(function), jax.tree.map(cut, rows))
    return found.reshape(slices * each, *found.shape[2:])[:count]
