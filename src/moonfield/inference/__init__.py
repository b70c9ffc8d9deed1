"""Inference: methods, the compiled loop, stopping."""

from .advi import ADVI
from .automatic import Automatic
from .driver import Driver, Raw
from .methods import METHODS, as_method
from .stopping import FixedSteps

__all__ = ["ADVI", "METHODS", "Automatic", "Driver", "FixedSteps", "Raw", "as_method"]
