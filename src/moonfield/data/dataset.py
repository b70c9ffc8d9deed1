"""Rows in memory, as the engine wants them: padded, weighted, countable."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

from .._core.trees import default_float
from .batch import Batch
from .shuffle import Domain, domain, permuted, round_keys
from .tables import as_inputs, as_targets, as_weights

_LANES = 16  # rows are padded to a multiple of this: vectorised loops then have no remainder


class Dataset(NamedTuple):
    """Checked rows in memory: trees of arrays with rows first.

    `columns` are names of input columns, if the source had any. Rows that are not exchangeable
    (`exchangeable` False) belong to the model; here is then only their number.
    """

    inputs: PyTree
    targets: PyTree
    weights: np.ndarray | None
    columns: tuple[str, ...] | None
    rows: int
    exchangeable: bool = True


def dataset(X: Any, y: Any, target_shape: tuple[int, ...], weights: Any = None) -> Dataset:
    """Check X, y and weights; the errors of `as_inputs`, `as_targets` and `as_weights`."""
    table = as_inputs(X)
    rows = table.values.shape[0]
    targets = as_targets(y, rows, target_shape)
    checked = None if weights is None else as_weights(weights, rows)
    return Dataset(table.values, targets, checked, table.columns, rows)


def full_batch(data: Dataset, parts: int = 1, least: int = 0) -> Batch:
    """All rows as NumPy arrays, padded by copies of row 0 with weight 0.

    To a whole number of lanes and of `parts`, and to at least as many as `least` rows would be.
    """
    rows = max(data.rows, least) if data.exchangeable else data.rows
    if data.exchangeable:
        rows += -rows % _LANES
        rows += -rows % parts
    padding = rows - data.rows
    weights = np.ones(data.rows, default_float()) if data.weights is None else data.weights

    def pad(array: np.ndarray) -> np.ndarray:
        return np.concatenate([array, np.repeat(array[:1], padding, axis=0)])

    weights = np.concatenate([weights, np.zeros(padding, weights.dtype)])
    return Batch(jax.tree.map(pad, data.inputs), jax.tree.map(pad, data.targets), weights)


class Epochs(NamedTuple):
    """How an epoch is dealt into batches that differ by one row at most.

    With `rows` not a multiple of the wanted size there is no short, noisy last batch: 501 rows by
    50 make 11 batches of 45 or 46.
    """

    domain: Domain
    batches: np.ndarray | Array  # per epoch, int32


def epochs(rows: int, batch_size: int) -> tuple[Epochs, int]:
    """The cut, and the number of places in a batch (rows of the largest one)."""
    batches, places = dealt(rows, batch_size)
    return Epochs(domain(rows), np.asarray(batches, np.int32)), places


def dealt(rows: int, batch_size: int) -> tuple[int, int]:
    """Batches an epoch, and rows of the largest one."""
    batches = -(-rows // batch_size)
    return batches, -(-rows // batches)


def batch_rows(
    plan: Epochs, words: Array | np.ndarray, steps: Array, places: int
) -> tuple[Array, Array]:
    """Row numbers (steps, places) of the batches of these steps, and a mask of the true ones."""
    epoch, batch = jnp.divmod(steps, plan.batches)
    keys = round_keys(words, epoch)
    start, stop = _edge(plan, batch), _edge(plan, batch + 1)
    position = start[:, None] + jnp.arange(places, dtype=jnp.int32)[None]
    mask = position < stop[:, None]
    position = jnp.where(mask, position, start[:, None])
    return permuted(keys[:, :, None], position, plan.domain), mask


def _edge(plan: Epochs, batch: Array) -> Array:
    """Where a batch starts in its epoch: floor(batch * rows / batches), without overflow."""
    whole, rest = jnp.divmod(plan.domain.rows, plan.batches)
    return batch * whole + jnp.minimum(batch, rest)


def take(data: Batch, rows: Array, mask: Array) -> Batch:
    """The batch of these rows; masked ones get weight 0."""
    inputs, targets, weights = jax.tree.map(lambda array: array[rows], data)
    return Batch(inputs, targets, weights * mask.astype(weights.dtype))


def in_slices(batch: Batch, size: int) -> Batch:
    """Its rows as (slices, size, ...); copies of the last row, of weight 0, fill up the last.

    Copies, since a network may be finite for rows of data alone: zeros could give 0 * nan.
    """
    missing = -len(batch.weights) % size

    def cut(leaf: Array | np.ndarray, mode: str = "edge") -> Array:
        padding = [(0, missing), *[(0, 0)] * (leaf.ndim - 1)]
        return jnp.pad(leaf, padding, mode).reshape(-1, size, *leaf.shape[1:])

    inputs, targets = jax.tree.map(cut, (batch.inputs, batch.targets))
    return Batch(inputs, targets, cut(batch.weights, "constant"))


def rows_first(tree: PyTree) -> PyTree:
    """Undo `rows_last`."""
    return jax.tree.map(lambda array: _moved(array, -1, *range(array.ndim - 1)), tree)


def rows_last(tree: PyTree) -> PyTree:
    """Rows as the last axis: the layout in which vectorised code over rows is contiguous."""
    return jax.tree.map(lambda array: _moved(array, *range(1, array.ndim), 0), tree)


def _moved(array: Any, *axes: int) -> Any:
    return array.transpose(axes) if array.ndim else array
