"""The compiled part of a fit: one block of steps.

A block is the unit of randomness: its noise and its batches are drawn at once from
`fold_in(key, block)`. How many blocks the host lets run before it looks in changes nothing. The
function is cached on the structure of model and method and on shapes; numbers are arguments.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from .._core.small_dots import fuse_small_dots
from .._core.trees import Structure
from ..data import Batch, Epochs, batch_rows, rows_first, rows_last, take
from ..model import space as space_of

_BLOCK_STEPS = 250
_BLOCK_BYTES = 64 * 2**20
_RECORD_STEPS = 25


class Shape(NamedTuple):
    """The static sizes of a block."""

    steps: int  # steps a block
    places: int  # rows of a batch; 0: all rows at every step
    restarts: int


class Setting(NamedTuple):
    """Arguments of a block that stay the same during a fit."""

    model: list[Array]
    method: list[Array]
    noise_keys: Array  # one a restart
    shuffle_words: Array
    data: Batch
    rows: Float[Array, ""]
    epochs: Epochs | None


class Tail(NamedTuple):
    """Running mean and centred sum of squares of recorded variational parameters."""

    records: Float[Array, ""]
    mean: Float[Array, " parameters"]
    m2: Float[Array, " parameters"]


class Carry(NamedTuple):
    """What goes from block to block."""

    state: Any
    tail: Tail


def block_shape(
    noise: tuple[int, int], row_bytes: int, places: int, restarts: int, itemsize: int
) -> Shape:
    """As many steps a block as fit the memory for its noise and batches, at most 250."""
    step_bytes = noise[0] * noise[1] * itemsize * restarts + places * row_bytes
    steps = max(1, min(_BLOCK_STEPS, _BLOCK_BYTES // max(1, step_bytes)))
    return Shape(int(steps), places, restarts)


@functools.partial(jax.jit, static_argnames=("structures", "restarts"))
def first_carry(
    structures: tuple[Structure, Structure],
    restarts: int,
    model_arrays: list[Array],
    method_arrays: list[Array],
    keys: Array,
    location: Any = None,
) -> Carry:
    """The first state of each restart (no leading axis for one): at a fresh or a given location."""
    model = structures[0].join(model_arrays)
    method = structures[1].join(method_arrays)

    def one(key: Array) -> Carry:
        params = model.init(key) if location is None else location
        return with_empty_tail(method.init(space_of(model).unconstrain(params)))

    return one(keys[0]) if restarts == 1 else jax.vmap(one)(keys)


def with_empty_tail(state: Any) -> Carry:
    """A state without any record."""
    zeros = jnp.zeros_like(state.vector)
    return Carry(state, Tail(jnp.zeros((), zeros.dtype), zeros, zeros))


@functools.partial(jax.jit, static_argnames=("structures", "shape"))
def run_block(
    structures: tuple[Structure, Structure],
    shape: Shape,
    setting: Setting,
    carry: Carry,
    block: Int[Array, ""],
    begin: Int[Array, ""],
    stop: Int[Array, ""],
    step_sizes: Float[Array, " steps"],
) -> tuple[Carry, Float[Array, "*restarts steps"]]:
    """Steps `begin` to `stop` of block number `block`: the new carry, the ELBO of each step."""
    model = structures[0].join(setting.model)
    method = structures[1].join(setting.method)
    space = space_of(model)
    batches, scales = _batches(shape, setting, block)

    def one(carry: Carry, key: Array) -> tuple[Carry, Array]:
        key = jax.random.fold_in(key, block)
        dtype = carry.state.vector.dtype
        noise = jax.random.normal(key, (shape.steps, *method.noise_shape(space.size)), dtype)

        update = fuse_small_dots(functools.partial(method.step, model, space))

        def step(i: Array, inner: tuple) -> tuple:
            state, elbos = inner
            batch, scale = _batch(shape, batches, scales, i)
            state, info = update(state, _at(noise, i), batch, scale, _at(step_sizes, i))
            return state, _set(elbos, i, info.elbo)

        return _loop(begin, stop, step, carry, jnp.zeros((shape.steps,), dtype))

    if shape.restarts == 1:
        return one(carry, setting.noise_keys[0])
    return jax.vmap(one)(carry, setting.noise_keys)


def _batches(shape: Shape, setting: Setting, block: Array) -> tuple[Batch, Array | None]:
    """All rows, or the batches of every step of the block (steps first, rows last), with scales."""
    if not shape.places:
        return jax.lax.optimization_barrier(rows_last(setting.data)), None
    steps = block * shape.steps + jnp.arange(shape.steps, dtype=jnp.int32)
    assert setting.epochs is not None
    rows, mask = batch_rows(setting.epochs, setting.shuffle_words, steps, shape.places)
    batches = jax.vmap(rows_last)(jax.vmap(take, (None, 0, 0))(setting.data, rows, mask))
    scales = setting.rows / jnp.sum(mask, axis=1, dtype=setting.rows.dtype)
    return jax.lax.optimization_barrier((batches, scales))


def _batch(shape: Shape, batches: Batch, scales: Any, i: Array) -> tuple[Batch, Any]:
    if not shape.places:
        return rows_first(batches), 1.0
    return rows_first(jax.tree.map(lambda leaf: _at(leaf, i), batches)), _at(scales, i)


def _at(array: Array, i: Array) -> Array:
    """`array[i]` for an index known to be in range: one slice and nothing else."""
    return jax.lax.dynamic_index_in_dim(array, i, 0, keepdims=False, allow_negative_indices=False)


def _set(array: Array, i: Array, value: Array) -> Array:
    return jax.lax.dynamic_update_index_in_dim(array, value, i, 0, allow_negative_indices=False)


def _loop(begin: Array, stop: Array, step: Any, carry: Carry, elbos: Array) -> tuple[Carry, Array]:
    """Steps `begin` to `stop`; the parameters are recorded every 25 of them and at the end."""

    def segment(j: Array, outer: tuple) -> tuple:
        state, tail, elbos = outer
        first = jnp.maximum(j * _RECORD_STEPS, begin)
        last = jnp.minimum((j + 1) * _RECORD_STEPS, stop)
        state, elbos = jax.lax.fori_loop(first, last, step, (state, elbos))
        return state, _record(tail, state.vector), elbos

    segments = begin // _RECORD_STEPS, (stop + _RECORD_STEPS - 1) // _RECORD_STEPS
    state, tail, elbos = jax.lax.fori_loop(*segments, segment, (carry.state, carry.tail, elbos))
    return Carry(state, tail), elbos


def _record(tail: Tail, vector: Array) -> Tail:
    """Welford's update."""
    records = tail.records + 1.0
    delta = vector - tail.mean
    mean = tail.mean + delta / records
    return Tail(records, mean, tail.m2 + delta * (vector - mean))
