"""A factor model whose encoder, evidence and predictions are known exactly."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from scipy.stats import multivariate_normal

LOADINGS = np.array([[1.0, 0.5, 0.0, 0.0, 0.2], [0.0, 0.0, 1.0, -0.7, 0.0]]).T  # orthogonal
LEVEL = np.linspace(-1.0, 1.0, 5)
SD = 0.5
PRECISION = 1.0 + np.sum(LOADINGS**2, axis=0) / SD**2  # of a row's factors given the row
COVARIANCE = LOADINGS @ LOADINGS.T + SD**2 * np.eye(5)


def factors(x: Any = None) -> None:
    """Rows of five numbers made of two factors each: `N(LEVEL + LOADINGS f, SD^2)`."""
    with numpyro.plate("rows", x.shape[0]):
        f = numpyro.sample("f", dist.Normal(0.0, 1.0).expand([2]).to_event(1))
        mean = jnp.asarray(LEVEL, f.dtype)[None] + f @ jnp.asarray(LOADINGS.T, f.dtype)
        numpyro.sample("x", dist.Normal(mean, SD).to_event(1), obs=x)


def factor_rows(rows: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.multivariate_normal(LEVEL, COVARIANCE, size=rows)


def log_evidence(x: np.ndarray) -> np.ndarray:
    """Of each row, nats."""
    return multivariate_normal(LEVEL, COVARIANCE).logpdf(x)


def exact_means(x: np.ndarray) -> np.ndarray:
    """Of each row's factors given the row."""
    return (x - LEVEL) @ LOADINGS / (SD**2 * PRECISION)


def exact_encoder() -> eqx.nn.Linear:
    """Mean and log sd of the factors given a row."""
    mean = LOADINGS.T / (SD**2 * PRECISION[:, None])
    weight = np.concatenate([mean, np.zeros((2, 5))])
    bias = np.concatenate([-mean @ LEVEL, -0.5 * np.log(PRECISION)])
    encoder = eqx.nn.Linear(5, 4, key=jax.random.key(0))
    arrays = jnp.asarray(weight, float), jnp.asarray(bias, float)
    return eqx.tree_at(lambda layer: (layer.weight, layer.bias), encoder, arrays)
