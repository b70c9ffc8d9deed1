"""What of a model's prior is independent normals of single coordinates of z."""

import math
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from .space import Space

_LOG_2PI = math.log(2.0 * math.pi)


class NormalPrior(NamedTuple):
    """`z_k ~ N(mean_k, sd_k^2)` for the coordinates k in `indices`."""

    indices: Int[np.ndarray, " known"]
    mean: Float[Array, " known"]
    sd: Float[Array, " known"]

    def log_prob(self, z: Float[Array, " size"]) -> Float[Array, ""]:
        """Log-density of these coordinates at z, nats."""
        return self.expected_log_prob(z, jnp.zeros_like(z))

    def expected_log_prob(
        self, mean: Float[Array, " size"], sd: Float[Array, " size"]
    ) -> Float[Array, ""]:
        """`E[log p(z)]` of these coordinates, nats, where z has these marginal moments."""
        if self.indices.size < mean.size:
            mean, sd = mean[self.indices], sd[self.indices]
        squares = ((mean - self.mean) ** 2 + sd**2) / self.sd**2
        return -jnp.sum(0.5 * squares + jnp.log(self.sd)) - 0.5 * self.indices.size * _LOG_2PI


def normal_prior(space: Space) -> NormalPrior | None:
    """The normal coordinates of a model's prior; None where there are none."""
    known, indices, means, sds, begin = space.model.normal_leaves(), [], [], [], 0
    for path, shape in zip(space.paths, space.shapes, strict=True):
        end = begin + math.prod(shape)
        if path in known:
            mean, sd = known[path]
            indices.append(np.arange(begin, end))
            means.append(jnp.ravel(jnp.broadcast_to(mean, shape)))
            sds.append(jnp.ravel(jnp.broadcast_to(sd, shape)))
        begin = end
    if not indices:
        return None
    return NormalPrior(np.concatenate(indices), jnp.concatenate(means), jnp.concatenate(sds))
