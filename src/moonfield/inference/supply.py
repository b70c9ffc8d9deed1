"""What a block of steps consumes: noise and batches, a function of the block's number alone."""

import functools
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from ..data import Batch, Epochs, Feed, Weighted, batch_rows, rows_last, take, weighted_rows
from .placement import Placement

_BLOCK_STEPS = 250
_BLOCK_BYTES = 64 * 2**20
_BLOCK_WORK = 2**35  # multiplications, about: so that a fit is looked at every few seconds
_SMALL_WORK = 8_000  # multiplications a step
_PIECE = 2**16  # random numbers drawn together where a step takes more: they stay in caches
_LATE_BYTES = 2**20  # of a step's noise: more is drawn in the step, by a key


class Shape(NamedTuple):
    """The static sizes of a block."""

    steps: int  # steps a block
    noise: tuple[int, int]  # of one step: draws, standard normal numbers
    places: int  # rows of a batch; 0: all rows at every step
    restarts: int
    small: bool  # whether a step is so little work that starting its kernels is most of it
    fusible: bool = True  # whether XLA may fuse operations of a step
    placement: Placement | None = None  # None: all on one device
    spare: int = 0  # further places of a batch, left empty, so that all devices have as many
    spare_noise: int = 0  # further numbers of noise, for rows in such places: zeros
    late: bool = False  # whether a step draws its noise itself: it is too large to be kept


class Shards(NamedTuple):
    """Rows of several processes, one after another, each process' padded to the same number."""

    starts: np.ndarray  # (processes,) number of each one's first row
    places: np.ndarray  # (processes,) where that row lies

    def find(self, rows: Int[Array, " ..."]) -> Int[Array, " ..."]:
        """Where these rows lie."""
        process = jnp.searchsorted(self.starts, rows, side="right") - 1
        return rows + jnp.asarray(self.places - self.starts)[process]


class Source(NamedTuple):
    """Where noise and batches come from; stays the same during a fit."""

    noise_keys: Array  # one a restart
    shuffle_words: np.ndarray
    data: Batch  # rows last where all are used at every step, else rows first
    rows: np.ndarray  # how many
    deal: Epochs | Weighted | None  # how rows are dealt into batches
    shards: Shards | None = None  # where the rows of several processes begin


class Supply(NamedTuple):
    """The noise of every step (restarts and steps first) and its batch (rows last).

    With all rows at every step there is one batch and no scales; where steps draw their noise
    themselves, its place is taken by their keys.
    """

    noise: Float[Array, "restarts steps draws noise"] | Key[Array, "restarts steps"]
    batches: Batch
    scales: Float[Array, " steps"] | None


