"""Variational families: what q can be."""

from .approximation import AbstractApproximation, Variational
from .base import AbstractFamily
from .gaussian import Conditional, Gaussian
from .mean_field import MeanField, MeanFieldState
from .particles import Particles

FAMILIES = {"MeanField": MeanField}  # by the name that files use

__all__ = [
    "FAMILIES",
    "AbstractApproximation",
    "AbstractFamily",
    "Conditional",
    "Gaussian",
    "MeanField",
    "MeanFieldState",
    "Particles",
    "Variational",
]
