"""Two classes."""

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Array, Float

from .base import AbstractLikelihood, Own, squeeze_single, sum_target
from .checks import check_classes
from .logits import softplus


class Bernoulli(AbstractLikelihood):
    """Two classes, 0 and 1, from one logit: `log p(y | f) = y f - log(1 + exp(f))`.

    A network with k > 1 outputs has k independent binary targets a row.
    """

    kind: ClassVar[str] = "classes"
    binary: ClassVar[bool] = True
    discrete: ClassVar[bool] = True

    def priors(self) -> dict[str, dist.Distribution]:
        return {}

    def target_shape(self, outputs: int) -> tuple[int, ...]:
        return () if outputs == 1 else (outputs,)

    def check_targets(self, y: Any, outputs: int) -> None:
        check_classes(y, 2, "Bernoulli")

    def distribution(self, own: Own, outputs: Float[Array, "... outputs"]) -> dist.Distribution:
        return dist.BernoulliLogits(squeeze_single(outputs))

    def log_prob(self, own: Own, outputs: Float[Array, "... outputs"], y: Array) -> Array:
        logits = squeeze_single(outputs)
        return sum_target(y * logits - softplus(logits), self.target_shape(outputs.shape[-1]))

    def moments(self, own: Own, outputs: Float[Array, "... outputs"]) -> tuple[Array, Array]:
        logits = squeeze_single(outputs)
        return jax.nn.sigmoid(logits), jnp.exp(-jax.nn.softplus(logits) - jax.nn.softplus(-logits))

    def __str__(self) -> str:
        return "Bernoulli(logits = outputs)"
