"""Densities with known posteriors, as methods that work in one go see them."""

from collections.abc import Callable
from typing import Any, cast

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from scipy import special

from moonfield.inference import Target


class Density(Target):
    """A log-density without a model."""

    data: dict[str, Array]
    function: Callable = eqx.field(static=True)
    numbers: int = eqx.field(static=True)

    def __init__(self, function: Callable, numbers: int, **data: Any):
        self.model = cast(Any, None)
        self.batch = cast(Any, None)
        self.function, self.numbers = function, numbers
        self.data = {key: jnp.asarray(value, float) for key, value in data.items()}

    @property
    def size(self) -> int:
        return self.numbers

    @property
    def identified(self) -> bool:
        return True

    def start(self, key: Array) -> Array:
        return jax.random.uniform(key, (self.numbers,), float, -2.0, 2.0)

    def log_density(self, z: Array) -> Array:
        return self.function(self.data, z)


def _gaussian(data: dict, z: Array) -> Array:
    residual = data["root"] @ (z - data["mean"])
    return -0.5 * jnp.dot(residual, residual)


def gaussian(size: int, seed: int = 0) -> tuple[Density, np.ndarray, np.ndarray]:
    """A correlated Gaussian, its means and its sds; its log normaliser is not 0."""
    root = np.random.default_rng(seed).normal(size=(size, size)) + 2.0 * np.eye(size)
    mean = np.linspace(-3.0, 3.0, size)
    sd = np.sqrt(np.diag(np.linalg.inv(root.T @ root)))
    return Density(_gaussian, size, root=root, mean=mean), mean, sd


def _regression(data: dict, z: Array) -> Array:
    """Flat priors for intercept, slopes and the noise's sd; z ends in its logarithm."""
    residual = (data["y"] - z[0] - data["X"] @ z[1:-1]) * jnp.exp(-z[-1])
    return -0.5 * jnp.dot(residual, residual) - (len(data["y"]) - 1.0) * z[-1]


def regression(X: np.ndarray, y: np.ndarray) -> tuple[Density, np.ndarray, np.ndarray]:
    """A linear regression with flat priors; exact means and sds of intercept, slopes, log sd.

    Given the data in the precision in which JAX sees them.
    """
    X, y = (np.asarray(jnp.asarray(array, float), np.float64) for array in (X, y))
    rows, numbers = len(y), X.shape[1] + 2
    q, r = np.linalg.qr(np.column_stack([np.ones(rows), X]))
    mean = np.linalg.solve(r, q.T @ y)
    left = y - np.column_stack([np.ones(rows), X]) @ mean
    squares, freedom = left @ left, rows - numbers
    sd = np.sqrt((np.linalg.inv(r) ** 2).sum(axis=1) * squares / (freedom - 2.0))
    log_mean = 0.5 * (np.log(squares / 2.0) - special.digamma(0.5 * freedom))
    log_sd = 0.5 * np.sqrt(special.polygamma(1, 0.5 * freedom))
    means, sds = np.append(mean, log_mean), np.append(sd, log_sd)
    return Density(_regression, numbers, X=X, y=y), means, sds


def raw_rows(rows: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Years around 2000, and columns in units that differ by a factor of 10^7; nothing centred."""
    rng = np.random.default_rng(0)
    scales = np.array([1.0, 1e4, 1e-3])
    X = rng.normal(size=(rows, 3)) * scales + np.array([2_000.0, 0.0, 0.0])
    return X, 5.0 + X @ np.array([0.7, 1e-4, 300.0]) + rng.normal(0.0, 0.5, rows)
