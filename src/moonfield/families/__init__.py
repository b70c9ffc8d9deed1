"""Variational families: what q can be."""

from .approximation import AbstractApproximation, Variational
from .base import AbstractFamily
from .mean_field import MeanField, MeanFieldState
from .members import Members
from .particles import Particles
from .sampler import Sampler, SamplerState, first_sampler, push

FAMILIES = {"MeanField": MeanField}  # by the name that files use

__all__ = [
    "FAMILIES",
    "AbstractApproximation",
    "AbstractFamily",
    "MeanField",
    "MeanFieldState",
    "Members",
    "Particles",
    "Sampler",
    "SamplerState",
    "Variational",
    "first_sampler",
    "push",
]
