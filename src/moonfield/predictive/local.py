"""Local latent variables of rows: by the encoder where there is one and it can see the row."""

import functools

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from .._core.trees import Structure
from ..data import Batch
from ..families import AbstractApproximation
from ..model import AbstractModel, space

_STREAM = 1  # of a draw's key: another than that of the parameters


def local_key(key: Array, draw: Array) -> Array:
    """The key of a draw's local latent variables."""
    return jax.random.fold_in(jax.random.fold_in(key, draw), _STREAM)


def with_local(
    model: AbstractModel,
    approximation: AbstractApproximation,
    params: PyTree,
    inputs: PyTree,
    keys: Array,
) -> PyTree:
    """Parameters, and with them draws of the local sites of these rows.

    `keys` is one for each row, or one for all: then rows share their noise.
    """
    if not model.local_sites:
        return params

    def one(row: PyTree, key: Array) -> dict[str, Array]:
        row = jax.tree.map(lambda leaf: leaf[None], row)
        seen = model.seen(row)
        draws = None if seen is None else approximation.local(seen, key)
        if draws is None:
            values = model.sample_local(params, row, key)
        else:
            values = model.local_values(params, draws.z, row)
        return jax.tree.map(lambda leaf: leaf[0], values)

    return {**params, **jax.vmap(one, (0, 0 if keys.ndim else None))(inputs, keys)}


def local_of(model: AbstractModel, params: PyTree) -> dict[str, Array]:
    """Of parameters what belongs to rows, rows first."""
    return {name: params[name] for name in model.local_sites}


def with_row(params: PyTree, local: dict[str, Array]) -> PyTree:
    """Parameters with the local values of one row."""
    return {**params, **local} if local else params


@functools.partial(jax.jit, static_argnames=("structure", "draws"))
def row_elbos(
    structure: Structure, draws: int, arrays: list[Array], key: Array, inputs: PyTree
) -> Float[Array, " rows"]:
    """The mean over draws of `log p(row, local) - log q(local)`, nats."""
    model, approximation = structure.join(arrays)
    constrain = space(model).constrain
    rows = model.count(inputs)

    def add(index: Array, total: Array) -> Array:
        params, _ = constrain(approximation.draw(key, index))
        local = approximation.local(model.seen(inputs), local_key(key, index))
        parts = model.log_local(params, local.z, Batch(inputs, (), jnp.ones(rows)))
        return total + sum(parts) - local.log_density

    empty = jnp.zeros(rows, jnp.result_type(float))
    return jax.lax.fori_loop(0, draws, add, empty) / draws
