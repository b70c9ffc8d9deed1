"""The prior, as something that draws parameters."""

from typing import Any

import jax
from jaxtyping import Array, Float

from ..families import AbstractApproximation
from ..model import AbstractModel, space
from .prediction import Prediction, checked_prediction


class PriorDraws(AbstractApproximation):
    """Draws of the parameters from a model's prior, on the unconstrained scale."""

    model: AbstractModel

    def draw(self, key: Array, index: Array) -> Float[Array, " size"]:
        params = self.model.sample_prior(jax.random.fold_in(key, index))
        return space(self.model).unconstrain(params)

    def moments(self) -> None:
        return None

    def log_prob(self, z: Float[Array, " size"]) -> None:
        return None


def prior_predictive(model: AbstractModel, X: Any, draws: int, seed: int) -> Prediction:
    """What the model says about rows before it has seen any target."""
    return checked_prediction(model, PriorDraws(model), X, draws, seed)
