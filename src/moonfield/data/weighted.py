"""Rows drawn with given chances, and the weights that undo them."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, UInt

_ALL = 2**32


class Weighted(NamedTuple):
    """Chances of rows as shares of the 2**32 values of a random word: exact, in whole numbers.

    Row i is drawn where the word is at least `edges[i]` and below the next edge, so that its chance
    is `p_i = (edges[i + 1] - edges[i]) / 2**32`, and `factors[i] = 1 / (rows p_i)`.
    """

    key: Array
    edges: UInt[np.ndarray | Array, " rows"]
    factors: Float[np.ndarray | Array, " rows"]


def weighted(key: Array, chances: Any, dtype: Any) -> Weighted:
    """Rows drawn independently, each with a chance close to its entry of `chances` (rows,).

    Raises:
        ValueError: a chance is negative or not finite, or all are 0.
    """
    p = np.asarray(chances, np.float64)
    if not np.isfinite(p).all() or (p < 0).any() or not p.any():
        raise ValueError("Chances of rows must be finite, not negative, and not all 0.")
    rows = len(p)
    free = _ALL - rows  # every row has at least one word
    tops = np.floor(np.cumsum(p) / p.sum() * free).astype(np.int64)
    tops[-1] = free
    ends = tops + np.arange(1, rows + 1)
    edges = np.concatenate([[0], ends[:-1]])
    factors = _ALL / (rows * (ends - edges).astype(np.float64))
    return Weighted(key, edges.astype(np.uint32), factors.astype(dtype))


def weighted_rows(
    plan: Weighted, steps: Int[Array, " steps"], places: int
) -> Int[Array, "steps places"]:
    """Row numbers of the batches of these steps: a function of the step's number alone."""

    def one(step: Array) -> Array:
        words = jax.random.bits(jax.random.fold_in(plan.key, step), (places,), jnp.uint32)
        return jnp.searchsorted(plan.edges, words, side="right") - 1

    return jax.vmap(one)(steps)
