"""The reparameterised ELBO."""

import equinox as eqx
from jaxtyping import Array, Float, PyTree

from ..families import AbstractFamily
from .base import AbstractObjective
from .expectations import entropy, expectation
from .log_joint import LogJoint


class Reparameterised(AbstractObjective):
    """`log p(data, z) + H[q]` with `z = sample(state, noise)`.

    Kucukelbir et al., 2017, "Automatic differentiation variational inference", eqs 6-8. With the
    entropy in closed form the estimate has the variance of the log joint alone; a family without
    one takes `-log q(z)` in its place.
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
        noise = noise[0]
        return expectation(family, state, log_joint, noise) + entropy(family, state, noise)
