"""Objectives: estimators of the ELBO and of its gradient, and of what is maximised in its place."""

from .analytic_kl import AnalyticKL
from .base import AbstractObjective
from .flipout import Flipout
from .importance_weighted import ImportanceWeighted
from .kernel_stein import KernelStein
from .local_reparameterisation import LocalReparameterisation
from .log_joint import LogJoint, log_joint, log_joint_of
from .renyi import Renyi
from .reparameterised import Reparameterised
from .sticking_the_landing import StickingTheLanding
from .tempered import Tempered

__all__ = [
    "AbstractObjective",
    "AnalyticKL",
    "Flipout",
    "ImportanceWeighted",
    "KernelStein",
    "LocalReparameterisation",
    "LogJoint",
    "Renyi",
    "Reparameterised",
    "StickingTheLanding",
    "Tempered",
    "log_joint",
    "log_joint_of",
]
