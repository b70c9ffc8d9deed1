"""Independent Student t: mean-field with heavy tails."""

import math
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jax.scipy.special import digamma
from jaxtyping import Array, Float

from .base import AbstractFamily


class StudentTState(NamedTuple):
    """Mean and log scale of each coordinate."""

    mean: Float[Array, " size"]
    log_scale: Float[Array, " size"]


class StudentT(AbstractFamily):
    """Independent scaled t distributions: `z_k = mean_k + exp(log_scale_k) t_k`.

    A draw takes two standard normal numbers a coordinate: `t = a sqrt(df (exp(w / df) - 1) / w)`
    with `w = a^2 + b^2` has exactly df degrees of freedom (Bailey, 1994, "Polar generation of
    random variates with the t-distribution", Mathematics of Computation 62, section 3).

    Args:
        df: degrees of freedom, above 2 so that sds exist.

    Raises:
        ValueError: `df` is not a finite number above 2.
    """

    df: float = eqx.field(static=True)

    def __init__(self, df: float = 5.0):
        if not 2.0 < df < math.inf:
            raise ValueError(f"df must be a finite number above 2, got {df}.")
        self.df = float(df)

    def init(self, location: Float[Array, " size"], sd: float) -> StudentTState:
        return StudentTState(location, jnp.full_like(location, math.log(sd / self._unit_sd)))

    def noise_size(self, size: int) -> int:
        return 2 * size

    def sample(self, state: StudentTState, noise: Float[Array, " noise"]) -> Float[Array, " size"]:
        a, b = jnp.split(noise, 2)
        w = jnp.maximum(a**2 + b**2, jnp.finfo(noise.dtype).tiny)
        t = a * jnp.sqrt(self.df * jnp.expm1(w / self.df) / w)
        return state.mean + jnp.exp(state.log_scale) * t

    def log_prob(self, state: StudentTState, z: Float[Array, " size"]) -> Float[Array, ""]:
        t = (z - state.mean) * jnp.exp(-state.log_scale)
        kernel = -0.5 * (self.df + 1.0) * jnp.log1p(t**2 / self.df)
        return jnp.sum(kernel - state.log_scale) - z.size * self._log_normaliser

    def entropy(self, state: StudentTState) -> Float[Array, ""]:
        half = 0.5 * (self.df + 1.0)
        spread = half * (digamma(half) - digamma(0.5 * self.df)) + self._log_normaliser
        return jnp.sum(state.log_scale + spread.astype(state.log_scale.dtype))

    def moments(self, state: StudentTState) -> tuple[Array, Array]:
        return state.mean, jnp.exp(state.log_scale) * self._unit_sd

    @property
    def _unit_sd(self) -> float:
        """The sd at scale 1."""
        return math.sqrt(self.df / (self.df - 2.0))

    @property
    def _log_normaliser(self) -> float:
        """`log(sqrt(df) B(df / 2, 1 / 2))`."""
        beta = math.lgamma(0.5 * self.df) + math.lgamma(0.5) - math.lgamma(0.5 * (self.df + 1.0))
        return 0.5 * math.log(self.df) + beta
