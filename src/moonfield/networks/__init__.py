"""Networks: functions of one row with weights (`mf.nets`)."""

from .activations import ACTIVATIONS, activation
from .check import check_network, weights_of, with_weights
from .description import build, describe
from .expanded import Expanded
from .grouped import Grouped
from .linear import linear
from .mlp import MLP, Linear

__all__ = [
    "ACTIVATIONS",
    "MLP",
    "Expanded",
    "Grouped",
    "Linear",
    "activation",
    "build",
    "check_network",
    "describe",
    "linear",
    "weights_of",
    "with_weights",
]
