"""Counts with more spread than Poisson's."""

from typing import Any, ClassVar

import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Array, Float

from .base import AbstractLikelihood, Own, squeeze_single, sum_target
from .checks import check_counts
from .counts import negative_binomial_log_prob
from .scale import Scale


class NegativeBinomial(AbstractLikelihood):
    """Counts with mean `m = exp(f)` and variance `m + m^2 / concentration` (NB2).

    With `u = f - log c` the log-density is
    `log G(y + c) - log G(c) - log y! - y softplus(-u) - c softplus(u)`; it is computed in another
    way, which is stable for any `f`, and exact for large counts and concentrations too.

    Args:
        concentration: a number, `"learned"` (log-normal(1, 1.5) prior), a distribution or
            `"head"`.
    """

    kind: ClassVar[str] = "numbers"
    binary: ClassVar[bool] = False
    discrete: ClassVar[bool] = True
    concentration: Scale

    def __init__(self, concentration: Any = "learned"):
        self.concentration = Scale(concentration, dist.LogNormal(1.0, 1.5), "concentration")

    @property
    def head(self) -> bool:
        return self.concentration.head

    def priors(self) -> dict[str, dist.Distribution]:
        return self.concentration.priors("concentration")

    def target_shape(self, outputs: int) -> tuple[int, ...]:
        targets = self.concentration.targets(outputs)
        return () if targets == 1 else (targets,)

    def check_targets(self, y: Any, outputs: int) -> None:
        check_counts(y, "NegativeBinomial")

    def distribution(self, own: Own, outputs: Float[Array, "... outputs"]) -> dist.Distribution:
        log_mean, concentration = self._parameters(own, outputs)
        return dist.NegativeBinomial2(jnp.exp(log_mean), concentration)

    def log_prob(self, own: Own, outputs: Float[Array, "... outputs"], y: Array) -> Array:
        log_mean, c = self._parameters(own, outputs)
        logp = negative_binomial_log_prob(log_mean, jnp.asarray(c), y)
        return sum_target(logp, self.target_shape(outputs.shape[-1]))

    def moments(self, own: Own, outputs: Float[Array, "... outputs"]) -> tuple[Array, Array]:
        log_mean, c = self._parameters(own, outputs)
        mean = jnp.exp(log_mean)
        return mean, mean + mean**2 / c

    def _parameters(self, own: Own, outputs: Array) -> tuple[Array, Array]:
        location, c = self.concentration.split(own, "concentration", outputs)
        return squeeze_single(location), squeeze_single(c) if self.concentration.head else c

    def __str__(self) -> str:
        return f"NegativeBinomial(log mean = outputs, concentration: {self.concentration})"
