"""The importance-weighted bound."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.scipy.special import logsumexp
from jaxtyping import Array, Float, PyTree

from .._core.checks import whole
from ..families import AbstractFamily, Partial, Point
from .base import AbstractObjective
from .expectations import log_ratios
from .log_joint import LogJoint


class ImportanceWeighted(AbstractObjective):
    """`log (1 / draws) sum_k p(data, z_k) / q(z_k)`: a tighter bound of the log evidence.

    The bound rises with the number of draws (Burda, Grosse & Salakhutdinov, 2016, "Importance
    weighted autoencoders", theorem 1); with one it is the ELBO. The gradient is doubly
    reparameterised, so that its signal does not drown as draws grow (Tucker et al., 2019, "Doubly
    reparameterized gradient estimators for Monte Carlo objectives", eq. 8); for a `Mixture`, whose
    components are strata, and where weights are at a point, which no draw moves, it is the plain
    one.

    Args:
        draws: draws of q in the bound.

    Raises:
        TypeError, ValueError: `draws` is not a whole number of 1 or more.
    """

    draws: int = eqx.field(static=True)

    def __init__(self, draws: int = 8):
        self.draws = whole(draws, "draws")

    @property
    def quantity(self) -> str:
        return "importance-weighted bound"

    def estimate(
        self,
        family: AbstractFamily,
        state: PyTree,
        log_joint: LogJoint,
        noise: Float[Array, "draws noise"],
    ) -> Float[Array, ""]:
        ratios = log_ratios(family, state, log_joint, noise)
        bound = logsumexp(ratios.log_weights + ratios.values) - math.log(len(noise))
        if ratios.values.shape[1] > 1 or isinstance(family, Partial | Point):
            return bound
        fixed = jax.lax.stop_gradient(state)

        def signal(row: Array, share: Array) -> Array:
            z = family.sample(state, row)
            return share**2 * (log_joint(z) - family.log_prob(fixed, z))

        shares = jax.lax.stop_gradient(jax.nn.softmax(jnp.squeeze(ratios.values, 1)))
        gradient = jnp.sum(jax.vmap(signal)(noise, shares))
        return gradient + jax.lax.stop_gradient(bound - gradient)
