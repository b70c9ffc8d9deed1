"""Moonfield: neural networks that know what they don't know."""

from . import families, likelihoods, networks as nets, objectives, priors
from ._core.errors import FileFormatError, MoonfieldWarning, NonFiniteError
from ._core.results import Result
from .inference import ADVI
from .model import AbstractModel, BayesianNetwork
from .posterior import Diagnostics, Posterior, Summary, Tracker, fit
from .predictive import Prediction

__version__ = "0.1.0"

__all__ = [
    "ADVI",
    "AbstractModel",
    "BayesianNetwork",
    "Diagnostics",
    "FileFormatError",
    "MoonfieldWarning",
    "NonFiniteError",
    "Posterior",
    "Prediction",
    "Result",
    "Summary",
    "Tracker",
    "families",
    "fit",
    "likelihoods",
    "nets",
    "objectives",
    "priors",
]
