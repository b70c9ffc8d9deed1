"""Numbers whose distribution may have several modes."""

from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Array, Float

from .._core.checks import whole
from .base import AbstractLikelihood, Own

_FLOOR = 1e-6


class MixtureDensity(AbstractLikelihood):
    """A mixture of k normals whose weights, means and sds are the network's outputs.

    `p(y | x) = sum_j softmax(a)_j N(y; m_j, softplus(s_j)^2)`, for one number a row: the network
    has 3k outputs, `a` first, then `m`, then `s` (Bishop, 1994, "Mixture density networks", eq. 22;
    sds by softplus instead of exp). For what is not a function of its inputs, e.g. an inverse
    problem: `prediction.highest_density()` then says where y lies, `mean` and `interval()` mislead.

    Args:
        components: k, 1 or more.

    Raises:
        TypeError, ValueError: `components` is not a whole number of 1 or more.
    """

    kind: ClassVar[str] = "numbers"
    binary: ClassVar[bool] = False
    discrete: ClassVar[bool] = False
    components: int = eqx.field(static=True)

    def __init__(self, components: int = 5):
        self.components = whole(components, "components")

    def priors(self) -> dict[str, dist.Distribution]:
        return {}

    def target_shape(self, outputs: int) -> tuple[int, ...]:
        if outputs != 3 * self.components:
            raise ValueError(
                f"MixtureDensity({self.components}) needs a network with {3 * self.components} "
                f"outputs (weights, means and sds of its components); this one has {outputs}."
            )
        return ()

    def check_targets(self, y: Any, outputs: int) -> None:
        return None

    def distribution(self, own: Own, outputs: Float[Array, "... outputs"]) -> dist.Distribution:
        self.target_shape(outputs.shape[-1])
        logits, means, raw = jnp.split(outputs, 3, axis=-1)
        normals = dist.Normal(means, jax.nn.softplus(raw) + _FLOOR)
        return dist.MixtureSameFamily(dist.Categorical(logits=logits), normals)

    def log_prob(self, own: Own, outputs: Float[Array, "... outputs"], y: Array) -> Array:
        return jnp.asarray(self.distribution(own, outputs).log_prob(y))

    def moments(self, own: Own, outputs: Float[Array, "... outputs"]) -> tuple[Array, Array]:
        distribution = self.distribution(own, outputs)
        return distribution.mean, distribution.variance

    def __str__(self) -> str:
        return f"MixtureDensity({self.components} normals from outputs)"
