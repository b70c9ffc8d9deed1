"""Likelihoods: the distribution of a row's target given the network's outputs."""

from .base import AbstractLikelihood
from .bernoulli import Bernoulli
from .categorical import Categorical
from .mixture_density import MixtureDensity
from .negative_binomial import NegativeBinomial
from .normal import Normal
from .poisson import Poisson
from .scale import Head
from .student_t import StudentT

__all__ = [
    "AbstractLikelihood",
    "Bernoulli",
    "Categorical",
    "Head",
    "MixtureDensity",
    "NegativeBinomial",
    "Normal",
    "Poisson",
    "StudentT",
]
