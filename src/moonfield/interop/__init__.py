"""Models of other libraries as Moonfield models."""

from . import pymc

__all__ = ["pymc"]
