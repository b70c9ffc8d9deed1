"""Diagnostics: whether an approximation is to be trusted, and how several compare."""

from .calibration import Calibration, sbc
from .check import check_approximation
from .comparison import Comparison, compare
from .function_space import Check, check_predictions, disagreement
from .khat import Importance, importance

__all__ = [
    "Calibration",
    "Check",
    "Comparison",
    "Importance",
    "check_approximation",
    "check_predictions",
    "compare",
    "disagreement",
    "importance",
    "sbc",
]
