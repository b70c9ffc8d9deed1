"""Moonfield: neural networks that know what they don't know."""

import importlib
from typing import Any

from . import diagnostics, families, likelihoods, networks as nets, objectives, priors
from ._core.errors import FileFormatError, MoonfieldWarning, NonFiniteError
from ._core.results import Result
from .families import Amortised
from .inference import (
    ADVI,
    ASVGD,
    DADVI,
    IVON,
    MAP,
    MCLMC,
    NUTS,
    SGHMC,
    SVGD,
    Ensemble,
    Laplace,
    Pathfinder,
)
from .model import AbstractModel, BayesianNetwork, Program
from .posterior import Diagnostics, Posterior, Summary, Tracker, fit, load
from .predictive import Prediction

__version__ = "0.1.0"

__all__ = [
    "ADVI",
    "ASVGD",
    "DADVI",
    "IVON",
    "MAP",
    "MCLMC",
    "NUTS",
    "SGHMC",
    "SVGD",
    "AbstractModel",
    "Amortised",
    "BayesianNetwork",
    "Diagnostics",
    "Ensemble",
    "FileFormatError",
    "Laplace",
    "MoonfieldWarning",
    "NonFiniteError",
    "Pathfinder",
    "Posterior",
    "Prediction",
    "Program",
    "Result",
    "Summary",
    "Tracker",
    "diagnostics",
    "families",
    "fit",
    "interop",
    "likelihoods",
    "load",
    "nets",
    "objectives",
    "plot",
    "priors",
]


def __getattr__(name: str) -> Any:
    """`mf.plot` and `mf.interop` are loaded when they are first used."""
    if name in ("interop", "plot"):
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
