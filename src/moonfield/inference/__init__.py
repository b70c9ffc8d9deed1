"""Inference: methods, the compiled loop, stopping."""

from .advi import ADVI
from .automatic import Automatic
from .chains import NUTS
from .driver import Driver, Raw
from .method import AbstractDirect, AbstractMethod, AbstractStepping, Outcome, StepInfo
from .methods import METHODS, as_method
from .stopping import FixedSteps
from .target import Target

__all__ = [
    "ADVI",
    "METHODS",
    "NUTS",
    "AbstractDirect",
    "AbstractMethod",
    "AbstractStepping",
    "Automatic",
    "Driver",
    "FixedSteps",
    "Outcome",
    "Raw",
    "StepInfo",
    "Target",
    "as_method",
]
