"""Models: log-densities on a tree of parameters, and its unconstrained space."""

from .abstract_program import AbstractBoundProgram, AbstractProgram, Binding, checked_weights
from .base import AbstractModel, set_prior_predictive
from .bayesian_network import BayesianNetwork
from .bound_program import BoundProgram
from .coordinates import Coordinates
from .groups import Groups, groups_of
from .hierarchical_network import HierarchicalNetwork, Rows
from .network_model import AbstractNetworkModel
from .normal_prior import NormalPrior, normal_prior
from .program import Program
from .row_draws import RowDraws, row_draws, row_numbers, row_of, why_not_by_row
from .space import Space, space

__all__ = [
    "AbstractBoundProgram",
    "AbstractModel",
    "AbstractNetworkModel",
    "AbstractProgram",
    "BayesianNetwork",
    "Binding",
    "BoundProgram",
    "Coordinates",
    "Groups",
    "HierarchicalNetwork",
    "NormalPrior",
    "Program",
    "RowDraws",
    "Rows",
    "Space",
    "checked_weights",
    "groups_of",
    "normal_prior",
    "row_draws",
    "row_numbers",
    "row_of",
    "set_prior_predictive",
    "space",
    "why_not_by_row",
]
