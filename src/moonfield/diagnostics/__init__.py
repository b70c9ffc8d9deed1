"""Diagnostics: whether an approximation is to be trusted, and how several compare."""

from .calibration import Calibration, sbc
from .check import check_approximation
from .comparison import Comparison, compare
from .khat import Importance, importance

__all__ = [
    "Calibration",
    "Comparison",
    "Importance",
    "check_approximation",
    "compare",
    "importance",
    "sbc",
]