def block_shape(
    noise: tuple[int, int], row_bytes: int, places: int, restarts: int, itemsize: int, work: int
) -> Shape:
    """As many steps a block as fit the memory for its noise and batches, at most 250.

    Fewer where a step is much work: callbacks, checkpoints and the keyboard wait for whole blocks.
    """
    noise_bytes = noise[0] * noise[1] * itemsize * restarts
    late = noise_bytes > _LATE_BYTES
    step_bytes = places * row_bytes + (0 if late else noise_bytes)
    steps = min(_BLOCK_STEPS, _BLOCK_BYTES // max(1, step_bytes), _BLOCK_WORK // max(1, work))
    steps = max(1, steps)
    return Shape(int(steps), noise, places, restarts, work <= _SMALL_WORK, late=late)


def draw_supply(shape: Shape, source: Source, block: int, feed: Feed | None = None) -> Supply:
    """The supply of a block; returns at once and is computed beside the block that runs.

    Batches of a stream come from its feed, which may have to read them first.
    """
    number = np.int32(block)
    noise = _noise(shape, source.noise_keys, number, source.data.weights.dtype)
    if feed is not None:
        return Supply(noise, *_laid_out(source.rows, *jax.device_put(feed.block(block))))
    if source.deal is None:
        return Supply(noise, source.data, None)
    return Supply(noise, *_batches(shape, source, number))


@functools.partial(jax.jit, static_argnames=("shape", "dtype"))
def _noise(shape: Shape, keys: Array, block: Int[Array, ""], dtype: Any) -> Array:
    def one(key: Array) -> Array:
        key = jax.random.fold_in(key, block)
        if shape.late:
            return jax.random.split(key, shape.steps)
        return _normal(key, (shape.steps, *shape.noise), dtype, math.prod(shape.noise) >= _PIECE)

    noise = one(keys[0])[None] if shape.restarts == 1 else jax.vmap(one)(keys)
    if shape.placement is None or shape.late:
        return noise
    return shape.placement.pin_noise(_with_spare(shape, noise))


def at(array: Array, i: Int[Array, ""]) -> Array:
    """`array[i]` for an index known to be in range: one slice and nothing else."""
    return jax.lax.dynamic_index_in_dim(array, i, 0, keepdims=False, allow_negative_indices=False)


def noise_of(shape: Shape, noise: Array, i: Int[Array, ""], dtype: Any) -> Float[Array, "..."]:
    """The noise (draws, numbers) of step `i`, from that of a block of one restart."""
    found = at(noise, i)
    return _with_spare(shape, _normal(found, shape.noise, dtype, True)) if shape.late else found


def _normal(key: Array, wanted: tuple[int, ...], dtype: Any, in_pieces: bool) -> Array:
    """Standard normal numbers, piece by piece where they are many."""
    if not in_pieces:
        return jax.random.normal(key, wanted, dtype)
    pieces = jnp.arange(-(-math.prod(wanted) // _PIECE), dtype=jnp.uint32)
    drawn = jax.lax.map(
        lambda i: jax.random.normal(jax.random.fold_in(key, i), (_PIECE,), dtype), pieces
    )
    return drawn.ravel()[: math.prod(wanted)].reshape(wanted)


def _with_spare(shape: Shape, noise: Array) -> Array:
    """Noise with the zeros of rows in places that are left empty."""
    if not shape.spare_noise:
        return noise
    spare = jnp.zeros((*noise.shape[:-1], shape.spare_noise), noise.dtype)
    return jnp.concatenate([noise, spare], axis=-1)


@functools.partial(jax.jit, static_argnames=("shape",))
def _batches(shape: Shape, source: Source, block: Int[Array, ""]) -> tuple[Batch, Array]:
    steps = block * shape.steps + jnp.arange(shape.steps, dtype=jnp.int32)
    if isinstance(source.deal, Weighted):
        return _weighted(shape, source, source.deal, steps)
    assert source.deal is not None
    rows, mask = batch_rows(source.deal, source.shuffle_words, steps, shape.places)
    batches = _taken(shape, source, rows, mask)
    return batches, _scales(source.rows, jnp.sum(mask, axis=1, dtype=source.rows.dtype))


@jax.jit
def _laid_out(rows: Array, batches: Batch, counts: Array) -> tuple[Batch, Array]:
    """Batches (steps, places, ...) that were read, as the steps of a block take them."""
    return jax.vmap(rows_last)(batches), _scales(rows, counts)


def _scales(rows: Array | np.ndarray, counts: Float[Array, " steps"]) -> Float[Array, " steps"]:
    """N over the rows of each batch."""
    return jnp.asarray(rows) / counts


def _weighted(shape: Shape, source: Source, plan: Weighted, steps: Array) -> tuple[Batch, Array]:
    """Batches of rows drawn with chances, each weighted by what undoes its chance."""
    rows = weighted_rows(plan, steps, shape.places)
    batches = _taken(shape, source, rows, jnp.asarray(plan.factors)[rows])
    scale = jnp.asarray(source.rows) / shape.places
    return batches, jnp.broadcast_to(scale, steps.shape)


def _taken(shape: Shape, source: Source, rows: Array, factors: Array) -> Batch:
    """Rows (steps, places) of the data, rows last; their weights are multiplied by `factors`."""
    if shape.placement is None:
        return jax.vmap(rows_last)(jax.vmap(take, (None, 0, 0))(source.data, rows, factors))
    rows, factors = (jnp.pad(each, ((0, 0), (0, shape.spare))) for each in (rows, factors))
    where = rows if source.shards is None else source.shards.find(rows)
    return jax.vmap(rows_last)(shape.placement.take(source.data, where, factors))
