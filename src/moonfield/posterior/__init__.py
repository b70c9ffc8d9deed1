"""The facade: `fit`, `Posterior`, `load`, `Tracker`."""

from .fit import fit
from .loading import build_posterior, load, set_reader
from .posterior import Posterior
from .record import Diagnostics
from .sampling import AbstractSampler, UncertainRows
from .saving import describe_posterior
from .summary import Summary
from .tracker import Tracker

__all__ = [
    "AbstractSampler",
    "Diagnostics",
    "Posterior",
    "Summary",
    "Tracker",
    "UncertainRows",
    "build_posterior",
    "describe_posterior",
    "fit",
    "load",
    "set_reader",
]
