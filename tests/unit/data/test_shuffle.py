"""The order of rows in an epoch: a permutation for any number of rows, as good as a random one."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from moonfield._core.keys import Stream, words
from moonfield.data.shuffle import ROUNDS, Domain, domain, permuted, round_keys

SIZES = [1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 63, 64, 65, 100, 500, 511, 512, 513, 514]
UNLIKELY = 1e-5


@functools.partial(jax.jit, static_argnames=("rows", "epochs"))
def _orders(random: jax.Array, d: Domain, rows: int, epochs: int) -> jax.Array:
    keys = round_keys(random, jnp.arange(epochs, dtype=jnp.int32))
    position = jnp.broadcast_to(jnp.arange(rows, dtype=jnp.int32), (epochs, rows))
    return permuted(keys[:, :, None], position, d)


@jax.jit
def _permuted(keys: jax.Array, position: jax.Array, d: Domain) -> jax.Array:
    return permuted(keys[:, :, None], position, d)


def orders(rows: int, epochs: int, seed: int = 0) -> np.ndarray:
    """The row at each position, for each epoch: (epochs, rows)."""
    return np.asarray(_orders(words(seed, Stream.shuffle, ROUNDS), domain(rows), rows, epochs))


@pytest.mark.parametrize("rows", SIZES)
def test_is_a_permutation(rows: int) -> None:
    """Positions past the end repeat the last one: all sizes share one compiled program."""
    keys = round_keys(words(0, Stream.shuffle, ROUNDS), jnp.arange(3, dtype=jnp.int32))
    position = np.minimum(np.arange(514, dtype=np.int32), rows - 1)
    for order in np.asarray(_permuted(keys, np.tile(position, (3, 1)), domain(rows)))[:, :rows]:
        np.testing.assert_array_equal(np.sort(order), np.arange(rows))


def test_is_a_permutation_of_a_million_and_three() -> None:
    order = orders(1_000_003, 1)[0]
    assert np.bincount(order, minlength=1_000_003).tolist() == [1] * 1_000_003
    rank = stats.spearmanr(order, np.arange(1_000_003)).statistic
    assert abs(rank) < 5 / 1_000_003**0.5


@pytest.mark.parametrize("rows", [2**31 - 1, 2**30, 1_234_567_891])
def test_positions_near_the_largest_size_stay_inside_and_apart(rows: int) -> None:
    position = jnp.concatenate([jnp.arange(2_000), rows - 1 - jnp.arange(2_000)])[None]
    keys = round_keys(words(0, Stream.shuffle, ROUNDS), jnp.zeros(1, jnp.int32))
    order = np.asarray(permuted(keys[:, :, None], position.astype(jnp.int32), domain(rows)))[0]
    assert (order >= 0).all()
    assert (order < rows).all()
    assert len(np.unique(order)) == 4_000


@pytest.mark.parametrize("rows", [2, 3, 4, 5, 7, 12, 30])
def test_every_row_is_as_likely_at_every_position(rows: int) -> None:
    epochs = 20_000
    found = orders(rows, epochs)
    table = np.zeros((rows, rows))
    for position in range(rows):
        table[position] = np.bincount(found[:, position], minlength=rows)
    statistic = ((table - epochs / rows) ** 2).sum() / (epochs / rows)
    assert stats.chi2.sf(statistic, (rows - 1) ** 2) > UNLIKELY


@pytest.mark.parametrize("rows", [3, 4, 5, 7, 12, 30])
def test_every_pair_is_as_likely_to_be_neighbours(rows: int) -> None:
    epochs = 20_000
    found = orders(rows, epochs)
    middle = rows // 2 - 1
    pairs = found[:, middle] * rows + found[:, middle + 1]
    counts = np.bincount(pairs, minlength=rows * rows).reshape(rows, rows)
    assert counts.diagonal().sum() == 0
    expected = epochs / (rows * (rows - 1))
    statistic = ((counts[~np.eye(rows, dtype=bool)] - expected) ** 2).sum() / expected
    assert stats.chi2.sf(statistic, rows * (rows - 1) - 1) > UNLIKELY


@pytest.mark.parametrize("rows", [3, 4])
def test_every_order_of_a_few_rows_is_as_likely(rows: int) -> None:
    codes = orders(rows, 20_000) @ rows ** np.arange(rows)
    counts = np.unique(codes, return_counts=True)[1]
    assert len(counts) == (6 if rows == 3 else 24)
    assert stats.chisquare(counts).pvalue > UNLIKELY


def test_orders_of_different_epochs_are_unrelated() -> None:
    """The place of a row in one epoch says nothing about its place in the next."""
    found = orders(500, 200)
    place = np.argsort(found, axis=1)
    rho = [np.corrcoef(a, b)[0, 1] for a, b in itertools.pairwise(place)]
    assert abs(np.mean(rho)) < 5 / np.sqrt(500 * 199)
    assert np.max(np.abs(rho)) < 6 / np.sqrt(500)


def test_the_key_decides() -> None:
    one, same, other = orders(100, 2), orders(100, 2), orders(100, 2, seed=1)
    np.testing.assert_array_equal(one, same)
    assert (one != other).mean() > 0.9
    assert (one[0] != one[1]).mean() > 0.9
