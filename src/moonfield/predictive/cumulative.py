"""The cdf of the predictive mixture at many values of y, of a few blocks of rows at a time."""

import functools
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

from .reducers import Conditional, Cumulative, Tails, conditional_cdf, nearer_end
from .stream import BLOCK_ROWS, Source, in_blocks, reduce_rows, stack, super_blocks, unblocked

_MOST_BYTES = 64 * 2**20  # of the distributions of some blocks of rows under every draw

Cdf = Callable[[np.ndarray], np.ndarray]


def cdfs(source: Source, inputs: PyTree, draws: int) -> Iterator[tuple[slice, Cdf]]:
    """Which rows, and the function from their y to `mean_w P(y' <= y | w)`.

    The network is evaluated once for all values of y; where there are too many draws to keep what
    it says under each, or rows belong together, once for each value.
    """
    if not source.model.minibatchable:
        yield slice(None), functools.partial(_streamed, source, inputs, draws)
        return
    begin = 0
    for count, blocks in super_blocks(source, Conditional(), inputs, None):
        rows = slice(begin, begin + count)
        begin += count
        if _bytes(blocks, draws) > _MOST_BYTES:
            part = jax.tree.map(lambda leaf, rows=rows: leaf[rows], inputs)
            yield rows, functools.partial(_streamed, source, part, draws)
        else:
            used, under = _blocks_of(count), stack(*blocks, np.int32(0), draws)
            under = jax.tree.map(lambda leaf, n=used: leaf[:, :n], under)
            yield rows, functools.partial(_stacked, under, used)


def _streamed(source: Source, inputs: PyTree, draws: int, y: np.ndarray) -> np.ndarray:
    return reduce_rows(source, Cumulative(), inputs, draws, y).cdf()


def _stacked(under: PyTree, used: int, y: np.ndarray) -> np.ndarray:
    tails = jax.device_get(_tails(under, in_blocks(y)[:used]))
    return unblocked(tails.cdf())[: len(y)]


def _blocks_of(rows: int) -> int:
    """How many blocks hold these rows: 1, 2, 4, ..., so that few programs are compiled."""
    blocks = 1
    while BLOCK_ROWS * blocks < rows:
        blocks *= 2
    return blocks


@jax.jit
def _tails(under: PyTree, y: Array) -> Tails:
    """Of the distributions under each draw (draws, blocks, ...) at y (blocks, rows, ...)."""

    def cdf(one: PyTree) -> Array:
        return jax.vmap(conditional_cdf)(one, y)

    def fold(total: Array, one: PyTree) -> tuple[Array, None]:
        return total + (cdf(one) - end), None

    end = nearer_end(cdf(jax.tree.map(lambda leaf: leaf[0], under)))
    draws = len(jax.tree.leaves(under)[0])
    return Tails(jax.lax.scan(fold, jnp.zeros_like(y), under)[0] / draws, end)


def _bytes(blocks: tuple[Any, ...], draws: int) -> int:
    """The size of these blocks' distributions under every draw."""
    structure, *arrays = blocks
    shapes = jax.eval_shape(lambda *arrays: stack(structure, *arrays, np.int32(0), draws), *arrays)
    return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(shapes))
