"""Diagnostics that look at posteriors from outside: calibration by simulation, comparisons."""

from .calibration import Calibration, sbc
from .comparison import Comparison, compare

__all__ = ["Calibration", "Comparison", "compare", "sbc"]
