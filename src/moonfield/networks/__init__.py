"""Networks: functions of one row with weights (`mf.nets`)."""

from .activations import ACTIVATIONS, activation
from .autoencoder import Autoencoder
from .check import check_network, check_rows, weights_of, with_weights
from .choosing import chosen
from .conv_net import ConvNet
from .convolution import convolution, patches
from .description import build, check_description, describe
from .expanded import Expanded, Modes
from .grouped import Grouped
from .image import Convolution
from .layer_output import check_layer, layer_names, layer_output
from .linear import linear
from .mlp import MLP, Linear
from .normalisation import GroupNorm, LayerNorm
from .padding import pad
from .recurrent import Recurrent
from .res_net import ResNet
from .residual import ResidualMLP
from .row_draws import Plan, numbers_of, plan_rows, row_outputs
from .transformer import Transformer

__all__ = [
    "ACTIVATIONS",
    "MLP",
    "Autoencoder",
    "ConvNet",
    "Convolution",
    "Expanded",
    "GroupNorm",
    "Grouped",
    "LayerNorm",
    "Linear",
    "Modes",
    "Plan",
    "Recurrent",
    "ResNet",
    "ResidualMLP",
    "Transformer",
    "activation",
    "build",
    "check_description",
    "check_layer",
    "check_network",
    "check_rows",
    "chosen",
    "convolution",
    "describe",
    "layer_names",
    "layer_output",
    "linear",
    "numbers_of",
    "pad",
    "patches",
    "plan_rows",
    "row_outputs",
    "weights_of",
    "with_weights",
]
