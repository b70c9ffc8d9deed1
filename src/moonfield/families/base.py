"""What q can be."""

import abc
from typing import Any

import equinox as eqx
from jaxtyping import Array, Float, PyTree


class AbstractFamily(eqx.Module):
    """A family of densities q on the unconstrained space, a vector z of `size` numbers.

    The family object is configuration only; its variational parameters are a state (a named tuple
    of flat arrays). All methods are for one state and one draw; the engine vectorises.
    """

    def bind(self, space: Any) -> "AbstractFamily":
        """The family for this unconstrained space (`size`, `paths`, `sizes`, `shapes`).

        A family that knows layers (`Kronecker`) learns their shapes here; others are the same for
        every space.
        """
        return self

    @abc.abstractmethod
    def init(self, location: Float[Array, " size"], sd: float) -> PyTree:
        """The state centred at `location` with marginal sds `sd`."""

    @abc.abstractmethod
    def noise_size(self, size: int) -> int:
        """How many standard normal numbers one draw needs."""

    @abc.abstractmethod
    def sample(self, state: PyTree, noise: Float[Array, " noise"]) -> Float[Array, " size"]:
        """The draw that standard normal noise becomes; differentiable in the state."""

    @abc.abstractmethod
    def log_prob(self, state: PyTree, z: Float[Array, " size"]) -> Float[Array, ""]:
        """Log-density of q at z, nats."""

    @abc.abstractmethod
    def entropy(self, state: PyTree) -> Float[Array, ""]:
        """Entropy of q, nats, in closed form."""

    @abc.abstractmethod
    def moments(self, state: PyTree) -> tuple[Float[Array, " size"], Float[Array, " size"]]:
        """Marginal means and sds of z."""
