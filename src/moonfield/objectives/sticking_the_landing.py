"""The ELBO estimate whose gradient noise vanishes where q is exact."""

import jax
from jaxtyping import Array, Float, PyTree

from ..families import AbstractFamily
from .base import AbstractObjective, LogJoint


class StickingTheLanding(AbstractObjective):
    """`log p(data, z) - log q(z)`, the density's own parameters held fixed in the gradient.

    The score term left out has expectation zero; without it the gradient is exactly zero for every
    draw where q equals the posterior (Roeder, Wu & Duvenaud, 2017, "Sticking the landing", eq. 8).
    """

    def estimate(
        self,
        family: AbstractFamily,
        state: PyTree,
        log_joint: LogJoint,
        noise: Float[Array, " noise"],
    ) -> Float[Array, ""]:
        z = family.sample(state, noise)
        return log_joint(z) - family.log_prob(jax.lax.stop_gradient(state), z)
