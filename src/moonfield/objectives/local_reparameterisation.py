"""The ELBO from draws of pre-activations, a row at a time."""

import equinox as eqx
from jaxtyping import Array, Float, PyTree

from ..families import AbstractFamily
from ..model import AbstractModel
from .base import AbstractObjective
from .by_row import NOISE, by_row, check_by_row
from .log_joint import LogJoint


class LocalReparameterisation(AbstractObjective):
    """The ELBO of a Bayesian network, each row seeing a draw of its own through pre-activations.

    Where a layer's weights are used once for a row, on a vector x, it is enough to draw what they
    make of it: `N(mean @ x, sd^2 @ x^2)`. The noise of rows is then independent, and the variance
    of the gradient falls with the number of rows, which it does not under a draw that all rows
    share; and a batch takes `rows * units` random numbers in place of one for each weight. Costs
    twice the matrix products.

    Exact: the expected log-likelihood of each row is what it is under draws of the weights. Weights
    that are used otherwise (convolutions, layers that serve several places of a row) enter as in
    `Flipout`. The divergence from the normal priors is in closed form, as in `AnalyticKL`.

    Needs an `mf.BayesianNetwork` with normal priors on all weights, and the `MeanField` family;
    otherwise `fit` raises `ValueError`.

    Kingma, Salimans & Welling, 2015, "Variational dropout and the local reparameterization trick",
    section 2.3.

    Example:
        >>> import moonfield as mf
        >>> method = mf.ADVI(objective=mf.objectives.LocalReparameterisation())
    """

    draws: int = eqx.field(static=True, default=1, init=False)

    @property
    def quantity(self) -> str:
        return "ELBO"

    def noise_size(self, family: AbstractFamily, size: int) -> int:
        return NOISE

    def check(self, family: AbstractFamily, model: AbstractModel) -> None:
        check_by_row(type(self).__name__, family, model)

    def estimate(
        self,
        family: AbstractFamily,
        state: PyTree,
        log_joint: LogJoint,
        noise: Float[Array, "draws noise"],
    ) -> Float[Array, ""]:
        return by_row(family, state, log_joint, noise[0], propagate=True)
