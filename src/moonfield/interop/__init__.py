"""Models of other libraries as Moonfield models."""

from . import flax, pymc

__all__ = ["flax", "pymc"]
