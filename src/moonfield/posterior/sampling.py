"""Batches that favour some rows, corrected for it."""

import abc

import numpy as np
from jaxtyping import Float

from .._core.checks import whole
from .posterior import Posterior


class AbstractSampler(abc.ABC):
    """Chances with which training rows are drawn into batches, given the posterior so far.

    The engine draws rows independently with these chances p and multiplies a row's log-likelihood
    by `1 / (rows p)`: the gradient of the ELBO stays unbiased whatever they are. They begin equal
    and are asked for every `refresh` steps.
    """

    refresh: int

    @abc.abstractmethod
    def chances(self, posterior: Posterior) -> Float[np.ndarray, " rows"]:
        """One chance for each training row, not negative; their sum does not matter."""


class UncertainRows(AbstractSampler):
    """Rows about which the network is most uncertain come more often.

    `p_i = uniform / rows + (1 - uniform) u_i / sum(u)`, u the epistemic sd of the prediction of a
    training row. No weight exceeds `1 / uniform`.

    Args:
        uniform: share of rows that are drawn whatever their uncertainty, above 0 and up to 1.
        refresh: steps between two looks.
        draws: posterior draws of a look.

    Raises:
        TypeError, ValueError: an argument is out of range.
    """

    def __init__(self, uniform: float = 0.5, refresh: int = 1_000, draws: int = 20):
        if not 0.0 < uniform <= 1.0:
            raise ValueError(f"uniform must lie above 0 and be at most 1, got {uniform}.")
        self.uniform = float(uniform)
        self.refresh = whole(refresh, "refresh")
        self.draws = whole(draws, "draws")

    def chances(self, posterior: Posterior) -> Float[np.ndarray, " rows"]:
        assert posterior.data is not None
        inputs = posterior.model.training_inputs(posterior.data)
        spread = np.asarray(posterior.predict(inputs, draws=self.draws).epistemic, np.float64)
        u = spread.reshape(len(spread), -1).sum(axis=1)
        share = u / u.sum() if u.any() else np.full(len(u), 1.0 / len(u))
        return self.uniform / len(u) + (1.0 - self.uniform) * share
