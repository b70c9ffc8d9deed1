"""Fits of every kind of target recover what made the data."""

from typing import NamedTuple

import jax
import numpy as np
import pytest

import moonfield as mf
from tests.helpers import Split, linear_model, moons_model, regression_rows


def test_moons(posterior: mf.Posterior, moons: Split) -> None:
    prediction = posterior.predict(moons.X_test)
    assert (prediction.label == moons.y_test).mean() > 0.94  # the best possible is 0.97
    assert prediction.log_prob(moons.y_test).mean() > -0.2
    assert posterior.elbo.shape == (600,)
    assert posterior.elbo[-100:].mean() > posterior.elbo[:20].mean() + 100
    assert abs(posterior.diagnostics.elbo - posterior.elbo[-100:].mean()) < 10
    assert 0 < posterior.diagnostics.elbo_se < 2


def test_ragged_batches(model: mf.BayesianNetwork, moons: Split) -> None:
    """499 rows by 50: 10 batches of 49 or 50."""
    fit = mf.fit(model, moons.X[:499], moons.y[:499], steps=3_000, batch_size=50, seed=0)
    assert fit.diagnostics.batch_size == 50
    assert fit.diagnostics.rows == 499
    assert (fit.predict(moons.X_test).label == moons.y_test).mean() > 0.94
    assert -140 < fit.diagnostics.elbo < -100


def test_a_batch_larger_than_the_data_is_all_of_it(model: mf.BayesianNetwork, moons: Split) -> None:
    X, y = moons.X, moons.y
    full = mf.fit(model, X, y, steps=30)
    assert mf.fit(model, X, y, steps=30, batch_size=500).elbo.tobytes() == full.elbo.tobytes()
    assert mf.fit(model, X, y, steps=30, batch_size=9_999).elbo.tobytes() == full.elbo.tobytes()


class Truth(NamedTuple):
    """Rows with known coefficients."""

    X: np.ndarray
    rate: np.ndarray


@pytest.fixture(scope="module")
def counts() -> Truth:
    X = np.random.default_rng(0).normal(size=(400, 2))
    return Truth(X, np.exp(1.0 + X @ np.asarray([0.5, -0.3])))


def test_poisson_recovers_the_rate(counts: Truth) -> None:
    y = np.random.default_rng(1).poisson(counts.rate)
    model = linear_model(2, mf.likelihoods.Poisson(), bias=True, prior_sd=3.0)
    posterior = mf.fit(model, counts.X, y, steps=2_000)
    mean, sd = (np.asarray(moment) for moment in posterior.approximation.moments())
    assert (np.abs(mean - [0.5, -0.3, 1.0]) < 4.5 * sd).all()
    assert (sd < 0.05).all()
    prediction = posterior.predict(counts.X)
    np.testing.assert_allclose(prediction.mean, counts.rate, rtol=0.15)
    np.testing.assert_allclose(prediction.aleatoric**2, prediction.mean, rtol=1e-4)


def test_negative_binomial_recovers_rate_and_spread(counts: Truth) -> None:
    rng = np.random.default_rng(2)
    y = rng.poisson(counts.rate * rng.gamma(2.0, 1 / 2.0, len(counts.rate)))
    model = linear_model(2, mf.likelihoods.NegativeBinomial(), bias=True, prior_sd=3.0)
    posterior = mf.fit(model, counts.X, y, steps=2_000)
    draws = posterior.sample(2_000)
    concentration = np.asarray(draws["likelihood"]["concentration"])
    assert abs(concentration.mean() - 2.0) < 4.5 * concentration.std()
    assert 0.1 < concentration.std() < 0.6
    np.testing.assert_allclose(posterior.predict(counts.X).mean, counts.rate, rtol=0.25)


def test_a_head_recovers_noise_that_changes() -> None:
    rng = np.random.default_rng(3)
    X = rng.uniform(-1.0, 1.0, (600, 1))
    sd = np.where(X[:, 0] < 0, 0.1, 1.0)
    y = X[:, 0] + sd * rng.normal(size=600)
    network = mf.nets.MLP([1, 10, 2])
    model = mf.BayesianNetwork(
        network, mf.priors.Normal(0.0, 2.0), mf.likelihoods.Normal(sd="head")
    )
    prediction = mf.fit(model, X, y, steps=3_000).predict(np.asarray([[-0.6], [0.6]]))
    np.testing.assert_allclose(prediction.aleatoric, [0.1, 1.0], rtol=0.3)
    np.testing.assert_allclose(prediction.mean, [-0.6, 0.6], atol=0.25)


