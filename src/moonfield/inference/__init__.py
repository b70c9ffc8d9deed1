"""Inference: methods, the compiled loop, stopping."""

from .advi import ADVI
from .automatic import Automatic
from .chains import MCLMC, NUTS, SGHMC
from .dadvi import DADVI
from .driver import Driver, Raw
from .laplace import Laplace
from .map import MAP
from .method import AbstractDirect, AbstractMethod, AbstractStepping, Outcome, StepInfo
from .methods import METHODS, as_method
from .pathfinder import Pathfinder
from .stopping import FixedSteps
from .target import Target

__all__ = [
    "ADVI",
    "DADVI",
    "MAP",
    "MCLMC",
    "METHODS",
    "NUTS",
    "SGHMC",
    "AbstractDirect",
    "AbstractMethod",
    "AbstractStepping",
    "Automatic",
    "Driver",
    "FixedSteps",
    "Laplace",
    "Outcome",
    "Pathfinder",
    "Raw",
    "StepInfo",
    "Target",
    "as_method",
]
