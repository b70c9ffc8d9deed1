"""PyMC models as Moonfield models."""

from .model import PyMCModel
from .program import PyMCProgram, program

__all__ = ["PyMCModel", "PyMCProgram", "program"]
