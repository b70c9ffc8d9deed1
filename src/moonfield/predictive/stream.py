"""Streaming prediction: a loop over draws around a loop over blocks of rows, in constant memory.

Rows are cut into blocks of 256, padded; every block runs the same compiled code, so that a row's
prediction depends on that row alone. That needs matrix products whose last rows are added up as the
others are: of the sizes tried on CPUs (jaxlib 0.10.2), those of 256 and 768 rows are, in every
orientation; those of 480, 512, 520 and 576 are not. A draw's weights are made once for 16 blocks.
"""

import functools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

from .._core.trees import Structure, split
from ..data import rows_first, rows_last
from ..families import AbstractApproximation
from ..model import AbstractModel, space
from .local import local_key, with_local
from .reducers import AbstractQuantity, AbstractReducer

BLOCK_ROWS = 256
_BLOCKS = 16
_STACK = 16  # draws that are stacked in one call


class Source(NamedTuple):
    """Where draws of the parameters come from."""

    model: AbstractModel
    approximation: AbstractApproximation
    key: Array


def reduce_rows(
    source: Source, reducer: AbstractReducer, inputs: PyTree, draws: int, extra: Any = None
) -> PyTree:
    """The reducer's accumulator over draws for all rows, as NumPy arrays.

    `extra` has one entry a row, e.g. its target.
    """
    parts = []
    for rows, arguments in super_blocks(source, reducer, inputs, extra):
        out = _reduce(*arguments, np.int32(draws))
        parts.append(jax.tree.map(lambda leaf, n=rows: unblocked(leaf)[:n], out))
    return jax.tree.map(lambda *leaves: np.concatenate(leaves), *parts)


def stack_draws(
    source: Source, quantity: AbstractQuantity, inputs: PyTree, draws: int, extra: Any = None
) -> PyTree:
    """The quantity under every draw: NumPy arrays (draws, rows, ...), the size of the answer."""
    columns = []
    for rows, arguments in super_blocks(source, quantity, inputs, extra):
        parts = []
        for first in range(0, draws, _STACK):
            out = stack(*arguments, np.int32(first), _STACK)
            keep = min(_STACK, draws - first)
            cut = jax.tree.map(lambda leaf, n=rows, k=keep: unblocked(leaf, 1)[:k, :n], out)
            parts.append(cut)
        columns.append(jax.tree.map(lambda *leaves: np.concatenate(leaves), *parts))
    return jax.tree.map(lambda *leaves: np.concatenate(leaves, axis=1), *columns)


def super_blocks(
    source: Source, quantity: AbstractQuantity, inputs: PyTree, extra: Any
) -> Iterator[tuple[int, tuple]]:
    """Row counts and arguments of the compiled functions, 16 blocks of rows at a time."""
    rows = source.model.count(inputs)
    if extra is None:
        extra = np.zeros(rows, bool)
    structure, arrays = split((source.model, source.approximation, quantity))
    if not source.model.minibatchable:  # one block of everything
        whole = jax.tree.map(lambda leaf: leaf[None], (inputs, extra))
        yield rows, (structure, arrays, source.key, *whole, np.int32(1))
        return
    for start in range(0, rows, BLOCK_ROWS * _BLOCKS):
        count = min(BLOCK_ROWS * _BLOCKS, rows - start)
        part = jax.tree.map(
            lambda leaf, a=start, n=count: in_blocks(leaf[a : a + n]), (inputs, extra)
        )
        yield count, (structure, arrays, source.key, *part, np.int32(-(-count // BLOCK_ROWS)))


def in_blocks(array: Any) -> Any:
    """Up to 16 x 256 rows as (16, 256, ...), padded by row 0."""
    missing = _BLOCKS * BLOCK_ROWS - len(array)
    xp = jnp if isinstance(array, jax.Array) else np
    padded = xp.concatenate([array, xp.repeat(array[:1], missing, axis=0)])
    return padded.reshape(-1, BLOCK_ROWS, *array.shape[1:])


def unblocked(leaf: Array | np.ndarray, axis: int = 0) -> np.ndarray:
    """The inverse of `in_blocks`, padding included."""
    return np.asarray(leaf).reshape(*leaf.shape[:axis], -1, *leaf.shape[axis + 2 :])


@functools.partial(jax.jit, static_argnames=("structure",))
def _reduce(
    structure: Structure,
    arrays: list[Array],
    key: Array,
    inputs: PyTree,
    extra: Array,
    blocks: Array,
    draws: Array,
) -> PyTree:
    model, approximation, reducer = structure.join(arrays)
    value = _under_draw(model, approximation, reducer, key, inputs, extra)

    def draw(d: Array, total: PyTree) -> PyTree:
        under = value(d)

        def block(b: Array, total: PyTree) -> PyTree:
            old = jax.tree.map(lambda leaf: leaf[b], total)
            new = reducer.fold(old, under(b), d)
            return jax.tree.map(lambda leaf, part: leaf.at[b].set(part), total, new)

        return jax.lax.fori_loop(0, blocks, block, total)

    empty = reducer.empty(_zeros(value))
    start = jax.tree.map(lambda leaf: jnp.repeat(leaf[None], extra.shape[0], axis=0), empty)
    return jax.lax.fori_loop(0, draws, draw, start)


@functools.partial(jax.jit, static_argnames=("structure", "places"))
def stack(
    structure: Structure,
    arrays: list[Array],
    key: Array,
    inputs: PyTree,
    extra: Array,
    blocks: Array,
    first: Array,
    places: int,
) -> PyTree:
    """The quantity under so many draws from the `first` one on: (places, blocks, rows, ...)."""
    model, approximation, quantity = structure.join(arrays)
    value = _under_draw(model, approximation, quantity, key, inputs, extra)

    def draw(i: Array, out: PyTree) -> PyTree:
        under = value(first + i)

        def block(b: Array, out: PyTree) -> PyTree:
            return jax.tree.map(lambda leaf, part: leaf.at[i, b].set(part), out, under(b))

        return jax.lax.fori_loop(0, blocks, block, out)

    shape = (places, extra.shape[0])
    out = jax.tree.map(lambda leaf: jnp.zeros((*shape, *leaf.shape), leaf.dtype), _zeros(value))
    return jax.lax.fori_loop(0, places, draw, out)


def _under_draw(
    model: AbstractModel,
    approximation: AbstractApproximation,
    quantity: AbstractQuantity,
    key: Array,
    inputs: PyTree,
    extra: Array,
) -> Callable[[Array], Callable[[Array], PyTree]]:
    """Draw number -> block number -> the quantity."""
    constrain = space(model).constrain
    blocks = inputs  # of a program that has its own data: none
    if jax.tree.leaves(inputs):
        blocks = jax.lax.optimization_barrier(jax.vmap(rows_last)(inputs))

    def draw(d: Array) -> Callable[[Array], PyTree]:
        params, _ = constrain(approximation.draw(key, d))

        def block(b: Array) -> PyTree:
            rows = rows_first(jax.tree.map(lambda leaf: leaf[b], blocks))
            keys = quantity.row_keys(extra[b], d)
            keys = local_key(key, d) if keys is None else keys
            known = with_local(model, approximation, params, rows, keys)
            return quantity.one(model, known, rows, extra[b], d)

        return block

    return draw


def _zeros(value: Callable) -> PyTree:
    shapes = jax.eval_shape(lambda: value(jnp.int32(0))(jnp.int32(0)))
    return jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
