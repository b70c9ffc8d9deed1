"""Moonfield: neural networks that know what they don't know."""

import importlib
from typing import Any

from . import data, diagnostics, families, likelihoods, networks as nets, objectives, priors
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
    ImportanceSampling,
    Laplace,
    Pathfinder,
)
from .model import AbstractModel, BayesianNetwork, HierarchicalNetwork, Program, Rows
from .posterior import (
    AbstractSampler,
    Checkpoint,
    Diagnostics,
    Posterior,
    Summary,
    Tracker,
    UncertainRows,
    fit,
    load,
    set_reader,
)
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
    "AbstractSampler",
    "Amortised",
    "BayesianMLPClassifier",
    "BayesianMLPRegressor",
    "BayesianNetwork",
    "Checkpoint",
    "Diagnostics",
    "Ensemble",
    "FileFormatError",
    "HierarchicalNetwork",
    "ImportanceSampling",
    "Laplace",
    "MoonfieldWarning",
    "NonFiniteError",
    "Pathfinder",
    "Posterior",
    "Prediction",
    "Program",
    "Result",
    "Rows",
    "Summary",
    "Tracker",
    "UncertainRows",
    "applications",
    "data",
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
    "report",
]


def __getattr__(name: str) -> Any:
    """Figures, reports, estimators and other libraries are loaded when they are first used."""
    if name in ("BayesianMLPClassifier", "BayesianMLPRegressor"):
        return getattr(importlib.import_module(".estimators", __name__), name)
    if name == "report":
        return importlib.import_module(".reporting", __name__).report
    if name in ("applications", "interop", "plot"):
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _read_estimator(*arguments: Any) -> Any:
    return importlib.import_module(".estimators", __name__).build_estimator(*arguments)


set_reader("estimator", _read_estimator)
