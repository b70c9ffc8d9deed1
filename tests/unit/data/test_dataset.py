"""How rows are dealt into batches."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, strategies as st

from moonfield._core.keys import Stream, words
from moonfield.data import (
    ROUNDS,
    Batch,
    Epochs,
    batch_rows,
    dataset,
    epochs,
    full_batch,
    rows_first,
    rows_last,
    take,
)

WORDS = words(5, Stream.shuffle, ROUNDS)
RAGGED = [(501, 1), (501, 7), (501, 50), (501, 64), (501, 500), (501, 501), (10, 3), (3, 2), (1, 1)]


@functools.partial(jax.jit, static_argnames=("places",))
def _batch_rows(plan: Epochs, steps: jax.Array, places: int) -> tuple[jax.Array, jax.Array]:
    return batch_rows(plan, WORDS, steps, places)


@functools.cache
def dealt(
    rows: int, batch_size: int, first_epoch: int = 0, count: int = 2
) -> list[list[np.ndarray]]:
    """Rows of each batch of each epoch."""
    plan, places = epochs(rows, batch_size)
    batches = -(-rows // batch_size)
    steps = np.arange(first_epoch * batches, (first_epoch + count) * batches, dtype=np.int32)
    few, wide = (1_100, 64) if places <= 64 else (8, 501)  # two shapes for all, to compile less
    padded = np.pad(steps, (0, few - len(steps)))
    found, mask = (np.asarray(a)[: len(steps)] for a in _batch_rows(plan, padded, wide))
    assert mask.sum(axis=1).max() == places
    parts = [row[keep] for row, keep in zip(found, mask, strict=True)]
    return [parts[i : i + batches] for i in range(0, len(parts), batches)]


@pytest.mark.parametrize(("rows", "batch_size"), RAGGED)
def test_each_epoch_visits_every_row_once(rows: int, batch_size: int) -> None:
    for epoch in dealt(rows, batch_size) + dealt(rows, batch_size, first_epoch=7, count=1):
        np.testing.assert_array_equal(np.sort(np.concatenate(epoch)), np.arange(rows))


@pytest.mark.parametrize(("rows", "batch_size"), RAGGED)
def test_batches_differ_by_at_most_one_row(rows: int, batch_size: int) -> None:
    sizes = {len(batch) for epoch in dealt(rows, batch_size) for batch in epoch}
    assert max(sizes) - min(sizes) <= 1
    assert max(sizes) <= batch_size


@given(st.integers(1, 300), st.integers(1, 300))
def test_any_number_of_rows_by_any_size(rows: int, batch_size: int) -> None:
    plan, places = epochs(rows, batch_size)
    batches = int(plan.batches)
    steps = np.arange(batches, dtype=np.int32)
    found, mask = _batch_rows(plan, np.pad(steps, (0, 300 - batches)), 300)
    kept = np.asarray(found)[:batches, :places][np.asarray(mask)[:batches, :places]]
    np.testing.assert_array_equal(np.sort(kept), np.arange(rows))


def test_epochs_differ() -> None:
    first, second = (np.concatenate(epoch) for epoch in dealt(501, 50))
    assert (first != second).mean() > 0.9


def test_a_full_batch_is_padded_by_rows_of_weight_zero() -> None:
    X = np.arange(10.0).reshape(5, 2)
    batch = full_batch(dataset(X, np.arange(5.0), ()))
    assert len(batch.weights) % 16 == 0
    np.testing.assert_array_equal(batch.weights, [1.0] * 5 + [0.0] * (len(batch.weights) - 5))
    np.testing.assert_array_equal(batch.inputs[:5], X)
    np.testing.assert_array_equal(batch.targets[:5], np.arange(5.0))
    assert np.isfinite(batch.inputs).all()


def test_row_weights_stay_with_their_rows() -> None:
    X, weights = np.arange(6.0)[:, None], np.arange(6.0) + 1.0
    batch = full_batch(dataset(X, np.zeros(6), (), weights))
    np.testing.assert_array_equal(batch.weights[:6], weights)
    rows, mask = jnp.asarray([4, 2, 2]), jnp.asarray([True, True, False])
    part = take(jax.device_put(batch), rows, mask)
    np.testing.assert_array_equal(part.inputs[:, 0], [4.0, 2.0, 2.0])
    np.testing.assert_array_equal(part.weights, [5.0, 3.0, 0.0])


def test_layouts_are_inverse() -> None:
    tree = Batch(jnp.ones((4, 3, 2)), jnp.ones(4), jnp.arange(4.0))
    there = rows_last(tree)
    assert there.inputs.shape == (3, 2, 4)
    back = rows_first(there)
    assert jax.tree.all(jax.tree.map(lambda a, b: bool((a == b).all()), tree, back))


def test_columns_travel_with_the_rows() -> None:
    import pandas as pd

    data = dataset(pd.DataFrame({"a": [1.0], "b": [2.0]}), [1.0], ())
    assert data.columns == ("a", "b")
    assert data.rows == 1
    assert data.weights is None
