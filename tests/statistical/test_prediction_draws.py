"""Draws of y, and the mixture's quantiles."""

import functools

import numpy as np
import pytest
from scipy import stats

import moonfield as mf

from .predictions import case, outputs_of

DRAWS = 4_000
LEVELS = [0.05, 0.5, 0.9]


@functools.cache
def predicted(name: str) -> tuple[mf.Prediction, np.ndarray]:
    """A prediction, and one target from each of its posterior draws: (draws, rows, ...)."""
    posterior, X, _ = case(name)
    prediction = posterior.predict(X, draws=DRAWS, seed=2)
    return prediction, prediction.sample()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["bernoulli", "normal", "poisson"])
def test_draws_have_the_predicted_mean_and_sd(name: str) -> None:
    """Given the posterior draws, the noise of targets is all that is left."""
    prediction, y = predicted(name)
    error = prediction.aleatoric / np.sqrt(DRAWS)
    assert y.shape == (DRAWS, prediction.rows)
    assert (np.abs(y.mean(axis=0) - prediction.mean) < 4.5 * error).all()
    squares = (y - prediction.mean) ** 2
    error = squares.std(axis=0) / np.sqrt(DRAWS)
    assert (np.abs(squares.mean(axis=0) - prediction.sd**2) < 5 * error).all()


def test_draws_of_classes_have_the_predicted_probabilities() -> None:
    posterior, X, _ = case("categorical")
    prediction = posterior.predict(X, draws=2_000, seed=2)
    y = prediction.sample()
    assert set(np.unique(y)) == {0, 1, 2}
    frequency = np.stack([(y == k).mean(axis=0) for k in range(3)], axis=-1)
    p = prediction.probabilities
    assert (np.abs(frequency - p) < 5 * np.sqrt(p * (1 - p) / 2_000)).all()


@pytest.mark.slow
@pytest.mark.parametrize("level", LEVELS)
def test_quantiles_cut_off_that_share_of_the_draws(level: float) -> None:
    prediction, y = predicted("normal")
    share = (y <= prediction.quantile(level)).mean(axis=0)
    assert (np.abs(share - level) < 4.5 * np.sqrt(level * (1 - level) / DRAWS)).all()


@pytest.mark.parametrize("level", LEVELS)
def test_quantiles_invert_the_mixture_on_the_same_draws(level: float) -> None:
    posterior, X, _ = case("normal")
    quantile = posterior.predict(X, draws=200, seed=2).quantile(level)
    draws = posterior.sample(200, seed=2)
    f, sd = outputs_of(draws, X)[..., 0], np.asarray(draws["likelihood"]["sd"], np.float64)[:, None]
    np.testing.assert_allclose(stats.norm.cdf(quantile, f, sd).mean(axis=0), level, atol=2e-5)


@pytest.mark.slow
@pytest.mark.parametrize("level", LEVELS)
def test_quantiles_of_counts_are_exact(level: float) -> None:
    """The smallest whole number whose cumulative probability reaches the level."""
    posterior, X, _ = case("poisson")
    got = posterior.predict(X, draws=200, seed=2).quantile(level)
    rate = np.exp(outputs_of(posterior.sample(200, seed=2), X)[..., 0])
    cumulative = stats.poisson.cdf(np.arange(2_000)[:, None, None], rate).mean(axis=1)
    np.testing.assert_array_equal(got, (cumulative >= level).argmax(axis=0))


@pytest.mark.slow
def test_intervals_are_pairs_of_quantiles() -> None:
    prediction, y = predicted("normal")
    interval = prediction.interval(0.8)
    assert interval.shape == (prediction.rows, 2)
    np.testing.assert_array_equal(interval[:, 0], prediction.quantile(0.1))
    np.testing.assert_allclose(interval[:, 1], prediction.quantile(0.9), atol=1e-5)
    inside = ((y >= interval[:, 0]) & (y <= interval[:, 1])).mean(axis=0)
    assert (np.abs(inside - 0.8) < 4.5 * np.sqrt(0.16 / DRAWS)).all()


