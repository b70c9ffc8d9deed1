"""The compiled part of a fit: the steps of one block.

A block's noise and batches are its supply (`supply.py`), drawn at once and while the block before
it runs. How many blocks the host lets run before it looks in changes nothing. The function is
cached on the structure of model and method and on shapes; numbers are arguments.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from .._core.one_kernel import jit_as_one_kernel
from .._core.trees import Structure
from ..data import Batch, rows_first
from ..model import space as space_of
from .supply import Shape, Supply, at, noise_of

_RECORD_STEPS = 25


class Tail(NamedTuple):
    """Running mean and centred sum of squares (if wanted) of recorded variational parameters."""

    records: Float[Array, ""]
    mean: Float[Array, " parameters"]
    m2: Float[Array, " parameters"] | None


class Carry(NamedTuple):
    """What goes from block to block."""

    state: Any
    tail: Tail


@functools.partial(jax.jit, static_argnames=("structures", "restarts", "squares"))
def first_carry(
    structures: tuple[Structure, Structure],
    restarts: int,
    squares: bool,
    model_arrays: list[Array],
    method_arrays: list[Array],
    keys: Array,
    location: Any = None,
) -> Carry:
    """The first state of each restart (no leading axis for one): at a fresh or a given location."""
    model = structures[0].join(model_arrays)
    method = structures[1].join(method_arrays)

    def one(key: Array) -> Carry:
        def locate(key: Array) -> Array:
            where = space_of(model)
            return where.start(key) if location is None else where.unconstrain(location)

        return with_empty_tail(method.init(locate, key), squares)

    return one(keys[0]) if restarts == 1 else jax.vmap(one)(keys)


def with_empty_tail(state: Any, squares: bool) -> Carry:
    """A state without any record; `squares`: whether one will hold the sum of squares."""
    zeros = jnp.zeros_like(state.vector)
    return Carry(state, Tail(jnp.zeros((), zeros.dtype), zeros, zeros if squares else None))


def run_block(structures: Any, shape: Shape, *arguments: Any) -> tuple[Carry, Array]:
    """The steps of a block, as `_steps` says, compiled in the way that suits their size."""
    if not shape.fusible and jax.default_backend() == "cpu":
        return _unfused(structures, shape, *arguments)
    return (_small if shape.small else _large)(structures, shape, *arguments)


def _steps(
    structures: tuple[Structure, Structure],
    shape: Shape,
    arrays: tuple[list[Array], list[Array]],
    supply: Supply,
    carry: Carry,
    begin: Int[Array, ""],
    stop: Int[Array, ""],
    step_sizes: Float[Array, " steps"],
) -> tuple[Carry, Float[Array, "*restarts steps"]]:
    """Steps `begin` to `stop` of a block: the new carry, and the ELBO of each step."""
    model, method = (s.join(a) for s, a in zip(structures, arrays, strict=True))
    update = functools.partial(method.step, model, space_of(model))
    dtype = supply.batches.weights.dtype

    def one(carry: Carry, noise: Array) -> tuple[Carry, Array]:
        def step(i: Array, inner: tuple) -> tuple:
            state, elbos = inner
            batch, scale = batch_of(shape, supply, i)
            eps = noise_of(shape, noise, i, dtype)
            state, info = update(state, eps, batch, scale, at(step_sizes, i))
            return state, _set(elbos, i, info.elbo)

        return _loop(begin, stop, step, carry, jnp.zeros((shape.steps,), dtype))

    single = shape.restarts == 1
    carry, elbos = one(carry, supply.noise[0]) if single else jax.vmap(one)(carry, supply.noise)
    where = shape.placement
    return (carry, elbos) if where is None else (where.pin_carry(carry), where.pin_elbos(elbos))


def batch_of(shape: Shape, supply: Supply, i: Array) -> tuple[Batch, Any]:
    """The batch of step `i` and N over its rows."""
    if supply.scales is None:
        return rows_first(supply.batches), 1.0
    batches = jax.tree.map(lambda leaf: at(leaf, i), supply.batches)
    return rows_first(batches), at(supply.scales, i)


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
    m2 = None if tail.m2 is None else tail.m2 + delta * (vector - mean)
    return Tail(records, mean, m2)


_compiled = functools.partial(jax.jit, static_argnames=("structures", "shape"))
_large = _compiled(_steps)
_unfused = _compiled(_steps, compiler_options={"xla_cpu_use_fusion_emitters": False})
_small = jit_as_one_kernel(_steps, ("structures", "shape"))
