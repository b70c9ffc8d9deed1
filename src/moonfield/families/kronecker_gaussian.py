"""A Gaussian whose covariance has Kronecker structure in each weight matrix."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from .approximation import AbstractApproximation
from .standard_normal import standard_entropy, standard_log_density


class KroneckerBlock(NamedTuple):
    """A matrix `W = M + R (sd * E) C^T` of coordinates of z, E standard normal.

    `sd` is one number for each pair of columns of R and C: more than a matrix normal has, and what
    it takes to add an isotropic precision to a Kronecker product exactly.
    """

    places: Int[Array, "rows columns"]  # where in z each entry stands
    row_root: Float[Array, "rows rows"]
    column_root: Float[Array, "columns columns"]
    sd: Float[Array, "rows columns"]


class KroneckerGaussian(AbstractApproximation):
    """Independent blocks; coordinates in no block are independent normals of these sds.

    `sd` is 1 for the coordinates of blocks.
    """

    mean: Float[Array, " size"]
    sd: Float[Array, " size"]
    blocks: tuple[KroneckerBlock, ...]

    def draw(self, key: Array, index: Array) -> Float[Array, " size"]:
        key = jax.random.fold_in(key, index)
        noise = jax.random.normal(key, self.mean.shape, self.mean.dtype)
        z = self.sd * noise
        for block in self.blocks:
            spread = block.row_root @ (block.sd * noise[block.places]) @ block.column_root.T
            z = z.at[block.places].set(spread)
        return self.mean + z

    def moments(self) -> tuple[Array, Array]:
        sd = self.sd
        for block in self.blocks:
            variance = block.row_root**2 @ block.sd**2 @ (block.column_root**2).T
            sd = sd.at[block.places].set(jnp.sqrt(variance))
        return self.mean, sd

    def log_prob(self, z: Float[Array, " size"]) -> Float[Array, ""]:
        noise = (z - self.mean) / self.sd
        for block in self.blocks:
            left = jnp.linalg.solve(block.row_root, noise[block.places])
            both = jnp.linalg.solve(block.column_root, left.T).T
            noise = noise.at[block.places].set(both / block.sd)
        return standard_log_density(noise) - self._half_log_det()

    def entropy(self) -> Float[Array, ""]:
        """Entropy, nats."""
        return standard_entropy(self.mean.size) + self._half_log_det()

    def _half_log_det(self) -> Array:
        total = jnp.sum(jnp.log(self.sd))
        for block in self.blocks:
            rows, columns = block.sd.shape
            total = total + jnp.sum(jnp.log(block.sd))
            total = total + columns * jnp.linalg.slogdet(block.row_root)[1]
            total = total + rows * jnp.linalg.slogdet(block.column_root)[1]
        return total