@pytest.mark.slow
def test_a_narrow_row_far_from_zero_has_quantiles_too() -> None:
    """Counts of about 10,000 and numbers of about 1,000 with an sd of 0.01."""
    from tests.helpers import linear_model, posterior_at

    counts = posterior_at(linear_model(1, mf.likelihoods.Poisson()), np.log(10_000.0), 1e-3)
    got = counts.predict([[1.0]], draws=50).interval(0.9)[0]
    np.testing.assert_allclose(got, stats.poisson.ppf([0.05, 0.95], 10_000.0), atol=15)
    numbers = posterior_at(linear_model(1, mf.likelihoods.Normal(sd=0.01)), 1_000.0, 1e-6)
    got = numbers.predict([[1.0]], draws=50).interval(0.9)[0]
    np.testing.assert_allclose(got, stats.norm.ppf([0.05, 0.95], 1_000.0, 0.01), atol=3e-4)


def test_noise_is_independent_between_rows_and_between_draws() -> None:
    from tests.helpers import linear_model, posterior_at

    posterior = posterior_at(linear_model(1, mf.likelihoods.Normal(sd=1.0)), 0.0, 1e-6)
    y = posterior.predict(np.ones((600, 1)), draws=500).sample()  # two blocks of rows
    assert len(np.unique(y)) > 0.99 * y.size
    between_rows = np.corrcoef(y[:, [0, 1, 255, 256, 599]].T)[~np.eye(5, dtype=bool)]
    assert np.abs(between_rows).max() < 5 / np.sqrt(500)
    between_draws = np.corrcoef(y[[0, 1, 16, 17, 499]])[~np.eye(5, dtype=bool)]
    assert np.abs(between_draws).max() < 5 / np.sqrt(600)


def test_more_draws_of_y_than_draws_of_the_posterior() -> None:
    posterior, X, _ = case("normal")
    prediction = posterior.predict(X, draws=5, seed=2)
    assert prediction.sample(37).shape == (37, prediction.rows)
    np.testing.assert_array_equal(prediction.sample(37)[:5], prediction.sample())


def test_the_cdf_is_that_of_the_mixture_on_the_same_draws() -> None:
    posterior, X, y = case("normal")
    draws = posterior.sample(200, seed=2)
    f, sd = outputs_of(draws, X)[..., 0], np.asarray(draws["likelihood"]["sd"], np.float64)[:, None]
    got = posterior.predict(X, draws=200, seed=2).cdf(y)
    np.testing.assert_allclose(got, stats.norm.cdf(y, f, sd).mean(axis=0), atol=2e-5)


@pytest.mark.parametrize("shift", [0.0, 0.5, -1.0])
def test_the_cdf_of_counts_is_a_step_function(shift: float) -> None:
    """Also between the counts, and below all of them."""
    posterior, X, y = case("poisson")
    rate = np.exp(outputs_of(posterior.sample(200, seed=2), X)[..., 0])
    got = posterior.predict(X, draws=200, seed=2).cdf(y + shift)
    assert (y + shift).min() == shift
    np.testing.assert_allclose(got, stats.poisson.cdf(y + shift, rate).mean(axis=0), atol=2e-5)


def test_the_cdf_of_counts_with_a_spread_is_a_step_function_too() -> None:
    posterior, X, y = case("negative_binomial")
    prediction = posterior.predict(X, draws=200, seed=2)
    np.testing.assert_array_equal(prediction.cdf(y + 0.5), prediction.cdf(y))
    np.testing.assert_array_equal(prediction.cdf(0.0 * y - 1.0), 0.0)
    mass = np.exp(prediction.log_prob(y))
    np.testing.assert_allclose(prediction.cdf(y) - prediction.cdf(y - 1.0), mass, atol=2e-5)


def test_classes_have_no_cdf() -> None:
    posterior, X, y = case("categorical")
    prediction = posterior.predict(X, draws=3)
    assert prediction.discrete
    with pytest.raises(ValueError, match="for classes use probabilities"):
        prediction.cdf(y)
