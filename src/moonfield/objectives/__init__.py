"""Objectives: estimators of the ELBO and of its gradient."""

from .base import AbstractObjective, LogJoint
from .log_joint import log_joint
from .reparameterised import Reparameterised
from .sticking_the_landing import StickingTheLanding

__all__ = [
    "AbstractObjective",
    "LogJoint",
    "Reparameterised",
    "StickingTheLanding",
    "log_joint",
]
