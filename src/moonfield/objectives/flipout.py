"""The ELBO from one draw of the weights, with other signs for each row."""

import equinox as eqx
from jaxtyping import Array, Float, PyTree

from ..families import AbstractFamily
from ..model import AbstractModel
from .base import AbstractObjective
from .by_row import NOISE, by_row, check_by_row
from .log_joint import LogJoint


class Flipout(AbstractObjective):
    """The ELBO of a Bayesian network, rows sharing a draw of each matrix but for random signs.

    A row's matrix is `mean + sd * noise * outer(r, s)`, the noise shared and the vectors of signs r
    and s its own: a draw of the same normals, and between rows the noise is uncorrelated. Unlike
    under `LocalReparameterisation` a row may use its matrix at several places: convolutions and
    layers over sequences are exact. Costs twice the matrix products. Vectors (biases, scales) are
    drawn for each row; matrices that are used other than by `@` are drawn once for all.

    The divergence from the normal priors is in closed form, as in `AnalyticKL`.

    Needs an `mf.BayesianNetwork` with normal priors on all weights, and the `MeanField` family;
    otherwise `fit` raises `ValueError`.

    Wen, Vicol, Ba, Tran & Grosse, 2018, "Flipout: efficient pseudo-independent weight perturbations
    on mini-batches", section 3.

    Example:
        >>> import moonfield as mf
        >>> method = mf.ADVI(objective=mf.objectives.Flipout())
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
        return by_row(family, state, log_joint, noise[0], propagate=False)
