"""Log-probabilities of counts in 32 bits, against SciPy's in 64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special, stats

from moonfield.likelihoods import NegativeBinomial, Poisson
from moonfield.likelihoods.counts import negative_binomial_log_prob

COUNTS = np.array([0, 1, 2, 5, 15, 16, 17, 100, 1e3, 1e4, 1e5, 1e6])
AHEAD = np.array([-3.0, -1.0, -0.3, 0.0, 0.01, 0.3, 1.0, 3.0])  # of the count, the log of the mean


def grid() -> tuple[np.ndarray, np.ndarray]:
    """Counts, and log means that 32 bits hold exactly."""
    y, ahead = (part.ravel() for part in np.meshgrid(COUNTS, AHEAD))
    return y, (np.log(np.maximum(y, 1.0)) + ahead).astype(np.float32)


def test_poisson_is_exact_for_large_counts() -> None:
    y, log_mean = grid()
    found = Poisson().log_prob({}, jnp.asarray(log_mean)[:, None], jnp.asarray(y, jnp.float32))
    exact = stats.poisson(np.exp(log_mean.astype(float))).logpmf(y)
    np.testing.assert_allclose(found, exact, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("concentration", [0.01, 0.5, 3.0, 15.9, 16.1, 100.0, 1e4, 1e6])
def test_negative_binomial_is_exact_for_large_counts_and_concentrations(
    concentration: float,
) -> None:
    y, log_mean = grid()
    likelihood = NegativeBinomial(concentration)
    found = likelihood.log_prob({}, jnp.asarray(log_mean)[:, None], jnp.asarray(y, jnp.float32))
    mean = np.exp(log_mean.astype(float))
    exact = stats.nbinom(concentration, concentration / (concentration + mean)).logpmf(y)
    np.testing.assert_allclose(found, exact, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("log_mean", [-100.0, -20.0, 0.0, 20.0, 60.0, 300.0])
@pytest.mark.parametrize("y", [0.0, 3.0, 1e5])
def test_gradients_of_the_negative_binomial_are_finite_and_right(log_mean: float, y: float) -> None:
    """In the log mean `c (y - m) / (m + c)`; in c the difference of digammas and logs."""
    c = 2.0
    found = jax.grad(negative_binomial_log_prob, argnums=(0, 1))(
        jnp.float32(log_mean), jnp.float32(c), jnp.float32(y)
    )
    share = special.expit(np.log(c) - log_mean)  # c / (m + c)
    of_mean = y * share - c * (1.0 - share)
    digammas = special.digamma(y + c) - special.digamma(c)
    of_c = digammas - np.logaddexp(0.0, log_mean - np.log(c)) + 1.0 - (y + c) / c * share
    np.testing.assert_allclose(found, (of_mean, of_c), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("y", [0.0, 3.0])
def test_poisson_is_no_nan_where_its_mean_overflows(y: float) -> None:
    def value(f):
        return Poisson().log_prob({}, f[None, None], jnp.array([y]))[0]

    assert value(jnp.float32(300.0)) == -np.inf
    assert jax.grad(value)(jnp.float32(300.0)) == -np.inf
    assert jax.grad(value)(jnp.float32(-100.0)) == pytest.approx(y)
