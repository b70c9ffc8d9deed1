"""What a posterior says about its own training rows, and about the sites of a program."""

import functools
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jaxtyping import Array, PyTree

from .._core.keys import Stream, stream
from .._core.trees import Structure, split
from ..data import Batch, Dataset, full_batch, rows_first, rows_last
from ..families import AbstractApproximation
from ..model import AbstractBoundProgram, AbstractModel, space
from .local import local_key, row_elbos, with_local
from .mixture import row_keys
from .stream import Source


def pointwise(source: Source, data: Dataset, draws: int) -> np.ndarray:
    """Log-likelihood of every training row under every draw: (draws, rows), nats, unscaled."""
    structure, arrays = split((source.model, source.approximation))
    batch = rows_last(full_batch(data))
    return np.asarray(_pointwise(structure, draws, arrays, source.key, batch))[:, : data.rows]


@functools.partial(jax.jit, static_argnames=("structure", "draws"))
def _pointwise(
    structure: Structure, draws: int, arrays: list[Array], key: Array, batch: Batch
) -> Array:
    model, approximation = structure.join(arrays)
    constrain = space(model).constrain

    def one(index: Array) -> Array:
        params, _ = constrain(approximation.draw(key, index))
        rows = rows_first(batch)
        known = _with_local(model, approximation, params, rows.inputs, local_key(key, index))
        return model.log_likelihood(known, rows)

    return jax.lax.map(one, jax.numpy.arange(draws))


def program_sites(
    source: Source, X: Any, names: Sequence[str] | None, draws: int, seed: int
) -> dict[str, np.ndarray]:
    """See `Posterior.sites`."""
    model = source.model
    if not isinstance(model, AbstractBoundProgram):
        raise TypeError("Only programs have sites; use posterior.map(fn, X) for a network.")
    inputs, there = model.check_site_inputs(X), model.site_names
    wanted = there if names is None else tuple(names)
    for name in wanted:
        if name not in there:
            raise ValueError(f"The program has no such site {name!r}; it has {', '.join(there)}.")
    structure, arrays = split((model, source.approximation))
    keys = source.key, stream(seed, Stream.targets)
    return jax.tree.map(np.asarray, _sites(structure, wanted, draws, arrays, keys, inputs))


@functools.partial(jax.jit, static_argnames=("structure", "names", "draws"))
def _sites(
    structure: Structure,
    names: tuple[str, ...],
    draws: int,
    arrays: list[Array],
    keys: tuple[Array, Array],
    inputs: PyTree,
) -> dict[str, Array]:
    model, approximation = structure.join(arrays)
    constrain = space(model).constrain

    def one(index: Array) -> dict[str, Array]:
        params, _ = constrain(approximation.draw(keys[0], index))
        known = _with_local(model, approximation, params, inputs, local_key(keys[0], index))
        key = jax.random.fold_in(keys[1], index)
        return model.sites(known, inputs, names, key)

    return jax.lax.map(one, jax.numpy.arange(draws))


def _with_local(
    model: AbstractModel,
    approximation: AbstractApproximation,
    params: PyTree,
    inputs: PyTree,
    key: Array,
) -> PyTree:
    """Parameters with local sites drawn independently for each row, where there are any."""
    if not model.local_sites:
        return params
    return with_local(model, approximation, params, inputs, row_keys(key, model.count(inputs)))


def row_elbo(source: Source, X: Any, draws: int) -> np.ndarray:
    """See `Posterior.row_elbo`."""
    model = source.model
    inputs = model.check_inputs(X)
    if not model.local_sites or model.seen(inputs) is None:
        raise ValueError(
            "A row's ELBO needs a program fitted with mf.Amortised, and all of the row's data."
        )
    structure, arrays = split((model, source.approximation))
    return np.asarray(row_elbos(structure, draws, arrays, source.key, inputs))
