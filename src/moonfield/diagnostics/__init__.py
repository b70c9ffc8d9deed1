"""Diagnostics: whether an approximation is to be trusted."""

from .check import check_approximation
from .khat import Importance, importance

__all__ = ["Importance", "check_approximation", "importance"]