def test_noise_is_learned() -> None:
    X, y = regression_rows(300, 3)
    posterior = mf.fit(linear_model(3, mf.likelihoods.Normal()), X, y, steps=2_000)
    sd = np.asarray(posterior.sample(2_000)["likelihood"]["sd"])
    assert abs(sd.mean() - 0.5) < 4.5 * sd.std()
    assert sd.std() < 0.05


def test_a_heavy_tail_ignores_outliers() -> None:
    X, y = regression_rows(200, 2)
    y[:10] += 30.0
    posterior = mf.fit(linear_model(2, mf.likelihoods.StudentT()), X, y, steps=2_000)
    weight = np.asarray(posterior.sample(500)["network"].layers[0].weight).mean(axis=0)[0]
    np.testing.assert_allclose(weight, [-1.0, 1.0], atol=0.15)


def test_several_targets_a_row() -> None:
    X, _ = regression_rows(200, 2)
    W = np.asarray([[1.0, 0.0, -1.0], [0.5, 2.0, 0.0]])
    Y = X @ W + 0.1 * np.random.default_rng(4).normal(size=(200, 3))
    model = linear_model(2, mf.likelihoods.Normal(sd=0.1), outputs=3)
    posterior = mf.fit(model, X, Y, steps=2_000)
    prediction = posterior.predict(X)
    assert prediction.mean.shape == (200, 3)
    np.testing.assert_allclose(prediction.mean, X @ W, atol=0.15)
    weight = np.asarray(posterior.sample(200)["network"].layers[0].weight).mean(axis=0)
    np.testing.assert_allclose(weight, W.T, atol=0.05)


def test_iris_is_classified() -> None:
    from sklearn.datasets import load_iris

    X, y = load_iris(return_X_y=True)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    test = np.arange(150) % 3 == 0
    network = mf.nets.MLP([4, 6, 3])
    model = mf.BayesianNetwork(network, mf.priors.Normal(0.0, 1.0), mf.likelihoods.Categorical())
    prediction = mf.fit(model, X[~test], y[~test], steps=2_000).predict(X[test])
    assert (prediction.label == y[test]).mean() > 0.9
    assert prediction.probabilities.shape == (50, 3)
    assert prediction.log_prob(y[test]).mean() > -0.4


def test_row_weights_decide_what_is_learned() -> None:
    """Two groups that contradict each other; the one with weight wins."""
    X = np.ones((40, 1))
    y = np.repeat([-1.0, 1.0], 20)
    model = linear_model(1, mf.likelihoods.Normal(sd=0.3), prior_sd=10.0)
    weights = np.repeat([0.0, 1.0], 20)
    for options in ({}, {"batch_size": 8}):
        fit = mf.fit(model, X, y, weights=weights, steps=2_000, **options)
        assert fit.predict([[1.0]]).mean[0] == pytest.approx(1.0, abs=0.1)


def test_in_double_precision(x64: None) -> None:
    X, y = regression_rows(100, 2)
    for options in ({}, {"batch_size": 32}):
        posterior = mf.fit(linear_model(2, mf.likelihoods.Normal()), X, y, steps=300, **options)
        assert posterior.elbo.dtype == np.float64
        assert {leaf.dtype for leaf in jax.tree.leaves(posterior.sample(3))} == {np.dtype("f8")}
        prediction = posterior.predict(X, draws=50)
        assert prediction.mean.dtype == prediction.log_prob(y).dtype == np.float64
        assert posterior.elbo[-1] > posterior.elbo[0]


def test_another_prior_scale_is_another_posterior(moons: Split) -> None:
    wide, narrow = (
        mf.fit(moons_model(sd), moons.X, moons.y, steps=600).approximation.state.mean
        for sd in (1.0, 0.1)
    )
    assert np.linalg.norm(narrow) < 0.5 * np.linalg.norm(wide)
