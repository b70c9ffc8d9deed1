"""Laplace and deterministic ADVI against posteriors that are known."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import moonfield as mf
from moonfield.inference.dadvi import matched_draws
from tests.helpers import linear_model

NOISE_SD = 0.5


class Exact(NamedTuple):
    """Rows of a linear regression with weights of prior sd 1, and its posterior."""

    X: np.ndarray
    y: np.ndarray
    mean: np.ndarray
    covariance: np.ndarray
    log_evidence: float


def regression(inputs: int, condition: float) -> Exact:
    """Rotated inputs, so that the posterior is correlated; about this condition number."""
    rng = np.random.default_rng(0)
    axes = np.linalg.qr(rng.normal(size=(inputs, inputs)))[0]
    X = rng.normal(size=(120, inputs)) * np.geomspace(1.0, condition**-0.5, inputs) @ axes
    y = X @ np.linspace(-1.0, 2.0, inputs) + NOISE_SD * rng.normal(size=120)
    X = np.asarray(X, np.float32).astype(np.float64)
    y = np.asarray(y, np.float32).astype(np.float64)
    precision = np.eye(inputs) + X.T @ X / NOISE_SD**2
    covariance = np.linalg.inv(precision)
    marginal = stats.multivariate_normal(cov=X @ X.T + NOISE_SD**2 * np.eye(120))
    mean = covariance @ X.T @ y / NOISE_SD**2
    return Exact(X, y, mean, covariance, float(marginal.logpdf(y)))


def covariance_of(posterior: mf.Posterior) -> np.ndarray:
    root = np.asarray(posterior.approximation.scale_tril, np.float64)
    return root @ root.T


@pytest.mark.parametrize("method", ["laplace", mf.DADVI(draws=30)], ids=["laplace", "dadvi"])
def test_gaussian_posterior_is_exact(method: str | mf.DADVI) -> None:
    exact = regression(4, 30.0)
    model = linear_model(4, mf.likelihoods.Normal(sd=NOISE_SD))
    posterior = mf.fit(model, exact.X, exact.y, method=method)
    assert posterior.result is mf.Result.converged
    sd = np.sqrt(exact.covariance.diagonal())
    mean = np.asarray(posterior.approximation.moments()[0])
    assert (np.abs(mean - exact.mean) < 1e-3 * sd).all()
    error = (covariance_of(posterior) - exact.covariance) / np.outer(sd, sd)
    assert np.abs(error).max() < 1e-4
    elbo, monte_carlo = posterior.diagnostics.elbo, posterior.diagnostics.elbo_se
    assert abs(elbo - exact.log_evidence) < 4.5 * monte_carlo + 1e-3


def test_mean_field_of_dadvi_is_exact_for_a_gaussian_posterior() -> None:
    """Precisions diag(precision), which the linear response sds then exceed."""
    exact = regression(4, 30.0)
    model = linear_model(4, mf.likelihoods.Normal(sd=NOISE_SD))
    posterior = mf.fit(model, exact.X, exact.y, method=mf.DADVI(linear_response=False))
    mean, sd = posterior.approximation.moments()
    precision = np.linalg.inv(exact.covariance)
    np.testing.assert_allclose(np.asarray(sd) ** -2, precision.diagonal(), rtol=1e-4)
    assert (np.abs(mean - exact.mean) < 1e-3 * np.asarray(sd)).all()
    np.testing.assert_allclose(posterior.diagnostics.facts["mean_field_sd"], sd)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["laplace", "dadvi"])
def test_ten_correlated_dimensions_of_condition_ten_thousand(method: str) -> None:
    """In 32 bits; the prior is all that bounds the worst direction."""
    exact = regression(10, 1e5)
    eigenvalues = np.linalg.eigvalsh(exact.covariance)
    assert eigenvalues[-1] / eigenvalues[0] > 300
    model = linear_model(10, mf.likelihoods.Normal(sd=NOISE_SD))
    posterior = mf.fit(model, exact.X, exact.y, method=method)
    sd = np.sqrt(exact.covariance.diagonal())
    assert (np.abs(posterior.approximation.moments()[0] - exact.mean) < 0.01 * sd).all()
    error = (covariance_of(posterior) - exact.covariance) / np.outer(sd, sd)
    assert np.abs(error).max() < 0.01


def test_logistic_regression_against_newton_in_64_bits() -> None:
    rng = np.random.default_rng(1)
    X = np.asarray(rng.normal(size=(200, 3)), np.float32).astype(np.float64)
    y = (rng.uniform(size=200) < 1.0 / (1.0 + np.exp(-X @ [2.0, -1.0, 0.5]))).astype(float)
    w = np.zeros(3)
    for _ in range(50):
        p = 1.0 / (1.0 + np.exp(-X @ w))
        precision = (X.T * (p * (1.0 - p))) @ X + np.eye(3)
        w = w + np.linalg.solve(precision, X.T @ (y - p) - w)
    covariance = np.linalg.inv(precision)
    sd = np.sqrt(covariance.diagonal())
    model = linear_model(3, mf.likelihoods.Bernoulli())
    posterior = mf.fit(model, X, y, method="laplace")
    assert (np.abs(posterior.approximation.moments()[0] - w) < 1e-3 * sd).all()
    assert np.abs((covariance_of(posterior) - covariance) / np.outer(sd, sd)).max() < 1e-3
    point = mf.fit(model, X, y, method="map").approximation.moments()[0]
    assert (np.abs(point - w) < 1e-3 * sd).all()
    diagonal = mf.fit(model, X, y, method=mf.Laplace("diagonal")).approximation.moments()[1]
    np.testing.assert_allclose(np.asarray(diagonal) ** -2, precision.diagonal(), rtol=1e-4)


@pytest.mark.parametrize(("draws", "size"), [(30, 4), (30, 20), (31, 7), (2, 5), (30, 30), (9, 50)])
def test_draws_are_matched(draws: int, size: int, x64: None) -> None:
    noise = np.asarray(matched_draws(draws, size, 0, np.float64))
    covariance = noise.T @ noise / draws
    want = np.eye(size) if draws > size else covariance - np.diag(covariance.diagonal() - 1.0)
    assert noise.shape == (draws, size)
    np.testing.assert_allclose(noise.mean(axis=0), 0.0, atol=1e-12)
    np.testing.assert_allclose(covariance, want, atol=1e-12)


def test_draws_change_with_the_seed() -> None:
    one, other = (matched_draws(6, 2, seed, jnp.result_type(float)) for seed in (0, 1))
    assert not np.array_equal(one, other)
    assert isinstance(one, jax.Array)
