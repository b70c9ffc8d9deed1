"""How the ELBO is estimated."""

import abc

import equinox as eqx
from jaxtyping import Array, Float, Int, PyTree

from ..families import AbstractFamily
from ..model import AbstractModel
from .log_joint import LogJoint


class AbstractObjective(eqx.Module):
    """What a fit maximises, as an estimator from draws of q: the ELBO or another bound."""

    draws: eqx.AbstractVar[int]  # draws of q that one estimate takes

    @property
    @abc.abstractmethod
    def quantity(self) -> str:
        """The name of what is estimated, bigger is better: "ELBO" for those that estimate it."""

    def at(self, step: Int[Array, ""]) -> "AbstractObjective":
        """The objective at a step of the fit; one with a schedule is another at each."""
        return self

    def noise_size(self, family: AbstractFamily, size: int) -> int:
        """How many standard normal numbers a draw takes, for z of `size` numbers."""
        return family.noise_size(size)

    def check(self, family: AbstractFamily, model: AbstractModel) -> None:
        """Raise `ValueError` where this family or model cannot be fitted by it."""
        return None

    @abc.abstractmethod
    def estimate(
        self,
        family: AbstractFamily,
        state: PyTree,
        log_joint: LogJoint,
        noise: Float[Array, "draws noise"],
    ) -> Float[Array, ""]:
        """An estimate, nats, whose gradient in `state` is the gradient estimate."""
