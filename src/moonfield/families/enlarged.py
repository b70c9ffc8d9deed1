"""A posterior with numbers that the data said nothing about."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from .approximation import AbstractApproximation


class Enlarged(AbstractApproximation):
    """An approximation of some entries of z; all others are independent and standard normal.

    `places` are the positions of the first in the larger vector of `size` entries.
    """

    inner: AbstractApproximation
    places: Int[Array, " inner"]
    size: int = eqx.field(static=True)

    def draw(self, key: Array, index: Array) -> Float[Array, " size"]:
        known = self.inner.draw(key, index)
        own = jax.random.fold_in(jax.random.fold_in(key, index), 1)
        return jax.random.normal(own, (self.size,), known.dtype).at[self.places].set(known)

    def moments(self) -> tuple[Array, Array] | None:
        found = self.inner.moments()
        if found is None:
            return None
        mean, sd = found
        centre = jnp.zeros(self.size, mean.dtype).at[self.places].set(mean)
        return centre, jnp.ones(self.size, sd.dtype).at[self.places].set(sd)
