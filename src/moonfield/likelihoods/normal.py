"""Numbers with normal noise."""

import math
from typing import Any, ClassVar

import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Array, Float

from .base import AbstractLikelihood, Own, squeeze_single, sum_target
from .scale import Scale


class Normal(AbstractLikelihood):
    """Numbers with normal noise: `y ~ N(f, sd^2)`, independent over several targets a row.

    Args:
        sd: noise sd in units of y. A number: known. `"learned"`: one sd with a half-Cauchy(1)
            prior; a distribution: learned with that prior, one of shape (k,) for an sd of each of k
            targets. `"head"`: heteroscedastic, a learned sd times `exp(3 tanh(output / 3))` for
            each of the second half of the network's outputs; `Head(prior)` with another prior.
    """

    kind: ClassVar[str] = "numbers"
    binary: ClassVar[bool] = False
    discrete: ClassVar[bool] = False
    sd: Scale

    def __init__(self, sd: Any = "learned"):
        self.sd = Scale(sd, dist.HalfCauchy(1.0))

    @property
    def head(self) -> bool:
        return self.sd.head

    def priors(self) -> dict[str, dist.Distribution]:
        return self.sd.priors("sd")

    def target_shape(self, outputs: int) -> tuple[int, ...]:
        targets = self.sd.targets(outputs)
        return () if targets == 1 else (targets,)

    def check_targets(self, y: Any, outputs: int) -> None:
        return None

    def distribution(self, own: Own, outputs: Float[Array, "... outputs"]) -> dist.Distribution:
        return dist.Normal(*self._parameters(own, outputs))

    def log_prob(self, own: Own, outputs: Float[Array, "... outputs"], y: Array) -> Array:
        mean, sd = self._parameters(own, outputs)
        logp = -0.5 * ((y - mean) / sd) ** 2 - jnp.log(sd) - 0.5 * math.log(2 * math.pi)
        return sum_target(logp, self.target_shape(outputs.shape[-1]))

    def moments(self, own: Own, outputs: Float[Array, "... outputs"]) -> tuple[Array, Array]:
        mean, sd = self._parameters(own, outputs)
        return mean, jnp.broadcast_to(sd**2, mean.shape)

    def _parameters(self, own: Own, outputs: Array) -> tuple[Array, Array]:
        location, sd = self.sd.split(own, "sd", outputs)
        location = squeeze_single(location)
        if self.sd.head:
            return location, squeeze_single(sd)
        return location, jnp.broadcast_to(sd, location.shape) if jnp.ndim(sd) else sd

    def __str__(self) -> str:
        return f"Normal(mean = outputs, sd: {self.sd})"
