"""The full-rank Gaussian."""

import math
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from .base import AbstractFamily
from .standard_normal import standard_entropy, standard_log_density
from .triangular import Factor, diagonal_factor, factor_of


class FullRankState(NamedTuple):
    """Mean and Cholesky factor of the covariance."""

    mean: Float[Array, " size"]
    factor: Factor


class FullRank(AbstractFamily):
    """Any normal distribution: `q(z) = N(z; mean, L L^T)` with L lower triangular.

    Entropy: `log det L + size / 2 (1 + log 2 pi)` (Kucukelbir et al., 2017, "Automatic
    differentiation variational inference", section 2.4). L is `diag(exp(log_diagonal))
    (I + lower)`. There are `size (size + 3) / 2` variational parameters.
    """

    @property
    def affine(self) -> bool:
        return True

    def init(self, location: Float[Array, " size"], sd: float) -> FullRankState:
        return FullRankState(location, diagonal_factor(jnp.full_like(location, math.log(sd))))

    def noise_size(self, size: int) -> int:
        return size

    def sample(self, state: FullRankState, noise: Float[Array, " size"]) -> Float[Array, " size"]:
        return state.mean + state.factor.times(noise)

    def log_prob(self, state: FullRankState, z: Float[Array, " size"]) -> Float[Array, ""]:
        noise = state.factor.solve(z - state.mean)
        return standard_log_density(noise) - state.factor.log_det

    def entropy(self, state: FullRankState) -> Float[Array, ""]:
        return state.factor.log_det + standard_entropy(state.mean.size)

    def moments(self, state: FullRankState) -> tuple[Array, Array]:
        return state.mean, state.factor.row_norms


def full_rank_state(
    mean: Float[Array, " size"], covariance: Float[Array, "size size"]
) -> FullRankState:
    """The state with this mean and covariance.

    A covariance that is singular, or has slightly negative eigenvalues through rounding, is
    accepted: its eigenvalues are raised to the rounding error of the largest.
    """
    return FullRankState(mean, factor_of(covariance))
