"""Everything that a file can rebuild, in tables: nothing is ever imported by a name in a file.

Networks stand in `networks/description.py`, families in `families.FAMILIES`. What is in no table is
not lost: the file keeps the paths and shapes of the parameters, and `load` asks for `model=`.
"""

from typing import Any, TypeVar

import numpyro.distributions as dist

from .. import likelihoods, priors
from ..families import (
    Conditional,
    Gaussian,
    KroneckerGaussian,
    Members,
    Particles,
    Sampler,
    Variational,
)
from ..model import BayesianNetwork, HierarchicalNetwork

T = TypeVar("T")


def _by_name(*classes: type) -> dict[str, type[Any]]:
    return {cls.__name__: cls for cls in classes}


# Distributions of one number whose parameters are the arguments of their constructor.
DISTRIBUTIONS = _by_name(
    dist.AsymmetricLaplace,
    dist.Beta,
    dist.Cauchy,
    dist.Chi2,
    dist.Exponential,
    dist.Gamma,
    dist.Gumbel,
    dist.HalfCauchy,
    dist.HalfNormal,
    dist.InverseGamma,
    dist.Kumaraswamy,
    dist.Laplace,
    dist.LogNormal,
    dist.Logistic,
    dist.LogUniform,
    dist.Normal,
    dist.Pareto,
    dist.SoftLaplace,
    dist.StudentT,
    dist.Uniform,
    dist.Weibull,
)

# The same around one of the above, e.g. what `TruncatedNormal` returns.
TRUNCATED = _by_name(
    dist.LeftTruncatedDistribution,
    dist.RightTruncatedDistribution,
    dist.TwoSidedTruncatedDistribution,
)

# Likelihoods, whose arguments are numbers or scales.
LIKELIHOODS = _by_name(
    likelihoods.Bernoulli,
    likelihoods.Categorical,
    likelihoods.MixtureDensity,
    likelihoods.NegativeBinomial,
    likelihoods.Normal,
    likelihoods.Poisson,
    likelihoods.StudentT,
)

# Priors of arrays of weights, whose arguments are numbers, words or distributions.
ENTRIES = _by_name(
    priors.AdaptiveWidth,
    priors.Horseshoe,
    priors.Informed,
    priors.LearnedScale,
    priors.RegularisedHorseshoe,
    priors.ScaleMixture,
    priors.Scaled,
    priors.SpikeAndSlab,
)

# Models, with the arguments that make them. Each argument is described on its own.
MODELS: dict[str, tuple[type[Any], tuple[str, ...]]] = {
    "BayesianNetwork": (BayesianNetwork, ("network", "prior", "likelihood", "bayesian")),
    "HierarchicalNetwork": (HierarchicalNetwork, ("network", "prior", "likelihood", "groups")),
}

APPROXIMATIONS = _by_name(
    Conditional, Gaussian, KroneckerGaussian, Members, Particles, Sampler, Variational
)


def find(table: dict[str, T], name: object, what: str) -> T:
    """The entry of a table; `ValueError` where there is none."""
    if not isinstance(name, str) or name not in table:
        raise ValueError(f"it names the {what} {name!r}, which this version does not know")
    return table[name]


def holds(table: dict[str, type], value: object) -> bool:
    """Whether a table lists the exact class of a value."""
    return table.get(type(value).__name__) is type(value)
