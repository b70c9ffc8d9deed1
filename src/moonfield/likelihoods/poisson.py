"""Counts."""

from typing import Any, ClassVar

import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Array, Float

from .base import AbstractLikelihood, Own, squeeze_single, sum_target
from .checks import check_counts
from .counts import poisson_log_prob


class Poisson(AbstractLikelihood):
    """Counts from a log-rate: `log p(y | f) = y f - exp(f) - log y!`."""

    kind: ClassVar[str] = "numbers"
    binary: ClassVar[bool] = False
    discrete: ClassVar[bool] = True

    def priors(self) -> dict[str, dist.Distribution]:
        return {}

    def target_shape(self, outputs: int) -> tuple[int, ...]:
        return () if outputs == 1 else (outputs,)

    def check_targets(self, y: Any, outputs: int) -> None:
        check_counts(y, "Poisson")

    def distribution(self, own: Own, outputs: Float[Array, "... outputs"]) -> dist.Distribution:
        return dist.Poisson(jnp.exp(squeeze_single(outputs)))

    def log_prob(self, own: Own, outputs: Float[Array, "... outputs"], y: Array) -> Array:
        logp = poisson_log_prob(squeeze_single(outputs), y)
        return sum_target(logp, self.target_shape(outputs.shape[-1]))

    def moments(self, own: Own, outputs: Float[Array, "... outputs"]) -> tuple[Array, Array]:
        rate = jnp.exp(squeeze_single(outputs))
        return rate, rate

    def __str__(self) -> str:
        return "Poisson(log rate = outputs)"
