"""Cdfs of counts, small and huge, against SciPy's in 64 bits."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from scipy import stats

import moonfield as mf
from moonfield.predictive.counts import count_cdf
from tests.helpers import posterior_at

LEVELS = np.concatenate([[1e-5], np.linspace(0.0005, 0.9995, 99), [1.0 - 1e-5]])
SIZES = np.float32(10.0) ** np.arange(-1, 7).astype(np.float32)


@jax.jit
def poisson(k: jax.Array, rate: jax.Array) -> jax.Array | None:
    return count_cdf(dist.Poisson(rate), k)


@jax.jit
def negative_binomial(k: jax.Array, mean: jax.Array, concentration: jax.Array) -> jax.Array | None:
    return count_cdf(dist.NegativeBinomial2(mean, concentration), k)


def test_poisson() -> None:
    rate = np.array([*SIZES, 29.9, 30.0, 31.0, 300.0], np.float32)[:, None]
    k = stats.poisson.ppf(LEVELS, rate.astype(float)).astype(np.float32)
    exact = stats.poisson.cdf(k, rate.astype(float))
    np.testing.assert_allclose(poisson(k, rate), exact, atol=5e-5)
    np.testing.assert_allclose(poisson(k, rate)[:, -1], 1.0, atol=5e-5)


def test_negative_binomial() -> None:
    sizes = np.array([*SIZES, 9.9, 10.1, 300.0, 499.0, 501.0], np.float32)
    concentration, mean = sizes[:, None, None], sizes[None, :, None]
    share = concentration.astype(float) / (concentration.astype(float) + mean)
    k = stats.nbinom.ppf(LEVELS, concentration.astype(float), share).astype(np.float32)
    exact = stats.nbinom.cdf(k, concentration.astype(float), share)
    found = negative_binomial(k, *np.broadcast_arrays(mean, concentration, k)[:2])
    np.testing.assert_allclose(found, exact, atol=2e-4)


def test_of_all_else_there_is_none() -> None:
    assert count_cdf(dist.Binomial(3, 0.5), jnp.zeros(2)) is None
    assert count_cdf(dist.Poisson(3.0), jnp.zeros(2, jnp.float16)) is None


@pytest.mark.parametrize("rate", [3.0, 2e3, 1e6])
def test_intervals_of_counts(rate: float) -> None:
    model = mf.BayesianNetwork(mf.nets.MLP([1, 1]), mf.priors.Normal(), mf.likelihoods.Poisson())
    posterior = posterior_at(model, np.array([0.0, np.log(rate)]), 1e-9)
    low, high = posterior.predict(np.zeros((1, 1)), draws=2).interval(0.9)[0]
    exact = stats.poisson.interval(0.9, np.exp(np.float32(np.log(rate)), dtype=np.float32))
    np.testing.assert_allclose([low, high], exact, atol=1e-2 * rate**0.5, rtol=1e-6)
