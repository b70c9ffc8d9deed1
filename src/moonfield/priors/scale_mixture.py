"""A mixture of a narrow and a wide normal."""

from typing import ClassVar

import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Array

from .._core.trees import default_float
from .entry import WEIGHT, AbstractEntry, Shape, positive


class ScaleMixture(AbstractEntry):
    """Independent weights `w ~ share N(0, wide^2) + (1 - share) N(0, narrow^2)`.

    A continuous spike and slab (Blundell et al., 2015, "Weight uncertainty in neural networks",
    eq. 7).

    Args:
        wide: sd of the slab.
        narrow: sd of the spike.
        share: prior probability of the slab.

    Raises:
        ValueError: an sd is not positive, or `share` does not lie strictly between 0 and 1.
    """

    is_plain: ClassVar[bool] = True

    wide: Array
    narrow: Array
    share: Array

    def __init__(self, wide: float = 1.0, narrow: float = 0.05, share: float = 0.5):
        self.wide = positive(wide, "wide")
        self.narrow = positive(narrow, "narrow")
        if not 0.0 < float(share) < 1.0:
            raise ValueError(f"share must lie strictly between 0 and 1, got {share}.")
        self.share = jnp.asarray(share, default_float())

    def latents(self, shape: Shape) -> dict[str, dist.Distribution]:
        weights = jnp.stack([self.share, 1.0 - self.share])
        sds = jnp.stack([self.wide, self.narrow])
        parts = dist.Normal(jnp.zeros_like(sds), sds)
        return {WEIGHT: dist.MixtureSameFamily(dist.Categorical(probs=weights), parts)}

    def transform(self, values: dict[str, Array]) -> Array:
        return values[WEIGHT]

    def __str__(self) -> str:
        numbers = ", ".join(f"{float(n):.4g}" for n in (self.wide, self.narrow, self.share))
        return f"ScaleMixture({numbers})"
