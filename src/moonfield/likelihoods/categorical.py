"""More than two classes."""

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Array, Float

from .base import AbstractLikelihood, Own
from .checks import check_classes


class Categorical(AbstractLikelihood):
    """Classes 0 to K - 1 from K logits: `log p(y | f) = f_y - log sum_k exp(f_k)`.

    `moments` are those of the one-hot target: mean p (K numbers), variance p (1 - p).
    """

    kind: ClassVar[str] = "classes"
    binary: ClassVar[bool] = False
    discrete: ClassVar[bool] = True

    def priors(self) -> dict[str, dist.Distribution]:
        return {}

    def target_shape(self, outputs: int) -> tuple[int, ...]:
        if outputs < 2:
            raise ValueError(
                f"Categorical needs a network with one output per class, at least 2; "
                f"got {outputs}. For two classes from one output use Bernoulli."
            )
        return ()

    def check_targets(self, y: Any, outputs: int) -> None:
        check_classes(y, outputs, "Categorical")

    def distribution(self, own: Own, outputs: Float[Array, "... outputs"]) -> dist.Distribution:
        return dist.CategoricalLogits(outputs)

    def log_prob(self, own: Own, outputs: Float[Array, "... outputs"], y: Array) -> Array:
        logp = jax.nn.log_softmax(outputs)
        return jnp.take_along_axis(logp, y[..., None].astype(jnp.int32), axis=-1)[..., 0]

    def moments(self, own: Own, outputs: Float[Array, "... outputs"]) -> tuple[Array, Array]:
        p = jax.nn.softmax(outputs)
        return p, p * (1.0 - p)

    def __str__(self) -> str:
        return "Categorical(logits = outputs)"
