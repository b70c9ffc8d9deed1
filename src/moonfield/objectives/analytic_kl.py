"""The ELBO with the divergence from a normal prior in closed form."""

import equinox as eqx
from jaxtyping import Array, Float, PyTree

from ..families import AbstractFamily
from .base import AbstractObjective
from .expectations import entropy, expectation
from .log_joint import LogJoint


class AnalyticKL(AbstractObjective):
    """`log p(data | z) + E_q[log p(z)] + H[q]` with `z = sample(state, noise)`.

    Under independent normal priors `E_q[log p(z)]` follows from the means and sds of q alone, so
    that with a closed entropy the Kullback-Leibler divergence is exact and the likelihood is all
    that is sampled (Blundell et al., 2015, "Weight uncertainty in neural networks", section 3.2,
    samples both; Graves, 2011, "Practical variational inference for neural networks", eq. 13, has
    this form). Coordinates with other priors are sampled; so are all where q has no known moments:
    then this is `Reparameterised`.
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
        noise, normal, moments = noise[0], log_joint.normal, family.moments(state)
        spread = entropy(family, state, noise)
        if normal is None or moments is None:
            return expectation(family, state, log_joint, noise) + spread

        def sampled(z: Array) -> Array:
            prior, likelihood = log_joint.parts(z)
            if normal.indices.size == z.size:
                return likelihood
            return likelihood + prior - normal.log_prob(z)

        known = normal.expected_log_prob(*moments)
        return expectation(family, state, sampled, noise) + known + spread
