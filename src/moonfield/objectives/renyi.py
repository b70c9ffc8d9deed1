"""The variational Rényi bound."""

import math

import equinox as eqx
from jax.scipy.special import logsumexp
from jaxtyping import Array, Float, PyTree

from .._core.checks import whole
from ..families import AbstractFamily
from .base import AbstractObjective
from .expectations import log_ratios
from .log_joint import LogJoint


class Renyi(AbstractObjective):
    """`1 / (1 - alpha) log (1 / draws) sum_k (p(data, z_k) / q(z_k))^(1 - alpha)`.

    Its maximum is the q with the least Rényi divergence of order alpha: below 1 q covers more of
    the posterior than the ELBO's, above 1 less (Li & Turner, 2016, "Rényi divergence variational
    inference", eqs 7 and 14). 0 is the importance-weighted bound; towards 1 it becomes the ELBO.
    With finitely many draws the estimate is biased towards the ELBO.

    Args:
        alpha: order, 0 or more and not 1.
        draws: draws of q in the bound.

    Raises:
        TypeError, ValueError: `draws` is not a whole number of 1 or more, or `alpha` is negative,
            infinite or 1.
    """

    alpha: float = eqx.field(static=True)
    draws: int = eqx.field(static=True)

    def __init__(self, alpha: float = 0.5, draws: int = 8):
        if alpha == 1.0:
            raise ValueError("alpha = 1 is the ELBO. Use mf.objectives.Reparameterised().")
        if not 0.0 <= alpha < math.inf:
            raise ValueError(f"alpha must be a finite number of 0 or more, got {alpha}.")
        self.alpha = float(alpha)
        self.draws = whole(draws, "draws")

    @property
    def quantity(self) -> str:
        return "Rényi bound"

    def estimate(
        self,
        family: AbstractFamily,
        state: PyTree,
        log_joint: LogJoint,
        noise: Float[Array, "draws noise"],
    ) -> Float[Array, ""]:
        order = 1.0 - self.alpha
        ratios = log_ratios(family, state, log_joint, noise)
        total = logsumexp(ratios.log_weights + order * ratios.values)
        return (total - math.log(len(noise))) / order
