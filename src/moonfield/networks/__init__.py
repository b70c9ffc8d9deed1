"""Networks: functions of one row with weights (`mf.nets`)."""

from .activations import ACTIVATIONS, activation
from .check import check_network, weights_of, with_weights
from .description import build, describe
from .expanded import Expanded
from .grouped import Grouped
from .layer_output import check_layer, layer_names, layer_output
from .linear import linear
from .mlp import MLP, Linear
from .residual import ResidualMLP
from .row_draws import Plan, numbers_of, plan_rows, row_outputs

__all__ = [
    "ACTIVATIONS",
    "MLP",
    "Expanded",
    "Grouped",
    "Linear",
    "Plan",
    "ResidualMLP",
    "activation",
    "build",
    "check_layer",
    "check_network",
    "describe",
    "layer_names",
    "layer_output",
    "linear",
    "numbers_of",
    "plan_rows",
    "row_outputs",
    "weights_of",
    "with_weights",
]
