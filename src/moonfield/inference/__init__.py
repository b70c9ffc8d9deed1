"""Inference: methods, the compiled loop, stopping."""

from .advi import ADVI
from .asvgd import ASVGD
from .automatic import Automatic
from .driver import Driver, Raw
from .ensemble import Ensemble
from .ivon import IVON
from .method import AbstractDirect, AbstractMethod, AbstractStepping, Outcome, StepInfo
from .methods import METHODS, as_method
from .stopping import FixedSteps
from .svgd import SVGD
from .target import Target

__all__ = [
    "ADVI",
    "ASVGD",
    "IVON",
    "METHODS",
    "SVGD",
    "AbstractDirect",
    "AbstractMethod",
    "AbstractStepping",
    "Automatic",
    "Driver",
    "Ensemble",
    "FixedSteps",
    "Outcome",
    "Raw",
    "StepInfo",
    "Target",
    "as_method",
]
