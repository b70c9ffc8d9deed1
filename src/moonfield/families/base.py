"""What q can be."""

import abc
from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree


class LocalDraws(NamedTuple):
    """Draws of the local latent variables of some rows, unconstrained, and their log-densities."""

    z: Float[Array, "rows local"]
    log_density: Float[Array, " rows"]


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

    @property
    def affine(self) -> bool:
        """Whether it is as good for `F z` as for z, whatever the matrix F."""
        return False

    @property
    def fusible(self) -> bool:
        """Whether XLA compiles loops over its gradients rightly with fused kernels on the CPU."""
        return True

    @abc.abstractmethod
    def init(self, location: Float[Array, " size"], sd: float) -> PyTree:
        """The state centred at `location` with marginal sds `sd`."""

    @abc.abstractmethod
    def noise_size(self, size: int) -> int:
        """How many standard normal numbers one draw needs."""

    @abc.abstractmethod
    def sample(self, state: PyTree, noise: Float[Array, " noise"]) -> Float[Array, " size"]:
        """The draw that standard normal noise becomes; differentiable in the state."""

    def strata(
        self, state: PyTree, noise: Float[Array, " noise"]
    ) -> tuple[Float[Array, " strata"], Float[Array, "strata size"]]:
        """Log-weights and a draw of each stratum of q.

        `sum_s exp(log_weight_s) f(z_s)` is an unbiased estimate of `E_q[f(z)]` whose gradient in
        the state is unbiased too. Most families have one stratum, `sample` itself; a `Mixture` has
        one for each component, because choosing one of them has no derivative in their weights.
        """
        z = self.sample(state, noise)
        return jnp.zeros((1,), z.dtype), z[None]

    def local(
        self, state: PyTree, rows: PyTree, noise: Float[Array, "rows local"]
    ) -> LocalDraws | None:
        """What noise becomes for rows' local latent variables; None without an encoder."""
        return None

    @abc.abstractmethod
    def log_prob(self, state: PyTree, z: Float[Array, " size"]) -> Float[Array, ""]:
        """Log-density of q at z, nats."""

    def sample_and_log_prob(
        self, state: PyTree, noise: Float[Array, " noise"]
    ) -> tuple[Float[Array, " size"], Float[Array, ""]]:
        """A draw and its own log-density; a flow finds both without its inverse."""
        z = self.sample(state, noise)
        return z, self.log_prob(state, z)

    @abc.abstractmethod
    def entropy(self, state: PyTree) -> Float[Array, ""] | None:
        """Entropy of q, nats; None where it has no closed form."""

    @abc.abstractmethod
    def moments(self, state: PyTree) -> tuple[Float[Array, " size"], Float[Array, " size"]] | None:
        """Marginal means and sds of z; None where they have no closed form."""
