"""The Gaussian whose correlations are of low rank."""

import math
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.scipy.linalg import cho_solve
from jaxtyping import Array, Float

from .._core.checks import whole
from .base import AbstractFamily
from .standard_normal import standard_entropy, standard_log_density

_START = 0.1  # size of the factor's first entries: at zero its gradient would vanish


class LowRankState(NamedTuple):
    """Mean, log scale, and the factor in units of the scale."""

    mean: Float[Array, " size"]
    log_scale: Float[Array, " size"]
    factor: Float[Array, "rank size"]


class LowRank(AbstractFamily):
    """A normal distribution with covariance `D (I + F^T F) D`, `D = diag(exp(log_scale))`.

    F is (rank, size): `rank` directions of correlation. Entropy by the matrix determinant lemma,
    `sum log_scale + 1/2 log det(I + F F^T) + size / 2 (1 + log 2 pi)`; density by Woodbury's
    identity (Ong, Nott & Smith, 2018, "Gaussian variational approximation with a factor covariance
    structure", section 3). Cost per draw is `rank * size`.

    Args:
        rank: number of directions.

    Raises:
        TypeError, ValueError: `rank` is not a whole number of 1 or more.
    """

    rank: int = eqx.field(static=True)

    def __init__(self, rank: int = 10):
        self.rank = whole(rank, "rank")

    def init(self, location: Float[Array, " size"], sd: float) -> LowRankState:
        shape = (self.rank, location.size)
        factor = _START * jax.random.normal(jax.random.key(0), shape, location.dtype)
        log_scale = math.log(sd) - jnp.log(_norms(factor))
        return LowRankState(location, log_scale, factor)

    def noise_size(self, size: int) -> int:
        return size + self.rank

    def sample(self, state: LowRankState, noise: Float[Array, " noise"]) -> Float[Array, " size"]:
        own, common = noise[self.rank :], noise[: self.rank]
        return state.mean + jnp.exp(state.log_scale) * (own + common @ state.factor)

    def log_prob(self, state: LowRankState, z: Float[Array, " size"]) -> Float[Array, ""]:
        scaled = (z - state.mean) * jnp.exp(-state.log_scale)
        root, along = _capacitance(state), state.factor @ scaled
        explained = 0.5 * along @ cho_solve((root, True), along)
        return standard_log_density(scaled) + explained - self._log_det(state, root)

    def entropy(self, state: LowRankState) -> Float[Array, ""]:
        log_det = self._log_det(state, _capacitance(state))
        return log_det + standard_entropy(state.mean.size)

    def moments(self, state: LowRankState) -> tuple[Array, Array]:
        return state.mean, jnp.exp(state.log_scale) * _norms(state.factor)

    def _log_det(self, state: LowRankState, root: Array) -> Array:
        """Half the log-determinant of the covariance."""
        return jnp.sum(state.log_scale) + jnp.sum(jnp.log(jnp.diagonal(root)))


def _capacitance(state: LowRankState) -> Float[Array, "rank rank"]:
    """The Cholesky factor of `I + F F^T`."""
    rank = len(state.factor)
    return jnp.linalg.cholesky(
        jnp.eye(rank, dtype=state.factor.dtype) + state.factor @ state.factor.T
    )


def _norms(factor: Float[Array, "rank size"]) -> Float[Array, " size"]:
    return jnp.sqrt(1.0 + jnp.sum(factor**2, axis=0))
