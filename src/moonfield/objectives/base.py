"""How the ELBO is estimated."""

import abc
from collections.abc import Callable

import equinox as eqx
from jaxtyping import Array, Float, PyTree

from ..families import AbstractFamily

LogJoint = Callable[[Float[Array, " size"]], Float[Array, ""]]


class AbstractObjective(eqx.Module):
    """An estimator of `ELBO = E_q[log p(data, z) - log q(z)]`, bigger is better, from one draw."""

    @abc.abstractmethod
    def estimate(
        self,
        family: AbstractFamily,
        state: PyTree,
        log_joint: LogJoint,
        noise: Float[Array, " noise"],
    ) -> Float[Array, ""]:
        """An unbiased estimate, nats, whose gradient in `state` is the gradient estimate."""
