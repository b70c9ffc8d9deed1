"""What a fit leaves behind: something that draws z."""

import abc

import equinox as eqx
import jax
from jaxtyping import Array, Float, PyTree

from .amortised import Amortised
from .base import AbstractFamily, LocalDraws


class AbstractApproximation(eqx.Module):
    """A distribution over the unconstrained vector z. Sampling is all that every one can do."""

    @abc.abstractmethod
    def draw(self, key: Array, index: Array) -> Float[Array, " size"]:
        """Draw number `index` of the stream `key`."""

    @abc.abstractmethod
    def moments(self) -> tuple[Array, Array] | None:
        """Marginal means and sds of z, or None where they are not known in closed form."""

    def log_prob(self, z: Float[Array, " size"]) -> Float[Array, ""] | None:
        """Log-density at z, nats; None where it is not known."""
        return None

    def local(self, rows: PyTree, key: Array) -> LocalDraws | None:
        """Draws of the local latent variables of rows; None where no encoder gives them."""
        return None


class Variational(AbstractApproximation):
    """A member of a variational family."""

    family: AbstractFamily
    state: PyTree
    size: int = eqx.field(static=True)

    def draw(self, key: Array, index: Array) -> Float[Array, " size"]:
        shape = (self.family.noise_size(self.size),)
        dtype = jax.tree.leaves(self.state)[0].dtype
        noise = jax.random.normal(jax.random.fold_in(key, index), shape, dtype)
        return self.family.sample(self.state, noise)

    def moments(self) -> tuple[Array, Array] | None:
        return self.family.moments(self.state)

    def log_prob(self, z: Float[Array, " size"]) -> Float[Array, ""]:
        return self.family.log_prob(self.state, z)

    def local(self, rows: PyTree, key: Array) -> LocalDraws | None:
        if not isinstance(self.family, Amortised):
            return None
        leaf = jax.tree.leaves(rows)[0]
        dtype = jax.tree.leaves(self.state)[0].dtype
        noise = jax.random.normal(key, (leaf.shape[0], self.family.local_size), dtype)
        return self.family.local(self.state, rows, noise)
