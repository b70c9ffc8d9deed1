"""Variational families: what q can be."""

from .approximation import AbstractApproximation, Variational
from .base import AbstractFamily
from .importance import Smoothed, psis, systematic, weighted_moments
from .mean_field import MeanField, MeanFieldState
from .particles import Particles

FAMILIES = {"MeanField": MeanField}  # by the name that files use

__all__ = [
    "FAMILIES",
    "AbstractApproximation",
    "AbstractFamily",
    "MeanField",
    "MeanFieldState",
    "Particles",
    "Smoothed",
    "Variational",
    "psis",
    "systematic",
    "weighted_moments",
]
