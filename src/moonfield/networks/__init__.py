"""Networks: functions of one row with weights (`mf.nets`)."""

from .activations import ACTIVATIONS, activation
from .check import check_network, check_rows, weights_of, with_weights
from .description import build, describe
from .expanded import Expanded
from .grouped import Grouped
from .layer_output import check_layer, layer_names, layer_output
from .linear import linear
from .mlp import MLP, Linear
from .padding import pad
from .recurrent import Recurrent
from .residual import ResidualMLP

__all__ = [
    "ACTIVATIONS",
    "MLP",
    "Expanded",
    "Grouped",
    "Linear",
    "Recurrent",
    "ResidualMLP",
    "activation",
    "build",
    "check_layer",
    "check_network",
    "check_rows",
    "describe",
    "layer_names",
    "layer_output",
    "linear",
    "pad",
    "weights_of",
    "with_weights",
]
