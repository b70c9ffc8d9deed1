"""The reparameterised ELBO with its entropy in closed form."""

from jaxtyping import Array, Float, PyTree

from ..families import AbstractFamily
from .base import AbstractObjective, LogJoint


class Reparameterised(AbstractObjective):
    """`log p(data, z) + H[q]` with `z = sample(state, noise)`.

    Kucukelbir et al., 2017, "Automatic differentiation variational inference", eqs 6-8. With the
    entropy in closed form the estimate has the variance of the log joint alone.
    """

    def estimate(
        self,
        family: AbstractFamily,
        state: PyTree,
        log_joint: LogJoint,
        noise: Float[Array, " noise"],
    ) -> Float[Array, ""]:
        return log_joint(family.sample(state, noise)) + family.entropy(state)
