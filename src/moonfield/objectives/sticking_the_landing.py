"""The ELBO estimate whose gradient noise vanishes where q is exact."""

import equinox as eqx
import jax
from jaxtyping import Array, Float, PyTree

from ..families import AbstractFamily
from .base import AbstractObjective
from .expectations import expectation
from .log_joint import LogJoint


class StickingTheLanding(AbstractObjective):
    """`log p(data, z) - log q(z)`, the density's own parameters held fixed in the gradient.

    The score term left out has expectation zero; without it the gradient is exactly zero for every
    draw where q equals the posterior (Roeder, Wu & Duvenaud, 2017, "Sticking the landing", eq. 8).
    """

    draws: int = eqx.field(static=True, default=1, init=False)

    @property
    def quantity(self) -> str:
        return "ELBO"

    def estimate(
        self,
        family: AbstractFamily,
        state: PyTree,
        log_joint: LogJoint,
        noise: Float[Array, "draws noise"],
    ) -> Float[Array, ""]:
        fixed = jax.lax.stop_gradient(state)
        return expectation(
            family, state, lambda z: log_joint(z) - family.log_prob(fixed, z), noise[0]
        )
