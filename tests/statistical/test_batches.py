"""Estimates of the ELBO from batches: unbiased, and exact on average over an epoch.

The engine is asked, through `fit`: an optimiser that never moves leaves q where it was put, and a q
of vanishing width makes every estimate exact but for its batch.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import moonfield as mf
from moonfield._core.keys import Stream, words
from moonfield.data import ROUNDS, batch_rows, epochs, take
from moonfield.families import MeanFieldState
from moonfield.model import space
from moonfield.objectives import log_joint
from tests.helpers import all_rows, in_units_of_error, linear_model, posterior_of

ROWS = 501
SIZES = [1, 7, 50, 64, 500, 501]
STILL = optax.set_to_zero()


def rows() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows that differ wildly, so that a wrong scale cannot hide; and weights."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(ROWS, 2)) * np.exp(rng.normal(size=(ROWS, 1)))
    y = X @ np.asarray([1.0, -1.0]) + rng.standard_t(3, size=ROWS)
    return X, y, rng.integers(0, 5, ROWS) * rng.random(ROWS)


def model() -> mf.BayesianNetwork:
    return linear_model(2, mf.likelihoods.Normal(sd=1.0), bias=True)


def elbos(
    steps: int, batch_size: int | None, weights: Any = None, log_sd: float = -30.0
) -> np.ndarray:
    """The engine's estimates at one q that never moves."""
    it = model()
    size = space(it).size
    state = MeanFieldState(jnp.linspace(-1.0, 1.0, size), jnp.full(size, log_sd))
    X, y, _ = rows()
    method = mf.ADVI(optimizer=STILL)
    fit = mf.fit(
        it, X, y, method=method, steps=steps, batch_size=batch_size, weights=weights,
        start=posterior_of(it, state), seed=3,
    )  # fmt: skip
    return fit.elbo


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("size", SIZES)
def test_an_epoch_averages_to_the_full_elbo(size: int, weighted: bool, x64: None) -> None:
    weights = rows()[2] if weighted else None
    full = elbos(1, None, weights)[0]
    batches = -(-ROWS // size)
    in_batch = np.full(batches, ROWS // batches)
    in_batch[: ROWS % batches] += 1
    for epoch in elbos(3 * batches, size, weights).reshape(3, batches):
        np.testing.assert_allclose(in_batch @ epoch / ROWS, full, rtol=1e-11)
        assert batches == 1 or np.ptp(epoch) > 1.0


def test_every_position_in_the_epoch_is_unbiased(x64: None) -> None:
    full = elbos(1, None)[0]
    batches, repeats = 8, 300
    by_position = elbos(batches * repeats, 64).reshape(repeats, batches)
    assert (np.abs(in_units_of_error(by_position, full)) < 4.5).all()


def test_noise_of_q_and_noise_of_batches_average_out_together(x64: None) -> None:
    """A q of finite width: the mean over many batches is the mean over many full estimates."""
    full, batched = elbos(2_000, None, log_sd=-1.0), elbos(8_000, 64, log_sd=-1.0)
    epoch_means = batched.reshape(-1, 8).mean(axis=1)
    error = np.hypot(full.std() / np.sqrt(full.size), epoch_means.std() / np.sqrt(epoch_means.size))
    assert abs(epoch_means.mean() - full.mean()) < 4.5 * error


@pytest.mark.parametrize("size", [7, 50])
def test_the_pieces_average_exactly_at_a_fixed_z(size: int, x64: None) -> None:
    """The same from the parts that the engine is made of."""
    it, (X, y, weights) = model(), rows()
    z = jnp.linspace(-1.0, 1.0, space(it).size)
    plan, places = epochs(ROWS, size)
    steps = jnp.arange(int(plan.batches), dtype=jnp.int32)
    found, mask = batch_rows(plan, words(0, Stream.shuffle, ROUNDS), steps, places)
    counts = np.asarray(mask).sum(axis=1)
    every = all_rows(it, X, y, weights)

    def estimate(rows: jax.Array, keep: jax.Array) -> jax.Array:
        scale = ROWS / jnp.sum(keep, dtype=float)
        return log_joint(it, space(it), z, take(every, rows, keep), scale)

    values = np.asarray(jax.jit(jax.vmap(estimate))(found, mask))
    want = log_joint(it, space(it), z, every, 1.0)
    np.testing.assert_allclose(counts @ values / ROWS, want, rtol=1e-12)


def test_weights_are_copies_of_rows(x64: None) -> None:
    it, (X, y, _) = model(), rows()
    copies = np.random.default_rng(1).integers(0, 4, ROWS)
    z = jnp.linspace(-1.0, 1.0, space(it).size)
    weighted = all_rows(it, X, y, copies)
    repeated = all_rows(it, np.repeat(X, copies, axis=0), np.repeat(y, copies))
    values = [log_joint(it, space(it), z, batch, 1.0) for batch in (weighted, repeated)]
    np.testing.assert_allclose(*values, rtol=1e-12)


def test_a_fit_with_weights_is_a_fit_with_copies(x64: None) -> None:
    X, y, _ = rows()
    X, y = X[:48], y[:48]
    copies = np.tile([1, 0, 2, 1], 12)
    it = model()
    weighted = mf.fit(it, X, y, weights=copies, steps=40, seed=1)
    repeated = mf.fit(it, np.repeat(X, copies, axis=0), np.repeat(y, copies), steps=40, seed=1)
    np.testing.assert_allclose(weighted.elbo, repeated.elbo, rtol=1e-8)
    np.testing.assert_allclose(
        weighted.approximation.state.mean, repeated.approximation.state.mean, rtol=1e-7
    )
