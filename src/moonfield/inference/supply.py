"""What a block of steps consumes: noise and batches, a function of the block's number alone."""

import functools
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ..data import Batch, Epochs, Weighted, batch_rows, rows_last, take, weighted_rows

_BLOCK_STEPS = 250
_BLOCK_BYTES = 64 * 2**20
_SMALL_WORK = 8_000  # multiplications a step
_PIECE = (
    2**16
)  # random numbers that are drawn together where a step takes more: they stay in caches


class Shape(NamedTuple):
    """The static sizes of a block."""

    steps: int  # steps a block
    noise: tuple[int, int]  # of one step: draws, standard normal numbers
    places: int  # rows of a batch; 0: all rows at every step
    restarts: int
    small: bool  # whether a step is so little work that starting its kernels is most of it
    fusible: bool = True  # whether XLA may fuse operations of a step


class Source(NamedTuple):
    """Where noise and batches come from; stays the same during a fit."""

    noise_keys: Array  # one a restart
    shuffle_words: np.ndarray
    data: Batch  # rows last where all are used at every step, else rows first
    rows: np.ndarray  # how many
    deal: Epochs | Weighted | None  # how rows are dealt into batches


class Supply(NamedTuple):
    """The noise of every step (restarts and steps first) and its batch (rows last).

    With all rows at every step there is one batch and no scales.
    """

    noise: Float[Array, "restarts steps draws noise"]
    batches: Batch
    scales: Float[Array, " steps"] | None


def block_shape(
    noise: tuple[int, int], row_bytes: int, places: int, restarts: int, itemsize: int, work: int
) -> Shape:
    """As many steps a block as fit the memory for its noise and batches, at most 250."""
    step_bytes = noise[0] * noise[1] * itemsize * restarts + places * row_bytes
    steps = max(1, min(_BLOCK_STEPS, _BLOCK_BYTES // max(1, step_bytes)))
    return Shape(int(steps), noise, places, restarts, work <= _SMALL_WORK)


def draw_supply(shape: Shape, source: Source, block: int) -> Supply:
    """The supply of a block; returns at once and is computed beside the block that runs."""
    number = np.int32(block)
    noise = _noise(shape, source.noise_keys, number, source.data.weights.dtype)
    if source.deal is None:
        return Supply(noise, source.data, None)
    return Supply(noise, *_batches(shape, source, number))


@functools.partial(jax.jit, static_argnames=("shape", "dtype"))
def _noise(shape: Shape, keys: Array, block: Int[Array, ""], dtype: Any) -> Array:
    def one(key: Array) -> Array:
        key, wanted = jax.random.fold_in(key, block), (shape.steps, *shape.noise)
        if math.prod(shape.noise) < _PIECE:
            return jax.random.normal(key, wanted, dtype)
        pieces = jnp.arange(-(-math.prod(wanted) // _PIECE), dtype=jnp.uint32)
        drawn = jax.lax.map(
            lambda i: jax.random.normal(jax.random.fold_in(key, i), (_PIECE,), dtype), pieces
        )
        return drawn.ravel()[: math.prod(wanted)].reshape(wanted)

    return one(keys[0])[None] if shape.restarts == 1 else jax.vmap(one)(keys)


@functools.partial(jax.jit, static_argnames=("shape",))
def _batches(shape: Shape, source: Source, block: Int[Array, ""]) -> tuple[Batch, Array]:
    steps = block * shape.steps + jnp.arange(shape.steps, dtype=jnp.int32)
    if isinstance(source.deal, Weighted):
        return _weighted(shape, source, source.deal, steps)
    assert source.deal is not None
    rows, mask = batch_rows(source.deal, source.shuffle_words, steps, shape.places)
    batches = jax.vmap(rows_last)(jax.vmap(take, (None, 0, 0))(source.data, rows, mask))
    return batches, jnp.asarray(source.rows) / jnp.sum(mask, axis=1, dtype=source.rows.dtype)


def _weighted(shape: Shape, source: Source, plan: Weighted, steps: Array) -> tuple[Batch, Array]:
    """Batches of rows drawn with chances, each weighted by what undoes its chance."""
    rows = weighted_rows(plan, steps, shape.places)
    batches = jax.vmap(take, (None, 0, 0))(source.data, rows, jnp.asarray(plan.factors)[rows])
    scale = jnp.asarray(source.rows) / shape.places
    return jax.vmap(rows_last)(batches), jnp.broadcast_to(scale, steps.shape)
