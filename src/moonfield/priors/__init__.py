"""Priors: joint distributions over all weights of a network.

Any NumPyro distribution with scalar events is a prior for every weight; the common ones are
re-exported here. A mapping from path patterns to distributions is a prior as well.
"""

from collections.abc import Mapping

from numpyro.distributions import Cauchy, Distribution, HalfNormal, Laplace, Normal, StudentT

from .base import AbstractPrior, Latents
from .independent import Independent
from .scaled import Scaled, fan_in

__all__ = [
    "AbstractPrior",
    "Cauchy",
    "HalfNormal",
    "Independent",
    "Laplace",
    "Latents",
    "Normal",
    "Scaled",
    "StudentT",
    "as_prior",
    "fan_in",
]


def as_prior(prior: AbstractPrior | Distribution | Scaled | Mapping) -> AbstractPrior:
    """A distribution, a table of paths or a prior, as a prior.

    Raises:
        TypeError: anything else.
    """
    if isinstance(prior, AbstractPrior):
        return prior
    if isinstance(prior, Distribution | Scaled | Mapping):
        return Independent(prior)
    raise TypeError(
        "prior must be a NumPyro distribution, mf.priors.Scaled, a mapping from path patterns to "
        f"these, or an AbstractPrior; got {type(prior).__name__}."
    )
